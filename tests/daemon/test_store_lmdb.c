/* The store keeps what it acknowledged over a restart, decides seq and cas as BEP 44 says, never
 * returns what has ended, and stays within its quota in the set order. */
#include "daemon/store/store_lmdb.h"

#include <check.h>

#include "tests/daemon/disk_store.h"
#include "tests/runner.h"

#define QUOTA (1u << 20)

static struct disk_store disk;

static void set_up(void)
{
    disk_store_init(&disk, QUOTA);
}

static void tear_down(void)
{
    disk_store_clear(&disk);
}

static bool expire(uint64_t now_unix_s)
{
    struct store_work work = {.now_unix_s = now_unix_s, .is_expiring = true};
    ck_assert_int_eq(store_apply(disk.store, &work), ERR_OK);
    store_pause(disk.store);
    return work.has_more;
}

static enum err get(enum store_space space, const struct record *r, struct stored *out)
{
    struct store_reader reader = store_reader(disk.store);
    return reader.get(reader.context, space, r->kind, &r->target, out);
}

static bool has(const struct sample *s)
{
    struct stored out;
    return get(STORE_HELD, &s->write.record, &out) == ERR_OK;
}

START_TEST(a_record_comes_back_as_it_was_put)
{
    struct sample s;
    struct stored out;
    sample_single(&s, 1, 7, 900);
    ck_assert(!has(&s));
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(get(STORE_HELD, &s.write.record, &out), ERR_OK);
        ck_assert(record_equal(&out.record, &s.write.record));
        ck_assert(record_verify(&out.record));
        ck_assert_uint_eq(out.put_unix_s, s.write.put_unix_s);
        ck_assert_uint_eq(out.expiry_unix_s, s.write.expiry_unix_s);
        ck_assert_int_eq(get(STORE_KEPT, &s.write.record, &out), ERR_NOT_FOUND);
        ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 1);
        disk_store_reopen(&disk);
    }
}
END_TEST

START_TEST(seq_rises_and_nothing_else_replaces)
{
    struct sample s;
    struct stored out;
    int64_t seq;
    sample_single(&s, 1, 5, 100);
    ck_assert_int_eq(disk_store_apply_seq(&disk, &s.write, &seq), ERR_OK);
    ck_assert_int_eq(seq, 5);
    s.write.record.seq = 4;
    sample_sign(&s);
    ck_assert_int_eq(disk_store_apply_seq(&disk, &s.write, &seq), ERR_STALE_SEQ);
    ck_assert_int_eq(seq, 5);
    s.write.record.seq = 5;
    s.v[20] = '!';
    sample_sign(&s);
    ck_assert_int_eq(disk_store_apply_seq(&disk, &s.write, &seq), ERR_STALE_SEQ);
    s.write.record.seq = 6;
    sample_sign(&s);
    ck_assert_int_eq(disk_store_apply_seq(&disk, &s.write, &seq), ERR_OK);
    ck_assert_int_eq(seq, 6);
    ck_assert_int_eq(get(STORE_HELD, &s.write.record, &out), ERR_OK);
    ck_assert_int_eq(out.record.seq, 6);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 1);
}
END_TEST

START_TEST(cas_is_decided_before_seq)
{
    struct sample s;
    int64_t seq;
    sample_single(&s, 1, 5, 100);
    s.write.has_cas = true;
    s.write.cas = 3;
    ck_assert_int_eq(disk_store_apply(&disk, &s.write),
                     ERR_OK); /* nothing is stored: there is nothing to compare */
    s.write.record.seq = 4;
    sample_sign(&s);
    ck_assert_int_eq(disk_store_apply_seq(&disk, &s.write, &seq), ERR_CAS_MISMATCH);
    ck_assert_int_eq(seq, 5);
    s.write.cas = 5;
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_STALE_SEQ);
    s.write.record.seq = 9;
    sample_sign(&s);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK); /* the same once more */
}
END_TEST

