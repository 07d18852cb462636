/* Bytes become lower-case digits, digits of both cases become bytes, anything else is refused. */
#include "common/hex.h"
#include "tests/runner.h"

#include <check.h>

START_TEST(bytes_become_digits)
{
    char text[9];
    ck_assert_ptr_eq(hex_encode(bytes_of("\x00\x1f\xa9\xff", 4), text), text);
    ck_assert_str_eq(text, "001fa9ff");
    ck_assert_str_eq(hex_encode(bytes_of(NULL, 0), text), "");
}
END_TEST

START_TEST(digits_become_bytes)
{
    uint8_t out[4];
    ck_assert(hex_decode("001fA9fF", 8, out, sizeof out));
    ck_assert_mem_eq(out, "\x00\x1f\xa9\xff", 4);
    ck_assert(hex_decode("", 0, out, 0));
}
END_TEST

START_TEST(all_bytes_go_both_ways)
{
    uint8_t all[256], back[256];
    char text[513];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    hex_encode(bytes_of(all, sizeof all), text);
    ck_assert(hex_decode(text, 512, back, sizeof back));
    ck_assert_mem_eq(all, back, sizeof all);
}
END_TEST

START_TEST(other_text_is_refused)
{
    uint8_t out[2];
    ck_assert(!hex_decode("0000", 4, out, 1));
    ck_assert(!hex_decode("00", 2, out, 2));
    ck_assert(!hex_decode("000", 3, out, 1));
    ck_assert(!hex_decode("0g", 2, out, 1));
    ck_assert(!hex_decode("/0", 2, out, 1));
    ck_assert(!hex_decode(":0", 2, out, 1));
    ck_assert(!hex_decode("@0", 2, out, 1));
    ck_assert(!hex_decode("`0", 2, out, 1));
    ck_assert(!hex_decode(" 0", 2, out, 1));
    ck_assert(!hex_decode("\xff\xff", 2, out, 1));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, bytes_become_digits);
    tcase_add_test(tests, digits_become_bytes);
    tcase_add_test(tests, all_bytes_go_both_ways);
    tcase_add_test(tests, other_text_is_refused);
}
