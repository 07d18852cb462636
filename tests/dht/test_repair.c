/* Records must keep their k copies without their owner: after losses, joins, a graceful stop. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "tests/dht/owner.h"
#include "tests/runner.h"

#define RECORDS     30
#define FIVE_MIN_MS (5u * 60u * 1000u)

static struct net net;
static struct id targets[RECORDS];

static struct id put(size_t index, const char *salt, struct bytes v)
{
    struct put_request request = owner_single(&net, salt, v);
    request.is_kept = false;
    const struct event *event = net_put(&net, index, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    return event->put.target;
}

static struct id put_json(size_t index, const char *salt)
{
    uint8_t buffer[OWNER_VALUE_MAX];
    return put(index, salt, owner_json(&net, buffer, "{}"));
}

static void put_all(void)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        char salt[16];
        snprintf(salt, sizeof salt, "r%u", i);
        targets[i] = put_json(i % net.count, salt);
        ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &targets[i]), 8);
    }
}

/* Whether the live node of this index is among the 8 live nodes nearest to the target. */
static bool is_closest(size_t index, const struct id *target)
{
    size_t nearer = 0;
    for (size_t i = 0; i < net.count; i++)
        nearer += net_is_up(&net, i) &&
                  id_compare_distance(target, &net.nodes[i]->id, &net.nodes[index]->id) < 0;
    return nearer < 8;
}

/* How many of the 8 closest live nodes lack their record, over all records. */
static size_t missing_copies(void)
{
    size_t missing = 0;
    for (unsigned r = 0; r < RECORDS; r++)
        for (size_t i = 0; i < net.count; i++)
            missing += net_is_up(&net, i) && is_closest(i, &targets[r]) &&
                       !net_holds(&net, i, RECORD_SINGLE, &targets[r]);
    return missing;
}

START_TEST(lost_holders_are_replaced_within_five_minutes)
{
    /* So young that all have noted more joins than they can remember; not all learn of the losses
     * before some have done a round. */
    static const uint64_t seeds[] = {21, 31, 54, 63, 92};
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
        net_build(&net, 40, seeds[s]);
        put_all();
        for (size_t i = 0; i < net.count; i += 5)
            net_kill(&net, i);
        ck_assert_uint_gt(missing_copies(), 0);
        net_run(&net, FIVE_MIN_MS);
        ck_assert_uint_eq(missing_copies(), 0);
        net_clear(&net);
    }
}
END_TEST

/* All who believe it to be there find out at once that it is not. */
static void look_for_from_all(const struct id *id)
{
    for (size_t i = 0; i < net.count; i++) {
        uint64_t op;
        if (!net_is_up(&net, i))
            continue;
        ck_assert_int_eq(node_lookup(net.nodes[i]->node, net_now(&net), id, 0, &op, net.out),
                         ERR_OK);
        net_flush(&net, i);
        ck_assert_ptr_nonnull(net_wait(&net, i, op));
    }
}