START_TEST(an_equal_record_refreshes_its_times)
{
    struct sample s;
    struct stored out;
    sample_immutable(&s, 1, 300);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    struct store_usage before = disk_store_usage(&disk, STORE_HELD);
    s.write.put_unix_s += 1800;
    s.write.expiry_unix_s += 1800;
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert_int_eq(get(STORE_HELD, &s.write.record, &out), ERR_OK);
    ck_assert_uint_eq(out.put_unix_s, s.write.put_unix_s);
    ck_assert_uint_eq(out.expiry_unix_s, s.write.expiry_unix_s);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).bytes, before.bytes);
    ck_assert(!expire(SAMPLE_NOW_UNIX_S + 3700)); /* its first minute: it lives on */
    ck_assert(has(&s));
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 1);
    ck_assert(!expire(SAMPLE_NOW_UNIX_S + 5520));
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 0);
}
END_TEST

START_TEST(an_earlier_expiry_counts)
{
    struct sample s;
    sample_single(&s, 1, 1, 300);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    s.write.record.seq = 2;
    s.write.expiry_unix_s = SAMPLE_NOW_UNIX_S + 60;
    sample_sign(&s);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    expire(SAMPLE_NOW_UNIX_S + 180);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 0);
}
END_TEST

START_TEST(what_has_ended_is_never_returned)
{
    struct sample s;
    struct stored out;
    struct store_reader reader = store_reader(disk.store);
    sample_single(&s, 1, 9, 300);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    store_set_now(disk.store, s.write.expiry_unix_s - 1);
    ck_assert(has(&s));
    store_set_now(disk.store, s.write.expiry_unix_s);
    ck_assert(!has(&s));
    ck_assert_int_eq(reader.next(reader.context, STORE_HELD, 0, NULL, &out), ERR_NOT_FOUND);
    s.write.record.seq = 1; /* of the ended one nothing is left to compare with */
    s.write.expiry_unix_s += 3600;
    sample_sign(&s);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert(has(&s));
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 1);
}
END_TEST

START_TEST(expiry_goes_in_bounded_steps)
{
    struct sample s;
    size_t steps = 1;
    for (uint32_t i = 0; i < STORE_EXPIRE_MAX + 10; i++) {
        sample_immutable(&s, i, 20);
        ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    }
    ck_assert(!expire(SAMPLE_NOW_UNIX_S));
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, STORE_EXPIRE_MAX + 10);
    while (expire(SAMPLE_NOW_UNIX_S + 7200))
        steps++;
    ck_assert_uint_eq(steps, 2);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, 0);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).bytes, 0);
}
END_TEST

START_TEST(drop_forgets_one_and_says_when_there_is_none)
{
    struct sample s;
    struct stored out;
    sample_single(&s, 1, 1, 300);
    s.write.space = STORE_KEPT;
    s.write.expiry_unix_s = STORE_EXPIRY_NEVER;
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    s.write.action = STORE_DROP;
    s.write.space = STORE_HELD;
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_NOT_FOUND);
    s.write.space = STORE_KEPT;
    expire(SAMPLE_NOW_UNIX_S + (1u << 30));
    ck_assert_int_eq(get(STORE_KEPT, &s.write.record, &out), ERR_OK);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert_int_eq(get(STORE_KEPT, &s.write.record, &out), ERR_NOT_FOUND);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_KEPT).bytes, 0);
}
END_TEST

START_TEST(next_walks_a_space_in_order_once)
{
    struct sample s;
    struct stored out = {0}, last = {0};
    struct store_reader reader = store_reader(disk.store);
    size_t seen = 0;
    for (uint32_t i = 0; i < 30; i++) {
        if (i % 2 == 0)
            sample_single(&s, i, 1, 50);
        else
            sample_immutable(&s, i, 50);
        s.write.space = i < 20 ? STORE_HELD : STORE_KEPT;
        ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    }
    enum err err = reader.next(reader.context, STORE_HELD, 0, NULL, &out);
    while (err == ERR_OK) {
        seen++;
        if (seen > 1 && last.record.kind == out.record.kind)
            ck_assert_int_lt(memcmp(&last.record.target, &out.record.target, ID_SIZE), 0);
        ck_assert_int_le(last.record.kind, out.record.kind);
        last = out;
        err = reader.next(reader.context, STORE_HELD, last.record.kind, &last.record.target, &out);
    }
    ck_assert_uint_eq(seen, 20);
}
END_TEST

