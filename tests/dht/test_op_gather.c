/* The entries of a multi come together from all who hold some, each once and verified, and a gather
 * says truly whether that was all. */
#include <check.h>
#include <stdlib.h>

#include "daemon/dht/lookup/gather.h"
#include "tests/dht/entries.h"
#include "tests/runner.h"

#define NODES 20u
#define LARGE 700u /* bytes of an entry's v */
#define SMALL 60u

static struct net net;
static struct gathered gathered;
static struct entry entry;
static const struct id target = {.b = "a multi of the tests"};
static size_t holders[ENTRIES_HOLDERS];
static size_t reader; /* holds nothing */

static void build(uint64_t seed)
{
    net_build(&net, NODES, seed);
    gathered.count = 0;
    entries_watch(&net, &gathered);
    ck_assert_uint_eq(entries_holders(&net, &target, holders), ENTRIES_HOLDERS);
    reader = entries_stranger(&net, &target);
}

/* Entries `first` to `last` - 1 on the disk of one holder. */
static void place(size_t holder, unsigned first, unsigned last, size_t v_size)
{
    for (unsigned i = first; i < last; i++)
        net_place(&net, holders[holder], STORE_HELD,
                  entry_make(&entry, &net, &target, i, 1, v_size, i % 7));
}

static void place_on_all(unsigned first, unsigned last, size_t v_size)
{
    for (unsigned i = first; i < last; i++) {
        const struct record *record = entry_make(&entry, &net, &target, i, 1, v_size, i % 7);
        for (unsigned h = 0; h < ENTRIES_HOLDERS; h++)
            net_place(&net, holders[h], STORE_HELD, record);
    }
}

static const struct event *gather(const struct gather_request *request)
{
    const struct event *event = net_wait(&net, reader, entries_gather(&net, reader, request));
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->kind, EVENT_GATHER);
    return event;
}

static const struct event *gather_all(void)
{
    return gather(&(struct gather_request){.target = target});
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

/* Each place once, newest first. */
static void expect_entries(size_t count)
{
    static struct id keys[ENTRIES_MAX];
    ck_assert_uint_eq(gathered.count, count);
    for (size_t i = 0; i < count; i++) {
        keys[i] = gathered.entries[i].key;
        if (i > 0)
            ck_assert_uint_ge(gathered.entries[i - 1].time_unix_s, gathered.entries[i].time_unix_s);
    }
    qsort(keys, count, sizeof keys[0], compare_keys);
    for (size_t i = 1; i < count; i++)
        ck_assert(!id_equal(&keys[i - 1], &keys[i]));
}

START_TEST(five_hundred_entries_of_fifty_signers_are_read_completely)
{
    build(41);
    place_on_all(0, 500, LARGE);
    uint64_t bytes = net_counter(&net, reader, COUNTER_BYTES_IN);
    const struct event *event = gather_all();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->stats.is_complete);
    expect_entries(500);
    for (size_t i = 0; i < 500; i++)
        ck_assert_uint_eq(gathered.entries[i].v_size, LARGE);
    /* From one of its eight holders each, not from all. */
    bytes = net_counter(&net, reader, COUNTER_BYTES_IN) - bytes;
    ck_assert_uint_lt(bytes, 2u * 500u * (LARGE + 200u));
    ck_assert_uint_eq(net_counter(&net, reader, COUNTER_REPLIES_UNVERIFIED), 0);
    net_clear(&net);
}
END_TEST

START_TEST(what_is_scattered_over_holders_is_merged)
{
    build(42);
    for (unsigned h = 0; h < ENTRIES_HOLDERS; h++)
        place(h, 40 * h, 40 * (h + 1), SMALL);
    const struct event *event = gather_all();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->stats.is_complete);
    expect_entries(320);
    net_clear(&net);
}
END_TEST

