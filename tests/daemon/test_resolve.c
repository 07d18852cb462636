/* Numbers resolve without a worker but never inside the call; names on a worker; each question has
 * one answer; what is not HOST:PORT is refused. */
#include <check.h>

#include "daemon/resolve.h"
#include "tests/runner.h"

static uv_loop_t loop;
static struct resolve resolve;
static unsigned answers, found;
static size_t addr_count; /* of the last answer */
static struct addr first;

static void on_done(void *context, uint64_t ticket, enum err err, const struct addr *addrs,
                    size_t count)
{
    (void)context;
    ck_assert_uint_eq(ticket, 5);
    ck_assert((err == ERR_OK) == (count > 0));
    answers++;
    addr_count = count;
    if (count > 0) {
        found++;
        first = addrs[0];
    }
}

static void setup(void)
{
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    resolve_init(&resolve, &loop, on_done, NULL);
    answers = found = 0;
}

static void teardown(void)
{
    uv_loop_close(&loop);
}

START_TEST(a_number_is_answered_at_the_flush)
{
    ck_assert_int_eq(resolve_start(&resolve, "127.0.0.1:6881", 5), ERR_OK);
    ck_assert_int_eq(resolve_start(&resolve, "[::1]:6882", 5), ERR_OK);
    ck_assert_uint_eq(answers, 0);
    ck_assert(resolve_flush(&resolve));
    ck_assert_uint_eq(found, 2);
    ck_assert_uint_eq(addr_count, 1);
    ck_assert(resolve_is_idle(&resolve));
    ck_assert(!resolve_flush(&resolve));
}
END_TEST

START_TEST(a_name_is_answered_by_a_worker)
{
    ck_assert_int_eq(resolve_start(&resolve, "localhost:6881", 5), ERR_OK);
    ck_assert(!resolve_flush(&resolve));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(found, 1);
    ck_assert(addr_count >= 1 && addr_count <= RESOLVE_ADDRS_MAX);
    ck_assert(addr_is_loopback(&first));
    ck_assert_uint_eq(first.port, 6881);
    ck_assert(resolve_is_idle(&resolve));
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
    ck_assert_int_eq(resolve_start(&resolve, "localhost", 5), ERR_INVALID_PARAMS);
    ck_assert_int_eq(resolve_start(&resolve, ":6881", 5), ERR_INVALID_PARAMS);
    ck_assert_int_eq(resolve_start(&resolve, "127.0.0.1:0", 5), ERR_INVALID_PARAMS);
    ck_assert_int_eq(resolve_start(&resolve, "127.0.0.1:65536", 5), ERR_INVALID_PARAMS);
    ck_assert_uint_eq(answers, 0);
}
END_TEST

/* Numbers need no worker: calls by the hundred may have them. */
START_TEST(too_many_names_are_refused)
{
    for (unsigned i = 0; i < RESOLVE_NAMES_MAX; i++)
        ck_assert_int_eq(resolve_start(&resolve, "localhost:1", 5), ERR_OK);
    ck_assert_int_eq(resolve_start(&resolve, "localhost:1", 5), ERR_BUSY);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_int_eq(resolve_start(&resolve, "127.0.0.1:1", 5), ERR_OK);
    resolve_flush(&resolve);
    ck_assert_uint_eq(answers, 1000);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(answers, 1000 + RESOLVE_NAMES_MAX);
    ck_assert_int_eq(resolve_start(&resolve, "localhost:1", 5), ERR_OK);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(resolve_is_idle(&resolve));
}
END_TEST

START_TEST(a_cancelled_question_is_answered_too)
{
    for (unsigned i = 0; i < 16; i++)
        ck_assert_int_eq(resolve_start(&resolve, "localhost:1", 5), ERR_OK);
    resolve_cancel(&resolve);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(answers, 16);
    ck_assert(resolve_is_idle(&resolve));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_number_is_answered_at_the_flush);
    tcase_add_test(tests, a_name_is_answered_by_a_worker);
    tcase_add_test(tests, what_is_no_address_is_refused);
    tcase_add_test(tests, too_many_names_are_refused);
    tcase_add_test(tests, a_cancelled_question_is_answered_too);
}
