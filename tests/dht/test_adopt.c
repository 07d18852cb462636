/* On the public network a node takes an id that follows from its address, keeps whom it knows, and
 * is not moved again at once. */
#include "daemon/dht/network/adopt.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/routing/changes.h"
#include "tests/dht/net.h"
#include "tests/runner.h"

#define HOUR_MS (60u * 60u * 1000u)
#define MEMBERS 6u

static struct net net;
static struct node *node;
static struct changes changes;
static const uint8_t ip[4] = {9, 9, 9, 1}, other_ip[4] = {9, 9, 8, 2};

/* Alone on the public network. */
static void setup(void)
{
    net_init(&net, 91);
    net.world.config.is_mainline = true;
    net_add(&net, -1, NODE_SERVER);
    node = net.nodes[0]->node;
}

static void teardown(void)
{
    net_clear(&net);
}

static struct contact member(uint8_t number)
{
    return (struct contact){.id = {{number, 1}},
                            .addr = addr_v4((const uint8_t[4]){80, number, 1, 1}, 4000)};
}

static struct now at(uint64_t ms)
{
    struct now now = net_now(&net);
    now.ms += ms;
    return now;
}

static struct id adopt(const uint8_t agreed[4], uint64_t ms)
{
    node->external[FAMILY_V4].agreed = addr_v4(agreed, 4000);
    adopt_secure_id(node, at(ms));
    return node->id;
}

static bool is_for(const struct id *id, const uint8_t address[4])
{
    const struct addr addr = addr_v4(address, 4000);
    return id_is_secure(id, &addr);
}

START_TEST(the_id_follows_from_the_address)
{
    const struct id before = node->id;
    ck_assert(!is_for(&before, ip));
    const struct id id = adopt(ip, 0);
    ck_assert(is_for(&id, ip));
    ck_assert(id_equal(&node->tables[FAMILY_V4].self, &id));
    ck_assert(id_equal(&node->overlay->tables[FAMILY_V4].self, &id));
    const struct id again = adopt(ip, 2 * HOUR_MS); /* that one is good */
    ck_assert(id_equal(&again, &id));
}
END_TEST

START_TEST(without_an_address_it_stays)
{
    const struct id before = node->id;
    node->external[FAMILY_V4].agreed = (struct addr){0};
    adopt_secure_id(node, at(0));
    ck_assert(id_equal(&node->id, &before));
}
END_TEST

START_TEST(on_a_private_network_it_stays)
{
    const struct id before = node->id;
    node->has_network = true;
    const struct id id = adopt(ip, 0);
    ck_assert(id_equal(&id, &before));
}
END_TEST

START_TEST(it_is_not_moved_again_within_the_hour)
{
    const struct id first = adopt(ip, 0);
    ck_assert(!is_for(&first, other_ip));
    struct id id = adopt(other_ip, HOUR_MS - 1);
    ck_assert(id_equal(&id, &first));
    id = adopt(other_ip, HOUR_MS);
    ck_assert(is_for(&id, other_ip));
}
END_TEST

START_TEST(members_that_answer_move_along_and_nobody_came_or_went)
{
    struct routing *table = &node->tables[FAMILY_V4];
    for (uint8_t i = 0; i < MEMBERS; i++) {
        const struct contact contact = member(i);
        ck_assert_int_eq(routing_answered(table, &contact, i % 2 == 0, 10, at(0).ms),
                         ROUTING_ADDED);
        neighbours_answered(&node->neighbours[FAMILY_V4], &node->id, &contact);
    }
    const struct contact silent = member(3);
    routing_failed(table, &silent, at(0).ms);
    ck_assert_ptr_nonnull(routing_find(table, &silent));
    table->changes = &changes;
    changes.count = 0;
    adopt(ip, 0);
    for (uint8_t i = 0; i < MEMBERS; i++) {
        const struct contact contact = member(i);
        const struct routing_node *found = routing_find(table, &contact);
        ck_assert((found == NULL) == (i == 3));
        ck_assert(found == NULL || found->is_xord == (i % 2 == 0));
    }
    ck_assert_uint_eq(node->neighbours[FAMILY_V4].count, 0);
    ck_assert_uint_eq(changes.count, 0);
    ck_assert_ptr_eq(table->changes, &changes);
    table->changes = NULL;
}
END_TEST

START_TEST(the_new_neighbourhood_is_searched)
{
    node->maintain.is_joining = false;
    node->maintain.join_at_ms = UINT64_MAX;
    node->overlay->join_at_ms = 5 * HOUR_MS;
    node->maintain.fill_prefix = 7;
    adopt(ip, 0);
    ck_assert_uint_eq(node->maintain.join_at_ms, at(0).ms);
    ck_assert_uint_eq(node->overlay->join_at_ms, at(0).ms);
    ck_assert_uint_eq(node->maintain.fill_prefix, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_id_follows_from_the_address);
    tcase_add_test(tests, without_an_address_it_stays);
    tcase_add_test(tests, on_a_private_network_it_stays);
    tcase_add_test(tests, it_is_not_moved_again_within_the_hour);
    tcase_add_test(tests, members_that_answer_move_along_and_nobody_came_or_went);
    tcase_add_test(tests, the_new_neighbourhood_is_searched);
}
