/* Who listens is told what is stored, then each change, once and in order, whatever becomes of the
 * holders; and nothing is left when it ends. */
#include "daemon/dht/listen/sources.h"
#include "tests/dht/listener.h"
#include "tests/runner.h"

#define SOON_MS   2000u
#define MINUTE_MS 60000u

static struct net net;
static struct listener heard;

static void build(size_t count, uint64_t seed)
{
    net_build(&net, count, seed);
    listener_watch(&heard, &net);
}

START_TEST(a_value_that_is_stored_comes_first_and_then_each_change)
{
    build(20, 1);
    listener_put(&heard, 1, "a", "1");
    uint64_t op = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 1);
    ck_assert(listener_last(&heard, op, LISTEN_VALUE)->is_replay);
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_SYNCED)->err, ERR_OK);
    for (unsigned i = 2; i < 6; i++) {
        char body[4] = {(char)('0' + i)};
        int64_t seq = listener_put(&heard, i, "a", body);
        ck_assert(listener_wait(&heard, op, LISTEN_VALUE, i, SOON_MS));
        const struct listener_heard *last = listener_last(&heard, op, LISTEN_VALUE);
        ck_assert_int_eq(last->seq, seq);
        ck_assert_str_eq(last->body, body);
        ck_assert(!last->is_replay);
    }
    net_run(&net, 3 * MINUTE_MS);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 5);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_SYNCED), 1);
    listener_cancel(&heard, 7, op);
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_END)->err, ERR_CANCELLED);
    ck_assert_uint_eq(net_info(&net, 7).listens, 0);
    net_run(&net, SOON_MS);
    for (size_t i = 0; i < net.count; i++)
        ck_assert_uint_eq(net_info(&net, i).leases, 0);
    net_clear(&net);
}
END_TEST

START_TEST(all_entries_of_a_multi_come_once_and_then_each_new_one)
{
    static struct entry entry;
    const struct id target = {.b = {9, 9}};
    size_t holders[ENTRIES_HOLDERS];
    build(20, 2);
    size_t count = entries_holders(&net, &target, holders);
    for (unsigned i = 0; i < 100; i++)
        for (size_t h = 0; h < count; h++)
            net_place(&net, holders[h], STORE_HELD,
                      entry_make(&entry, &net, &target, i, 1, i % 10 ? 60 : 0, i));
    uint64_t op = listener_multi(&heard, entries_stranger(&net, &target), &target);
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, 2 * SOON_MS));
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 90);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_DELETED), 0);
    for (unsigned i = 200; i < 210; i++) {
        const struct record *record = entry_make(&entry, &net, &target, i, 1, 60, 0);
        const struct put_request put = node_put_request(record);
        ck_assert_int_eq(net_put(&net, i % 20, &put)->err, ERR_OK);
    }
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 100, SOON_MS));
    net_run(&net, 3 * MINUTE_MS);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 100);
    net_clear(&net);
}
END_TEST

static int64_t put(size_t node, const char *salt, const char *body, uint64_t ttl_s)
{
    const struct envelope envelope = owner_envelope(&net, body, ttl_s);
    return listener_put_envelope(&heard, node, salt, &envelope);
}

START_TEST(a_deletion_is_told_and_what_comes_after_it)
{
    build(20, 3);
    put(1, "a", "1", 86400);
    uint64_t op = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    int64_t seq = put(2, "a", NULL, 86400);
    ck_assert(listener_wait(&heard, op, LISTEN_DELETED, 1, SOON_MS));
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_DELETED)->seq, seq);
    put(3, "a", "2", 86400);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 2, SOON_MS));
    net_run(&net, 2 * MINUTE_MS);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_DELETED), 1);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 2);
    net_clear(&net);
}
END_TEST

