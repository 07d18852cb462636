/* Records must keep their k copies without their owner: after losses, joins, a graceful stop. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/envelope.h"
#include "tests/runner.h"
#include "tests/sim/net.h"

#define RECORDS     30
#define FIVE_MIN_MS (5u * 60u * 1000u)

static struct net net;
static struct id targets[RECORDS];

static void build(size_t count, uint64_t seed)
{
    net_init(&net, seed);
    for (size_t i = 0; i < count; i++) {
        net_add(&net, i ? 0 : -1, NODE_SERVER);
        net_run(&net, 100);
    }
    net_run(&net, 5000);
}

static struct id put(size_t index, const char *salt, bool has_expiry)
{
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE], buffer[128];
    const struct envelope envelope = {
        .content = ENVELOPE_JSON,
        .body = bytes_of_string("{}"),
        .has_time = true,
        .time_unix_s = net.now.unix_s,
        .has_expiry = has_expiry,
        .expiry_unix_s = net.now.unix_s + RECORD_TTL_S_DEFAULT,
    };
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    envelope_write(&w, &envelope);
    keys_from_seed(net.seed, public_key, secret_key);
    const struct put_request request = {.kind = RECORD_SINGLE,
                                        .k = public_key,
                                        .salt = bytes_of_string(salt),
                                        .v = wire_written(&w)};
    uint64_t op;
    ck_assert_int_eq(node_put(net.nodes[index].node, net.now, &request, &op, &net.out), ERR_OK);
    net_flush(&net, index);
    const struct event *event = net_wait(&net, index, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_OK);
    return event->put.target;
}

static void put_all(void)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        char salt[16];
        snprintf(salt, sizeof salt, "r%u", i);
        targets[i] = put(i % net.count, salt, true);
        ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &targets[i]), 8);
    }
}

/* Whether the live node of this index is among the 8 live nodes nearest to the target. */
static bool is_closest(size_t index, const struct id *target)
{
    struct node_info self, other;
    size_t nearer = 0;
    node_get_info(net.nodes[index].node, &self);
    for (size_t i = 0; i < net.count; i++) {
        node_get_info(net.nodes[i].node, &other);
        nearer += net.nodes[i].is_alive && id_compare_distance(target, &other.id, &self.id) < 0;
    }
    return nearer < 8;
}

/* How many of the 8 closest live nodes lack their record, over all records. */
static size_t missing_copies(void)
{
    size_t missing = 0;
    for (unsigned r = 0; r < RECORDS; r++)
        for (size_t i = 0; i < net.count; i++)
            missing += net.nodes[i].is_alive && is_closest(i, &targets[r]) &&
                       !net_holds(&net, i, RECORD_SINGLE, &targets[r]);
    return missing;
}