START_TEST(a_step_of_a_walk_passes_a_bounded_number_of_ended_ones)
{
    struct sample s;
    struct stored out;
    struct id key;
    struct store_reader reader = store_reader(disk.store);
    unsigned busy = 0, live = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        sample_immutable(&s, i, 50);
        s.write.expiry_unix_s += i % 500 == 499 ? 3600 : 0;
        ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    }
    store_set_now(disk.store, SAMPLE_NOW_UNIX_S + 3600);
    enum err err = reader.next(reader.context, STORE_HELD, 0, NULL, &out);
    for (; err != ERR_NOT_FOUND;
         err = reader.next(reader.context, STORE_HELD, out.record.kind, &key, &out)) {
        ck_assert(err == ERR_OK || err == ERR_BUSY);
        ck_assert((out.expiry_unix_s > store_now(disk.store)) == (err == ERR_OK));
        record_key(&out.record, &key);
        live += err == ERR_OK;
        busy += err == ERR_BUSY;
    }
    ck_assert_uint_eq(live, 2);
    ck_assert_uint_ge(busy, 1);
    ck_assert_uint_le(busy, 3);
}
END_TEST

/* Puts singles from `putter`'s prefix until `bytes` are charged; how many. */
static uint32_t fill(uint32_t first, uint8_t putter, uint64_t bytes)
{
    struct sample s;
    uint32_t count = 0;
    while (disk_store_usage(&disk, STORE_HELD).bytes < bytes) {
        sample_immutable(&s, first + count++, 900);
        s.write.putter = addr_v4((const uint8_t[]){10, 0, putter, 1}, 4000);
        ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    }
    return count;
}

START_TEST(ended_records_go_first_when_it_is_full)
{
    struct sample s, light;
    sample_immutable(&light, 90000, 900);
    light.write.putter = addr_v4((const uint8_t[]){10, 0, 9, 1}, 4000);
    light.write.expiry_unix_s = SAMPLE_NOW_UNIX_S + 60;
    ck_assert_int_eq(disk_store_apply(&disk, &light.write), ERR_OK);
    uint32_t count = fill(0, 1, QUOTA - 1500);
    sample_immutable(&s, 70000, 1000);
    s.write.putter = light.write.putter;
    store_set_now(disk.store, SAMPLE_NOW_UNIX_S + 300);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    sample_immutable(&s, 70001, 1000);
    s.write.putter = light.write.putter;
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, count + 2);
    store_set_now(disk.store, SAMPLE_NOW_UNIX_S);
    ck_assert(!has(&light));
}
END_TEST

START_TEST(the_heaviest_prefix_loses_its_farthest)
{
    struct sample s;
    struct id farthest = {{0}};
    struct stored out;
    uint32_t light = fill(50000, 2, QUOTA / 4), heavy = fill(0, 1, QUOTA - 1000);
    for (uint32_t i = 0; i < heavy; i++) {
        sample_immutable(&s, i, 900);
        if (id_compare_distance(&disk.self, &s.write.record.target, &farthest) > 0)
            farthest = s.write.record.target;
    }
    struct record gone = {.kind = RECORD_IMMUTABLE, .target = farthest};
    ck_assert_int_eq(get(STORE_HELD, &gone, &out), ERR_OK);
    store_pause(disk.store);
    sample_immutable(&s, 80000, 1000);
    s.write.putter = addr_v4((const uint8_t[]){10, 0, 3, 1}, 4000);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert_int_eq(get(STORE_HELD, &gone, &out), ERR_NOT_FOUND);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, light + heavy);
    ck_assert_uint_le(disk_store_usage(&disk, STORE_HELD).bytes, QUOTA);
}
END_TEST

START_TEST(a_write_that_would_be_the_loser_is_refused)
{
    struct sample s;
    size_t accepted = 0;
    fill(0, 1, QUOTA - 1000);
    uint64_t records = disk_store_usage(&disk, STORE_HELD).records;
    for (uint32_t i = 0; i < 100; i++) {
        sample_immutable(&s, 90000 + i, 900);
        bool is_near = s.write.record.target.b[0] < 0x80;
        s.write.putter = addr_v4((const uint8_t[]){10, 0, 1, 77}, 4000);
        enum err err = disk_store_apply(&disk, &s.write);
        ck_assert(err == ERR_OK || (err == ERR_STORAGE_FULL && !is_near));
        ck_assert(has(&s) == (err == ERR_OK));
        accepted += err == ERR_OK;
        ck_assert_uint_le(disk_store_usage(&disk, STORE_HELD).bytes, QUOTA);
    }
    ck_assert_uint_gt(accepted, 0);
    ck_assert_uint_le(disk_store_usage(&disk, STORE_HELD).records, records + 1);
    memset(s.write.record.target.b, 0xff, ID_SIZE);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_STORAGE_FULL);
    s.write.putter = addr_v4((const uint8_t[]){10, 0, 2, 77}, 4000); /* another's weighs less */
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
}
END_TEST

