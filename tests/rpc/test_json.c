/* What goes in comes out: every number in its shortest equal form, every string; what is beyond the
 * limits is refused. */
#include <check.h>

#include "rpc/json/json.h"
#include "tests/runner.h"

#define DEPTH 32

static void check_round(const char *in, const char *out)
{
    struct json_text text = {0};
    char error[256];
    json_t *value = json_read(bytes_of_string(in), DEPTH, error, sizeof error);

    ck_assert_msg(value != NULL, "%s: %s", in, error);
    json_write(&text, value, 0);
    json_text_append(&text, "", 1);
    ck_assert_str_eq(text.data, out);
    json_decref(value);
    json_text_clear(&text);
}

static void check_refused(struct bytes in)
{
    char error[256] = "";

    ck_assert_ptr_null(json_read(in, DEPTH, error, sizeof error));
    ck_assert_ptr_null(strchr(error, '\n'));
    ck_assert_str_ne(error, "");
    ck_assert_ptr_null(json_read(in, DEPTH, NULL, 0));
}

START_TEST(numbers_keep_their_value)
{
    check_round("39.010941", "39.010941");
    check_round("1.75", "1.75");
    check_round("0.1", "0.1");
    check_round("5e-324", "4.94065645841247e-324");
    check_round("1.7976931348623157e308", "1.7976931348623157e+308");
    check_round("2.0", "2.0");
    check_round("-0.0", "-0.0");
    check_round("1e3", "1000.0");
    check_round("0.30000000000000004", "0.30000000000000004");
    check_round("9223372036854775807", "9223372036854775807");
    check_round("-9223372036854775808", "-9223372036854775808");
    check_round("0", "0");
}
END_TEST

START_TEST(texts_and_containers_keep_their_form)
{
    check_round(" {\"b\" : [1, true , null,false,{}], \"a\":[] } ",
                "{\"b\":[1,true,null,false,{}],\"a\":[]}");
    check_round("\"\\u0000\\u001f\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                "\"\\u0000\\u001f\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check_round("\"\xc3\xa4\\u00e4\\ud83d\\ude00\"", "\"\xc3\xa4\xc3\xa4\xf0\x9f\x98\x80\"");
    check_round("\"\"", "\"\"");
}
END_TEST

START_TEST(indents)
{
    struct json_text text = {0};
    json_t *value = json_read(bytes_of_string("{\"a\":[1,2],\"b\":{}}"), DEPTH, NULL, 0);

    json_write(&text, value, 2);
    json_text_append(&text, "", 1);
    ck_assert_str_eq(text.data, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
    json_decref(value);
    json_text_clear(&text);
}
END_TEST

START_TEST(refuses)
{
    static const char *const bad[] = {
        "",      "{",           "[1,]",      "{\"a\":1,\"a\":2}", "9223372036854775808",
        "1e999", "1 2",         "nul",       "\"\xff\"",          "{\"a\\u0000b\":1}",
        "'x'",   "\"\\ud800\"", "[1]\n[2]x", "\"a\nb\"",          "01"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_refused(bytes_of_string(bad[i]));
    check_refused(bytes_of("1\0", 2));
}
END_TEST

START_TEST(depth_is_counted_before_parsing)
{
    char text[4 * DEPTH];

    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    ck_assert(json_is_within_depth(bytes_of(text, 2 * DEPTH), DEPTH));
    ck_assert(!json_is_within_depth(bytes_of(text, 2 * DEPTH), DEPTH - 1));
    ck_assert(json_is_within_depth(bytes_of_string("\"[[[\\\"[[\"[]"), 1));
    ck_assert(json_is_within_depth(bytes_of_string("\"[[\\"), 1));
    ck_assert(json_is_within_depth(bytes_of_string("[][][]{}{}"), 1));
    memset(text, '[', sizeof text);
    check_refused(bytes_of(text, sizeof text));
}
END_TEST

START_TEST(elements_are_counted_before_parsing)
{
    static const struct {
        const char *text;
        size_t count;
    } texts[] = {{"", 0},
                 {"1", 1},
                 {"[]", 2},
                 {"[1,1]", 3},
                 {"{\"a\":1}", 3},
                 {"[{\"a\":[2,{}]},\"b\"]", 8},
                 {"1.5", 4},
                 {"[-1e9,2E+3,true]", 10},
                 {"\"[,:{\\\"[,:{\"", 1},
                 {"\"[,\\", 1}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_uint_eq(json_count_elements(bytes_of_string(texts[i].text)), texts[i].count);
}
END_TEST

START_TEST(a_member_is_found_without_parsing)
{
    static const struct {
        const char *text, *found;
    } texts[] = {{"{\"id\":17}", "17"},
                 {" { \"a\" : [{\"id\":1},\"id\"] , \"id\" : \"x\\\"}\" , \"b\":2}", "\"x\\\"}\""},
                 {"{\"a\":\"id\",\"id\" :-1.5e3}", "-1.5e3"},
                 {"[{\"id\":1}]", NULL},
                 {"{\"idx\":1}", NULL},
                 {"{\"a\":\"id\"}", NULL},
                 {"\"id\":1", NULL},
                 {"}{\"id\":1", NULL},
                 {"{\"id", NULL},
                 {"{\"id\"", ""},
                 {"{\"id\":\"", "\""},
                 {"", NULL}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bytes found = json_find_member(bytes_of_string(texts[i].text), "id");
        ck_assert_int_eq(found.data != NULL, texts[i].found != NULL);
        ck_assert(bytes_is_string(found, texts[i].found != NULL ? texts[i].found : ""));
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, numbers_keep_their_value);
    tcase_add_test(tests, texts_and_containers_keep_their_form);
    tcase_add_test(tests, indents);
    tcase_add_test(tests, refuses);
    tcase_add_test(tests, depth_is_counted_before_parsing);
    tcase_add_test(tests, elements_are_counted_before_parsing);
    tcase_add_test(tests, a_member_is_found_without_parsing);
}
