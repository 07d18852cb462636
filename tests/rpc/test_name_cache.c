/* The cache remembers the newest registration of each name and the key before it, for as long as
 * there is room, and across its file. */
#include "rpc/names/name_cache.h"

#include <stdlib.h>

#include "common/hash.h"
#include "tests/runner.h"

static struct name_cache cache;
static struct now now;
static const uint8_t wabi[KEYS_PUBLIC_SIZE] = {1}, city[KEYS_PUBLIC_SIZE] = {2};

static void setup(void)
{
    cache = (struct name_cache){0};
    now = (struct now){.ms = 1000, .unix_s = 1700000000};
}

static void teardown(void)
{
    name_cache_clear(&cache);
}

/* A registration for the key that begins with `key`, signed `now`, good for a day. */
static struct registration bound(uint8_t key, int64_t seq)
{
    return (struct registration){
        .key = {key}, .seq = seq, .time_unix_s = now.unix_s, .expiry_unix_s = now.unix_s + 86400};
}

static struct name_entry *note(const uint8_t *authority, const char *name, uint8_t key, int64_t seq)
{
    const struct registration found = bound(key, seq);
    struct name_entry *entry = name_cache_note(&cache, now, authority, name, &found);
    ck_assert_ptr_nonnull(entry);
    return entry;
}

static void later(uint64_t s)
{
    now.ms += 1000 * s;
    now.unix_s += s;
}

START_TEST(an_authority_and_a_name_make_an_entry)
{
    note(wabi, "bob", 10, 1);
    note(city, "bob", 11, 1);
    note(wabi, "alice", 12, 1);
    ck_assert_uint_eq(cache.count, 3);
    ck_assert_uint_eq(name_cache_find(&cache, wabi, "bob")->key[0], 10);
    ck_assert_uint_eq(name_cache_find(&cache, city, "bob")->key[0], 11);
    ck_assert_uint_eq(name_cache_find(&cache, wabi, "alice")->key[0], 12);
    ck_assert_ptr_null(name_cache_find(&cache, city, "alice"));
}
END_TEST

START_TEST(another_key_leaves_the_one_before)
{
    uint64_t first_s = now.unix_s;
    ck_assert(!note(wabi, "bob", 10, 1)->has_previous);
    later(100);
    struct name_entry *entry = note(wabi, "bob", 10, 2); /* a renewal */
    ck_assert(!entry->has_previous);
    ck_assert_uint_eq(entry->changed_unix_s, first_s);
    later(100);
    entry = note(wabi, "bob", 11, 3);
    ck_assert(entry->has_previous);
    ck_assert_uint_eq(entry->previous[0], 10);
    ck_assert_uint_eq(entry->previous_time_unix_s, first_s + 100);
    later(100);
    entry = note(wabi, "bob", 11, 4);
    ck_assert_uint_eq(entry->changed_unix_s, first_s + 200);
    ck_assert_uint_eq(entry->time_unix_s, first_s + 300);
}
END_TEST

START_TEST(an_older_copy_changes_nothing)
{
    note(wabi, "bob", 11, 5);
    uint64_t changes = cache.changes;
    struct name_entry *entry = note(wabi, "bob", 10, 4);
    ck_assert_uint_eq(entry->key[0], 11);
    ck_assert(!entry->has_previous && !entry->is_confirmed);
    ck_assert_uint_eq(cache.changes, changes);
    note(wabi, "bob", 11, 5);
    ck_assert_uint_eq(cache.changes, changes);
    note(wabi, "bob", 11, 6);
    ck_assert_uint_ne(cache.changes, changes);
}
END_TEST