START_TEST(a_holder_that_joined_just_before_is_lost_like_any_other)
{
    net_build(&net, 12, 32);
    net_run(&net, FIVE_MIN_MS);
    size_t late = net_add(&net, 0, NODE_SERVER);
    net_run(&net, 2000);
    put_all();
    net_kill(&net, late);
    ck_assert_uint_gt(missing_copies(), 0);
    look_for_from_all(&net.nodes[late]->id);
    net_run(&net, FIVE_MIN_MS);
    ck_assert_uint_eq(missing_copies(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_closer_node_that_joins_gets_the_record)
{
    net_build(&net, 20, 22);
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
    net_build(&net, 20, 23);
    put_all();
    for (size_t i = 0; i < 3; i++) {
        uint64_t op;
        ck_assert_int_eq(node_leave(net.nodes[i]->node, net_now(&net), 5000, &op, net.out), ERR_OK);
        net_flush(&net, i);
        const struct event *event = net_wait(&net, i, op);
        ck_assert_ptr_nonnull(event);
        ck_assert_int_eq(event->kind, EVENT_LEFT);
        ck_assert_int_eq(event->err, ERR_OK);
        net_run(&net, NET_DELAY_MAX_MS);
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
    net_build(&net, 1, 24);
    const struct id target = put_json(0, "x");
    net_add(&net, 0, NODE_SERVER);
    net_run(&net, 3000);
    ck_assert(!net_holds(&net, 1, RECORD_SINGLE, &target));
    uint64_t op;
    ck_assert_int_eq(node_leave(net.nodes[0]->node, net_now(&net), 5000, &op, net.out), ERR_OK);
    ck_assert_int_eq(node_leave(net.nodes[0]->node, net_now(&net), 5000, &op, net.out), ERR_EXISTS);
    net_flush(&net, 0);
    net_run(&net, 5000);
    ck_assert(net_holds(&net, 1, RECORD_SINGLE, &target));
    net_clear(&net);
}
END_TEST

START_TEST(the_round_mends_what_repair_has_missed)
{
    net_build(&net, 20, 25);
    put_all();
    for (size_t i = 0; i < net.count; i += 2)
        net_wipe(&net, i, STORE_HELD);
    ck_assert_uint_gt(missing_copies(), 0);
    net_run(&net, 2u * 3600u * 1000u);
    ck_assert_uint_eq(missing_copies(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(rounds_do_not_all_ask_the_same)
{
    net_build(&net, 20, 26);
    put_all();
    uint64_t asked = 0;
    net_run(&net, 2u * 3600u * 1000u);
    for (size_t i = 0; i < net.count; i++)
        asked -= net_counter(&net, i, COUNTER_PUSHES_ASKED);
    net_run(&net, 4u * 3600u * 1000u);
    for (size_t i = 0; i < net.count; i++)
        asked += net_counter(&net, i, COUNTER_PUSHES_ASKED);
    /* One holder an hour asks the 7 others; were it each of them, it would be eight times as many.
     */
    ck_assert_uint_ge(asked, 3u * RECORDS * 7u);
    ck_assert_uint_le(asked, 2u * 5u * RECORDS * 7u);
    net_clear(&net);
}
END_TEST

START_TEST(what_has_no_expiry_is_not_passed_on)
{
    net_build(&net, 10, 27);
    const struct id target = put(1, "x", bytes_of_string("d1:j2:{}1:ti1700000000ee"));
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 8);
    net_run(&net, 2u * 3600u * 1000u + 1000u);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_client_never_waits_for_a_time_that_has_passed)
{
    net_build(&net, 10, 18);
    size_t client = net_add(&net, 0, NODE_CLIENT);
    for (unsigned minutes = 0; minutes < 90; minutes++) {
        net_run(&net, 60000);
        ck_assert_uint_gt(node_next_ms(net.nodes[client]->node), net_now(&net).ms);
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_holder_that_is_behind_is_brought_up_and_one_ahead_is_followed)
{
    net_build(&net, 10, 28);
    struct id target = put_json(1, "x");
    /* A partition: the second put reaches only half. */
    for (size_t i = 0; i < 5; i++)
        net_away(&net, i);
    target = put_json(7, "x");
    for (size_t i = 0; i < 5; i++)
        net_back(&net, i);
    net_run(&net, 2u * 3600u * 1000u);
    for (size_t i = 0; i < net.count; i++) {
        struct stored stored;
        if (net_stored(&net, i, STORE_HELD, RECORD_SINGLE, &target, &stored))
            ck_assert_int_eq(stored.record.seq, 2);
    }
    net_clear(&net);
}
END_TEST

/* Long before the next search of its own neighbourhood. */
START_TEST(a_holder_that_leaves_its_question_unanswered_is_found_out)
{
    net_build(&net, 10, 29);
    struct node *node = net.nodes[1]->node;
    const struct repair_push push = {
        .to = {.id = net.nodes[2]->id, .addr = net.nodes[2]->addr},
        .target = put_json(1, "x"),
        .kind = RECORD_SINGLE,
    };
    net_kill(&net, 2);
    uint8_t before = node->neighbours[FAMILY_V4].count;
    node->repair.running++;
    push_start(node, net_now(&net), &push, net.out);
    net_flush(&net, 1);
    net_run(&net, 5000);
    ck_assert_uint_eq(node->neighbours[FAMILY_V4].count, before - 1);
    net_clear(&net);
}
END_TEST

START_TEST(leaving_that_runs_out_of_time_says_so)
{
    uint64_t op;
    net_build(&net, 10, 30);
    put_all();
    net.wires->loss_permille = 1000;
    ck_assert_int_eq(node_leave(net.nodes[1]->node, net_now(&net), 100, &op, net.out), ERR_OK);
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
    tcase_add_test(tests, a_holder_that_joined_just_before_is_lost_like_any_other);
    tcase_add_test(tests, a_closer_node_that_joins_gets_the_record);
    tcase_add_test(tests, a_graceful_stop_leaves_the_copies_behind);
    tcase_add_test(tests, a_lone_pair_hands_over_what_only_one_has);
    tcase_add_test(tests, the_round_mends_what_repair_has_missed);
    tcase_add_test(tests, rounds_do_not_all_ask_the_same);
    tcase_add_test(tests, what_has_no_expiry_is_not_passed_on);
    tcase_add_test(tests, a_client_never_waits_for_a_time_that_has_passed);
    tcase_add_test(tests, a_holder_that_is_behind_is_brought_up_and_one_ahead_is_followed);
    tcase_add_test(tests, a_holder_that_leaves_its_question_unanswered_is_found_out);
    tcase_add_test(tests, leaving_that_runs_out_of_time_says_so);
}
