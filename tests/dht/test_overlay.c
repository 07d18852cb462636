/* xord's own nodes must find each other among all others of the public network, keep what is xord's
 * own among themselves, and never send any other node a query of xord's own. */
#include <check.h>

#include "daemon/dht/lookup/lookup.h"
#include "daemon/dht/network/overlay.h"
#include "daemon/dht/ops/query.h"
#include "tests/dht/crowd.h"
#include "tests/dht/draft.h"
#include "tests/runner.h"

#define OTHERS     188u
#define XORDS      12u
#define MANY       60u
#define MOST_XORDS (XORDS - 3) /* the others find no room in a bucket, but in its cache */
#define MINUTE     60000u
#define ENTRIES    30u

static struct net net;
static struct crowd crowd;
static struct draft drafts[ENTRIES];

static void setup(void)
{
    ck_assert_int_eq(keys_init(), ERR_OK);
    net_init(&net, 5);
    crowd_init(&crowd, &net, OTHERS);
}

static void teardown(void)
{
    ck_assert_uint_eq(crowd.extensions, 0);
    net_clear(&net);
}

static void add(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crowd_add(&crowd, NODE_SERVER);
        net_run(&net, 500);
    }
}

static size_t known_to(size_t index)
{
    return net_info(&net, index).nodes_xord;
}

static struct id target_of(const char *text)
{
    struct id target;
    record_multi_target(bytes_of_string(text), bytes_of_string("r"), &target);
    return target;
}

START_TEST(they_find_each_other_though_nobody_lists_them)
{
    add(XORDS);
    net_run(&net, 2 * MINUTE);
    for (size_t i = 0; i < XORDS; i++) {
        const struct node_info info = net_info(&net, i);
        ck_assert_int_eq(info.state, NODE_ONLINE);
        ck_assert(id_is_secure(&info.id, &net.nodes[i]->addr));
        ck_assert_uint_ge(info.nodes_v4, 30);
        ck_assert_uint_ge(known_to(i), MOST_XORDS);
    }
}
END_TEST

START_TEST(those_that_start_at_once_find_each_other_too)
{
    for (size_t i = 0; i < XORDS; i++)
        crowd_add(&crowd, NODE_SERVER);
    net_run(&net, 3 * MINUTE);
    for (size_t i = 0; i < XORDS; i++)
        ck_assert_uint_ge(known_to(i), MOST_XORDS);
}
END_TEST

/* Counts the questions that refresh a table: about ids that are not the asker's own. */
static void on_sent(void *context, struct world *w, struct process *p,
                    const struct out_packet *packet)
{
    struct krpc message;
    size_t *refreshes = context;
    (void)w;
    (void)p;
    if (krpc_parse(packet->data, &message) == ERR_OK && message.type == KRPC_QUERY &&
        message.method == KRPC_XGET && !id_equal(&message.target, &message.id))
        ++*refreshes;
}

START_TEST(at_rest_the_rendezvous_and_the_others_cost_little)
{
    add(XORDS);
    net_run(&net, 60 * MINUTE);
    const size_t announces = crowd.announces, seeks = crowd.seeks;
    const uint64_t packets = net.world.packets;
    size_t refreshes = 0;
    world_watch(&net.world, &(struct watcher){.context = &refreshes, .sent = on_sent});
    net_run(&net, 120 * MINUTE);
    /* Each goes there once in 19 to 25 minutes. */
    ck_assert_uint_ge(crowd.announces - announces, XORDS * LOOKUP_K * 4);
    ck_assert_uint_le(crowd.announces - announces, XORDS * LOOKUP_K * 7);
    ck_assert_uint_le(crowd.seeks - seeks, XORDS * 7 * 32);
    ck_assert_uint_ge(refreshes, XORDS * 2 * 4);
    /* All that a node sends, answers included: two packets a second at most. */
    ck_assert_uint_le((net.world.packets - packets) / XORDS, 120 * 60 * 2);
    for (size_t i = 0; i < XORDS; i++)
        ck_assert_uint_ge(known_to(i), MOST_XORDS);
}
END_TEST

START_TEST(a_client_finds_them_and_announces_nothing)
{
    add(3);
    net_run(&net, MINUTE);
    const size_t announces = crowd.announces;
    net_run(&net, 100);
    const size_t client = crowd_add(&crowd, NODE_CLIENT);
    for (size_t i = 0; i < 3; i++)
        net_away(&net, i);
    net_run(&net, 5000);
    for (size_t i = 0; i < 3; i++)
        net_back(&net, i);
    ck_assert_uint_ge(crowd.seeks, 8);
    ck_assert_uint_eq(crowd.announces, announces);
    net_run(&net, 2 * MINUTE);
    ck_assert_uint_eq(known_to(client), 3);
    ck_assert_uint_eq(known_to(0), 2);
}
END_TEST

