/* The high-water mark must never go backwards, only the very record that was added may be
 * recognised, and the memory must stay bounded, the least recently used going first. */
#include <check.h>

#include "daemon/dht/seen.h"
#include "tests/runner.h"

static struct seen *seen;
static uint8_t owner[KEYS_PUBLIC_SIZE], signature[KEYS_SIGNATURE_SIZE];

static void set_up(void)
{
    const uint8_t key[HASH_KEY_SIZE] = {1, 2, 3};

    seen = seen_new(key);
    ck_assert_ptr_nonnull(seen);
    memset(owner, 1, sizeof owner);
    memset(signature, 2, sizeof signature);
}

static void tear_down(void)
{
    seen_free(seen);
}

static struct record numbered(uint32_t number, int64_t seq)
{
    struct record record = {.kind = RECORD_SINGLE, .k = owner, .sig = signature, .seq = seq};

    memcpy(record.target.b, &number, sizeof number);
    record.salt = bytes_of_string("ab");
    record.v = bytes_of_string("1:c");
    return record;
}

/* -1: none. */
static int64_t mark_of(uint32_t number)
{
    struct record record = numbered(number, 0);
    int64_t seq;

    return seen_seq(seen, record.kind, &record.target, &seq) ? seq : -1;
}

START_TEST(test_nothing_at_first)
{
    struct record record = numbered(1, 5);

    ck_assert(!seen_has(seen, &record));
    ck_assert_int_eq(mark_of(1), -1);
    seen_free(NULL);
}
END_TEST

START_TEST(test_mark_never_goes_back)
{
    struct record old = numbered(1, 4), mark = numbered(1, 5), new = numbered(1, 6);

    seen_add(seen, &mark);
    seen_add(seen, &old);
    ck_assert_int_eq(mark_of(1), 5);
    ck_assert(seen_has(seen, &mark));
    ck_assert(!seen_has(seen, &old));
    seen_add(seen, &new);
    ck_assert_int_eq(mark_of(1), 6);
    ck_assert(!seen_has(seen, &mark));
}
END_TEST

START_TEST(test_any_change_is_another_record)
{
    struct record record = numbered(1, 5), other;
    uint8_t changed_key[KEYS_PUBLIC_SIZE] = {9}, changed_sig[KEYS_SIGNATURE_SIZE] = {9};

    seen_add(seen, &record);
    ck_assert(seen_has(seen, &record));
    other = record;
    other.k = changed_key;
    ck_assert(!seen_has(seen, &other));
    other = record;
    other.sig = changed_sig;
    ck_assert(!seen_has(seen, &other));
    other = record;
    other.seq = 6;
    ck_assert(!seen_has(seen, &other));
    other = record;
    other.v = bytes_of_string("1:d");
    ck_assert(!seen_has(seen, &other));
    other = record; /* the same bytes, divided otherwise */
    other.salt = bytes_of_string("ab1");
    other.v = bytes_of_string(":c");
    ck_assert(!seen_has(seen, &other));
    other = record;
    other.kind = RECORD_MULTI;
    ck_assert(!seen_has(seen, &other));
}
END_TEST

START_TEST(test_immutable_without_key)
{
    struct record record = {.kind = RECORD_IMMUTABLE, .v = bytes_of_string("1:c")};

    seen_add(seen, &record);
    ck_assert(seen_has(seen, &record));
    record.v = bytes_of_string("1:d");
    ck_assert(!seen_has(seen, &record));
}
END_TEST

START_TEST(test_holds_as_many_as_it_says)
{
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        struct record record = numbered(i, i);
        seen_add(seen, &record);
    }
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        struct record record = numbered(i, i);
        ck_assert(seen_has(seen, &record));
        ck_assert_int_eq(mark_of(i), i);
    }
}
END_TEST

START_TEST(test_least_recently_used_goes)
{
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        struct record record = numbered(i, i);
        seen_add(seen, &record);
    }
    ck_assert_int_eq(mark_of(0), 0); /* used: 1 is now the oldest */
    for (uint32_t i = SEEN_MAX; i < SEEN_MAX + 10; i++) {
        struct record record = numbered(i, i);
        seen_add(seen, &record);
    }
    ck_assert_int_eq(mark_of(0), 0);
    for (uint32_t i = 1; i <= 10; i++)
        ck_assert_int_eq(mark_of(i), -1);
    for (uint32_t i = 11; i < SEEN_MAX + 10; i++)
        ck_assert_int_eq(mark_of(i), i);
}
END_TEST

START_TEST(test_long_use_stays_consistent)
{
    struct rng rng;

    rng_init_number(&rng, 1);
    for (int round = 0; round < 50000; round++) {
        struct record record = numbered(rng_below(&rng, 3 * SEEN_MAX), round);
        seen_add(seen, &record);
        ck_assert(seen_has(seen, &record));
    }
}
END_TEST

START_TEST(test_entries_of_one_target_are_apart)
{
    struct record here = numbered(1, 5), there = numbered(1, 3), single = here;
    struct id key;
    int64_t seq;
    here.kind = there.kind = RECORD_MULTI;
    there.salt = bytes_of_string("cd");
    seen_add(seen, &here);
    ck_assert(!seen_has(seen, &there));
    seen_add(seen, &there);
    ck_assert(seen_has(seen, &here));
    ck_assert(seen_has(seen, &there));
    ck_assert(!seen_has(seen, &single));
    record_key(&there, &key);
    ck_assert(seen_seq(seen, RECORD_MULTI, &key, &seq));
    ck_assert_int_eq(seq, 3);
    ck_assert(!seen_seq(seen, RECORD_MULTI, &here.target, &seq));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_nothing_at_first);
    tcase_add_test(tests, test_mark_never_goes_back);
    tcase_add_test(tests, test_any_change_is_another_record);
    tcase_add_test(tests, test_immutable_without_key);
    tcase_add_test(tests, test_holds_as_many_as_it_says);
    tcase_add_test(tests, test_least_recently_used_goes);
    tcase_add_test(tests, test_entries_of_one_target_are_apart);
    tcase_add_test(tests, test_long_use_stays_consistent);
}
