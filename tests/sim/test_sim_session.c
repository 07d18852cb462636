/* A network of real nodes keeps its promises: when nothing is wrong every get is good, faults end
 * without a broken rule, and the same seed runs the same way each time. */
#include <check.h>
#include <stdio.h>

#include "tests/runner.h"
#include "tests/sim/session.h"

static struct session session;

/* Runs with these options, each `name=value`, and says what broke if anything did. */
static void run(const char *const options[])
{
    struct session_options o;
    session_defaults(&o);
    for (size_t i = 0; options[i] != NULL; i++) {
        char name[64];
        unsigned long long value;
        ck_assert_int_eq(sscanf(options[i], "%63[a-z_]=%llu", name, &value), 2);
        ck_assert(session_set(&o, name, strchr(options[i], '=') + 1));
    }
    session_run(&session, &o);
}

static void expect_good(const char *const options[])
{
    run(options);
    ck_assert_msg(!session.oracle.has_failed, "at %llu ms: %s",
                  (unsigned long long)session.world.now_ms, session.oracle.rule);
    ck_assert_uint_gt(session.oracle.figures.found, 0);
    session_clear(&session);
}

START_TEST(all_is_good_when_nothing_is_wrong)
{
    expect_good((const char *const[]){"minutes=60", NULL});
    expect_good((const char *const[]){"nodes=5", "seed=2", "minutes=30", "keep=500", NULL});
}
END_TEST

START_TEST(faults_break_no_rule)
{
    static const char *const seeds[] = {"seed=1", "seed=2", "seed=3", "seed=4"};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        expect_good((const char *const[]){seeds[i], "faults=0x3ff", "fault_every_minutes=3",
                                          "nat=100", "drift_ppm=100", "keep=1000", NULL});
}
END_TEST

START_TEST(loss_and_damage_break_no_rule)
{
    expect_good((const char *const[]){"loss=200", "duplicate=50", "reorder=50", "corrupt=20",
                                      "disk_errors=20", "keep=1000", NULL});
}
END_TEST

START_TEST(churn_breaks_no_rule)
{
    expect_good(
        (const char *const[]){"median_minutes=30", "leave=300", "fresh=700", "loss=50", NULL});
}
END_TEST

START_TEST(adversaries_break_no_rule)
{
    static const char *const seeds[] = {"seed=1", "seed=2", "seed=3"};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        expect_good(
            (const char *const[]){seeds[i], "adversaries=15", "minutes=30", "good=980", NULL});
}
END_TEST

START_TEST(multis_keep_what_was_acknowledged)
{
    expect_good((const char *const[]){"nodes=50", "keys=10", "multis=4", "minutes=30",
                                      "get_ms=5000", "put_ms=5000", "copies=990", NULL});
    ck_assert_uint_gt(session.signers.figures.good, 0);
    expect_good((const char *const[]){"nodes=60", "keys=10", "multis=6", "minutes=30",
                                      "get_ms=5000", "put_ms=5000", "copies=980", "dead=1000",
                                      "settle_minutes=10", "median_minutes=60", "leave=300", NULL});
    expect_good((const char *const[]){"nodes=30", "keys=10", "multis=2", "entries=16",
                                      "multi_entries=32", "flood_ms=1000", "minutes=15",
                                      "settle_minutes=5", "get_ms=5000", NULL});
}
END_TEST

/* On the public network nodes take ids that fit the addresses that others see (BEP 42). */
START_TEST(mainline_keeps_the_promises_too)
{
    expect_good((const char *const[]){"mainline=1", "nodes=40", "minutes=60", "median_minutes=60",
                                      "loss=20", NULL});
    expect_good((const char *const[]){"mainline=1", "nodes=40", "keys=10", "multis=2",
                                      "listeners=10", "minutes=20", "settle_minutes=10",
                                      "put_ms=5000", "get_ms=5000", NULL});
}
END_TEST

START_TEST(the_same_seed_runs_the_same_way)
{
    const char *const options[] = {
        "nodes=40", "minutes=20", "faults=0x7ff", "loss=20", "median_minutes=20", "nat=100", NULL};
    run(options);
    uint64_t hash = session.world.trace.hash;
    session_clear(&session);
    run(options);
    ck_assert_uint_eq(session.world.trace.hash, hash);
    session_clear(&session);
    const char *const others[] = {"nodes=40", "minutes=20", "faults=0x7ff",
                                  "loss=20",  "seed=2",     NULL};
    run(others);
    ck_assert_uint_ne(session.world.trace.hash, hash);
    session_clear(&session);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, all_is_good_when_nothing_is_wrong);
    tcase_add_test(tests, faults_break_no_rule);
    tcase_add_test(tests, loss_and_damage_break_no_rule);
    tcase_add_test(tests, churn_breaks_no_rule);
    tcase_add_test(tests, adversaries_break_no_rule);
    tcase_add_test(tests, multis_keep_what_was_acknowledged);
    tcase_add_test(tests, mainline_keeps_the_promises_too);
    tcase_add_test(tests, the_same_seed_runs_the_same_way);
}
