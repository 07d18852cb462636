/* What is listened to is heard: every value that was acknowledged reaches every listener once, in
 * order and in time, though packets are lost and holders killed, come back with nothing, or are
 * joined by nearer ones. */
#include <check.h>
#include <stdio.h>

#include "tests/runner.h"
#include "tests/sim/session.h"

static struct session session;

/* Runs with these options, each `name=value`, and says what broke if anything did. */
static const struct subscribers_figures *expect_good(const char *const options[])
{
    struct session_options o;
    session_defaults(&o);
    for (size_t i = 0; options[i] != NULL; i++) {
        char name[64];
        unsigned long long value;
        ck_assert_int_eq(sscanf(options[i], "%63[a-z_]=%llu", name, &value), 2);
        ck_assert_msg(session_set(&o, name, strchr(options[i], '=') + 1), "%s", options[i]);
    }
    session_run(&session, &o);
    ck_assert_msg(!session.oracle.has_failed, "at %llu ms: %s",
                  (unsigned long long)session.world.now_ms, session.oracle.rule);
    const struct subscribers_figures *f = &session.subscribers.figures;
    ck_assert_uint_eq(f->synced, f->began);
    ck_assert_uint_gt(f->values, 100);
    ck_assert_uint_gt(f->floors, 0);
    ck_assert_uint_gt(f->leases_wanted, 0);
    return f;
}

START_TEST(when_nothing_is_wrong_all_is_heard_at_once)
{
    const struct subscribers_figures *f = expect_good((const char *const[]){
        "nodes=50", "keys=20", "multis=2", "entries=10", "minutes=15", "settle_minutes=5",
        "listeners=20", "put_ms=3000", "get_ms=5000", "prompt=1000", "leased=1000", NULL});
    ck_assert_uint_gt(f->deletions, 0);
    session_clear(&session);
}
END_TEST

START_TEST(with_holders_killed_and_one_packet_of_five_lost)
{
    static const char *const seeds[] = {"seed=1", "seed=2", "seed=3"};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        const struct subscribers_figures *f = expect_good((const char *const[]){
            seeds[i], "nodes=60", "keys=10", "multis=2", "entries=10", "minutes=20",
            "settle_minutes=5", "dead=1000", "loss=200", "listeners=20", "listen_minutes=20",
            "kill_holder_s=15", "put_ms=3000", "get_ms=5000", NULL});
        ck_assert_uint_gt(f->killed, 10);
        ck_assert_uint_gt(f->deletions, 0);
        session_clear(&session);
    }
}
END_TEST

START_TEST(a_lost_push_is_made_good_by_the_next_refresh)
{
    expect_good((const char *const[]){"nodes=50", "keys=20", "multis=2", "entries=10", "minutes=15",
                                      "settle_minutes=5", "dead=1000", "listeners=20",
                                      "put_ms=5000", "get_ms=5000", "mute=1000", NULL});
    session_clear(&session);
}
END_TEST

START_TEST(in_churn_and_behind_nats)
{
    expect_good((const char *const[]){"nodes=60", "keys=10", "multis=4", "entries=10", "minutes=30",
                                      "settle_minutes=5", "dead=1000", "loss=50", "nat=200",
                                      "median_minutes=30", "leave=300", "fresh=700", "listeners=20",
                                      "put_ms=3000", "get_ms=5000", NULL});
    session_clear(&session);
}
END_TEST

START_TEST(who_is_lost_is_replaced_and_who_has_forgotten_is_asked_again)
{
    expect_good((const char *const[]){"nodes=100", "keys=20", "multis=2", "entries=10",
                                      "minutes=20", "settle_minutes=5", "dead=1000", "faults=0x420",
                                      "fault_every_minutes=2", "listeners=30", "put_ms=3000",
                                      "get_ms=5000", "leased=980", NULL});
    session_clear(&session);
}
END_TEST

START_TEST(who_stood_still_hears_what_was_put_meanwhile)
{
    expect_good((const char *const[]){"nodes=50", "keys=30", "multis=2", "entries=20", "minutes=40",
                                      "settle_minutes=10", "dead=1000", "faults=0x8",
                                      "fault_every_minutes=3", "listeners=40", "put_ms=6000",
                                      "get_ms=5000", NULL});
    session_clear(&session);
}
END_TEST

START_TEST(what_ends_by_its_own_word_is_said_to_and_nothing_else)
{
    const struct subscribers_figures *f = expect_good((const char *const[]){
        "nodes=30", "keys=10", "multis=2", "entries=6", "minutes=60", "settle_minutes=5",
        "dead=1000", "adversaries=1", "evil=4", "ttl_minutes=15", "loss=50", "listeners=20",
        "listen_minutes=20", "put_ms=15000", "get_ms=0", NULL});
    ck_assert_uint_gt(f->expiries, 0);
    session_clear(&session);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, when_nothing_is_wrong_all_is_heard_at_once);
    tcase_add_test(tests, with_holders_killed_and_one_packet_of_five_lost);
    tcase_add_test(tests, a_lost_push_is_made_good_by_the_next_refresh);
    tcase_add_test(tests, in_churn_and_behind_nats);
    tcase_add_test(tests, who_is_lost_is_replaced_and_who_has_forgotten_is_asked_again);
    tcase_add_test(tests, who_stood_still_hears_what_was_put_meanwhile);
    tcase_add_test(tests, what_ends_by_its_own_word_is_said_to_and_nothing_else);
}
