/* Who listens is told what is stored, then each change, once and in order, whatever becomes of the
 * holders; and nothing is left when it ends. */
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
        const struct put_request put = {
            .kind = RECORD_MULTI,
            .target = target,
            .k = record->k,
            .salt = record->salt,
            .v = record->v,
            .sig = record->sig,
            .has_seq = true,
            .seq = 1,
        };
        ck_assert_int_eq(net_put(&net, i % 20, &put)->err, ERR_OK);
    }
    ck_assert(listener_wait(&heard, op, LISTEN_VALUE, 100, SOON_MS));
    net_run(&net, 3 * MINUTE_MS);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 100);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_value_that_is_stored_comes_first_and_then_each_change);
    tcase_add_test(tests, all_entries_of_a_multi_come_once_and_then_each_new_one);
}