START_TEST(lost_holders_are_replaced_within_five_minutes)
{
    build(40, 21);
    put_all();
    for (size_t i = 0; i < net.count; i += 5)
        net_kill(&net, i);
    ck_assert_uint_gt(missing_copies(), 0);
    net_run(&net, FIVE_MIN_MS);
    ck_assert_uint_eq(missing_copies(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_closer_node_that_joins_gets_the_record)
{
    build(20, 22);
    put_all();
    for (size_t i = 0; i < 10; i++) {
        net_add(&net, (int)i, NODE_SERVER);
        net_run(&net, 1000);
    }
    ck_assert_uint_gt(missing_copies(), 0);
    net_run(&net, FIVE_MIN_MS);
    ck_assert_uint_eq(missing_copies(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_graceful_stop_leaves_the_copies_behind)
{
    build(20, 23);
    put_all();
    for (size_t i = 0; i < 3; i++) {
        uint64_t op;
        ck_assert_int_eq(node_leave(net.nodes[i].node, net.now, 5000, &op, &net.out), ERR_OK);
        net_flush(&net, i);
        const struct event *event = net_wait(&net, i, op);
        ck_assert_ptr_nonnull(event);
        ck_assert_int_eq(event->kind, EVENT_LEFT);
        ck_assert_int_eq(event->err, ERR_OK);
        net_run(&net, net.delay_max_ms);
        net_kill(&net, i);
        ck_assert_uint_eq(missing_copies(), 0);
        /* The others have looked for themselves whether it is gone before the next one leaves. */
        net_run(&net, 10000);
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_lone_pair_hands_over_what_only_one_has)
{
    build(1, 24);
    const struct id target = put(0, "x", true);
    net_add(&net, 0, NODE_SERVER);
    net_run(&net, 3000);
    ck_assert(!net_holds(&net, 1, RECORD_SINGLE, &target));
    uint64_t op;
    ck_assert_int_eq(node_leave(net.nodes[0].node, net.now, 5000, &op, &net.out), ERR_OK);
    ck_assert_int_eq(node_leave(net.nodes[0].node, net.now, 5000, &op, &net.out), ERR_EXISTS);
    net_flush(&net, 0);
    net_run(&net, 5000);
    ck_assert(net_holds(&net, 1, RECORD_SINGLE, &target));
    net_clear(&net);
}
END_TEST

START_TEST(the_round_mends_what_repair_has_missed)
{
    build(20, 25);
    put_all();
    for (size_t i = 0; i < net.count; i += 2)
        memset(net.nodes[i].records, 0, NET_RECORDS_MAX * sizeof(struct net_record));
    ck_assert_uint_gt(missing_copies(), 0);
    net_run(&net, 2u * 3600u * 1000u);
    ck_assert_uint_eq(missing_copies(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(rounds_do_not_all_ask_the_same)
{
    build(20, 26);
    put_all();
    uint64_t asked = 0;
    net_run(&net, 2u * 3600u * 1000u);
    for (size_t i = 0; i < net.count; i++)
        asked -= node_counter(net.nodes[i].node, COUNTER_PUSHES_ASKED);
    net_run(&net, 4u * 3600u * 1000u);
    for (size_t i = 0; i < net.count; i++)
        asked += node_counter(net.nodes[i].node, COUNTER_PUSHES_ASKED);
    /* One holder an hour asks the 7 others; were it each of them, it would be eight times as many.
     */
    ck_assert_uint_ge(asked, 3u * RECORDS * 7u);
    ck_assert_uint_le(asked, 2u * 5u * RECORDS * 7u);
    net_clear(&net);
}
END_TEST

START_TEST(what_has_no_expiry_is_not_passed_on)
{
    build(10, 27);
    const struct id target = put(1, "x", false);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 8);
    net_run(&net, 2u * 3600u * 1000u + 1000u);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_client_never_waits_for_a_time_that_has_passed)
{
    build(10, 18);
    size_t client = net_add(&net, 0, NODE_CLIENT);
    for (unsigned minutes = 0; minutes < 90; minutes++) {
        net_run(&net, 60000);
        ck_assert_uint_gt(node_next_ms(net.nodes[client].node), net.now.ms);
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_holder_that_is_behind_is_brought_up_and_one_ahead_is_followed)
{
    build(10, 28);
    struct id target = put(1, "x", true);
    /* A partition: the second put reaches only half. */
    for (size_t i = 0; i < 5; i++)
        net.nodes[i].is_alive = false;
    target = put(7, "x", true);
    for (size_t i = 0; i < 5; i++)
        net.nodes[i].is_alive = true;
    net_run(&net, 2u * 3600u * 1000u);
    for (size_t i = 0; i < net.count; i++) {
        int64_t seq;
        if (net_seq(&net, i, RECORD_SINGLE, &target, &seq))
            ck_assert_int_eq(seq, 2);
    }
    net_clear(&net);
}
END_TEST

START_TEST(leaving_that_runs_out_of_time_says_so)
{
    uint64_t op;
    build(10, 30);
    put_all();
    net.loss_percent = 100;
    ck_assert_int_eq(node_leave(net.nodes[1].node, net.now, 100, &op, &net.out), ERR_OK);
    net_flush(&net, 1);
    const struct event *event = net_wait(&net, 1, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_TIMEOUT);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, lost_holders_are_replaced_within_five_minutes);
    tcase_add_test(tests, a_closer_node_that_joins_gets_the_record);
    tcase_add_test(tests, a_graceful_stop_leaves_the_copies_behind);
    tcase_add_test(tests, a_lone_pair_hands_over_what_only_one_has);
    tcase_add_test(tests, the_round_mends_what_repair_has_missed);
    tcase_add_test(tests, rounds_do_not_all_ask_the_same);
    tcase_add_test(tests, what_has_no_expiry_is_not_passed_on);
    tcase_add_test(tests, a_client_never_waits_for_a_time_that_has_passed);
    tcase_add_test(tests, a_holder_that_is_behind_is_brought_up_and_one_ahead_is_followed);
    tcase_add_test(tests, leaving_that_runs_out_of_time_says_so);
}