START_TEST(a_deletion_from_before_is_no_event)
{
    build(20, 4);
    put(1, "a", "1", 86400);
    put(1, "a", NULL, 86400);
    uint64_t op = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    ck_assert_uint_eq(heard.count, 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_value_whose_time_passes_has_expired_once)
{
    build(20, 5);
    int64_t seq = put(1, "a", "1", 60);
    uint64_t op = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    net_run(&net, 50000);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 0);
    net_run(&net, 12000);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 1);
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_EXPIRED)->seq, seq);
    net_run(&net, 3 * MINUTE_MS);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 1);
    put(1, "a", "2", 60);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 2, SOON_MS));
    net_clear(&net);
}
END_TEST

START_TEST(a_value_that_is_put_again_in_time_does_not_expire)
{
    build(20, 6);
    put(1, "a", "1", 60);
    uint64_t op = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    net_run(&net, 50000);
    put(1, "a", "2", 600);
    net_run(&net, MINUTE_MS);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 0);
    net_clear(&net);
}
END_TEST

START_TEST(what_is_stored_at_the_listener_itself_is_told_without_a_packet)
{
    build(1, 7);
    uint64_t op = listener_single(&heard, 0, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    put(0, "a", "1", 86400);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 1, SOON_MS));
    ck_assert(!listener_last(&heard, op, LISTEN_VALUE)->is_replay);
    net_clear(&net);
}
END_TEST

START_TEST(who_was_alone_listens_to_those_that_join)
{
    const char *salts[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    uint64_t ops[8];
    build(1, 8);
    for (unsigned i = 0; i < 8; i++)
        ops[i] = listener_single(&heard, 0, salts[i]);
    ck_assert(listener_wait(&heard, ops[7], LISTEN_SYNCED, 1, SOON_MS));
    for (size_t i = 0; i < 30; i++)
        net_add(&net, 0, NODE_SERVER);
    net_run(&net, 10000);
    for (unsigned i = 0; i < 8; i++) {
        put(5, salts[i], "1", 86400);
        ck_assert(listener_wait(&heard, ops[i], LISTEN_VALUE, 1, SOON_MS));
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_client_hears_like_a_server)
{
    build(20, 9);
    size_t client = net_add(&net, 0, NODE_CLIENT);
    net_run(&net, 3000);
    uint64_t op = listener_single(&heard, client, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    put(5, "a", "1", 86400);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 1, SOON_MS));
    net_clear(&net);
}
END_TEST

static bool is_told(uint64_t op, int64_t seq)
{
    for (size_t i = 0; i < heard.count; i++)
        if (heard.heard[i].op == op && heard.heard[i].what == LISTEN_VALUE &&
            heard.heard[i].seq == seq)
            return true;
    return false;
}

static void wait_for_seq(uint64_t op, int64_t seq, uint64_t ms)
{
    for (uint64_t waited = 0; waited < ms && !is_told(op, seq); waited += 100)
        net_run(&net, 100);
    ck_assert_msg(is_told(op, seq), "%d", (int)seq);
}

/* None comes twice, none before another. */
static void expect_in_order(uint64_t op)
{
    int64_t last = 0;
    for (size_t i = 0; i < heard.count; i++) {
        if (heard.heard[i].op != op || heard.heard[i].what != LISTEN_VALUE)
            continue;
        ck_assert_int_gt(heard.heard[i].seq, last);
        last = heard.heard[i].seq;
    }
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_EXPIRED), 0);
}

START_TEST(with_every_fifth_packet_lost_every_value_comes_in_order)
{
    build(30, 10);
    uint64_t op = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    net.wires->loss_permille = 200;
    for (unsigned i = 1; i <= 40; i++)
        wait_for_seq(op, put(i % 30 == 7 ? 8 : i % 30, "a", "1", 86400), SOURCES_ROUND_MS + 5000);
    expect_in_order(op);
    net_clear(&net);
}
END_TEST

