/* Entries of a multi are listed newest first, each once; a full one is shared by signer; and its
 * totals are those of what is there, whatever put, moved, dropped, ended or evicted it. */
#include <check.h>

#include "tests/daemon/multi_store.h"
#include "tests/runner.h"

static struct disk_store multi;
static struct sample s;

static void set_up(void)
{
    disk_store_init(&multi, MULTI_QUOTA);
}

static void tear_down(void)
{
    disk_store_clear(&multi);
}

static void set_caps(uint32_t entries, uint64_t bytes)
{
    multi.limits.multi_entries = entries;
    multi.limits.multi_bytes = bytes;
    disk_store_reopen(&multi);
}

/* An entry of the one multi of most tests; the number is its slot and its age. */
static void make(uint32_t signer, uint32_t number, int64_t seq, size_t size)
{
    sample_entry(&s, &(struct sample_place){signer, "readings", number}, seq,
                 SAMPLE_NOW_UNIX_S - number, size);
}

static enum err put(uint32_t signer, uint32_t number, int64_t seq, size_t size)
{
    make(signer, number, seq, size);
    return disk_store_apply(&multi, &s.write);
}

static bool has(uint32_t signer, uint32_t number, int64_t seq, size_t size)
{
    make(signer, number, seq, size);
    return multi_store_has(&multi, &s.write);
}

static uint32_t count(void)
{
    multi_store_check(&multi);
    make(1, 1, 1, 1);
    return multi_store_summary(&multi, STORE_HELD, &s.write.record.target).count;
}

static bool is_full(void)
{
    return multi_store_summary(&multi, STORE_HELD, &s.write.record.target).is_full;
}

START_TEST(an_entry_comes_back_beside_others)
{
    struct stored out;
    struct id target;
    struct store_reader reader = store_reader(multi.store);
    ck_assert_uint_eq(count(), 0);
    ck_assert_int_eq(reader.next_multi(reader.context, STORE_HELD, NULL, &target), ERR_NOT_FOUND);
    store_pause(multi.store);
    ck_assert_int_eq(put(1, 1, 5, 700), ERR_OK);
    ck_assert_int_eq(put(1, 2, 5, 700), ERR_OK);
    ck_assert_int_eq(put(2, 1, 5, 700), ERR_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(count(), 3);
        ck_assert(has(1, 1, 5, 700) && has(1, 2, 5, 700) && has(2, 1, 5, 700));
        reader = store_reader(multi.store);
        ck_assert_int_eq(reader.next_multi(reader.context, STORE_HELD, NULL, &target), ERR_OK);
        ck_assert(id_equal(&target, &s.write.record.target));
        ck_assert_int_eq(reader.entry(reader.context, STORE_HELD, &target, NULL, &out), ERR_OK);
        ck_assert(record_verify(&out.record));
        ck_assert_uint_eq(out.put_unix_s, SAMPLE_NOW_UNIX_S);
        ck_assert_uint_eq(out.expiry_unix_s, SAMPLE_NOW_UNIX_S + 3600);
        ck_assert_int_eq(reader.entry(reader.context, STORE_KEPT, &target, NULL, &out),
                         ERR_NOT_FOUND);
        disk_store_reopen(&multi);
    }
}
END_TEST

START_TEST(a_newer_one_takes_its_place_and_moves)
{
    struct store_position first;
    struct stored out;
    struct store_reader reader = store_reader(multi.store);
    ck_assert_int_eq(put(1, 1, 5, 700), ERR_OK);
    ck_assert_int_eq(put(2, 2, 5, 700), ERR_OK);
    sample_entry(&s, &(struct sample_place){2, "readings", 2}, 6, SAMPLE_NOW_UNIX_S + 1, 300);
    multi_position_of(&s.write.record, &first);
    ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
    ck_assert_uint_eq(count(), 2);
    ck_assert_int_eq(reader.entry(reader.context, STORE_HELD, &s.write.record.target, NULL, &out),
                     ERR_OK);
    ck_assert_int_eq(out.record.seq, 6);
    ck_assert_int_eq(reader.entry(reader.context, STORE_HELD, &s.write.record.target, &first, &out),
                     ERR_OK);
    ck_assert_int_eq(out.record.seq, 5);
    store_pause(multi.store);
    ck_assert_int_eq(put(2, 2, 5, 700), ERR_STALE_SEQ);
    make(2, 2, 7, 700);
    s.write.has_cas = true;
    s.write.cas = 5;
    ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_CAS_MISMATCH);
    s.write.cas = 6;
    ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
    ck_assert_uint_eq(count(), 2);
}
END_TEST

