/* Lines come out whole and in order however they came in; one that is too long is told of once and
 * costs nothing but itself; what is not wanted yet waits. */
#include <check.h>
#include <stdlib.h>

#include "rpc/server/lines.h"
#include "tests/runner.h"

static struct lines lines;
static struct json_text taken; /* each line with a |, one that was too long as ! */
static size_t wanted;          /* how many more */

static void setup(void)
{
    wanted = SIZE_MAX;
}

static void teardown(void)
{
    lines_clear(&lines);
    json_text_clear(&taken);
}

static bool take(void *context, struct bytes line)
{
    (void)context;
    ck_assert_uint_gt(wanted, 0);
    if (line.data != NULL)
        json_text_append(&taken, (const char *)line.data, line.size);
    json_text_append(&taken, line.data != NULL ? "|" : "!", 1);
    return --wanted > 0;
}

static void add(const char *text)
{
    lines_add(&lines, bytes_of_string(text), take, NULL);
}

static void add_long(size_t size)
{
    char *text = malloc(size);

    memset(text, 'x', size);
    lines_add(&lines, bytes_of(text, size), take, NULL);
    free(text);
}

static void check_taken(const char *expected)
{
    json_text_append(&taken, "", 1);
    ck_assert_str_eq(taken.data, expected);
    taken.size = 0;
}

START_TEST(lines_come_out_however_they_are_cut)
{
    static const char text[] = "one\n\ntwo\r\nthree";

    for (size_t size = 1; size < sizeof text; size++) {
        for (size_t at = 0; at < sizeof text - 1; at += size) {
            size_t left = sizeof text - 1 - at;
            lines_add(&lines, bytes_of(text + at, left < size ? left : size), take, NULL);
        }
        ck_assert_uint_gt(lines_kept(&lines), 0);
        lines_end(&lines, take, NULL);
        ck_assert_uint_eq(lines_kept(&lines), 0);
        check_taken("one||two\r|three|");
    }
}
END_TEST

START_TEST(what_is_not_wanted_waits)
{
    wanted = 1;
    add("one\ntwo\nthree\nfo");
    check_taken("one|");
    lines_keep(&lines, bytes_of_string("ur\nfive"));
    wanted = 2;
    lines_go_on(&lines, take, NULL);
    check_taken("two|three|");
    wanted = SIZE_MAX;
    lines_go_on(&lines, take, NULL);
    check_taken("four|");
    add("\n");
    check_taken("five|");
}
END_TEST

START_TEST(a_long_line_is_told_of_once)
{
    add("one\n");
    add_long(RPC_LINE_MAX + 1);
    check_taken("one|!");
    ck_assert_uint_eq(lines_kept(&lines), 0);
    add_long(RPC_LINE_MAX + 1);
    add("\ntwo\n");
    check_taken("two|");
    add_long(RPC_LINE_MAX);
    add("x\nthree\n");
    check_taken("!three|");
}
END_TEST

START_TEST(the_end_of_a_long_line_is_no_line)
{
    add_long(RPC_LINE_MAX + 1);
    add("x");
    lines_end(&lines, take, NULL);
    check_taken("!");
}
END_TEST

START_TEST(an_idle_buffer_is_small)
{
    add_long(RPC_LINE_MAX);
    ck_assert_uint_ge(lines.kept.capacity, RPC_LINE_MAX);
    add("\n");
    ck_assert_uint_eq(lines.kept.capacity, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, lines_come_out_however_they_are_cut);
    tcase_add_test(tests, what_is_not_wanted_waits);
    tcase_add_test(tests, a_long_line_is_told_of_once);
    tcase_add_test(tests, the_end_of_a_long_line_is_no_line);
    tcase_add_test(tests, an_idle_buffer_is_small);
}
