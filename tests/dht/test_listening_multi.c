/* Who listens to a multi is told of each entry once, whichever holder has it, and of nothing older
 * than what was told. */
#include "daemon/dht/listen/sources.h"
#include "daemon/dht/records/multi.h"
#include "tests/dht/listener.h"
#include "tests/runner.h"

#define SOON_MS  3000u
#define ROUND_MS (SOURCES_ROUND_MS + 3000u)
#define SMALL    80u
#define LARGE    900u

static struct net net;
static struct listener heard;
static struct entry entry;
static struct id target;
static size_t holders[ENTRIES_HOLDERS], listener;
static uint64_t op;

static void build(size_t count, uint64_t seed)
{
    net_build(&net, count, seed);
    listener_watch(&heard, &net);
    rng_bytes(&net.rng, target.b, ID_SIZE);
    entries_holders(&net, &target, holders);
    listener = entries_stranger(&net, &target);
}

static void place(size_t holder, unsigned number, int64_t seq, size_t v_size)
{
    net_place(&net, holder, STORE_HELD,
              entry_make(&entry, &net, &target, number, seq, v_size, number % 1000));
}

static void place_at_all(unsigned number, int64_t seq, size_t v_size)
{
    for (size_t i = 0; i < ENTRIES_HOLDERS; i++)
        place(holders[i], number, seq, v_size);
}

static void start(void)
{
    op = listener_multi(&heard, listener, &target);
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, NODE_TIMEOUT_MS));
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_SYNCED)->err, ERR_OK);
}

static enum err put(size_t node, unsigned number, int64_t seq, size_t v_size)
{
    const struct record *record = entry_make(&entry, &net, &target, number, seq, v_size, 0);
    const struct put_request request = node_put_request(record);
    return net_put(&net, node, &request)->err;
}

static size_t values(void)
{
    return listener_count(&heard, op, LISTEN_VALUE);
}

/* Each place's seq only rises, and no entry comes twice. */
static void expect_in_order(void)
{
    for (size_t i = 0; i < heard.count; i++)
        for (size_t k = i + 1; k < heard.count; k++)
            if (heard.heard[i].what <= LISTEN_DELETED && heard.heard[k].what <= LISTEN_DELETED &&
                id_equal(&heard.heard[i].key, &heard.heard[k].key))
                ck_assert_int_gt(heard.heard[k].seq, heard.heard[i].seq);
}

START_TEST(a_full_multi_is_read_whole_before_it_is_synced)
{
    build(20, 21);
    for (unsigned i = 0; i < MULTI_ENTRIES_DEFAULT; i++)
        place_at_all(i, 1, LARGE);
    start();
    ck_assert_uint_eq(values(), MULTI_ENTRIES_DEFAULT);
    ck_assert_uint_eq(net_counter(&net, listener, COUNTER_CATCHUPS), 1);
    for (size_t i = 0; i < heard.count; i++)
        ck_assert(heard.heard[i].is_replay || heard.heard[i].what == LISTEN_SYNCED);
    expect_in_order();
    net_clear(&net);
}
END_TEST

START_TEST(what_one_holder_alone_has_is_told_too)
{
    build(20, 22);
    for (unsigned i = 0; i < 40; i++)
        place(holders[i % ENTRIES_HOLDERS], i, 1, SMALL);
    start();
    ck_assert_uint_eq(values(), 40);
    expect_in_order();
    net_clear(&net);
}
END_TEST

START_TEST(what_was_never_pushed_is_found_by_the_next_renewal)
{
    build(20, 23);
    place_at_all(1, 1, SMALL);
    start();
    place(holders[3], 2, 1, SMALL);
    place(holders[5], 1, 2, SMALL);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 3, ROUND_MS));
    ck_assert(!listener_last(&heard, op, LISTEN_VALUE)->is_replay);
    expect_in_order();
    net_clear(&net);
}
END_TEST

