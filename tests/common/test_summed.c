/* A summed file gives back what it holds, and no other bytes than those written are taken for one.
 */
#include "common/summed.h"

#include <string.h>

#include "tests/runner.h"

#define HEADING "testing1"

/* The CRC32-C of "testing1" and "123456789" behind it, made with another program. */
#define SUM "\xf7\xc9\x6c\x87"

static uint8_t file[64];

static struct bytes write_file(const char *content)
{
    struct wire_writer w;
    wire_writer_init(&w, file, sizeof file);
    summed_begin(&w, HEADING);
    wire_write(&w, content, strlen(content));
    summed_end(&w);
    ck_assert(!w.failed);
    return wire_written(&w);
}

START_TEST(what_is_written_is_read)
{
    static const char *const contents[] = {"", "1", "123456789"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct wire_reader r;
        const size_t size = strlen(contents[i]);
        const struct bytes whole = write_file(contents[i]);
        ck_assert_uint_eq(whole.size, SUMMED_SIZE + size);
        ck_assert(summed_open(whole, HEADING, &r));
        ck_assert_mem_eq(wire_read_bytes(&r, size).data, contents[i], size);
        ck_assert(wire_reader_is_done(&r));
    }
}
END_TEST

START_TEST(its_form_is_set)
{
    const struct bytes whole = write_file("123456789");
    ck_assert_mem_eq(whole.data, HEADING "123456789" SUM, whole.size);
}
END_TEST

START_TEST(a_file_with_any_other_bit_is_refused)
{
    struct wire_reader r;
    const struct bytes whole = write_file("123456789");
    for (size_t bit = 0; bit < whole.size * 8; bit++) {
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert(!summed_open(whole, HEADING, &r));
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert(summed_open(whole, HEADING, &r));
}
END_TEST

START_TEST(a_file_that_is_cut_or_goes_on_is_refused)
{
    struct wire_reader r;
    struct bytes part = write_file("123456789");
    for (part.size--; part.size > 0; part.size--)
        ck_assert(!summed_open(part, HEADING, &r));
    ck_assert(!summed_open(part, HEADING, &r));
    part = write_file("123456789");
    part.size++;
    ck_assert(!summed_open(part, HEADING, &r));
}
END_TEST

START_TEST(another_format_is_refused)
{
    struct wire_reader r;
    ck_assert(!summed_open(write_file("123456789"), "testing2", &r));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, its_form_is_set);
    tcase_add_test(tests, a_file_with_any_other_bit_is_refused);
    tcase_add_test(tests, a_file_that_is_cut_or_goes_on_is_refused);
    tcase_add_test(tests, another_format_is_refused);
}
