/* All holders of a multi must come to the same entries, deletions included, without their signers,
 * and at the price of one question where nothing differs. */
#include <check.h>

#include "tests/dht/entries.h"
#include "tests/runner.h"

#define FIVE_MIN_MS (5u * 60u * 1000u)
#define HOUR_MS     (3600u * 1000u)
#define TARGETS     10u
#define PER_TARGET  30u
#define SMALL       60u

static struct net net;
static struct entry entry;
static struct id targets[TARGETS];

static void place(size_t index, const struct id *target, unsigned number, int64_t seq)
{
    net_place(&net, index, STORE_HELD, entry_make(&entry, &net, target, number, seq, SMALL, 0));
}

static void place_all(void)
{
    for (unsigned t = 0; t < TARGETS; t++) {
        size_t holders[ENTRIES_HOLDERS];
        rng_bytes(&net.rng, targets[t].b, ID_SIZE);
        size_t count = entries_holders(&net, &targets[t], holders);
        for (unsigned i = 0; i < PER_TARGET; i++) {
            const struct record *record =
                entry_make(&entry, &net, &targets[t], i, 1, i % 5 ? SMALL : 0, i);
            for (size_t h = 0; h < count; h++)
                net_place(&net, holders[h], STORE_HELD, record);
        }
    }
}

/* How many entries the 8 closest live nodes lack, over all targets. */
static size_t missing_entries(void)
{
    size_t missing = 0;
    for (unsigned t = 0; t < TARGETS; t++) {
        size_t holders[ENTRIES_HOLDERS];
        size_t count = entries_holders(&net, &targets[t], holders);
        for (size_t h = 0; h < count; h++)
            missing += PER_TARGET - entries_held(&net, holders[h], &targets[t]);
    }
    return missing;
}

static uint64_t count_all(enum counter counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < net.count; i++)
        if (net_is_up(&net, i))
            sum += net_counter(&net, i, counter);
    return sum;
}

static void leave(size_t index)
{
    uint64_t op;
    ck_assert_int_eq(node_leave(net.nodes[index]->node, net_now(&net), 5000, &op, net.out), ERR_OK);
    net_flush(&net, index);
    const struct event *event = net_wait(&net, index, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_OK);
    net_run(&net, NET_DELAY_MAX_MS);
    net_kill(&net, index);
}

