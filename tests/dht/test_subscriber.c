/* What holders say, or do not say, never costs a listener more than a while: leases are taken and
 * renewed in batches, what was missed is caught up with, who is lost is replaced. */
#include "daemon/dht/listen/poll.h"
#include "daemon/dht/listen/renew.h"
#include "daemon/dht/listen/subscribe.h"
#include "tests/dht/troupe.h"
#include "tests/runner.h"

#define SALT     "news"
#define SOON_MS  2000u
#define ROUND_MS (SOURCES_ROUND_MS + 1000u)
#define DAY_S    86400u

static struct net net;
static struct listener heard;
static struct troupe troupe;
static struct made_single first, second;

static void start(size_t holders)
{
    net_init(&net, 6);
    troupe_init(&troupe, &net, holders, NODE_SERVER);
    listener_watch(&heard, &net);
}

static uint64_t listen_to(const char *salt)
{
    uint64_t op = listener_single(&heard, 0, salt);
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, NODE_TIMEOUT_MS + SOON_MS));
    return op;
}

static size_t values(uint64_t op)
{
    return listener_count(&heard, op, LISTEN_VALUE);
}

static uint64_t count(enum counter counter)
{
    return net_counter(&net, 0, counter);
}

START_TEST(a_node_alone_is_synced_at_once)
{
    start(0);
    uint64_t op = listener_single(&heard, 0, SALT);
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_SYNCED)->err, ERR_OK);
    net_clear(&net);
}
END_TEST

START_TEST(where_nobody_answers_it_is_synced_at_the_deadline_and_goes_on)
{
    start(1);
    troupe.players[0].is_silent = true;
    net_run(&net, 10 * 60000);
    uint64_t op = listen_to(SALT);
    const struct listener_heard *synced = listener_last(&heard, op, LISTEN_SYNCED);
    ck_assert_int_eq(synced->err, ERR_OFFLINE);
    troupe.players[0].is_silent = false;
    troupe_hold(&troupe, make_single(&first, &net, SALT, 1, "1", DAY_S));
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 1, 2 * SEEKS_PAUSE_MAX_MS));
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_SYNCED), 1);
    ck_assert(!listener_last(&heard, op, LISTEN_VALUE)->is_replay);
    net_clear(&net);
}
END_TEST

START_TEST(holders_that_are_silent_about_leases_end_the_reading_at_its_deadline)
{
    start(3);
    uint64_t op = listener_single(&heard, 0, SALT);
    net_run(&net, 100);
    for (size_t i = 0; i < 3; i++)
        troupe.players[i].is_silent = true;
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, NODE_TIMEOUT_MS + SOON_MS));
    net_clear(&net);
}
END_TEST

/* Nobody answers, so it lasts longer than the pause between two. */
START_TEST(a_seek_that_takes_long_is_the_only_one_of_its_listen)
{
    start(8);
    for (size_t i = 0; i < 8; i++)
        troupe.players[i].is_silent = true;
    uint64_t op = listener_single(&heard, 0, SALT);
    net_run(&net, 2 * SEEKS_PAUSE_MS);
    ck_assert_uint_eq(count(COUNTER_SEEKS), 1);
    listener_cancel(&heard, 0, op);
    net_run(&net, NODE_TIMEOUT_MS + SOON_MS);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_END), 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_push_that_is_lost_is_mended_by_the_next_renewal)
{
    start(8);
    uint64_t op = listen_to(SALT);
    ck_assert_uint_eq(values(op), 0);
    troupe_hold(&troupe, make_single(&first, &net, SALT, 1, "1", DAY_S));
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 1, ROUND_MS));
    net_run(&net, ROUND_MS);
    uint64_t catchups = count(COUNTER_CATCHUPS);
    net_run(&net, 4 * ROUND_MS);
    ck_assert_uint_eq(values(op), 1);
    ck_assert_uint_eq(count(COUNTER_CATCHUPS), catchups);
    net_clear(&net);
}
END_TEST

START_TEST(a_digest_that_proved_harmless_is_not_asked_about_again)
{
    start(8);
    troupe_hold(&troupe, make_single(&first, &net, SALT, 7, "7", DAY_S));
    troupe.players[2].record = make_single(&second, &net, SALT, 3, "3", DAY_S);
    troupe.players[5].lie = 12345;
    uint64_t op = listen_to(SALT);
    net_run(&net, ROUND_MS);
    ck_assert_uint_eq(values(op), 1);
    uint64_t catchups = count(COUNTER_CATCHUPS);
    net_run(&net, 10 * ROUND_MS);
    ck_assert_uint_eq(count(COUNTER_CATCHUPS), catchups);
    troupe.players[5].lie = 54321;
    net_run(&net, ROUND_MS);
    ck_assert_uint_eq(count(COUNTER_CATCHUPS), catchups + 1);
    ck_assert_uint_eq(values(op), 1);
    net_clear(&net);
}
END_TEST