START_TEST(a_deletion_ends_it_and_is_no_way_around_the_one_before)
{
    const struct registration deletion = {
        .is_deleted = true, .seq = 2, .expiry_unix_s = now.unix_s + 86400};
    note(wabi, "bob", 10, 1);
    struct name_entry *entry = name_cache_note(&cache, now, wabi, "bob", &deletion);
    ck_assert(!name_entry_is_valid(entry, now));
    entry = note(wabi, "bob", 10, 1);
    ck_assert(!name_entry_is_valid(entry, now));
    entry = note(wabi, "bob", 11, 3);
    ck_assert(name_entry_is_valid(entry, now));
    ck_assert(entry->has_previous);
    ck_assert_uint_eq(entry->previous[0], 10);
}
END_TEST

START_TEST(it_is_fresh_for_an_hour_and_valid_to_its_end)
{
    struct name_entry *entry = note(wabi, "bob", 10, 1);
    ck_assert(name_entry_is_fresh(entry, now, 0));
    later(NAME_FRESH_MS / 1000 - 1);
    ck_assert(name_entry_is_fresh(entry, now, 0));
    ck_assert(!name_entry_is_fresh(entry, now, now.ms));
    later(1);
    ck_assert(!name_entry_is_fresh(entry, now, 0));
    ck_assert(name_entry_is_valid(entry, now));
    later(86400);
    ck_assert(!name_entry_is_valid(entry, now));
    entry = note(wabi, "bob", 10, 2);
    ck_assert(name_entry_is_fresh(entry, now, now.ms));
    now.unix_s += 86400;
    ck_assert(!name_entry_is_fresh(entry, now, 0));
}
END_TEST

START_TEST(where_nobody_answers_the_last_word_counts_for_a_minute)
{
    struct name_entry *entry = note(wabi, "bob", 10, 1);
    later(NAME_FRESH_MS / 1000);
    ck_assert_ptr_eq(name_cache_missed(&cache, now, wabi, "bob"), entry);
    ck_assert(!entry->is_confirmed);
    ck_assert_uint_eq(entry->key[0], 10);
    ck_assert(name_entry_is_fresh(entry, now, now.ms));
    later(NAME_RETRY_MS / 1000);
    ck_assert(!name_entry_is_fresh(entry, now, 0));
    entry = name_cache_missed(&cache, now, wabi, "nobody");
    ck_assert(!entry->is_known && !name_entry_is_valid(entry, now));
}
END_TEST

START_TEST(the_one_not_used_for_longest_goes_first)
{
    char name[16];
    for (int i = 0; i < NAME_CACHE_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        note(wabi, name, 10, 1);
    }
    ck_assert_ptr_nonnull(name_cache_find(&cache, wabi, "n0"));
    note(wabi, "one-more", 10, 1);
    ck_assert_uint_eq(cache.count, NAME_CACHE_MAX);
    ck_assert_ptr_nonnull(name_cache_find(&cache, wabi, "n0"));
    ck_assert_ptr_null(name_cache_find(&cache, wabi, "n1"));
    ck_assert_ptr_nonnull(name_cache_find(&cache, wabi, "n2"));
}
END_TEST

START_TEST(names_that_are_made_up_push_out_no_known_one)
{
    char name[16];
    note(wabi, "bob", 10, 1);
    for (int i = 0; i < 2 * NAME_CACHE_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        ck_assert_ptr_nonnull(name_cache_missed(&cache, now, wabi, name));
    }
    ck_assert_uint_eq(cache.count, NAME_CACHE_MAX);
    ck_assert_ptr_nonnull(name_cache_find(&cache, wabi, "bob"));
    ck_assert_ptr_nonnull(name_cache_find(&cache, wabi, name));
    ck_assert_ptr_null(name_cache_find(&cache, wabi, "n0"));
}
END_TEST