START_TEST(kept_puts_have_their_own_share)
{
    struct sample s;
    enum err err = ERR_OK;
    uint32_t kept = 0;
    fill(0, 1, QUOTA - 1000);
    while (err == ERR_OK) {
        sample_immutable(&s, 100000 + kept, 900);
        s.write.space = STORE_KEPT;
        err = disk_store_apply(&disk, &s.write);
        kept += err == ERR_OK;
    }
    ck_assert_int_eq(err, ERR_STORAGE_FULL);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_KEPT).records, kept);
    ck_assert_uint_le(disk_store_usage(&disk, STORE_KEPT).bytes,
                      store_quota(disk.store, STORE_KEPT));
    ck_assert_uint_gt(disk_store_usage(&disk, STORE_KEPT).bytes,
                      store_quota(disk.store, STORE_KEPT) - 1200);
    sample_immutable(&s, 200000, 1000);
    s.write.putter = addr_v4((const uint8_t[]){10, 0, 5, 1}, 4000);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_KEPT).records, kept);
}
END_TEST

START_TEST(a_lowered_quota_is_reached_in_steps)
{
    fill(0, 1, QUOTA - 1000);
    disk.limits = sample_limits(QUOTA / 4);
    disk_store_reopen(&disk);
    while (expire(SAMPLE_NOW_UNIX_S))
        continue;
    ck_assert_uint_le(disk_store_usage(&disk, STORE_HELD).bytes, QUOTA / 4);
    ck_assert_uint_gt(disk_store_usage(&disk, STORE_HELD).bytes, QUOTA / 4 - 1200);
}
END_TEST

START_TEST(another_id_reorders_the_eviction)
{
    struct sample s, far;
    struct id other;
    char detail[STORE_DETAIL_SIZE];
    uint32_t count = fill(0, 1, QUOTA - 1000);
    sample_immutable(&far, 3, 900); /* any of them: seen from its opposite it is the farthest */
    for (size_t i = 0; i < ID_SIZE; i++)
        other.b[i] = (uint8_t)~far.write.record.target.b[i];
    store_close(disk.store);
    const struct store_limits limits = sample_limits(QUOTA);
    ck_assert_int_eq(store_open(disk.directory, &limits, &other, &disk.store, detail), ERR_OK);
    store_set_now(disk.store, SAMPLE_NOW_UNIX_S);
    sample_immutable(&s, 80000, 1000);
    s.write.putter = addr_v4((const uint8_t[]){10, 0, 3, 1}, 4000);
    ck_assert(has(&far));
    store_pause(disk.store);
    ck_assert_int_eq(disk_store_apply(&disk, &s.write), ERR_OK);
    ck_assert(!has(&far));
    ck_assert_uint_eq(disk_store_usage(&disk, STORE_HELD).records, count);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_record_comes_back_as_it_was_put);
    tcase_add_test(tests, seq_rises_and_nothing_else_replaces);
    tcase_add_test(tests, cas_is_decided_before_seq);
    tcase_add_test(tests, an_equal_record_refreshes_its_times);
    tcase_add_test(tests, an_earlier_expiry_counts);
    tcase_add_test(tests, what_has_ended_is_never_returned);
    tcase_add_test(tests, expiry_goes_in_bounded_steps);
    tcase_add_test(tests, drop_forgets_one_and_says_when_there_is_none);
    tcase_add_test(tests, next_walks_a_space_in_order_once);
    tcase_add_test(tests, a_step_of_a_walk_passes_a_bounded_number_of_ended_ones);
    tcase_add_test(tests, ended_records_go_first_when_it_is_full);
    tcase_add_test(tests, the_heaviest_prefix_loses_its_farthest);
    tcase_add_test(tests, a_write_that_would_be_the_loser_is_refused);
    tcase_add_test(tests, kept_puts_have_their_own_share);
    tcase_add_test(tests, a_lowered_quota_is_reached_in_steps);
    tcase_add_test(tests, another_id_reorders_the_eviction);
}
