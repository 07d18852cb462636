/* A node must find its way into the network and back, by bootstrap and by what it remembers, meet
 * who asks it, and never send more than its limits for that. */
#include <check.h>

#include "daemon/dht/lookup/lookup.h"
#include "daemon/dht/network/maintain.h"
#include "tests/dht/asker.h"
#include "tests/runner.h"

static struct asker asker;

static struct node_info info_of(size_t index)
{
    return net_info(&asker.net, index);
}

static struct addr stranger(unsigned number)
{
    return addr_v4((const uint8_t[4]){10, 5, (uint8_t)(number >> 8), (uint8_t)number}, 6000);
}

static struct contact made_up(unsigned number)
{
    struct contact contact = {.addr = stranger(number)};
    contact.id.b[0] = (uint8_t)(number * 41);
    contact.id.b[19] = (uint8_t)(number + 1);
    return contact;
}

static uint64_t sent_in(uint64_t ms)
{
    const uint64_t before = asker_counter(&asker, COUNTER_QUERIES_SENT);
    net_run(&asker.net, ms);
    return asker_counter(&asker, COUNTER_QUERIES_SENT) - before;
}

START_TEST(bootstrap_is_tried_again_at_growing_pauses_until_it_answers)
{
    asker_init(&asker, 0, false);
    struct net *net = &asker.net;
    net_add(net, -1, NODE_SERVER);
    const size_t first = net_add(net, -1, NODE_SERVER);
    net_away(net, first);
    node_bootstrap(net->nodes[0]->node, &net->nodes[first]->addr);
    ck_assert_int_eq(info_of(0).state, NODE_STARTING);
    net_run(net, 20000);
    ck_assert_int_eq(info_of(0).state, NODE_OFFLINE);
    const uint64_t early = asker_counter(&asker, COUNTER_QUERIES_SENT);
    ck_assert_uint_ge(early, 3);
    net_run(net, 600000);
    /* Once a minute at most, at two tries each, and never given up. */
    const uint64_t late = sent_in(600000);
    ck_assert_uint_ge(late, 5);
    ck_assert_uint_le(late, 30);
    net_back(net, first);
    net_run(net, MAINTAIN_RETRY_MAX_MS * 2);
    ck_assert_int_eq(info_of(0).state, NODE_ONLINE);
    ck_assert_uint_eq(info_of(0).nodes_v4, 1);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_bootstrap_address_given_later_ends_being_alone)
{
    asker_init(&asker, 2, false);
    struct net *net = &asker.net;
    const size_t late = net_add(net, -1, NODE_SERVER);
    net_run(net, 5000);
    ck_assert_int_eq(info_of(late).state, NODE_ALONE);
    node_bootstrap(net->nodes[late]->node, &net->nodes[0]->addr);
    net_run(net, 5000);
    ck_assert_int_eq(info_of(late).state, NODE_ONLINE);
    ck_assert_uint_eq(info_of(late).nodes_v4, 2);
    asker_clear(&asker);
}
END_TEST

START_TEST(unusable_bootstrap_addresses_are_ignored_and_of_too_many_the_newest_tried)
{
    asker_init(&asker, 1, false);
    struct node *node = asker.net.nodes[0]->node;
    struct addr addr = stranger(1);
    addr.port = 0;
    node_bootstrap(node, &addr);
    net_run(&asker.net, 5000);
    ck_assert_int_eq(info_of(0).state, NODE_ALONE);
    for (unsigned i = 0; i < 3 * NODE_BOOTSTRAP_MAX; i++) {
        addr = stranger(i);
        node_bootstrap(node, &addr);
        node_bootstrap(node, &addr);
    }
    /* Each of those that were taken is asked, and asked again once. */
    ck_assert_uint_le(sent_in(900), 2 * NODE_BOOTSTRAP_MAX);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_new_bootstrap_address_takes_the_place_of_the_oldest)
{
    asker_init(&asker, 1, false);
    struct net *net = &asker.net;
    for (unsigned i = 0; i < NODE_BOOTSTRAP_MAX; i++) {
        const struct addr gone = stranger(i);
        node_bootstrap(net->nodes[0]->node, &gone);
    }
    const size_t other = net_add(net, -1, NODE_SERVER);
    node_bootstrap(net->nodes[0]->node, &net->nodes[other]->addr);
    net_run(net, 120000);
    ck_assert_int_eq(info_of(0).state, NODE_ONLINE);
    asker_clear(&asker);
}
END_TEST