START_TEST(holders_that_die_are_replaced_and_nothing_is_missed)
{
    size_t holders[ENTRIES_HOLDERS];
    build(40, 11);
    const struct id target = owner_target(&net, "a");
    size_t listener = entries_stranger(&net, &target);
    uint64_t op = listener_single(&heard, listener, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    for (unsigned i = 1; i <= 6; i++) {
        for (unsigned k = 0; k < 3; k++) {
            entries_holders(&net, &target, holders);
            net_kill(&net, holders[k]);
        }
        net_run(&net, SOURCES_ROUND_MS + 15000);
        put(listener, "a", "1", 86400);
        ck_assert(listener_wait(&heard, op, LISTEN_VALUE, i, SOON_MS));
    }
    expect_in_order(op);
    net_clear(&net);
}
END_TEST

START_TEST(all_holders_restart_with_what_they_had_and_are_listened_to_again)
{
    size_t holders[ENTRIES_HOLDERS];
    build(30, 12);
    const struct id target = owner_target(&net, "a");
    size_t listener = entries_stranger(&net, &target);
    put(listener, "a", "1", 86400);
    uint64_t op = listener_single(&heard, listener, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    entries_holders(&net, &target, holders);
    for (unsigned i = 0; i < ENTRIES_HOLDERS; i++)
        net_restart(&net, holders[i], (int)listener);
    net_run(&net, SOURCES_ROUND_MS + 20000);
    put(listener, "a", "2", 86400);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 2, SOON_MS));
    expect_in_order(op);
    net_clear(&net);
}
END_TEST

/* Leases that these nodes have granted. */
static size_t leases_of(const size_t nodes[], size_t count)
{
    size_t leases = 0;
    for (size_t i = 0; i < count; i++)
        leases += net_info(&net, nodes[i]).leases;
    return leases;
}

START_TEST(closer_nodes_that_join_are_subscribed_to)
{
    size_t holders[ENTRIES_HOLDERS];
    build(20, 13);
    const struct id target = owner_target(&net, "a");
    size_t listener = entries_stranger(&net, &target);
    uint64_t op = listener_single(&heard, listener, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    for (size_t i = 0; i < 20; i++)
        net_add(&net, 0, NODE_SERVER);
    net_run(&net, 3 * MINUTE_MS);
    ck_assert_uint_eq(entries_holders(&net, &target, holders), 8);
    ck_assert_uint_eq(leases_of(holders, 8), 8);
    size_t all = 0;
    for (size_t i = 0; i < net.count; i++)
        all += net_info(&net, i).leases;
    ck_assert_uint_eq(all, 8);
    net_clear(&net);
}
END_TEST

START_TEST(a_listen_can_be_ended_at_any_time)
{
    build(20, 14);
    put(1, "a", "1", 86400);
    for (unsigned ms = 0; ms < 300; ms += 7) {
        uint64_t op = listener_single(&heard, 7, "a");
        net_run(&net, ms);
        listener_cancel(&heard, 7, op);
        ck_assert_uint_eq(listener_count(&heard, op, LISTEN_END), 1);
        ck_assert_uint_le(listener_count(&heard, op, LISTEN_VALUE), 1);
        listener_cancel(&heard, 7, op);
        ck_assert_uint_eq(listener_count(&heard, op, LISTEN_END), 1);
    }
    net_run(&net, SOON_MS);
    for (size_t i = 0; i < net.count; i++)
        ck_assert_uint_eq(net_info(&net, i).leases, 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_holder_that_is_found_by_both_families_is_one_source)
{
    const struct addr first6 = process_addr6(0);
    net_init(&net, 17);
    net.world.config.has_v6 = true;
    for (size_t i = 0; i < 12; i++) {
        net_add(&net, i ? 0 : -1, NODE_SERVER);
        node_bootstrap(net.nodes[i]->node, &first6);
        net_run(&net, 200);
    }
    net_run(&net, 5000);
    listener_watch(&heard, &net);
    uint64_t op = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    ck_assert_uint_eq(net_counter(&net, 7, COUNTER_LEASES_TAKEN), 8);
    put(1, "a", "1", 86400);
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 1, SOON_MS));
    net_run(&net, MINUTE_MS);
    ck_assert_uint_eq(net_counter(&net, 7, COUNTER_LEASES_TAKEN), 8);
    net_clear(&net);
}
END_TEST

