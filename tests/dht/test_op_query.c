/* A query must reach the nodes nearest to its target, bring each one's reply once, wait for slow
 * programs but not for the dead, and a commit must count as accepted what was, and nothing else. */
#include <check.h>

#include "daemon/dht/node_state.h"
#include "tests/dht/crowd.h"
#include "tests/dht/entries.h"
#include "tests/dht/programs.h"
#include "tests/runner.h"

#define NODES 60u
#define OWN   20u /* an error of a program's own */

static struct net net;
static struct programs programs;
static const struct id target = {.b = "where the query goes"};
static size_t nearest[ENTRIES_HOLDERS];
static size_t asker;

static void build(size_t nodes, enum program_kind kind, uint64_t seed)
{
    net_build(&net, nodes, seed);
    programs_watch(&programs, &net, kind);
    entries_holders(&net, &target, nearest);
    asker = entries_stranger(&net, &target);
}

static struct command_request usual(void)
{
    return (struct command_request){
        .command = bytes_of_string("x"), .has_target = true, .target = target};
}

static uint64_t start(const struct command_request *request)
{
    uint64_t op = 0;
    programs.reply_count = 0;
    ck_assert_int_eq(node_query(net.nodes[asker]->node, net_now(&net), request, &op, net.out),
                     ERR_OK);
    net_flush(&net, asker);
    return op;
}

static const struct event *query(const struct command_request *request)
{
    const struct event *event = net_wait(&net, asker, start(request));
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->kind, EVENT_QUERY);
    return event;
}

/* All that are up but the one that asks, nearest first. */
static size_t sort_all(size_t out[NET_NODES_MAX])
{
    struct id ids[NET_NODES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < net.count; i++) {
        if (!net_is_up(&net, i) || i == asker)
            continue;
        ids[i] = net_info(&net, i).id;
        size_t at = count++;
        for (; at > 0 && id_compare_distance(&target, &ids[i], &ids[out[at - 1]]) < 0; at--)
            out[at] = out[at - 1];
        out[at] = i;
    }
    return count;
}

/* The first `count` of the closest are the true ones, each with its own answer. */
static void expect_closest(size_t count)
{
    size_t all[NET_NODES_MAX];
    sort_all(all);
    ck_assert_uint_eq(programs.closest_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct id id = net_info(&net, all[i]).id;
        ck_assert(id_equal(&programs.closest[i].from.id, &id));
        ck_assert_int_eq(programs.closest[i].value, (int64_t)all[i]);
    }
}

START_TEST(the_nearest_answer_and_each_reply_comes_once)
{
    build(NODES, PROGRAM_GOOD, 61);
    const struct command_request request = usual();
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->stats.is_complete);
    expect_closest(8);
    ck_assert_uint_eq(event->query.replied, programs.reply_count);
    ck_assert_uint_ge(programs.reply_count, 8);
    ck_assert_uint_eq(event->query.errors, 0);
    ck_assert_uint_eq(event->query.commit.tried, 0);
    for (size_t i = 0; i < programs.reply_count; i++) {
        size_t node = programs_find(&programs, &programs.replies[i].from.id);
        ck_assert_int_eq(programs.replies[i].value, (int64_t)node);
        ck_assert_uint_eq(programs.of[node].runs, 1);
        ck_assert_uint_eq(programs.of[node].tokens, 0);
    }
    ck_assert_uint_eq(programs.of[asker].runs, 0);
    net_clear(&net);
}
END_TEST

START_TEST(twenty_are_as_near_as_eight)
{
    build(NODES, PROGRAM_GOOD, 62);
    struct command_request request = usual();
    request.k = NODE_COMMAND_K_MAX;
    query(&request);
    expect_closest(20);
    request.k = 1;
    query(&request);
    expect_closest(1);
    net_clear(&net);
}
END_TEST