START_TEST(entries_of_one_time_are_listed_completely)
{
    for (uint32_t i = 0; i < 500; i++) {
        sample_entry(&s, &(struct sample_place){i % 50, "readings", i}, 1, SAMPLE_NOW_UNIX_S, 700);
        ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
    }
    ck_assert_uint_eq(count(), 500);
}
END_TEST

START_TEST(one_signer_does_not_push_out_twenty)
{
    for (uint32_t i = 0; i < 10000; i++) {
        ck_assert_int_eq(put(1, i, 1, 100), ERR_OK);
        if (i % 500 == 0)
            ck_assert_int_eq(put(100 + i / 500, i, 1, 100), ERR_OK);
    }
    ck_assert_uint_eq(count(), MULTI_ENTRIES_DEFAULT);
    ck_assert(is_full());
    for (uint32_t i = 0; i < 20; i++)
        ck_assert(has(100 + i, i * 500, 1, 100));
    for (uint32_t i = 0; i < 20; i++) /* the last 492 of its own are there, the ones before not */
        ck_assert(has(1, 9999 - 491 + i, 1, 100) && !has(1, 9999 - 492 - i, 1, 100));
}
END_TEST

START_TEST(bytes_are_capped_too)
{
    set_caps(512, 20000);
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_int_eq(put(1 + i % 4, i, 1, 900), ERR_OK);
        ck_assert(is_full() == (i >= 17)); /* 18 leave less than the longest takes */
    }
    uint32_t large = count();
    ck_assert_uint_gt(large, 20000 / 1200);
    ck_assert_uint_lt(large, 20000 / 900);
    for (uint32_t i = 0; i < 200; i++)
        ck_assert_int_eq(put(1 + i % 4, 1000 + i, 1, 30), ERR_OK);
    ck_assert_uint_gt(count(), 4 * large);
    /* A large one takes the room of several small ones, and one that grows does too. */
    uint32_t small = count();
    ck_assert_int_eq(put(9, 2000, 1, 950), ERR_OK);
    ck_assert_uint_lt(count(), small - 2);
    small = count();
    ck_assert_int_eq(put(1, 1196, 2, 950), ERR_OK);
    ck_assert(has(1, 1196, 2, 950));
    ck_assert_uint_lt(count(), small - 2);
}
END_TEST

START_TEST(deletions_outlive_live_ones_of_their_signer)
{
    set_caps(8, 1u << 20);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_int_eq(put(1, i, 1, 100), ERR_OK);
        ck_assert_int_eq(put(1, i, 2, 0), ERR_OK);
    }
    for (uint32_t i = 0; i < 50; i++)
        ck_assert_int_eq(put(1, 100 + i, 1, 100), ERR_OK);
    ck_assert_uint_eq(count(), 8);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert(has(1, i, 2, 0) && put(1, i, 1, 100) == ERR_STALE_SEQ);
    ck_assert(has(1, 149, 1, 100) && !has(1, 145, 1, 100));
}
END_TEST

START_TEST(a_live_one_among_deletions_is_the_one_that_goes)
{
    set_caps(4, 1u << 20);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(put(1, i, 2, 0), ERR_OK);
    ck_assert_int_eq(put(1, 9, 1, 100), ERR_STORAGE_FULL);
    ck_assert(!has(1, 9, 1, 100));
    ck_assert_uint_eq(count(), 4);
    ck_assert_int_eq(put(1, 9, 2, 0), ERR_OK); /* a deletion is not; the first of them goes */
    ck_assert(!has(1, 0, 2, 0));
    ck_assert_int_eq(put(2, 9, 1, 100), ERR_OK);
    ck_assert(has(2, 9, 1, 100) && !has(1, 1, 2, 0));
    ck_assert_uint_eq(count(), 4);
}
END_TEST

START_TEST(a_refresh_gains_no_time_and_a_newer_one_does)
{
    set_caps(3, 1u << 20);
    for (uint32_t i = 1; i <= 3; i++)
        ck_assert_int_eq(put(i, i, 1, 100), ERR_OK);
    make(1, 1, 1, 100);
    s.write.expiry_unix_s += 600;
    ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
    ck_assert_int_eq(put(2, 2, 2, 100), ERR_OK);
    ck_assert_int_eq(put(4, 4, 1, 100), ERR_OK);
    ck_assert(!has(1, 1, 1, 100));
    ck_assert_int_eq(put(5, 5, 1, 100), ERR_OK);
    ck_assert(!has(3, 3, 1, 100));
    ck_assert(has(2, 2, 2, 100));
    ck_assert_uint_eq(count(), 3);
}
END_TEST