START_TEST(two_listens_to_the_same_are_told_each)
{
    build(20, 15);
    uint64_t one = listener_single(&heard, 7, "a"), two = listener_single(&heard, 7, "a");
    ck_assert(listener_wait(&heard, one, LISTEN_SYNCED, 1, SOON_MS));
    ck_assert(listener_wait(&heard, two, LISTEN_SYNCED, 1, SOON_MS));
    put(1, "a", "1", 86400);
    ck_assert(listener_wait(&heard, one, LISTEN_VALUE, 1, SOON_MS));
    ck_assert(listener_wait(&heard, two, LISTEN_VALUE, 1, SOON_MS));
    listener_cancel(&heard, 7, one);
    put(1, "a", "2", 86400);
    ck_assert(listener_wait(&heard, two, LISTEN_VALUE, 2, SOON_MS));
    ck_assert_uint_eq(listener_count(&heard, one, LISTEN_VALUE), 1);
    net_clear(&net);
}
END_TEST

#define MANY 5000u

START_TEST(five_thousand_listens_at_once_stall_nothing)
{
    static uint64_t ops[MANY];
    char salt[16];
    build(40, 16);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(salt, sizeof salt, "s%u", i);
        ops[i] = listener_single(&heard, 7, salt);
    }
    net_run(&net, 100);
    uint64_t before_ms = net.world.now_ms;
    ck_assert_ptr_nonnull(owner_get(&net, 7, "other"));
    ck_assert_uint_lt(net.world.now_ms - before_ms, 500);
    ck_assert(listener_wait(&heard, ops[MANY - 1], LISTEN_SYNCED, 1, 2 * MINUTE_MS));
    net_run(&net, MINUTE_MS);
    uint64_t sent = net_counter(&net, 7, COUNTER_QUERIES_SENT);
    net_run(&net, MINUTE_MS);
    ck_assert_uint_lt(net_counter(&net, 7, COUNTER_QUERIES_SENT) - sent, 60 * 60);
    put(3, "s4321", "1", 86400);
    ck_assert(listener_wait(&heard, ops[4321], LISTEN_VALUE, 1, SOON_MS));
    for (unsigned i = 0; i < MANY; i++)
        listener_cancel(&heard, 7, ops[i]);
    net_run(&net, 10000);
    for (size_t i = 0; i < net.count; i++)
        ck_assert_uint_eq(net_info(&net, i).leases, 0);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_value_that_is_stored_comes_first_and_then_each_change);
    tcase_add_test(tests, all_entries_of_a_multi_come_once_and_then_each_new_one);
    tcase_add_test(tests, a_deletion_is_told_and_what_comes_after_it);
    tcase_add_test(tests, a_deletion_from_before_is_no_event);
    tcase_add_test(tests, a_value_whose_time_passes_has_expired_once);
    tcase_add_test(tests, a_value_that_is_put_again_in_time_does_not_expire);
    tcase_add_test(tests, what_is_stored_at_the_listener_itself_is_told_without_a_packet);
    tcase_add_test(tests, who_was_alone_listens_to_those_that_join);
    tcase_add_test(tests, a_client_hears_like_a_server);
    tcase_add_test(tests, with_every_fifth_packet_lost_every_value_comes_in_order);
    tcase_add_test(tests, holders_that_die_are_replaced_and_nothing_is_missed);
    tcase_add_test(tests, all_holders_restart_with_what_they_had_and_are_listened_to_again);
    tcase_add_test(tests, closer_nodes_that_join_are_subscribed_to);
    tcase_add_test(tests, a_listen_can_be_ended_at_any_time);
    tcase_add_test(tests, a_holder_that_is_found_by_both_families_is_one_source);
    tcase_add_test(tests, two_listens_to_the_same_are_told_each);
    tcase_add_test(tests, five_thousand_listens_at_once_stall_nothing);
}