START_TEST(slow_programs_are_waited_for_and_run_once)
{
    build(NODES, PROGRAM_GOOD, 63);
    for (size_t i = 0; i < NODES; i++)
        programs.of[i].delay_ms = i % 3 == 0 ? 700 : 3;
    programs.of[nearest[1]].delay_ms = 2300;
    const struct command_request request = usual();
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_OK);
    expect_closest(8);
    ck_assert_uint_ge(programs.closest[1].rtt_ms, 2300);
    for (size_t i = 0; i < NODES; i++)
        ck_assert_uint_le(programs.of[i].runs, 1);
    net_clear(&net);
}
END_TEST

/* The patience for programs is not paid for the dead. */
START_TEST(dead_nodes_cost_little)
{
    build(NODES, PROGRAM_GOOD, 64);
    for (size_t i = 0; i < NODES; i += 3)
        if (i != asker)
            net_kill(&net, i);
    const struct command_request request = usual();
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_lt(event->stats.ms, 1000);
    expect_closest(8);
    net_clear(&net);
}
END_TEST

START_TEST(in_a_lossy_network_the_nearest_are_still_found)
{
    build(NODES, PROGRAM_GOOD, 65);
    net.wires->loss_permille = 200;
    struct command_request request = usual();
    request.is_commit = true;
    const struct event *event = query(&request);
    ck_assert_uint_ge(event->query.closest_count, 7);
    ck_assert_uint_eq(event->query.commit.tried, event->query.closest_count);
    ck_assert_uint_eq(event->query.commit.accepted + event->query.commit.silent,
                      event->query.commit.tried);
    ck_assert_uint_ge(event->query.commit.accepted, 7);
    net_clear(&net);
}
END_TEST

/* Once on the way, and once for the commit. */
START_TEST(whatever_is_lost_a_program_runs_once)
{
    build(NODES, PROGRAM_GOOD, 77);
    struct command_request request = usual();
    request.is_commit = true;
    net.wires->loss_permille = 300;
    net.wires->duplicate_permille = net.wires->reorder_permille = 100;
    for (uint32_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < NODES; i++)
            programs.of[i] = (struct program){.kind = PROGRAM_GOOD, .delay_ms = 30 * round};
        query(&request);
        for (size_t i = 0; i < NODES; i++) {
            ck_assert_uint_le(programs.of[i].tokens, 1);
            ck_assert_uint_le(programs.of[i].runs - programs.of[i].tokens, 1);
        }
        net_run(&net, 5000); /* what of it is still on its way */
    }
    net_clear(&net);
}
END_TEST

START_TEST(errors_are_replies_but_not_among_the_closest)
{
    build(NODES, PROGRAM_GOOD, 66);
    programs.of[nearest[0]].kind = PROGRAM_NONE;
    programs.of[nearest[2]].kind = PROGRAM_ERROR;
    programs.of[nearest[2]].error = OWN;
    programs.of[nearest[3]].kind = PROGRAM_LAZY;
    const struct command_request request = usual();
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->query.errors, 3);
    ck_assert_uint_eq(event->query.replied + 3, programs.reply_count);
    unsigned unknown = 0, own = 0, timeouts = 0;
    for (size_t i = 0; i < programs.reply_count; i++) {
        unknown += programs.replies[i].error == COMMAND_UNKNOWN;
        own += programs.replies[i].error == OWN;
        timeouts += programs.replies[i].error == COMMAND_TIMEOUT;
    }
    ck_assert(unknown == 1 && own == 1 && timeouts == 1);
    ck_assert(id_equal(&programs.closest[0].from.id, &net.nodes[nearest[1]]->id));
    ck_assert(id_equal(&programs.closest[1].from.id, &net.nodes[nearest[4]]->id));
    net_clear(&net);
}
END_TEST

START_TEST(a_commit_goes_with_a_token_to_the_closest)
{
    build(NODES, PROGRAM_GOOD, 67);
    struct command_request request = usual();
    request.is_commit = true;
    request.k = 20;
    request.v = bytes_of_string("5:write");
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->query.commit.tried, 20);
    ck_assert_uint_eq(event->query.commit.accepted, 20);
    ck_assert_uint_eq(event->query.commit.refused, 0);
    ck_assert_uint_eq(event->query.commit.silent, 0);
    size_t all[NET_NODES_MAX];
    size_t count = sort_all(all);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(programs.of[all[i]].tokens, i < 20);
    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(programs.commits[i].value, (int64_t)all[i]);
    ck_assert(bytes_is_string(bytes_of(programs.last_v, programs.last_v_size), "5:write"));
    net_clear(&net);
}
END_TEST