START_TEST(lost_holders_are_replaced_within_five_minutes)
{
    net_build(&net, 40, 61);
    place_all();
    ck_assert_uint_eq(missing_entries(), 0);
    for (size_t i = 0; i < net.count; i += 5)
        net_kill(&net, i);
    ck_assert_uint_gt(missing_entries(), 0);
    net_run(&net, FIVE_MIN_MS);
    ck_assert_uint_eq(missing_entries(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_closer_node_that_joins_gets_the_entries)
{
    net_build(&net, 20, 62);
    place_all();
    for (size_t i = 0; i < 10; i++) {
        net_add(&net, (int)i, NODE_SERVER);
        net_run(&net, 1000);
    }
    ck_assert_uint_gt(missing_entries(), 0);
    net_run(&net, FIVE_MIN_MS);
    ck_assert_uint_eq(missing_entries(), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_graceful_stop_leaves_the_entries_behind)
{
    net_build(&net, 20, 63);
    place_all();
    for (size_t i = 0; i < 3; i++) {
        leave(i);
        ck_assert_uint_eq(missing_entries(), 0);
        net_run(&net, 10000);
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_lone_pair_hands_over_a_full_multi_in_time)
{
    const struct id target = {.b = {7}};
    net_build(&net, 1, 64);
    for (unsigned i = 0; i < 512; i++)
        net_place(&net, 0, STORE_HELD, entry_make(&entry, &net, &target, i, 1, 700, i));
    net_add(&net, 0, NODE_SERVER);
    net_run(&net, 3000);
    ck_assert_uint_eq(entries_held(&net, 1, &target), 0);
    leave(0);
    ck_assert_uint_eq(entries_held(&net, 1, &target), 512);
    net_clear(&net);
}
END_TEST

/* Two sides of a healed partition: each has entries that the other lacks, newer ones, deletions. */
START_TEST(holders_that_differ_come_to_the_same)
{
    const struct id target = {.b = {9}};
    struct store_summary first, other;
    net_build(&net, 10, 65);
    size_t holders[ENTRIES_HOLDERS];
    ck_assert_uint_eq(entries_holders(&net, &target, holders), ENTRIES_HOLDERS);
    for (unsigned h = 0; h < ENTRIES_HOLDERS; h++) {
        for (unsigned i = 0; i < 50; i++)
            place(holders[h], &target, i, h < 4 && i < 10 ? 2 : 1);
        for (unsigned i = 0; i < 40; i++)
            place(holders[h], &target, h < 4 ? 100 + i : 200 + i, 1);
        if (h >= 4)
            net_place(&net, holders[h], STORE_HELD, entry_make(&entry, &net, &target, 20, 3, 0, 0));
    }
    net_run(&net, 2 * HOUR_MS);
    for (unsigned h = 0; h < ENTRIES_HOLDERS; h++) {
        const struct disk *disk = &net.nodes[holders[h]]->disk;
        ck_assert_int_eq(disk_summary(disk, STORE_HELD, &target, h ? &other : &first), ERR_OK);
        ck_assert_uint_eq(h ? other.count : first.count, 130);
        if (h > 0)
            ck_assert_uint_eq(other.digest, first.digest);
    }
    struct stored stored;
    entry_make(&entry, &net, &target, 20, 3, 0, 0);
    const struct id key = draft_key(&entry.draft);
    ck_assert(net_stored(&net, holders[0], STORE_HELD, RECORD_MULTI, &key, &stored));
    ck_assert_int_eq(stored.record.seq, 3);
    ck_assert_uint_gt(count_all(COUNTER_SYNCS_TOOK), 0);
    ck_assert_uint_gt(count_all(COUNTER_SYNCS_GAVE), 0);
    net_clear(&net);
}
END_TEST

START_TEST(where_nothing_differs_one_holder_an_hour_asks_once)
{
    net_build(&net, 20, 66);
    place_all();
    net_run(&net, 2 * HOUR_MS);
    uint64_t asked = count_all(COUNTER_SYNCS_ASKED), listed = count_all(COUNTER_SYNCS_LISTED);
    net_run(&net, 4 * HOUR_MS);
    asked = count_all(COUNTER_SYNCS_ASKED) - asked;
    ck_assert_uint_eq(count_all(COUNTER_SYNCS_LISTED), listed);
    ck_assert_uint_ge(asked, 3u * TARGETS * 7u);
    ck_assert_uint_le(asked, 2u * 5u * TARGETS * 7u);
    net_clear(&net);
}
END_TEST

START_TEST(what_has_no_expiry_is_neither_given_nor_taken)
{
    const struct id target = {.b = {11}};
    uint8_t secret_key[KEYS_SECRET_SIZE], sig[KEYS_SIGNATURE_SIZE];
    net_build(&net, 10, 67);
    size_t holders[ENTRIES_HOLDERS];
    entries_holders(&net, &target, holders);
    entry_make(&entry, &net, &target, 0, 1, SMALL, 0);
    keys_from_seed((const uint8_t[KEYS_SEED_SIZE]){entry.draft.signer}, entry.draft.k, secret_key);
    struct record record = entry.draft.record;
    record.v = bytes_of_string("d1:b1:x1:ti1700000000ee");
    record.sig = sig;
    record_sign(secret_key, &record, sig);
    net_place(&net, holders[0], STORE_HELD, &record);
    for (unsigned h = 0; h < ENTRIES_HOLDERS; h++)
        place(holders[h], &target, 1, 1);
    net_run(&net, 2 * HOUR_MS);
    ck_assert_uint_gt(count_all(COUNTER_SYNCS_LISTED), 0);
    for (unsigned h = 1; h < ENTRIES_HOLDERS; h++)
        ck_assert_uint_eq(entries_held(&net, holders[h], &target), 1);
    net_clear(&net);
}
END_TEST

/* Two that are full of different entries would push out each other's for ever. */
static void fill_two(uint32_t entries, uint32_t bytes, unsigned fit)
{
    const struct id target = {.b = {13}};
    net_build(&net, 2, 68);
    for (size_t node = 0; node < 2; node++) {
        net.nodes[node]->disk.multi_entries = entries;
        net.nodes[node]->disk.multi_bytes = bytes;
    }
    for (unsigned i = 0; i < fit; i++) {
        place(0, &target, i, 1);
        place(1, &target, 1000 + i, 1);
    }
    place(0, &target, 3, 2);
    place(1, &target, 3, 1); /* pushes one out */
    net_run(&net, 2 * HOUR_MS);
    ck_assert_uint_gt(count_all(COUNTER_SYNCS_LISTED), 0);
    ck_assert_uint_eq(count_all(COUNTER_SYNCS_GAVE) + count_all(COUNTER_SYNCS_TOOK), 1);
    net_clear(&net);
}

START_TEST(full_holders_leave_each_other_as_they_are)
{
    fill_two(0, 0, 512);
    fill_two(16, 0, 16);
}
END_TEST

START_TEST(a_node_that_dies_on_the_way_is_given_up)
{
    const struct id target = {.b = {15}};
    net_build(&net, 2, 69);
    for (unsigned i = 0; i < 300; i++)
        place(0, &target, i, 1);
    while (entries_held(&net, 1, &target) == 0)
        net_run(&net, 10);
    net_kill(&net, 1);
    uint64_t sent = net_counter(&net, 0, COUNTER_QUERIES_SENT);
    net_run(&net, 15000);
    /* Three tries for each of the entries that were on their way, and hardly one for others. */
    ck_assert_uint_lt(net_counter(&net, 0, COUNTER_QUERIES_SENT) - sent, 3u * 8u + 20u);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, lost_holders_are_replaced_within_five_minutes);
    tcase_add_test(tests, a_closer_node_that_joins_gets_the_entries);
    tcase_add_test(tests, a_graceful_stop_leaves_the_entries_behind);
    tcase_add_test(tests, a_lone_pair_hands_over_a_full_multi_in_time);
    tcase_add_test(tests, holders_that_differ_come_to_the_same);
    tcase_add_test(tests, where_nothing_differs_one_holder_an_hour_asks_once);
    tcase_add_test(tests, what_has_no_expiry_is_neither_given_nor_taken);
    tcase_add_test(tests, full_holders_leave_each_other_as_they_are);
    tcase_add_test(tests, a_node_that_dies_on_the_way_is_given_up);
}
