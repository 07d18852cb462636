/* Who asked for it is told how far a call has come: not too often, the last time in any case, and
 * not while it does not read. */
#include <check.h>

#include "rpc/call.h"
#include "rpc/transfer/progress.h"
#include "tests/rpc/caller.h"
#include "tests/runner.h"

static struct caller *caller;
static struct progress progress;

static void setup(void)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"reload\"}";
    dispatch_line(&caller->client, bytes_of_string(line));
    ck_assert_ptr_nonnull(caller->client.calls);
    progress_begin(&progress, caller->client.calls, true);
}

/* What is told of so many of 9 after `ms` more; "" when nothing is. */
static const char *tell(size_t done, uint64_t ms)
{
    static char told[256];
    struct json_text *out = &caller->client.out;
    caller->fake.now.ms += ms;
    progress_tell(&progress, caller->client.calls, done, 9, 10 * done);
    snprintf(told, sizeof told, "%.*s", (int)out->size, out->size > 0 ? out->data : "");
    out->size = 0;
    return told;
}

#define TOLD(done, bytes)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"done\":" done                      \
    ",\"of\":9,\"bytes\":" bytes ",\"call\":7}}\n"

START_TEST(not_too_often_and_the_last_time_in_any_case)
{
    ck_assert_str_eq(tell(1, PROGRESS_EVERY_MS - 1), "");
    ck_assert_str_eq(tell(2, 1), TOLD("2", "20"));
    ck_assert_str_eq(tell(3, PROGRESS_EVERY_MS - 1), "");
    ck_assert_str_eq(tell(9, 0), TOLD("9", "90"));
}
END_TEST

START_TEST(only_where_it_is_asked_for)
{
    progress_begin(&progress, caller->client.calls, false);
    ck_assert_str_eq(tell(9, PROGRESS_EVERY_MS), "");
}
END_TEST

START_TEST(not_to_who_does_not_read)
{
    caller->client.sending = STREAM_OUTPUT_MAX;
    ck_assert_str_eq(tell(2, PROGRESS_EVERY_MS), "");
    caller->client.sending = 0;
    ck_assert_str_eq(tell(3, 0), TOLD("3", "30"));
}
END_TEST

void add_tests(TCase *tests)
{
    caller = caller_fixture(tests);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, not_too_often_and_the_last_time_in_any_case);
    tcase_add_test(tests, only_where_it_is_asked_for);
    tcase_add_test(tests, not_to_who_does_not_read);
}