/* By the wrong clock it was written in the future. */
START_TEST(a_clock_that_was_set_lets_in_what_it_refused)
{
    const uint64_t hour_s = 3600;
    start(8);
    troupe_hold(&troupe, make_single(&first, &net, SALT, 1, "1", DAY_S));
    uint64_t op = listen_to(SALT);
    net_skip(&net, hour_s);
    const struct record *early = make_single(&second, &net, SALT, 2, "2", DAY_S);
    net_skip(&net, -hour_s);
    troupe_hold(&troupe, early);
    net_run(&net, 2 * ROUND_MS);
    uint64_t catchups = count(COUNTER_CATCHUPS);
    net_run(&net, 4 * ROUND_MS);
    ck_assert_uint_eq(values(op), 1);
    ck_assert_uint_eq(count(COUNTER_CATCHUPS), catchups);
    net_skip(&net, hour_s);
    net_run(&net, 2 * ROUND_MS);
    ck_assert_uint_eq(values(op), 2);
    net_clear(&net);
}
END_TEST

START_TEST(a_holder_that_has_forgotten_is_asked_for_a_lease_anew)
{
    start(8);
    uint64_t op = listen_to(SALT);
    ck_assert_uint_eq(troupe_came(&troupe).listens, 8);
    troupe.players[4].is_forgetful = true;
    net_run(&net, ROUND_MS);
    troupe.players[4].is_forgetful = false;
    net_run(&net, SOON_MS);
    ck_assert_uint_eq(troupe.players[4].came.listens, 2);
    ck_assert_uint_eq(troupe_came(&troupe).listens, 9);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_lost_holder_is_sought_a_substitute_for_and_is_no_expiry)
{
    start(8);
    troupe_hold(&troupe, make_single(&first, &net, SALT, 1, "1", DAY_S));
    uint64_t op = listen_to(SALT);
    uint64_t seeks = count(COUNTER_SEEKS);
    troupe.players[3].is_silent = true;
    net_run(&net, ROUND_MS + 10000);
    ck_assert_uint_eq(count(COUNTER_LEASES_LOST), 1);
    ck_assert_uint_ge(count(COUNTER_SEEKS), seeks + 1);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 0);
    troupe.players[3].is_silent = false;
    net_run(&net, 2 * SEEKS_EVERY_MS);
    ck_assert_uint_eq(troupe.players[3].came.listens, 2);
    ck_assert_uint_eq(values(op), 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_few_lost_packets_are_no_lost_holder)
{
    start(8);
    listen_to(SALT);
    net.wires->loss_permille = 200;
    net_run(&net, 6 * ROUND_MS);
    ck_assert_uint_ge(troupe_came(&troupe).renewals, 40);
    ck_assert_uint_le(count(COUNTER_LEASES_LOST), 2); /* five in a row, by chance */
    net_clear(&net);
}
END_TEST

START_TEST(an_error_that_passes_costs_no_lease)
{
    static const int64_t codes[] = {201, 202, 429};
    start(8);
    listen_to(SALT);
    for (size_t i = 0; i < 3; i++)
        troupe.players[i].renew_code = codes[i];
    net_run(&net, SOURCES_ROUND_MS);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_ge(troupe.players[i].came.renewals, 1);
        ck_assert_uint_le(troupe.players[i].came.renewals, RENEW_TRIES);
        troupe.players[i].renew_code = 0;
    }
    net_run(&net, 2 * ROUND_MS);
    ck_assert_uint_eq(count(COUNTER_LEASES_LOST), 0);
    ck_assert_uint_eq(troupe_came(&troupe).listens, 8);
    net_clear(&net);
}
END_TEST

