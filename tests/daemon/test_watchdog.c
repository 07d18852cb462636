/* The watchdog is fed while the store's worker proves itself, or has nothing to do, and no longer
 * once it has stood still for an interval; a worker here is two numbers. */
#include "daemon/watchdog.h"

#include "tests/runner.h"

#define SELF 42

static struct watchdog watchdog;

static void start(void)
{
    ck_assert(watchdog_init(&watchdog, "10000000", "42", SELF, 1000));
}

START_TEST(it_is_for_us_or_for_whoever_reads_it)
{
    ck_assert(watchdog_init(&watchdog, NULL, NULL, SELF, 0));
    ck_assert_uint_eq(watchdog_period_ms(&watchdog), 0);
    ck_assert(watchdog_init(&watchdog, "10000000", NULL, SELF, 0));
    ck_assert_uint_eq(watchdog_period_ms(&watchdog), 5000);
    ck_assert(watchdog_init(&watchdog, "10000000", "43", SELF, 0));
    ck_assert_uint_eq(watchdog_period_ms(&watchdog), 0);
    ck_assert(watchdog_init(&watchdog, "1500", "42", SELF, 0));
    ck_assert_uint_eq(watchdog_period_ms(&watchdog), 1);
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
    static const char *const texts[] = {"", "ten", "-1", "+5", " 5", "5s", "99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ck_assert(!watchdog_init(&watchdog, texts[i], NULL, SELF, 0));
        ck_assert_uint_eq(watchdog_period_ms(&watchdog), 0);
        ck_assert(!watchdog_init(&watchdog, "1000000", texts[i], SELF, 0));
        ck_assert_uint_eq(watchdog_period_ms(&watchdog), 0);
    }
}
END_TEST

START_TEST(an_idle_worker_need_prove_nothing)
{
    for (uint64_t now_ms = 1000; now_ms < 1000000; now_ms += 5000)
        ck_assert(watchdog_look(&watchdog, now_ms, true, 7));
}
END_TEST

START_TEST(a_busy_worker_is_fed_as_long_as_it_moves)
{
    uint64_t steps = 0;
    for (uint64_t now_ms = 1000; now_ms < 1000000; now_ms += 5000)
        ck_assert(watchdog_look(&watchdog, now_ms, false, ++steps));
}
END_TEST

START_TEST(a_stuck_worker_is_fed_for_an_interval_more)
{
    ck_assert(watchdog_look(&watchdog, 6000, false, 1));
    ck_assert(watchdog_look(&watchdog, 11000, false, 1));
    ck_assert(watchdog_look(&watchdog, 16000, false, 1));
    ck_assert(!watchdog_look(&watchdog, 16001, false, 1));
    ck_assert(!watchdog_look(&watchdog, 21000, false, 1));
    ck_assert(watchdog_look(&watchdog, 26000, false, 2));
}
END_TEST

START_TEST(rest_is_no_part_of_being_stuck)
{
    ck_assert(watchdog_look(&watchdog, 6000, false, 1));
    ck_assert(watchdog_look(&watchdog, 16000, true, 1));
    ck_assert(watchdog_look(&watchdog, 26000, false, 1));
    ck_assert(!watchdog_look(&watchdog, 26001, false, 1));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, it_is_for_us_or_for_whoever_reads_it);
    tcase_add_test(tests, what_is_no_number_is_refused);
    tcase_add_test(tests, an_idle_worker_need_prove_nothing);
    tcase_add_test(tests, a_busy_worker_is_fed_as_long_as_it_moves);
    tcase_add_test(tests, a_stuck_worker_is_fed_for_an_interval_more);
    tcase_add_test(tests, rest_is_no_part_of_being_stuck);
}