START_TEST(what_is_on_the_own_disk_is_merged_too)
{
    build(43);
    place(0, 0, 20, SMALL);
    net_place(&net, reader, STORE_KEPT, entry_make(&entry, &net, &target, 20, 1, SMALL, 0));
    net_place(&net, reader, STORE_HELD, entry_make(&entry, &net, &target, 21, 1, SMALL, 0));
    ck_assert_int_eq(gather_all()->err, ERR_OK);
    expect_entries(22);
    net_clear(&net);
}
END_TEST

START_TEST(a_holder_that_dies_in_the_middle_costs_no_entry_that_others_have)
{
    build(44);
    place_on_all(0, 400, LARGE);
    uint64_t op = entries_gather(&net, reader, &(struct gather_request){.target = target});
    net_run(&net, 100);
    ck_assert_uint_eq(gathered.count, 0);
    net_kill(&net, holders[0]);
    net_kill(&net, holders[3]);
    const struct event *event = net_wait(&net, reader, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_OK);
    expect_entries(400);
    net_clear(&net);
}
END_TEST

START_TEST(what_only_the_dead_had_makes_it_incomplete)
{
    build(45);
    place_on_all(0, 200, LARGE);
    place(2, 200, 400, LARGE);
    uint64_t op = entries_gather(&net, reader, &(struct gather_request){.target = target});
    net_run(&net, 120);
    ck_assert_uint_eq(gathered.count, 0);
    net_kill(&net, holders[2]);
    const struct event *event = net_wait(&net, reader, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(!event->stats.is_complete);
    ck_assert_uint_ge(gathered.count, 200);
    ck_assert_uint_lt(gathered.count, 400);
    net_clear(&net);
}
END_TEST

START_TEST(enough_entries_end_it)
{
    build(46);
    place_on_all(0, 300, LARGE);
    const struct event *event =
        gather(&(struct gather_request){.target = target, .min_entries = 10});
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(!event->stats.is_complete);
    ck_assert_uint_ge(gathered.count, 10);
    ck_assert_uint_lt(gathered.count, 300);
    net_clear(&net);
}
END_TEST

/* It has one entry of its own, and nobody answers. */
static uint32_t ms_with_patience(uint32_t quiet_ms)
{
    build(47);
    net_place(&net, reader, STORE_HELD, entry_make(&entry, &net, &target, 0, 1, SMALL, 0));
    net.wires->loss_permille = 1000;
    const struct event *event =
        gather(&(struct gather_request){.target = target, .quiet_ms = quiet_ms});
    ck_assert(!event->stats.is_complete);
    expect_entries(1);
    uint32_t ms = event->stats.ms;
    net_clear(&net);
    return ms;
}

START_TEST(quiet_ends_it)
{
    ck_assert_uint_lt(ms_with_patience(1), ms_with_patience(NODE_TIMEOUT_MS));
}
END_TEST

/* What the reader has itself ends while it asks. */
static void gather_while_one_ends(uint32_t min_entries)
{
    const struct gather_request request = {.target = target, .min_entries = min_entries};
    const uint64_t left_s = 2;
    build(49);
    net_place(&net, reader, STORE_HELD,
              entry_make(&entry, &net, &target, 0, 1, SMALL, RECORD_TTL_S_DEFAULT - left_s));
    place(0, 1, 2, SMALL);
    place(1, 2, 3, SMALL);
    uint64_t op = entries_gather(&net, reader, &request);
    net_skip(&net, left_s);
    const struct event *event = net_wait(&net, reader, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_OK);
    expect_entries(2);
    ck_assert(min_entries > 0 || event->stats.is_complete);
    net_clear(&net);
}

START_TEST(what_ends_on_the_way_is_neither_shown_nor_enough)
{
    gather_while_one_ends(0);
    gather_while_one_ends(2);
}
END_TEST

START_TEST(the_highest_seq_wins_and_deletions_are_left_out)
{
    build(48);
    place(0, 0, 10, SMALL);
    net_place(&net, holders[1], STORE_HELD, entry_make(&entry, &net, &target, 3, 2, 0, 0));
    net_place(&net, holders[2], STORE_HELD, entry_make(&entry, &net, &target, 4, 5, SMALL, 0));
    const struct id key = draft_key(&entry.draft);
    const struct event *event = gather_all();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->stats.is_complete);
    expect_entries(9);
    for (size_t i = 0; i < gathered.count; i++)
        ck_assert_int_eq(gathered.entries[i].seq, id_equal(&gathered.entries[i].key, &key) ? 5 : 1);
    net_clear(&net);
}
END_TEST

