/* A line is written where its room's level lets it through, as one clean line on standard error,
 * and levels change only by text that is well formed. */
#include "common/log.h"
#include "tests/runner.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPTURE_SIZE 4096

static int pipe_ends[2];
static int saved_stderr;

static void setup(void)
{
    ck_assert_int_eq(pipe(pipe_ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    ck_assert_int_ge(saved_stderr, 0);
    ck_assert_int_ge(dup2(pipe_ends[1], STDERR_FILENO), 0);
    ck_assert(log_set_levels("info"));
    log_set_journal(true);
}

/* Gives standard error back and answers what was written to it meanwhile. */
static const char *captured(char text[CAPTURE_SIZE])
{
    ck_assert_int_ge(dup2(saved_stderr, STDERR_FILENO), 0);
    close(pipe_ends[1]);
    close(saved_stderr);
    size_t used = 0;
    ssize_t size;
    while ((size = read(pipe_ends[0], text + used, CAPTURE_SIZE - 1 - used)) > 0)
        used += (size_t)size;
    close(pipe_ends[0]);
    text[used] = '\0';
    return text;
}

START_TEST(levels_let_lines_through)
{
    char text[CAPTURE_SIZE];
    log_error(LOG_NET, "one %d", 1);
    log_warn(LOG_NET, "two");
    log_info(LOG_NET, "three");
    log_debug(LOG_NET, "four");
    log_set_level(LOG_NET, LOG_DEBUG);
    log_debug(LOG_NET, "five");
    log_debug(LOG_RPC, "six");
    log_set_level(LOG_STORE, LOG_ERROR);
    log_warn(LOG_STORE, "seven");
    ck_assert_str_eq(captured(text), "<3>net: error: one 1\n<4>net: warn: two\n"
                                     "<6>net: info: three\n<7>net: debug: five\n");
}
END_TEST

START_TEST(outside_the_journal_a_line_has_a_time)
{
    char text[CAPTURE_SIZE];
    log_set_journal(false);
    log_info(LOG_DAEMON, "ready");
    captured(text);
    ck_assert_uint_eq(strlen(text), strlen("2000-01-01T00:00:00Z daemon: info: ready\n"));
    ck_assert_int_eq(text[10], 'T');
    ck_assert_str_eq(text + 19, "Z daemon: info: ready\n");
}
END_TEST

START_TEST(a_line_stays_one_line)
{
    char text[CAPTURE_SIZE];
    log_info(LOG_RPC, "a%sb", "\n<3>\x1b[31m\x7f\xc3\xa9");
    ck_assert_str_eq(captured(text), "<6>rpc: info: a?<3>?[31m?\xc3\xa9"
                                     "b\n");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
    char text[CAPTURE_SIZE];
    char *longer = malloc(3000);
    ck_assert_ptr_nonnull(longer);
    memset(longer, 'x', 2999);
    longer[2999] = '\0';
    log_info(LOG_RPC, "%s", longer);
    log_info(LOG_RPC, "next");
    free(longer);
    captured(text);
    const char *end = strchr(text, '\n');
    ck_assert_ptr_nonnull(end);
    ck_assert_int_le(end - text, 1024);
    ck_assert_int_ge(end - text, 900);
    ck_assert_str_eq(end + 1, "<6>rpc: info: next\n");
}
END_TEST

START_TEST(the_last_line_has_no_level_but_the_journals)
{
    char text[CAPTURE_SIZE];
    ck_assert(log_set_levels("error"));
    log_failure("no room\nfor <3>data");
    log_set_journal(false);
    log_failure("no room");
    ck_assert_str_eq(captured(text), "<3>xord: no room?for <3>data\nxord: no room\n");
}
END_TEST

static void check_levels(const char *text, const enum log_level expected[LOG_ROOM_COUNT])
{
    ck_assert(log_set_levels(text));
    for (int room = 0; room < LOG_ROOM_COUNT; room++)
        ck_assert_int_eq(log_get_level((enum log_room)room), expected[room]);
}

START_TEST(levels_are_set_by_text)
{
    char text[CAPTURE_SIZE];
    captured(text);
    check_levels("warn",
                 (const enum log_level[]){LOG_WARN, LOG_WARN, LOG_WARN, LOG_WARN, LOG_WARN});
    check_levels("info,rpc=debug,net=error",
                 (const enum log_level[]){LOG_INFO, LOG_INFO, LOG_ERROR, LOG_INFO, LOG_DEBUG});
    check_levels("store=warn",
                 (const enum log_level[]){LOG_INFO, LOG_INFO, LOG_ERROR, LOG_WARN, LOG_DEBUG});
}
END_TEST

START_TEST(malformed_levels_change_nothing)
{
    static const char *const malformed[] = {
        "",       "loud",  "info,",      ",info",          "info,rpc",       "rpc=",
        "=debug", "rpc",   "info debug", "debug,rpc=loud", "debug,cat=info", "rpc=debug=info",
        "INFO",   "infor", "inf",
    };
    char text[CAPTURE_SIZE];
    captured(text);
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        ck_assert(!log_set_levels(malformed[i]));
        for (int room = 0; room < LOG_ROOM_COUNT; room++)
            ck_assert_int_eq(log_get_level((enum log_room)room), LOG_INFO);
    }
}
END_TEST

START_TEST(names_are_those_of_the_text_form)
{
    char text[CAPTURE_SIZE];
    captured(text);
    ck_assert_str_eq(log_level_name(LOG_ERROR), "error");
    ck_assert_str_eq(log_level_name(LOG_DEBUG), "debug");
    ck_assert_str_eq(log_room_name(LOG_DAEMON), "daemon");
    ck_assert_str_eq(log_room_name(LOG_RPC), "rpc");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, levels_let_lines_through);
    tcase_add_test(tests, outside_the_journal_a_line_has_a_time);
    tcase_add_test(tests, a_line_stays_one_line);
    tcase_add_test(tests, a_long_line_is_cut);
    tcase_add_test(tests, the_last_line_has_no_level_but_the_journals);
    tcase_add_test(tests, levels_are_set_by_text);
    tcase_add_test(tests, malformed_levels_change_nothing);
    tcase_add_test(tests, names_are_those_of_the_text_form);
}