START_TEST(restored_contacts_bring_a_node_back_without_bootstrap)
{
    asker_init(&asker, 10, false);
    struct net *net = &asker.net;
    struct contact known[3];
    for (size_t i = 0; i < 3; i++)
        known[i] = (struct contact){.id = info_of(i + 2).id, .addr = net->nodes[i + 2]->addr};
    known[2].addr = stranger(1); /* gone */
    net_restart(net, 1, -1);
    const uint64_t started_ms = net_now(net).ms;
    for (size_t i = 0; i < 3; i++)
        node_restore(net->nodes[1]->node, net_now(net), &known[i]);
    net_flush(net, 1);
    while (info_of(1).state != NODE_ONLINE && net_now(net).ms < started_ms + 10000)
        net_run(net, 1);
    ck_assert_uint_le(net_now(net).ms - started_ms, 1000);
    net_run(net, 2 * RESTORED_SPREAD_MS);
    ck_assert_uint_eq(info_of(1).nodes_v4, 9);
    asker_clear(&asker);
}
END_TEST

START_TEST(restored_contacts_are_asked_over_minutes_once_one_answers)
{
    asker_init(&asker, 2, false);
    struct net *net = &asker.net;
    struct contact there = {.id = info_of(1).id, .addr = net->nodes[1]->addr};
    net_restart(net, 0, -1);
    const uint64_t started_ms = net_now(net).ms;
    node_restore(net->nodes[0]->node, net_now(net), &there);
    for (unsigned i = 0; i < 100; i++) {
        const struct contact gone = made_up(i);
        node_restore(net->nodes[0]->node, net_now(net), &gone);
    }
    while (info_of(0).state != NODE_ONLINE && net_now(net).ms < started_ms + 10000)
        net_run(net, 1);
    ck_assert_int_eq(info_of(0).state, NODE_ONLINE);
    ck_assert_uint_le(sent_in(10000), 40);
    ck_assert_uint_ge(sent_in(RESTORED_SPREAD_MS * 5 / 4), 50);
    asker_clear(&asker);
}
END_TEST