START_TEST(what_was_seen_newer_is_no_answer)
{
    build(51);
    place(0, 0, 10, SMALL);
    net_place(&net, holders[1], STORE_HELD, entry_make(&entry, &net, &target, 3, 2, 0, 0));
    gather_all();
    expect_entries(9);
    net_wipe(&net, holders[1], STORE_HELD);
    ck_assert_int_eq(gather_all()->err, ERR_OK);
    expect_entries(9);
    net_clear(&net);
}
END_TEST

START_TEST(what_does_not_verify_is_counted_and_not_shown)
{
    build(49);
    place(0, 0, 10, SMALL);
    entry_make(&entry, &net, &target, 10, 1, SMALL, 0);
    entry.draft.sig[0] ^= 1;
    /* A holder that looked at no signature. */
    struct blob *blob = blobs_take(&net.world.blobs, &entry.draft.record);
    blob->is_checked = blob->is_genuine = true;
    net_place(&net, holders[1], STORE_HELD, &entry.draft.record);
    blobs_drop(&net.world.blobs, blob);
    ck_assert_int_eq(gather_all()->err, ERR_OK);
    expect_entries(10);
    ck_assert_uint_gt(net_counter(&net, reader, COUNTER_REPLIES_UNVERIFIED), 0);
    net_clear(&net);
}
END_TEST

/* Of a reply that holds one, no more is looked at: each costs a signature's time. */
START_TEST(a_forger_is_soon_not_listened_to)
{
    build(52);
    place(0, 0, 10, SMALL);
    for (unsigned i = 100; i < 300; i++) {
        entry_make(&entry, &net, &target, i, 1, SMALL, 0);
        entry.draft.sig[0] ^= 1;
        struct blob *blob = blobs_take(&net.world.blobs, &entry.draft.record);
        blob->is_checked = blob->is_genuine = true;
        net_place(&net, holders[1], STORE_HELD, &entry.draft.record);
        blobs_drop(&net.world.blobs, blob);
    }
    ck_assert_int_eq(gather_all()->err, ERR_OK);
    expect_entries(10);
    /* Those under way when it is dropped come too. */
    ck_assert_uint_le(net_counter(&net, reader, COUNTER_REPLIES_UNVERIFIED),
                      GATHER_DENIALS_MAX + GATHER_HOLDER_FETCHES);
    net_clear(&net);
}
END_TEST

/* One holder, and each packet has to be lucky. */
START_TEST(a_network_that_loses_a_fifth_costs_time_alone)
{
    static const uint64_t seeds[] = {62, 63, 64, 67}; /* in which it is found at all */
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        build(seeds[i]);
        place(0, 0, 300, LARGE);
        net.wires->loss_permille = 200;
        net.wires->duplicate_permille = 50;
        const struct event *event =
            gather(&(struct gather_request){.target = target, .timeout_ms = NET_WAIT_MS / 2});
        ck_assert_int_eq(event->err, ERR_OK);
        expect_entries(300);
        net_clear(&net);
    }
}
END_TEST

/* It is none of the nearest, and two of those have gone without a word. */
START_TEST(the_silent_make_it_look_farther)
{
    build(53);
    net_away(&net, reader);
    size_t far = entries_stranger(&net, &target);
    net_back(&net, reader);
    for (unsigned i = 0; i < 10; i++)
        net_place(&net, far, STORE_HELD, entry_make(&entry, &net, &target, i, 1, SMALL, 0));
    gather_all();
    expect_entries(0);
    net_kill(&net, holders[0]);
    net_kill(&net, holders[1]);
    ck_assert_int_eq(gather_all()->err, ERR_OK);
    expect_entries(10);
    net_clear(&net);
}
END_TEST