START_TEST(an_error_is_never_counted_as_accepted)
{
    build(NODES, PROGRAM_GOOD, 68);
    for (size_t i = 1; i < 4; i++) {
        programs.of[nearest[i]].kind = PROGRAM_READER;
        programs.of[nearest[i]].error = OWN + (uint32_t)(i % 2);
    }
    struct command_request request = usual();
    request.is_commit = true;
    const struct event *event = query(&request);
    ck_assert_uint_eq(event->query.commit.tried, 8);
    ck_assert_uint_eq(event->query.commit.accepted, 5);
    ck_assert_uint_eq(event->query.commit.refused, 3);
    unsigned first = 0, second = 0;
    for (size_t i = 0; i < 8; i++) {
        first += programs.commits[i].error == OWN;
        second += programs.commits[i].error == OWN + 1;
    }
    ck_assert(first == 1 && second == 2);
    net_clear(&net);
}
END_TEST

static unsigned tokens_seen(void)
{
    unsigned tokens = 0;
    for (size_t i = 0; i < net.count; i++)
        tokens += programs.of[i].tokens;
    return tokens;
}

START_TEST(who_dies_before_the_commit_is_silent)
{
    build(NODES, PROGRAM_GOOD, 69);
    for (size_t i = 0; i < NODES; i++)
        programs.of[i].delay_ms = 50;
    struct command_request request = usual();
    request.is_commit = true;
    uint64_t op = start(&request);
    while (tokens_seen() == 0)
        net_run(&net, 1);
    net_kill(&net, nearest[2]);
    const struct event *event = net_wait(&net, asker, op);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->query.commit.tried, 8);
    ck_assert_uint_eq(event->query.commit.accepted, 7);
    ck_assert_uint_eq(event->query.commit.silent, 1);
    net_clear(&net);
}
END_TEST

