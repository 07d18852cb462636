/* A search that found nothing goes on only where somebody was silent, and then asks also those who
 * wait to replace the members that are gone. */
#include <check.h>

#include "daemon/dht/node_state.h"
#include "tests/dht/net.h"
#include "tests/runner.h"

static struct net net;
static struct node *node;
static struct search search;

static void setup(void)
{
    net_init(&net, 41);
    net_add(&net, -1, NODE_SERVER);
    node = net.nodes[0]->node;
    neighbours_clear(&node->neighbours[FAMILY_V4]);
}

static void teardown(void)
{
    search_clear(&search);
    net_clear(&net);
}

/* Contacts of the farthest bucket: the first k become members, the others wait. */
static void know(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const uint8_t ip[4] = {10, 3, 0, (uint8_t)(i + 1)};
        struct contact contact = {.addr = addr_v4(ip, 4001)};
        id_random_at(&contact.id, &node->id, 0, &net.rng);
        routing_answered(&node->tables[FAMILY_V4], &contact, true, 10, net_now(&net).ms);
    }
}

static void start(void)
{
    struct id target;
    id_random_at(&target, &node->id, 0, &net.rng);
    search_start(&search, node, net_now(&net), KRPC_GET, &target, LOOKUP_K);
}

/* The first `answers` of those that are asked answer, the others are silent. */
static void run(unsigned answers)
{
    struct lookup *l = &search.lookups[FAMILY_V4];
    while (!search_step(&search, node, net_now(&net), 1, net.out)) {
        for (unsigned i = 0; i < l->count; i++) {
            struct lookup_candidate *c = &l->candidates[i];
            if (c->state == LOOKUP_ASKED && l->answered < answers)
                lookup_answered(l, &c->contact.addr, &c->contact.id, 10);
            else if (c->state == LOOKUP_ASKED)
                lookup_late(l, &c->contact.addr);
            else if (c->state == LOOKUP_LATE && c->tries == LOOKUP_TRIES)
                lookup_silent(l, &c->contact.addr, c->tries);
        }
        outbox_reset(net.out);
    }
}

START_TEST(those_who_wait_are_asked_when_members_are_silent)
{
    know(ROUTING_K + 4);
    start();
    run(1);
    ck_assert_uint_eq(search.lookups[FAMILY_V4].count, ROUTING_K);
    ck_assert(search_widen(&search, node));
    ck_assert_uint_eq(search.lookups[FAMILY_V4].count, ROUTING_K + 4);
    run(5);
    ck_assert_uint_eq(search.lookups[FAMILY_V4].answered, 5);
    ck_assert(!search_widen(&search, node));
}
END_TEST

START_TEST(where_all_answer_nobody_else_is_asked)
{
    know(ROUTING_K + 4);
    start();
    run(ROUTING_K);
    ck_assert(!search_widen(&search, node));
    ck_assert_uint_eq(search.lookups[FAMILY_V4].asked, ROUTING_K);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, those_who_wait_are_asked_when_members_are_silent);
    tcase_add_test(tests, where_all_answer_nobody_else_is_asked);
}
