/* Of each place the newest is known, the digest is that of all that lives, what ends comes due in
 * order, and there is never more than there is room for. */
#include "daemon/dht/listen/places.h"

#include <stdio.h>

#include "tests/dht/draft.h"
#include "tests/runner.h"

#define NOW_S 1000000u

static struct place_pool pool;
static struct places places;
static const struct id target = {.b = {1}};

static struct draft make(const char *slot, int64_t seq)
{
    struct draft d = draft_of(&target, NOW_S, slot, seq);
    return d;
}

static struct id note(const char *slot, int64_t seq, enum place_state state, uint64_t end_unix_s)
{
    struct draft d = make(slot, seq);
    draft_sign(&d);
    ck_assert(places_note(&places, &pool, &d.record, state, end_unix_s));
    return draft_key(&d);
}

static uint64_t digest_of(const char *slot, int64_t seq)
{
    struct draft d = make(slot, seq);
    draft_sign(&d);
    return multi_digest(&d.record);
}

static void expect_empty(void)
{
    places_clear(&places, &pool);
    ck_assert_uint_eq(pool.count, 0);
    ck_assert_ptr_null(pool.ends.heap);
    ck_assert_ptr_null(places.by_key.heads);
    ck_assert_uint_eq(places.digest, 0);
}

START_TEST(the_newest_of_each_place_is_known)
{
    struct id a = note("a", 1, PLACE_LIVE, ALARM_NEVER);
    struct id b = note("b", 5, PLACE_DELETED, ALARM_NEVER);
    ck_assert_ptr_null(places_find(&places, &pool, &target));
    ck_assert_uint_eq(places.digest, digest_of("a", 1) ^ digest_of("b", 5));
    note("a", 3, PLACE_LIVE, ALARM_NEVER);
    ck_assert_int_eq(places_find(&places, &pool, &a)->seq, 3);
    ck_assert_int_eq(places_find(&places, &pool, &b)->state, PLACE_DELETED);
    ck_assert_uint_eq(places.digest, digest_of("a", 3) ^ digest_of("b", 5));
    ck_assert_uint_eq(pool.count, 2);
    struct draft d = make("a", 3);
    draft_sign(&d);
    const struct place *place = places_find(&places, &pool, &a);
    ck_assert(bytes_is_string(bytes_of(place->slot, place->slot_size), "a"));
    ck_assert_mem_eq(place->k, d.k, KEYS_PUBLIC_SIZE);
    expect_empty();
}
END_TEST

START_TEST(what_ends_comes_due_in_order_and_leaves_the_digest)
{
    struct id late = note("late", 1, PLACE_LIVE, NOW_S + 20);
    note("never", 1, PLACE_LIVE, ALARM_NEVER);
    struct id soon = note("soon", 1, PLACE_LIVE, NOW_S + 10);
    ck_assert_ptr_null(place_pool_due(&pool, NOW_S + 9));
    struct place *due = place_pool_due(&pool, NOW_S + 30);
    ck_assert(id_equal(&due->key, &soon));
    places_end(due, &pool, NOW_S + 100);
    ck_assert_uint_eq(places.digest, digest_of("late", 1) ^ digest_of("never", 1));
    due = place_pool_due(&pool, NOW_S + 30);
    ck_assert(id_equal(&due->key, &late));
    places_end(due, &pool, NOW_S + 90);
    ck_assert_ptr_null(place_pool_due(&pool, NOW_S + 30));
    due = place_pool_due(&pool, NOW_S + 90);
    ck_assert(id_equal(&due->key, &late));
    ck_assert_int_eq(due->state, PLACE_ENDED);
    ck_assert_int_eq(due->seq, 1);
    places_forget(due, &pool);
    ck_assert_ptr_null(places_find(&places, &pool, &late));
    ck_assert_uint_eq(places.digest, digest_of("never", 1));
    expect_empty();
}
END_TEST

START_TEST(one_that_comes_back_after_its_end_lives_again)
{
    struct id key = note("a", 1, PLACE_LIVE, NOW_S + 10);
    places_end(places_find(&places, &pool, &key), &pool, ALARM_NEVER);
    ck_assert_uint_eq(places.digest, 0);
    note("a", 2, PLACE_LIVE, NOW_S + 20);
    ck_assert_uint_eq(places.digest, digest_of("a", 2));
    ck_assert_uint_eq(place_pool_due(&pool, NOW_S + 20)->seq, 2);
    expect_empty();
}
END_TEST

START_TEST(beyond_the_cap_the_least_used_goes)
{
    char slot[16];
    struct id first = note("0", 1, PLACE_LIVE, ALARM_NEVER);
    struct id second = note("1", 1, PLACE_LIVE, ALARM_NEVER);
    struct id third = note("2", 1, PLACE_LIVE, ALARM_NEVER);
    for (unsigned i = 3; i < PLACES_MAX; i++) {
        snprintf(slot, sizeof slot, "%u", i);
        note(slot, 1, PLACE_LIVE, ALARM_NEVER);
    }
    uint64_t full = places.digest;
    places_touch(&places, places_find(&places, &pool, &first));
    note("more", 1, PLACE_LIVE, ALARM_NEVER);
    ck_assert_uint_eq(pool.count, PLACES_MAX);
    ck_assert_ptr_nonnull(places_find(&places, &pool, &first));
    ck_assert_ptr_null(places_find(&places, &pool, &second));
    ck_assert_uint_eq(places.digest, full ^ digest_of("1", 1) ^ digest_of("more", 1));
    note("2", 2, PLACE_LIVE, ALARM_NEVER); /* news is a use too */
    note("still more", 1, PLACE_LIVE, ALARM_NEVER);
    ck_assert_ptr_nonnull(places_find(&places, &pool, &third));
    expect_empty();
}
END_TEST

START_TEST(when_all_room_is_taken_each_listening_has_its_share)
{
    char slot[16];
    pool.count = PLACES_POOL_MAX;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(slot, sizeof slot, "%u", i);
        struct id key = note(slot, 1, PLACE_LIVE, ALARM_NEVER);
        ck_assert_ptr_nonnull(places_find(&places, &pool, &key));
    }
    ck_assert_uint_eq(places.by_key.count, PLACES_SHARE);
    pool.count -= PLACES_POOL_MAX;
    expect_empty();
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_newest_of_each_place_is_known);
    tcase_add_test(tests, what_ends_comes_due_in_order_and_leaves_the_digest);
    tcase_add_test(tests, one_that_comes_back_after_its_end_lives_again);
    tcase_add_test(tests, beyond_the_cap_the_least_used_goes);
    tcase_add_test(tests, when_all_room_is_taken_each_listening_has_its_share);
}