START_TEST(restored_contacts_that_are_gone_mean_offline)
{
    asker_init(&asker, 1, false);
    struct net *net = &asker.net;
    net_restart(net, 0, -1);
    for (unsigned i = 0; i < 5; i++) {
        const struct contact contact = made_up(i);
        node_restore(net->nodes[0]->node, net_now(net), &contact);
    }
    net_flush(net, 0);
    net_run(net, 20000);
    ck_assert_int_eq(info_of(0).state, NODE_OFFLINE);
    ck_assert_uint_eq(info_of(0).nodes_v4, 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_restored_contact_under_another_id_is_not_taken)
{
    asker_init(&asker, 2, false);
    struct net *net = &asker.net;
    net_restart(net, 0, -1);
    struct contact contact = made_up(1);
    contact.addr = net->nodes[1]->addr;
    node_restore(net->nodes[0]->node, net_now(net), &contact);
    net_flush(net, 0);
    net_run(net, 200);
    ck_assert_uint_ge(net_counter(net, 0, COUNTER_REPLIES_WRONG_ID), 1);
    size_t bucket = 0, index = 0;
    const struct routing_node *member;
    while ((member = routing_each(node_routing(net->nodes[0]->node, ADDR_V4), &bucket, &index)))
        ck_assert(!id_equal(&member->contact.id, &contact.id));
    asker_clear(&asker);
}
END_TEST

static void ping_as(unsigned number)
{
    asker.from = stranger(number);
    asker.id = made_up(number).id;
    asker_ask(&asker, (struct krpc){.method = KRPC_PING});
}

START_TEST(strangers_are_met_up_to_the_limit_and_again_when_there_is_room)
{
    asker_init(&asker, 1, false);
    unsigned met = 0;
    asker.net.wires->delay_max_ms = 1;
    for (unsigned i = 0; i < 3 * MAINTAIN_MEETINGS_MAX; i++) {
        ping_as(i);
        met += asker.queries;
    }
    ck_assert_uint_eq(met, MAINTAIN_MEETINGS_MAX);
    ck_assert_uint_eq(info_of(0).queries, MAINTAIN_MEETINGS_MAX);
    net_run(&asker.net, 10000);
    ck_assert_uint_eq(info_of(0).queries, 0);
    ck_assert_uint_eq(info_of(0).nodes_v4, 0);
    ping_as(200);
    ck_assert_uint_eq(asker.queries, 1);
    asker_clear(&asker);
}
END_TEST

/* Queries in the names of nodes that are not there come faster than pings to these run out. */
START_TEST(a_flood_of_strangers_does_not_hide_that_a_member_is_gone)
{
    asker_init(&asker, 6, false);
    struct net *net = &asker.net;
    const struct contact gone = {.id = info_of(3).id, .addr = net->nodes[3]->addr};
    uint64_t op;
    net_run(net, 60000);
    net_kill(net, 3);
    for (unsigned i = 0; i < MAINTAIN_MEETINGS_MAX; i++)
        ping_as(i);
    /* Somebody finds it silent; whether it is gone for good a check must tell. */
    ck_assert_int_eq(node_lookup(net->nodes[0]->node, net_now(net), &gone.id, 2000, &op, net->out),
                     ERR_OK);
    net_flush(net, 0);
    for (unsigned i = 0; i < 2000; i++)
        ping_as(MAINTAIN_MEETINGS_MAX + i);
    const struct routing_node *member =
        routing_find(node_routing(net->nodes[0]->node, ADDR_V4), &gone);
    ck_assert(member == NULL || member->fails >= ROUTING_FAILS_MAX);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_node_that_asked_and_answers_our_ping_becomes_a_member)
{
    asker_init(&asker, 1, false);
    struct net *net = &asker.net;
    const size_t other = net_add(net, 0, NODE_SERVER);
    net_run(net, 3000);
    ck_assert_uint_eq(info_of(0).nodes_v4, 1);
    ck_assert_int_eq(info_of(0).state, NODE_ONLINE);
    ck_assert_uint_eq(info_of(other).nodes_v4, 1);
    asker_clear(&asker);
}
END_TEST

START_TEST(members_that_are_gone_are_noticed_and_leave_the_lists)
{
    asker_init(&asker, 20, false);
    struct net *net = &asker.net;
    for (size_t i = 10; i < 20; i++)
        net_kill(net, i);
    net_run(net, 60u * 60u * 1000u);
    const struct krpc *reply = asker_ask(
        &asker, (struct krpc){.method = KRPC_FIND_NODE, .has_target = true, .read_only = true});
    for (size_t i = 0; i < reply->nodes.size / KRPC_COMPACT_V4; i++) {
        struct contact contact;
        ck_assert(krpc_read_contact(reply->nodes, ADDR_V4, i, &contact.id, &contact.addr));
        ck_assert_uint_lt(process_number(&contact.addr), 10);
    }
    ck_assert_uint_ge(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    asker_clear(&asker);
}
END_TEST

/* BEP 42: the id is changed while the first search of the old one is still under way. */
START_TEST(a_node_that_takes_a_secure_id_still_joins)
{
    static struct net net;
    struct node_info info;
    net_init(&net, 3);
    net.world.config.is_mainline = true;
    for (size_t i = 0; i < 30; i++) {
        net_add(&net, i ? 0 : -1, NODE_SERVER);
        net_run(&net, 1000);
    }
    net_run(&net, 60000);
    for (size_t i = 0; i < net.count; i++) {
        node_get_info(net.nodes[i]->node, &info);
        ck_assert_int_eq(info.state, NODE_ONLINE);
        ck_assert(id_is_secure(&info.id, &net.nodes[i]->addr));
        /* All of so few nodes fit where the tables split near the own id, or nearly all. */
        ck_assert_uint_ge(info.nodes_v4, 12);
        ck_assert_uint_eq(info.operations, 0);
    }
    /* Left alone it searches on: a network that went away is found again. */
    for (size_t i = 1; i < net.count; i++)
        net_away(&net, i);
    net_run(&net, 30u * 60u * 1000u);
    for (size_t i = 1; i < net.count; i++)
        net_back(&net, i);
    net_run(&net, 3u * 60u * 1000u);
    node_get_info(net.nodes[0]->node, &info);
    ck_assert_int_eq(info.state, NODE_ONLINE);
    net_clear(&net);
}
END_TEST

/* A target to which this node is near among those that the first node knows, so that it is asked
 * first, and far among all. */
static bool find_target_beside(size_t index, struct id *target)
{
    struct net *net = &asker.net;
    const struct id *beside = &net->nodes[index]->id;
    const struct routing *table = node_routing(net->nodes[0]->node, ADDR_V4);
    struct contact known[LOOKUP_ALPHA];
    for (unsigned tries = 0; tries < 1000; tries++) {
        unsigned nearer = 0;
        bool is_asked = false;
        id_random(target, &net->rng);
        for (size_t i = 1; i < net->count; i++)
            nearer += id_compare_distance(target, &net->nodes[i]->id, beside) < 0;
        size_t count = routing_closest(table, target, false, known, LOOKUP_ALPHA);
        for (size_t i = 0; i < count; i++)
            is_asked = is_asked || id_equal(&known[i].id, beside);
        if (is_asked && nearer > 2 * LOOKUP_K)
            return true;
    }
    return false;
}

START_TEST(a_dead_member_is_noticed_though_the_lookup_went_on_without_it)
{
    unsigned looked_up = 0;
    asker_init(&asker, 100, false);
    struct net *net = &asker.net;
    /* So steady that who does not answer is late before the lookup ends. */
    net->wires->delay_min_ms = net->wires->delay_max_ms = 40;
    net_run(net, 600000);
    for (unsigned i = 0; i < 5; i++) {
        const struct routing *table = node_routing(net->nodes[0]->node, ADDR_V4);
        size_t bucket = 0, index = i;
        const struct contact member = routing_each(table, &bucket, &index)->contact;
        size_t gone = process_number(&member.addr);
        struct id target;
        uint64_t op;
        if (!find_target_beside(gone, &target))
            continue;
        net_kill(net, gone);
        ck_assert_int_eq(node_lookup(net->nodes[0]->node, net_now(net), &target, 0, &op, net->out),
                         ERR_OK);
        net_flush(net, 0);
        ck_assert_ptr_nonnull(net_wait(net, 0, op));
        const struct routing_node *left = routing_find(table, &member);
        ck_assert(left == NULL || left->fails > 0);
        looked_up++;
    }
    ck_assert_uint_gt(looked_up, 0);
    asker_clear(&asker);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, bootstrap_is_tried_again_at_growing_pauses_until_it_answers);
    tcase_add_test(tests, a_bootstrap_address_given_later_ends_being_alone);
    tcase_add_test(tests,
                   unusable_bootstrap_addresses_are_ignored_and_of_too_many_the_newest_tried);
    tcase_add_test(tests, a_new_bootstrap_address_takes_the_place_of_the_oldest);
    tcase_add_test(tests, a_dead_member_is_noticed_though_the_lookup_went_on_without_it);
    tcase_add_test(tests, restored_contacts_bring_a_node_back_without_bootstrap);
    tcase_add_test(tests, restored_contacts_are_asked_over_minutes_once_one_answers);
    tcase_add_test(tests, restored_contacts_that_are_gone_mean_offline);
    tcase_add_test(tests, a_restored_contact_under_another_id_is_not_taken);
    tcase_add_test(tests, strangers_are_met_up_to_the_limit_and_again_when_there_is_room);
    tcase_add_test(tests, a_flood_of_strangers_does_not_hide_that_a_member_is_gone);
    tcase_add_test(tests, a_node_that_asked_and_answers_our_ping_becomes_a_member);
    tcase_add_test(tests, members_that_are_gone_are_noticed_and_leave_the_lists);
    tcase_add_test(tests, a_node_that_takes_a_secure_id_still_joins);
}