START_TEST(what_is_older_is_no_event_and_is_not_asked_about_for_ever)
{
    build(20, 24);
    place_at_all(1, 5, SMALL);
    place_at_all(2, 5, 0);
    start();
    ck_assert_uint_eq(values(), 1);
    net_wipe(&net, holders[2], STORE_HELD);
    place(holders[2], 1, 3, SMALL);
    place(holders[2], 2, 3, SMALL);
    net_run(&net, ROUND_MS);
    uint64_t catchups = net_counter(&net, listener, COUNTER_CATCHUPS);
    net_run(&net, 4 * ROUND_MS);
    ck_assert_uint_eq(values(), 1);
    ck_assert_uint_le(net_counter(&net, listener, COUNTER_CATCHUPS), catchups + 1);
    net_clear(&net);
}
END_TEST

START_TEST(entries_are_replaced_and_deleted)
{
    build(20, 25);
    ck_assert_int_eq(put(1, 7, 1, SMALL), ERR_OK);
    start();
    ck_assert_uint_eq(values(), 1);
    ck_assert_int_eq(put(2, 7, 2, SMALL), ERR_OK);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 2, SOON_MS));
    ck_assert_int_eq(put(3, 7, 3, 0), ERR_OK);
    ck_assert(listener_wait(&heard, op, LISTEN_DELETED, 1, SOON_MS));
    const struct listener_heard *last = listener_last(&heard, op, LISTEN_DELETED);
    ck_assert_int_eq(last->seq, 3);
    ck_assert(id_equal(&last->key, &listener_last(&heard, op, LISTEN_VALUE)->key));
    net_run(&net, 3 * ROUND_MS);
    ck_assert_uint_eq(values(), 2);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_DELETED), 1);
    net_clear(&net);
}
END_TEST

START_TEST(an_entry_that_ends_is_named_by_its_place)
{
    build(20, 26);
    ck_assert_int_eq(put(1, 7, 4, SMALL), ERR_OK);
    start();
    const struct id key = listener_last(&heard, op, LISTEN_VALUE)->key;
    net_skip(&net, RECORD_TTL_S_DEFAULT - 30);
    net_run(&net, 20000);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 0);
    net_run(&net, 80000);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 1);
    ck_assert(id_equal(&listener_last(&heard, op, LISTEN_EXPIRED)->key, &key));
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_EXPIRED)->seq, 4);
    net_run(&net, 2 * 3600u * 1000u);
    ck_assert_int_eq(put(1, 7, 5, SMALL), ERR_OK);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 2, SOON_MS));
    net_clear(&net);
}
END_TEST

START_TEST(with_every_fifth_packet_lost_each_entry_comes_once)
{
    build(30, 27);
    for (unsigned i = 0; i < 60; i++)
        place_at_all(i, 1, LARGE);
    net.wires->loss_permille = 200;
    op = listener_multi(&heard, listener, &target);
    for (unsigned i = 100; i < 140; i++)
        if (put(i % 30, i, 1, SMALL) != ERR_OK)
            ck_abort();
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 100, 2 * ROUND_MS));
    net_run(&net, 3 * ROUND_MS);
    ck_assert_uint_eq(values(), 100);
    expect_in_order();
    net_clear(&net);
}
END_TEST

START_TEST(a_holder_pushed_to_by_another_is_no_second_event)
{
    build(20, 28);
    place_at_all(1, 1, SMALL);
    start();
    ck_assert_int_eq(put(4, 2, 1, SMALL), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        net_kill(&net, holders[i]);
    net_run(&net, 10 * 60 * 1000); /* others have been given both */
    ck_assert_uint_eq(values(), 2);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_full_multi_is_read_whole_before_it_is_synced);
    tcase_add_test(tests, what_one_holder_alone_has_is_told_too);
    tcase_add_test(tests, what_was_never_pushed_is_found_by_the_next_renewal);
    tcase_add_test(tests, what_is_older_is_no_event_and_is_not_asked_about_for_ever);
    tcase_add_test(tests, entries_are_replaced_and_deleted);
    tcase_add_test(tests, an_entry_that_ends_is_named_by_its_place);
    tcase_add_test(tests, with_every_fifth_packet_lost_each_entry_comes_once);
    tcase_add_test(tests, a_holder_pushed_to_by_another_is_no_second_event);
}