START_TEST(what_has_ended_is_not_listed_and_goes_first)
{
    set_caps(3, 1u << 20);
    make(1, 1, 1, 100);
    s.write.expiry_unix_s = SAMPLE_NOW_UNIX_S + 60;
    ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
    ck_assert_int_eq(put(2, 2, 1, 100), ERR_OK);
    ck_assert_int_eq(put(2, 3, 1, 100), ERR_OK);
    store_set_now(multi.store, SAMPLE_NOW_UNIX_S + 60);
    ck_assert(!has(1, 1, 1, 100));
    const struct id target = s.write.record.target;
    ck_assert_uint_eq(multi_store_walk(&multi, STORE_HELD, &target, NULL), 2);
    store_pause(multi.store);
    ck_assert_int_eq(put(2, 4, 1, 100), ERR_OK);
    ck_assert(has(2, 2, 1, 100) && has(2, 3, 1, 100) && has(2, 4, 1, 100));
    ck_assert_uint_eq(count(), 3);
}
END_TEST

START_TEST(expiry_and_drops_leave_nothing)
{
    struct store_usage usage;
    for (uint32_t i = 0; i < 300; i++)
        ck_assert_int_eq(put(i % 7, i, 1, 100), ERR_OK);
    for (uint32_t i = 0; i < 100; i++) {
        make(i % 7, i, 1, 100);
        s.write.action = STORE_DROP;
        record_key(&s.write.record, &s.write.record.target);
        ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
        ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_NOT_FOUND);
    }
    ck_assert_uint_eq(count(), 200);
    multi_store_expire(&multi, SAMPLE_NOW_UNIX_S + 7200);
    ck_assert_uint_eq(count(), 0);
    store_usage(multi.store, STORE_HELD, &usage);
    ck_assert_uint_eq(usage.bytes, 0);
}
END_TEST

START_TEST(eviction_by_the_quota_keeps_all_in_step)
{
    multi.limits.quota_bytes = 100000;
    disk_store_reopen(&multi);
    uint32_t evictions = 0;
    for (uint32_t i = 0; i < 400; i++) {
        const char *resources[] = {"a", "b", "c"};
        struct store_usage before, after;
        store_usage(multi.store, STORE_HELD, &before);
        store_pause(multi.store);
        sample_entry(&s, &(struct sample_place){i % 5, resources[i % 3], i}, 1, SAMPLE_NOW_UNIX_S,
                     100 + i);
        s.write.putter.ip[1] = (uint8_t)(i % 4);
        enum err err = disk_store_apply(&multi, &s.write);
        ck_assert(err == ERR_OK || err == ERR_STORAGE_FULL);
        ck_assert(multi_store_has(&multi, &s.write) == (err == ERR_OK));
        multi_store_check(&multi);
        store_usage(multi.store, STORE_HELD, &after);
        store_pause(multi.store);
        evictions += err == ERR_OK && after.records <= before.records;
    }
    ck_assert_uint_gt(evictions, 20);
}
END_TEST

START_TEST(kept_entries_have_no_caps)
{
    set_caps(2, 16384);
    for (uint32_t i = 0; i < 100; i++) {
        make(1, i, 1, 900);
        s.write.space = STORE_KEPT;
        s.write.expiry_unix_s = STORE_EXPIRY_NEVER;
        ck_assert_int_eq(disk_store_apply(&multi, &s.write), ERR_OK);
    }
    ck_assert_uint_eq(count(), 0);
    ck_assert_uint_eq(multi_store_summary(&multi, STORE_KEPT, &s.write.record.target).count, 100);
}
END_TEST

START_TEST(lowered_caps_are_reached_write_by_write)
{
    for (uint32_t i = 0; i < 200; i++)
        ck_assert_int_eq(put(i % 3, i, 1, 100), ERR_OK);
    set_caps(10, 1u << 20);
    for (uint32_t i = 0; i < 14; i++)
        ck_assert_int_eq(put(9, 1000 + i, 1, 100), ERR_OK);
    ck_assert_uint_eq(count(), 10);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_entry_comes_back_beside_others);
    tcase_add_test(tests, a_newer_one_takes_its_place_and_moves);
    tcase_add_test(tests, entries_of_one_time_are_listed_completely);
    tcase_add_test(tests, one_signer_does_not_push_out_twenty);
    tcase_add_test(tests, bytes_are_capped_too);
    tcase_add_test(tests, deletions_outlive_live_ones_of_their_signer);
    tcase_add_test(tests, a_live_one_among_deletions_is_the_one_that_goes);
    tcase_add_test(tests, a_refresh_gains_no_time_and_a_newer_one_does);
    tcase_add_test(tests, what_has_ended_is_not_listed_and_goes_first);
    tcase_add_test(tests, expiry_and_drops_leave_nothing);
    tcase_add_test(tests, eviction_by_the_quota_keeps_all_in_step);
    tcase_add_test(tests, kept_entries_have_no_caps);
    tcase_add_test(tests, lowered_caps_are_reached_write_by_write);
}
