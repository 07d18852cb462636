/* Bytes are written as RFC 4648 says, and only what is written so is read. */
#include "rpc/values/base64.h"

#include <stdlib.h>

#include "tests/runner.h"

struct example {
    const char *bytes, *text;
};

static void assert_both_ways(struct bytes bytes, const char *text)
{
    size_t size = SIZE_MAX;
    json_t *json = base64_to_json(bytes);
    ck_assert_str_eq(json_string_value(json), text);
    json_decref(json);
    uint8_t *decoded = base64_decode(text, &size);
    ck_assert_ptr_nonnull(decoded);
    ck_assert(bytes_equal(bytes_of(decoded, size), bytes));
    free(decoded);
}

/* RFC 4648, section 10. */
START_TEST(the_published_examples)
{
    static const struct example examples[] = {{"", ""},
                                              {"f", "Zg=="},
                                              {"fo", "Zm8="},
                                              {"foo", "Zm9v"},
                                              {"foob", "Zm9vYg=="},
                                              {"fooba", "Zm9vYmE="},
                                              {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_both_ways(bytes_of_string(examples[i].bytes), examples[i].text);
}
END_TEST

START_TEST(both_letters_that_are_none_and_zeros)
{
    assert_both_ways(bytes_of("\xfb\xff\xbf", 3), "+/+/");
    assert_both_ways(bytes_of("\0\0\0\0", 4), "AAAAAA==");
}
END_TEST

START_TEST(what_is_not_written_so_is_refused)
{
    static const char *const wrong[] = {"Zg",       "Zg=",   "Zg===", "Z",       "Zm9v\n",
                                        " Zm9v",    "Zm 9v", "-_-_",  "Zm9v!",   "=",
                                        "Zg==Zg==", "Zh==",  "Zm9=",  "\xc3\xa9"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size_t size;
        uint8_t *decoded = base64_decode(wrong[i], &size);
        ck_assert_msg(decoded == NULL, "\"%s\"", wrong[i]);
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_published_examples);
    tcase_add_test(tests, both_letters_that_are_none_and_zeros);
    tcase_add_test(tests, what_is_not_written_so_is_refused);
}