START_TEST(where_nobody_accepts_there_is_no_commit)
{
    build(12, PROGRAM_NONE, 70);
    struct command_request request = usual();
    request.is_commit = true;
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->query.closest_count, 0);
    ck_assert_uint_eq(event->query.commit.tried, 0);
    ck_assert_uint_gt(event->query.errors, 0);
    ck_assert_uint_eq(tokens_seen(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_deadline_ends_it_with_what_came)
{
    build(NODES, PROGRAM_GOOD, 71);
    programs.of[nearest[0]].kind = PROGRAM_LAZY;
    struct command_request request = usual();
    request.timeout_ms = 1000;
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_TIMEOUT);
    ck_assert(!event->stats.is_complete);
    ck_assert_uint_gt(event->query.closest_count, 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_query_that_is_given_up_says_so)
{
    build(NODES, PROGRAM_LAZY, 72);
    const struct command_request request = usual();
    uint64_t op = start(&request);
    net_run(&net, 100);
    node_cancel(net.nodes[asker]->node, net_now(&net), op, net.out);
    net_flush(&net, asker);
    const struct event *event = net_wait(&net, asker, op);
    ck_assert_int_eq(event->err, ERR_CANCELLED);
    net_run(&net, 10000);
    ck_assert_uint_eq(programs.reply_count, 0);
    net_clear(&net);
}
END_TEST

START_TEST(alone_and_offline_are_two_things)
{
    build(1, PROGRAM_GOOD, 73);
    asker = 0;
    const struct command_request request = usual();
    ck_assert_int_eq(query(&request)->err, ERR_OK);
    asker = net_add(&net, 0, NODE_SERVER);
    net_run(&net, 5000);
    net_kill(&net, 0);
    ck_assert_int_eq(query(&request)->err, ERR_OFFLINE);
    net_clear(&net);
}
END_TEST

static enum err refusal(const struct command_request *request)
{
    uint64_t op;
    return node_query(net.nodes[0]->node, net_now(&net), request, &op, net.out);
}

START_TEST(what_is_out_of_bounds_is_refused)
{
    static const uint8_t v[COMMAND_V_MAX + 1] = "997:";
    build(1, PROGRAM_GOOD, 74);
    struct command_request request = usual();
    request.has_target = false;
    ck_assert_int_eq(refusal(&request), ERR_INVALID_PARAMS);
    request = usual();
    request.command = bytes_of_string("No");
    ck_assert_int_eq(refusal(&request), ERR_INVALID_PARAMS);
    request = usual();
    request.k = NODE_COMMAND_K_MAX + 1;
    ck_assert_int_eq(refusal(&request), ERR_INVALID_PARAMS);
    request = usual();
    request.concurrency = NODE_CONCURRENCY_MAX + 1;
    ck_assert_int_eq(refusal(&request), ERR_INVALID_PARAMS);
    request = usual();
    request.v = bytes_of(v, sizeof v);
    ck_assert_int_eq(refusal(&request), ERR_TOO_BIG);
    ck_assert_uint_eq(net_info(&net, 0).operations, 0);
    net_clear(&net);
}
END_TEST

/* Programs say nothing about how far away their nodes are. */
START_TEST(slow_programs_leave_the_measured_times_alone)
{
    build(NODES, PROGRAM_GOOD, 75);
    for (size_t i = 0; i < NODES; i++)
        programs.of[i].delay_ms = 400;
    uint32_t before = rtt_network_p90_ms(&net.nodes[asker]->node->rtt);
    struct command_request request = usual();
    for (int i = 0; i < 5; i++)
        query(&request);
    ck_assert_uint_le(rtt_network_p90_ms(&net.nodes[asker]->node->rtt), before + NET_DELAY_MAX_MS);
    net_clear(&net);
}
END_TEST

static struct crowd crowd;

START_TEST(on_the_public_network_only_xord_nodes_are_sent_it)
{
    net_init(&net, 76);
    crowd_init(&crowd, &net, 40);
    for (unsigned i = 0; i < 12; i++)
        crowd_add(&crowd, NODE_SERVER);
    net_run(&net, 20 * 60000); /* until all know each other by the ids that they have adopted */
    programs_watch(&programs, &net, PROGRAM_GOOD);
    asker = NET_NODES_MAX; /* nobody is left out */
    size_t all[NET_NODES_MAX];
    asker = all[sort_all(all) - 1];
    const struct command_request request = usual();
    const struct event *event = query(&request);
    ck_assert_int_eq(event->err, ERR_OK);
    expect_closest(8);
    ck_assert_uint_eq(crowd.extensions, 0);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_nearest_answer_and_each_reply_comes_once);
    tcase_add_test(tests, twenty_are_as_near_as_eight);
    tcase_add_test(tests, slow_programs_are_waited_for_and_run_once);
    tcase_add_test(tests, dead_nodes_cost_little);
    tcase_add_test(tests, in_a_lossy_network_the_nearest_are_still_found);
    tcase_add_test(tests, whatever_is_lost_a_program_runs_once);
    tcase_add_test(tests, errors_are_replies_but_not_among_the_closest);
    tcase_add_test(tests, a_commit_goes_with_a_token_to_the_closest);
    tcase_add_test(tests, an_error_is_never_counted_as_accepted);
    tcase_add_test(tests, who_dies_before_the_commit_is_silent);
    tcase_add_test(tests, where_nobody_accepts_there_is_no_commit);
    tcase_add_test(tests, a_deadline_ends_it_with_what_came);
    tcase_add_test(tests, a_query_that_is_given_up_says_so);
    tcase_add_test(tests, alone_and_offline_are_two_things);
    tcase_add_test(tests, what_is_out_of_bounds_is_refused);
    tcase_add_test(tests, slow_programs_leave_the_measured_times_alone);
    tcase_add_test(tests, on_the_public_network_only_xord_nodes_are_sent_it);
}