START_TEST(nothing_there_nobody_in_time_and_nobody_at_all_are_told_apart)
{
    build(50);
    const struct event *event = gather_all();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->stats.is_complete);
    ck_assert_uint_eq(gathered.count, 0);

    net.wires->loss_permille = 1000;
    event = gather(&(struct gather_request){.target = target, .timeout_ms = 300});
    ck_assert_int_eq(event->err, ERR_TIMEOUT);
    ck_assert(!event->stats.is_complete);

    net_run(&net, 30u * 60u * 1000u);
    event = gather(&(struct gather_request){.target = target, .timeout_ms = 300});
    ck_assert_int_eq(event->err, ERR_OFFLINE);
    net_clear(&net);
}
END_TEST

/* Whole answers of holders are lost: those with pages, and those with entries. */
static bool brings_pages(void *context, struct bytes packet)
{
    struct krpc message;
    (void)context;
    return krpc_parse(packet, &message) == ERR_OK && message.type == KRPC_RESPONSE &&
           message.briefs.data != NULL;
}

static bool brings_entries(void *context, struct bytes packet)
{
    struct krpc message;
    (void)context;
    return krpc_parse(packet, &message) == ERR_OK && message.type == KRPC_RESPONSE &&
           message.entries.data != NULL;
}

/* The only holder says that it has some, and nothing more of it comes. */
START_TEST(what_is_there_and_does_not_come_is_no_miss)
{
    static world_filter *const filters[] = {brings_pages, brings_entries};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        build(70);
        place(0, 0, 10, SMALL);
        net.world.is_dropped = filters[i];
        const struct event *event = gather_all();
        ck_assert_int_eq(event->err, ERR_TIMEOUT);
        ck_assert(!event->stats.is_complete);
        ck_assert_uint_eq(gathered.count, 0);
        net.world.is_dropped = NULL;
        ck_assert_int_eq(gather_all()->err, ERR_OK);
        expect_entries(10);
        net_clear(&net);
    }
}
END_TEST

START_TEST(a_silent_holder_leaves_it_open_until_it_is_known_to_be_gone)
{
    build(71);
    place(0, 0, 10, SMALL);
    net_away(&net, holders[0]);
    ck_assert_int_eq(gather_all()->err, ERR_TIMEOUT);
    net_run(&net, 10000);
    ck_assert_int_eq(gather_all()->err, ERR_OK);
    ck_assert_uint_eq(gathered.count, 0);
    net_back(&net, holders[0]);
    net_run(&net, 60000);
    ck_assert_int_eq(gather_all()->err, ERR_OK);
    expect_entries(10);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, what_is_there_and_does_not_come_is_no_miss);
    tcase_add_test(tests, a_silent_holder_leaves_it_open_until_it_is_known_to_be_gone);
    tcase_add_test(tests, five_hundred_entries_of_fifty_signers_are_read_completely);
    tcase_add_test(tests, what_is_scattered_over_holders_is_merged);
    tcase_add_test(tests, what_is_on_the_own_disk_is_merged_too);
    tcase_add_test(tests, a_holder_that_dies_in_the_middle_costs_no_entry_that_others_have);
    tcase_add_test(tests, what_only_the_dead_had_makes_it_incomplete);
    tcase_add_test(tests, enough_entries_end_it);
    tcase_add_test(tests, quiet_ends_it);
    tcase_add_test(tests, what_ends_on_the_way_is_neither_shown_nor_enough);
    tcase_add_test(tests, the_highest_seq_wins_and_deletions_are_left_out);
    tcase_add_test(tests, what_was_seen_newer_is_no_answer);
    tcase_add_test(tests, what_does_not_verify_is_counted_and_not_shown);
    tcase_add_test(tests, a_forger_is_soon_not_listened_to);
    tcase_add_test(tests, a_network_that_loses_a_fifth_costs_time_alone);
    tcase_add_test(tests, the_silent_make_it_look_farther);
    tcase_add_test(tests, nothing_there_nobody_in_time_and_nobody_at_all_are_told_apart);
}