START_TEST(a_peer_at_the_rendezvous_that_is_not_xord_is_pinged_and_not_taken)
{
    add(1);
    net_run(&net, 1000);
    for (size_t i = 0; i < 20; i++)
        for (uint32_t to = 0; to < OTHERS && crowd.announced_count < CROWD_ANNOUNCED_MAX; to += 16)
            crowd.announced[crowd.announced_count++] = (struct crowd_announce){
                to, crowd.announced[0].info_hash, crowd_contact(&crowd, i).addr};
    net_run(&net, 10 * MINUTE);
    ck_assert_uint_eq(known_to(0), 0);
    ck_assert_int_eq(net_info(&net, 0).state, NODE_ONLINE);
}
END_TEST

START_TEST(one_that_only_poses_as_xord_is_left_out_of_what_it_does_not_answer)
{
    crowd.impostor = 7;
    add(3);
    const struct contact impostor = crowd_contact(&crowd, crowd.impostor);
    for (size_t i = 0; i < 3; i++)
        node_restore(net.nodes[i]->node, net_now(&net), &impostor);
    net_run(&net, 5000);
    /* Its answer to xget has shown it, and it is out; what it says to a ping brings it in again. */
    net_run(&net, 2 * MINUTE);
    const struct gather_request request = {.target = impostor.id};
    uint64_t op;
    ck_assert_int_eq(node_gather(net.nodes[0]->node, net_now(&net), &request, &op, net.out),
                     ERR_OK);
    net_flush(&net, 0);
    const struct event *event = net_wait(&net, 0, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->stats.replied, 2);
}
END_TEST

static void put_entry(size_t index, struct draft *d)
{
    draft_sign(d);
    const struct put_request request = node_put_request(&d->record);
    const struct event *event = net_put(&net, index, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, LOOKUP_K);
}

START_TEST(entries_are_held_by_xord_nodes_and_gathered_from_them)
{
    const struct id target = target_of("hashtag");
    add(XORDS);
    net_run(&net, 2 * MINUTE);
    for (size_t i = 0; i < ENTRIES; i++) {
        drafts[i] = draft_of(&target, net_now(&net).unix_s, "latest", 1);
        drafts[i].signer = (uint8_t)i;
        put_entry(i % XORDS, &drafts[i]);
    }
    for (size_t i = 0; i < XORDS; i++) {
        const struct gather_request request = {.target = target};
        uint64_t op;
        ck_assert_int_eq(node_gather(net.nodes[i]->node, net_now(&net), &request, &op, net.out),
                         ERR_OK);
        net_flush(&net, i);
        const struct event *event = net_wait(&net, i, op);
        ck_assert_ptr_nonnull(event);
        ck_assert_int_eq(event->err, ERR_OK);
        ck_assert_uint_eq(event->gather.count, ENTRIES);
        ck_assert(event->stats.is_complete);
    }
}
END_TEST

static bool is_among_nearest(size_t index, const struct id *target)
{
    const struct id own = net_info(&net, index).id;
    unsigned nearer = 0;
    for (size_t i = 0; i < net.count; i++) {
        const struct id other = net_info(&net, i).id;
        nearer += id_compare_distance(target, &other, &own) < 0;
    }
    return nearer < LOOKUP_K;
}

START_TEST(entries_lie_on_the_nearest_of_many)
{
    size_t right = 0;
    add(MANY);
    net_run(&net, 10 * MINUTE);
    for (size_t n = 0; n < ENTRIES; n++) {
        char name[2] = {(char)('a' + n), 0};
        const struct id target = target_of(name);
        struct draft *d = &drafts[n];
        *d = draft_of(&target, net_now(&net).unix_s, "latest", 1);
        put_entry(n % MANY, d);
        const struct id key = draft_key(d);
        for (size_t i = 0; i < MANY; i++)
            right += net_holds(&net, i, RECORD_MULTI, &key) && is_among_nearest(i, &target);
    }
    /* One whose answer is late is passed over now and then. */
    ck_assert_uint_ge(right, ENTRIES * LOOKUP_K * 97 / 100);
}
END_TEST

static size_t count_holders(const struct id *key)
{
    return net_holders(&net, RECORD_MULTI, key);
}

static size_t find_holder(const struct id *key)
{
    size_t index = 0;
    while (!net_is_up(&net, index) || !net_holds(&net, index, RECORD_MULTI, key))
        index++;
    return index;
}

START_TEST(a_lost_holder_of_an_entry_is_replaced_by_another_of_them)
{
    const struct id target = target_of("kept");
    add(2 * XORDS);
    net_run(&net, 5 * MINUTE);
    drafts[0] = draft_of(&target, net_now(&net).unix_s, "latest", 1);
    put_entry(0, &drafts[0]);
    const struct id key = draft_key(&drafts[0]);
    for (unsigned lost = 0; lost < 3; lost++) {
        net_kill(&net, find_holder(&key));
        ck_assert_uint_le(count_holders(&key), LOOKUP_K - 1);
        net_run(&net, 10 * MINUTE);
        ck_assert_uint_ge(count_holders(&key), LOOKUP_K);
    }
}
END_TEST