START_TEST(its_file_brings_it_back)
{
    struct name_cache back = {0};
    size_t size;
    note(wabi, "bob", 10, 1);
    later(10);
    note(wabi, "bob", 11, 2);
    note(city, "12345678901234567890123456789012", 12, INT64_MAX);
    name_cache_missed(&cache, now, wabi, "nobody");
    uint8_t *file = name_cache_pack(&cache, &size);
    ck_assert_ptr_nonnull(file);
    ck_assert(name_cache_unpack(&back, bytes_of(file, size)));
    ck_assert_uint_eq(back.count, 2); /* a miss is not worth it */
    struct name_entry *entry = name_cache_find(&back, wabi, "bob");
    ck_assert_uint_eq(entry->key[0], 11);
    ck_assert_uint_eq(entry->previous[0], 10);
    ck_assert_uint_eq(entry->previous_time_unix_s, now.unix_s - 10);
    ck_assert_uint_eq(entry->changed_unix_s, now.unix_s);
    ck_assert(name_entry_is_valid(entry, now));
    ck_assert(!name_entry_is_fresh(entry, now, 0)); /* looked up again before it is used */
    ck_assert_int_eq(name_cache_find(&back, city, "12345678901234567890123456789012")->seq,
                     INT64_MAX);
    ck_assert_uint_gt(back.uses, cache.uses);
    name_cache_clear(&back);
    free(file);
}
END_TEST

START_TEST(a_full_file_fits)
{
    char name[RPC_NAME_MAX + 1];
    struct name_cache back = {0};
    size_t size;
    for (int i = 0; i < NAME_CACHE_MAX; i++) {
        snprintf(name, sizeof name, "%032d", i);
        note(wabi, name, 10, 1);
    }
    uint8_t *file = name_cache_pack(&cache, &size);
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_le(size, NAME_CACHE_PACKED);
    ck_assert(name_cache_unpack(&back, bytes_of(file, size)));
    ck_assert_uint_eq(back.count, NAME_CACHE_MAX);
    name_cache_clear(&back);
    free(file);
}
END_TEST

START_TEST(a_damaged_file_is_not_used)
{
    struct name_cache back = {0};
    size_t size;
    note(wabi, "bob", 10, 1);
    uint8_t *file = name_cache_pack(&cache, &size);
    for (size_t i = 0; i < size; i++) {
        file[i] ^= 0x10;
        ck_assert_msg(!name_cache_unpack(&back, bytes_of(file, size)), "byte %zu", i);
        file[i] ^= 0x10;
        ck_assert(!name_cache_unpack(&back, bytes_of(file, i)));
        ck_assert_uint_eq(back.count, 0);
    }
    free(file);
}
END_TEST

/* A sum that is right does not make the content so. */
START_TEST(a_name_that_is_none_is_not_taken_over)
{
    struct name_cache back = {0};
    struct wire_writer w;
    size_t size;
    note(wabi, "bob", 10, 1);
    uint8_t *file = name_cache_pack(&cache, &size);
    uint8_t *name = memmem(file, size, "bob", 3);
    ck_assert_ptr_nonnull(name);
    name[0] = '/';
    wire_writer_init(&w, file + size - 4, 4);
    wire_write_u32(&w, hash_crc32c(bytes_of(file, size - 4)));
    ck_assert(!name_cache_unpack(&back, bytes_of(file, size)));
    free(file);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_authority_and_a_name_make_an_entry);
    tcase_add_test(tests, another_key_leaves_the_one_before);
    tcase_add_test(tests, an_older_copy_changes_nothing);
    tcase_add_test(tests, a_deletion_ends_it_and_is_no_way_around_the_one_before);
    tcase_add_test(tests, it_is_fresh_for_an_hour_and_valid_to_its_end);
    tcase_add_test(tests, where_nobody_answers_the_last_word_counts_for_a_minute);
    tcase_add_test(tests, the_one_not_used_for_longest_goes_first);
    tcase_add_test(tests, names_that_are_made_up_push_out_no_known_one);
    tcase_add_test(tests, its_file_brings_it_back);
    tcase_add_test(tests, a_full_file_fits);
    tcase_add_test(tests, a_damaged_file_is_not_used);
    tcase_add_test(tests, a_name_that_is_none_is_not_taken_over);
}
