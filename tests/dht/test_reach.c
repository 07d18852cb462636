/* A node must say that it is read-only until strangers have come to it by themselves, must serve
 * from then on, and must begin again when its address changes. */
#include <check.h>

#include "daemon/dht/node_state.h"
#include "tests/dht/net.h"
#include "tests/runner.h"

#define MINUTE_MS 60000u

static struct reach reach;
static struct external external;
static struct now now;

static struct addr host(uint8_t network, uint8_t number)
{
    return addr_v4((const uint8_t[4]){80, 1, network, number}, 6881);
}

static void vote(uint8_t voter, uint8_t says, uint16_t port)
{
    const struct addr from = host(voter, 1),
                      seen = addr_v4((const uint8_t[4]){9, 9, 9, says}, port);
    uint8_t compact[ADDR_COMPACT_V6];
    external_vote(&external, &from, bytes_of(compact, addr_to_compact(&seen, compact)));
}

static void set_up(void)
{
    now = (struct now){.ms = 1000, .unix_s = 1700000000};
    external = (struct external){0};
    reach_init(&reach);
}

/* Enough voters agree, none of whom can be a stranger any more. */
static void agree(uint8_t says)
{
    for (uint8_t i = 0; i < EXTERNAL_AGREE; i++) {
        const struct addr voter = host(i, 1);
        reach_sent(&reach, &voter);
        vote(i, says, 4000);
    }
}

static void begin_trial(void)
{
    agree(1);
    ck_assert(!reach_seen(&reach, now, &external));
    now.ms += REACH_STEADY_MS;
    ck_assert(reach_tick(&reach, now));
    ck_assert_int_eq(reach.state, REACH_TRYING);
}

static bool come(uint8_t network, uint8_t number)
{
    const struct addr from = host(network, number);
    return reach_queried(&reach, &from);
}

START_TEST(strangers_of_different_prefixes_open_it)
{
    set_up();
    begin_trial();
    for (uint8_t i = 0; i < 50; i++) {
        ck_assert(!come(0, i));   /* we sent to its prefix */
        ck_assert(!come(100, i)); /* one prefix counts once */
    }
    ck_assert(!come(101, 1));
    ck_assert(come(102, 1));
    ck_assert_int_eq(reach.state, REACH_OPEN);
    ck_assert_uint_eq(reach.at_ms, UINT64_MAX);
    ck_assert_ptr_null(reach.sent);
}
END_TEST

START_TEST(strangers_before_the_trial_count_for_nothing)
{
    set_up();
    agree(1);
    reach_seen(&reach, now, &external);
    for (uint8_t i = 0; i < 9; i++)
        ck_assert(!come((uint8_t)(100 + i), 1));
    ck_assert_int_eq(reach.state, REACH_UNKNOWN);
    reach_clear(&reach);
}
END_TEST

START_TEST(without_strangers_it_tries_again_ever_later)
{
    set_up();
    begin_trial();
    uint64_t pause_ms = REACH_PAUSE_MS;
    for (unsigned i = 0; i < 8; i++) {
        now.ms += REACH_TRIAL_MS - 1;
        ck_assert(!reach_tick(&reach, now));
        now.ms++;
        ck_assert(reach_tick(&reach, now));
        ck_assert_int_eq(reach.state, REACH_UNKNOWN);
        ck_assert_uint_eq(reach.at_ms, now.ms + pause_ms);
        now.ms = reach.at_ms;
        ck_assert(reach_tick(&reach, now));
        ck_assert_int_eq(reach.state, REACH_TRYING);
        pause_ms = 2 * pause_ms < REACH_PAUSE_MAX_MS ? 2 * pause_ms : REACH_PAUSE_MAX_MS;
    }
    reach_clear(&reach);
}
END_TEST

START_TEST(another_address_begins_anew_and_one_voice_changes_nothing)
{
    set_up();
    begin_trial();
    for (uint8_t i = 0; i < REACH_STRANGERS; i++)
        come((uint8_t)(100 + i), 1);
    vote(200, 7, 4000);
    ck_assert(!reach_seen(&reach, now, &external));
    vote(200, 1, 4999);
    ck_assert(!reach_seen(&reach, now, &external));
    ck_assert_int_eq(reach.state, REACH_OPEN);
    agree(2);
    ck_assert(reach_seen(&reach, now, &external));
    ck_assert_int_eq(reach.state, REACH_UNKNOWN);
    ck_assert_uint_eq(reach.at_ms, now.ms + REACH_STEADY_MS);
    reach_clear(&reach);
}
END_TEST

/* A NAT that gives us another port for each peer lets no stranger in. */
START_TEST(an_address_with_many_ports_is_never_tried)
{
    set_up();
    for (uint8_t i = 0; i < EXTERNAL_VOTERS; i++)
        vote(i, 1, (uint16_t)(4000 + i));
    ck_assert_int_eq(external.agreed.family, ADDR_V4);
    reach_seen(&reach, now, &external);
    ck_assert_uint_eq(reach.at_ms, UINT64_MAX);
}
END_TEST

static struct net net;

static size_t add_auto(void)
{
    net_init(&net, 11);
    net.world.config.is_mainline = true;
    for (size_t i = 0; i < 8; i++) {
        net_add(&net, i > 0 ? 0 : -1, NODE_SERVER);
        net_run(&net, 1000);
    }
    size_t index = net_add(&net, 0, NODE_AUTO);
    net_run(&net, MINUTE_MS / 2);
    ck_assert_int_eq(net_info(&net, index).role, NODE_CLIENT);
    ck_assert_uint_eq(net_counter(&net, index, COUNTER_QUERIES_SERVED), 0);
    net_run(&net, 2 * MINUTE_MS);
    ck_assert_int_eq(net_info(&net, index).reach, REACH_TRYING);
    ck_assert_int_eq(net_info(&net, index).role, NODE_SERVER);
    return index;
}

START_TEST(a_node_that_newcomers_find_becomes_a_server)
{
    size_t index = add_auto();
    for (size_t i = 0; i < 6; i++) {
        net_add(&net, 1, NODE_SERVER);
        net_run(&net, 2000);
    }
    net_run(&net, REACH_TRIAL_MS);
    ck_assert_int_eq(net_info(&net, index).reach, REACH_OPEN);
    ck_assert_int_eq(net_info(&net, index).role, NODE_SERVER);
    net_clear(&net);
}
END_TEST

START_TEST(a_node_that_nobody_comes_to_is_a_client_again)
{
    size_t index = add_auto();
    net_run(&net, REACH_TRIAL_MS);
    ck_assert_int_eq(net_info(&net, index).reach, REACH_UNKNOWN);
    ck_assert_int_eq(net_info(&net, index).role, NODE_CLIENT);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, strangers_of_different_prefixes_open_it);
    tcase_add_test(tests, strangers_before_the_trial_count_for_nothing);
    tcase_add_test(tests, without_strangers_it_tries_again_ever_later);
    tcase_add_test(tests, another_address_begins_anew_and_one_voice_changes_nothing);
    tcase_add_test(tests, an_address_with_many_ports_is_never_tried);
    tcase_add_test(tests, a_node_that_newcomers_find_becomes_a_server);
    tcase_add_test(tests, a_node_that_nobody_comes_to_is_a_client_again);
}