START_TEST(the_first_one_works_alone)
{
    const struct id target = target_of("alone");
    const struct gather_request request = {.target = target};
    uint64_t op;
    add(1);
    net_run(&net, MINUTE);
    drafts[0] = draft_of(&target, net_now(&net).unix_s, "latest", 1);
    draft_sign(&drafts[0]);
    ck_assert_int_eq(node_gather(net.nodes[0]->node, net_now(&net), &request, &op, net.out),
                     ERR_OK);
    net_flush(&net, 0);
    ck_assert_int_eq(net_wait(&net, 0, op)->err, ERR_OK);
}
END_TEST

START_TEST(one_that_leaves_says_so_to_the_others)
{
    uint64_t op;
    add(XORDS);
    net_run(&net, 2 * MINUTE);
    ck_assert_int_eq(node_leave(net.nodes[3]->node, net_now(&net), 5000, &op, net.out), ERR_OK);
    net_flush(&net, 3);
    ck_assert_ptr_nonnull(net_wait(&net, 3, op));
    net_kill(&net, 3);
    net_run(&net, 10000);
    struct contact nearest[ROUTING_K * 4];
    for (size_t i = 0; i < XORDS; i++) {
        if (i == 3)
            continue;
        const struct routing *table = node_routing_xord(net.nodes[i]->node, ADDR_V4);
        ck_assert_uint_eq(routing_closest(table, &net.nodes[3]->id, false, nearest, 32), XORDS - 2);
    }
}
END_TEST

START_TEST(a_restored_contact_brings_a_node_back_to_the_others)
{
    add(XORDS);
    net_run(&net, 2 * MINUTE);
    crowd.announced_count = 0; /* all is forgotten at the rendezvous */
    const struct contact known = {net.nodes[5]->id, net.nodes[5]->addr};
    const struct contact first = crowd_contact(&crowd, 9);
    net_restart(&net, 4, -1);
    node_restore(net.nodes[4]->node, net_now(&net), &known);
    node_restore(net.nodes[4]->node, net_now(&net), &first);
    net_flush(&net, 4);
    net_run(&net, 5000);
    ck_assert_uint_ge(known_to(4), MOST_XORDS);
}
END_TEST

static bool can_ask(const struct contact *contact, enum krpc_method method)
{
    const struct krpc message = {.method = method, .has_target = true, .target = contact->id};
    const struct query query = {
        .purpose = QUERY_PING, .contact = *contact, .has_id = true, .message = &message};
    bool is_sent = query_send(net.nodes[0]->node, net_now(&net), &query, net.out);
    outbox_reset(net.out);
    return is_sent;
}

START_TEST(a_query_of_xords_own_is_not_sent_to_others)
{
    add(2);
    net_run(&net, MINUTE);
    const struct contact other = crowd_contact(&crowd, 3);
    const struct contact xord = {net_info(&net, 1).id, net.nodes[1]->addr};
    ck_assert(can_ask(&other, KRPC_GET));
    ck_assert(!can_ask(&other, KRPC_XGET));
    ck_assert(!can_ask(&other, KRPC_XPUT));
    ck_assert(!can_ask(&other, KRPC_BYE));
    ck_assert(can_ask(&xord, KRPC_XGET));
    ck_assert(can_ask(&xord, KRPC_BYE));
}
END_TEST

START_TEST(a_private_network_has_no_overlay)
{
    net.world.config.is_mainline = false;
    net_add(&net, -1, NODE_SERVER);
    for (size_t i = 1; i < 5; i++)
        net_add(&net, 0, NODE_SERVER);
    net_run(&net, MINUTE);
    ck_assert_ptr_null(node_routing_xord(net.nodes[0]->node, ADDR_V4));
    ck_assert_uint_eq(known_to(0), 4);
    ck_assert_uint_eq(net_info(&net, 0).nodes_v4, 4);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, they_find_each_other_though_nobody_lists_them);
    tcase_add_test(tests, those_that_start_at_once_find_each_other_too);
    tcase_add_test(tests, at_rest_the_rendezvous_and_the_others_cost_little);
    tcase_add_test(tests, a_client_finds_them_and_announces_nothing);
    tcase_add_test(tests, a_peer_at_the_rendezvous_that_is_not_xord_is_pinged_and_not_taken);
    tcase_add_test(tests, one_that_only_poses_as_xord_is_left_out_of_what_it_does_not_answer);
    tcase_add_test(tests, entries_are_held_by_xord_nodes_and_gathered_from_them);
    tcase_add_test(tests, entries_lie_on_the_nearest_of_many);
    tcase_add_test(tests, a_lost_holder_of_an_entry_is_replaced_by_another_of_them);
    tcase_add_test(tests, the_first_one_works_alone);
    tcase_add_test(tests, one_that_leaves_says_so_to_the_others);
    tcase_add_test(tests, a_restored_contact_brings_a_node_back_to_the_others);
    tcase_add_test(tests, a_query_of_xords_own_is_not_sent_to_others);
    tcase_add_test(tests, a_private_network_has_no_overlay);
}