/* And is asked for a lease anew, while it is among the closest. */
START_TEST(who_renews_nothing_any_more_is_lost)
{
    static const int64_t codes[] = {203, 204, 429};
    start(8);
    listen_to(SALT);
    for (size_t i = 0; i < 3; i++)
        troupe.players[i].renew_code = codes[i];
    net_run(&net, SOURCES_ROUND_MS);
    ck_assert_uint_eq(troupe.players[0].came.renewals, 1);
    ck_assert_uint_eq(troupe.players[1].came.renewals, 1);
    net_run(&net, (uint64_t)RENEW_REFUSED_MS << RENEW_TRIES);
    ck_assert_uint_ge(count(COUNTER_LEASES_LOST), 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_ge(troupe.players[i].came.listens, 2);
    net_clear(&net);
}
END_TEST

START_TEST(a_question_for_a_lease_that_is_lost_is_asked_again)
{
    start(8);
    for (size_t i = 0; i < 8; i++)
        troupe.players[i].deaf = SUBSCRIBE_TRIES - 1;
    listen_to(SALT);
    ck_assert_uint_eq(count(COUNTER_LEASES_TAKEN), 8);
    ck_assert_uint_eq(count(COUNTER_SEEKS), 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_value_that_is_known_is_brought_by_no_later_seek)
{
    start(8);
    troupe_hold(&troupe, make_single(&first, &net, SALT, 1, "1", DAY_S));
    uint64_t op = listen_to(SALT);
    size_t brought = troupe_came(&troupe).values;
    ck_assert_uint_ge(brought, 1);
    ck_assert_uint_le(brought, 6); /* those asked before the first answer */
    for (size_t i = 0; i < 8; i++)
        troupe.players[i].is_moving = true;
    net_run(&net, 5 * ROUND_MS);
    ck_assert_uint_ge(count(COUNTER_SEEKS), 2);
    ck_assert_uint_eq(troupe_came(&troupe).values, brought);
    ck_assert_uint_eq(values(op), 1);
    net_clear(&net);
}
END_TEST

START_TEST(holders_that_are_lost_one_after_the_other_are_each_replaced_at_once)
{
    start(12);
    listen_to(SALT);
    uint64_t taken = count(COUNTER_LEASES_TAKEN);
    for (size_t i = 0; i < 4; i++) {
        net_run(&net, ROUND_MS);
        for (size_t k = 0; k < 12; k++)
            if (troupe.players[k].came.listens > 0 && !troupe.players[k].is_silent) {
                troupe.players[k].is_silent = true;
                break;
            }
        net_run(&net, ROUND_MS + 8000);
        ck_assert_uint_eq(count(COUNTER_LEASES_LOST), i + 1);
        ck_assert_uint_eq(count(COUNTER_LEASES_TAKEN), ++taken);
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_holder_that_never_grants_is_not_sought_for_ever)
{
    start(4);
    troupe.players[1].listen_code = 203;
    listen_to(SALT);
    net_run(&net, 10 * 60000);
    ck_assert_uint_lt(troupe.players[1].came.listens, 20);
    ck_assert_uint_gt(troupe.players[1].came.listens, 5);
    net_clear(&net);
}
END_TEST

START_TEST(closer_nodes_that_nobody_finds_are_sought_ever_more_rarely)
{
    start(8);
    listen_to(SALT);
    for (size_t i = 0; i < 8; i++)
        troupe.players[i].is_moving = true;
    net_run(&net, 10 * 60000);
    ck_assert_uint_ge(count(COUNTER_SEEKS), 3);
    ck_assert_uint_le(count(COUNTER_SEEKS), 6);
    ck_assert_uint_eq(troupe_came(&troupe).listens, 8);
    net_clear(&net);
}
END_TEST

START_TEST(foreign_holders_are_polled_ever_more_rarely_until_something_changes)
{
    start(8);
    for (size_t i = 0; i < 8; i++)
        troupe.players[i].is_foreign = true;
    troupe_hold(&troupe, make_single(&first, &net, SALT, 1, "1", DAY_S));
    uint64_t op = listen_to(SALT);
    ck_assert_uint_eq(values(op), 1);
    ck_assert_uint_eq(troupe_came(&troupe).listens, 0);
    ck_assert_uint_eq(net_info(&net, 0).listens_polled, 1);
    net_run(&net, POLL_MS + 1000);
    ck_assert_uint_eq(count(COUNTER_POLLS), 2);
    net_run(&net, 30 * 60000);
    uint64_t polls = count(COUNTER_POLLS);
    ck_assert_uint_lt(polls, 40);
    net_run(&net, POLL_MAX_MS);
    ck_assert_uint_eq(count(COUNTER_POLLS), polls + 2);
    troupe_hold(&troupe, make_single(&second, &net, SALT, 2, "2", DAY_S));
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 2, POLL_MAX_MS + 1000));
    polls = count(COUNTER_POLLS);
    net_run(&net, 2 * POLL_MS + 1000);
    ck_assert_uint_eq(count(COUNTER_POLLS), polls + 4);
    net_clear(&net);
}
END_TEST

START_TEST(a_foreign_holder_that_falls_silent_is_dropped)
{
    start(2);
    troupe.players[0].is_foreign = troupe.players[1].is_foreign = true;
    listen_to(SALT);
    uint64_t seeks = count(COUNTER_SEEKS);
    troupe.players[1].is_silent = true;
    net_run(&net, 5 * POLL_MS);
    ck_assert_uint_gt(count(COUNTER_SEEKS), seeks);
    net_clear(&net);
}
END_TEST

START_TEST(on_the_public_network_xord_push_and_others_are_polled)
{
    net_init(&net, 7);
    net.world.config.is_mainline = true;
    troupe_init(&troupe, &net, 8, NODE_SERVER);
    listener_watch(&heard, &net);
    for (size_t i = 0; i < 8; i += 2)
        troupe.players[i].is_foreign = true;
    net_run(&net, 60000);
    uint64_t op = listen_to(SALT);
    for (size_t i = 0; i < 8; i++)
        ck_assert_uint_eq(troupe.players[i].came.listens, i % 2);
    ck_assert_uint_eq(net_info(&net, 0).listens_polled, 1);
    const struct record *record = make_single(&first, &net, SALT, 1, "1", DAY_S);
    ck_assert_int_eq(troupe_push_from(&troupe, 1, record), 0);
    ck_assert_uint_eq(values(op), 1);
    troupe.players[2].record = make_single(&second, &net, SALT, 2, "2", DAY_S);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 2, 10 * POLL_MS));
    net_clear(&net);
}
END_TEST

START_TEST(a_xord_without_room_is_polled)
{
    start(8);
    for (size_t i = 0; i < 8; i++)
        troupe.players[i].listen_code = 429;
    uint64_t op = listen_to(SALT);
    ck_assert_uint_eq(count(COUNTER_LEASES_DENIED), 8);
    troupe_hold(&troupe, make_single(&first, &net, SALT, 1, "1", DAY_S));
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 1, 2 * POLL_MS));
    net_clear(&net);
}
END_TEST

START_TEST(leases_of_one_peer_are_renewed_and_given_up_together)
{
    static uint64_t ops[500];
    char salt[16];
    start(4);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(salt, sizeof salt, "s%u", i);
        ops[i] = listener_single(&heard, 0, salt);
    }
    for (unsigned i = 0; i < 500; i++)
        ck_assert(listener_wait(&heard, ops[i], LISTEN_SYNCED, 1, NODE_TIMEOUT_MS));
    ck_assert_uint_eq(troupe_came(&troupe).listens, 2000);
    net_run(&net, 2 * ROUND_MS);
    struct troupe_counts before = troupe_came(&troupe);
    net_run(&net, SOURCES_ROUND_MS);
    struct troupe_counts after = troupe_came(&troupe);
    ck_assert_uint_ge(after.subs - before.subs, 1900);
    ck_assert_uint_le(after.renewals - before.renewals, 44);
    for (unsigned i = 0; i < 500; i++)
        listener_cancel(&heard, 0, ops[i]);
    before = troupe_came(&troupe);
    net_run(&net, SOON_MS);
    after = troupe_came(&troupe);
    ck_assert_uint_eq(after.gone - before.gone, 2000);
    ck_assert_uint_le(after.renewals - before.renewals, 20);
    before = after;
    net_run(&net, 4 * ROUND_MS);
    ck_assert_uint_eq(troupe_came(&troupe).renewals, before.renewals);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_node_alone_is_synced_at_once);
    tcase_add_test(tests, where_nobody_answers_it_is_synced_at_the_deadline_and_goes_on);
    tcase_add_test(tests, holders_that_are_silent_about_leases_end_the_reading_at_its_deadline);
    tcase_add_test(tests, a_seek_that_takes_long_is_the_only_one_of_its_listen);
    tcase_add_test(tests, a_push_that_is_lost_is_mended_by_the_next_renewal);
    tcase_add_test(tests, a_digest_that_proved_harmless_is_not_asked_about_again);
    tcase_add_test(tests, a_clock_that_was_set_lets_in_what_it_refused);
    tcase_add_test(tests, a_holder_that_has_forgotten_is_asked_for_a_lease_anew);
    tcase_add_test(tests, a_lost_holder_is_sought_a_substitute_for_and_is_no_expiry);
    tcase_add_test(tests, a_few_lost_packets_are_no_lost_holder);
    tcase_add_test(tests, an_error_that_passes_costs_no_lease);
    tcase_add_test(tests, who_renews_nothing_any_more_is_lost);
    tcase_add_test(tests, a_question_for_a_lease_that_is_lost_is_asked_again);
    tcase_add_test(tests, a_value_that_is_known_is_brought_by_no_later_seek);
    tcase_add_test(tests, holders_that_are_lost_one_after_the_other_are_each_replaced_at_once);
    tcase_add_test(tests, a_holder_that_never_grants_is_not_sought_for_ever);
    tcase_add_test(tests, closer_nodes_that_nobody_finds_are_sought_ever_more_rarely);
    tcase_add_test(tests, foreign_holders_are_polled_ever_more_rarely_until_something_changes);
    tcase_add_test(tests, a_foreign_holder_that_falls_silent_is_dropped);
    tcase_add_test(tests, on_the_public_network_xord_push_and_others_are_polled);
    tcase_add_test(tests, a_xord_without_room_is_polled);
    tcase_add_test(tests, leases_of_one_peer_are_renewed_and_given_up_together);
}
