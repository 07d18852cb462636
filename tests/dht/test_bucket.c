/* A bucket must hold its members and its cache within their limits, newest cached first, hand over
 * on a split exactly what belongs deeper, and put members in order of nearness. */
#include <check.h>

#include "daemon/dht/routing/bucket.h"
#include "tests/runner.h"

static struct bucket bucket;

static void set_up(void)
{
    bucket_init(&bucket);
}

static void tear_down(void)
{
    bucket_clear(&bucket);
}

/* Its id begins with `first`, and its address ends with `number`. */
static struct contact numbered(uint8_t first, uint8_t number)
{
    struct contact contact = {.id = {{first, number}}};

    contact.addr = addr_v4((const uint8_t[]){127, 0, 0, number}, 1);
    return contact;
}

static void add(struct contact contact)
{
    struct routing_node *node = bucket_extend(&bucket);

    ck_assert_ptr_nonnull(node);
    memset(node, 0, sizeof *node);
    node->contact = contact;
}

static void cache(struct contact contact)
{
    struct candidate candidate = {.contact = contact};

    ck_assert(bucket_cache(&bucket, &candidate));
}

START_TEST(test_members_within_the_limit)
{
    for (uint8_t i = 0; i < ROUTING_K; i++)
        add(numbered(i, i));
    ck_assert_ptr_null(bucket_extend(&bucket));
    struct contact third = numbered(2, 2);
    struct routing_node *node = bucket_find(&bucket, &third.id);
    ck_assert_ptr_nonnull(node);
    ck_assert_ptr_eq(bucket_find_addr(&bucket, &third.addr), node);
    bucket_take_out(&bucket, node);
    ck_assert_ptr_null(bucket_find(&bucket, &third.id));
    ck_assert_ptr_null(bucket_find_addr(&bucket, &third.addr));
    ck_assert_uint_eq(bucket.count, ROUTING_K - 1);
}
END_TEST

START_TEST(test_dead_are_those_that_failed_most)
{
    for (uint8_t i = 0; i < 3; i++)
        add(numbered(i, i));
    bucket.nodes[0].fails = ROUTING_FAILS_MAX - 1;
    ck_assert_ptr_null(bucket_find_dead(&bucket));
    bucket.nodes[1].fails = ROUTING_FAILS_MAX;
    bucket.nodes[2].fails = ROUTING_FAILS_MAX + 1;
    ck_assert_ptr_eq(bucket_find_dead(&bucket), &bucket.nodes[2]);
}
END_TEST

START_TEST(test_cache_newest_first_without_doubles)
{
    for (uint8_t i = 0; i < ROUTING_CACHE + 3; i++)
        cache(numbered(i, i));
    ck_assert_uint_eq(bucket.cache_count, ROUTING_CACHE);
    ck_assert_uint_eq(bucket.cache[0].contact.id.b[0], ROUTING_CACHE + 2);
    ck_assert_uint_eq(bucket.cache[ROUTING_CACHE - 1].contact.id.b[0], 3);
    cache(numbered(5, 5));
    ck_assert_uint_eq(bucket.cache[0].contact.id.b[0], 5);
    cache(numbered(200, 5)); /* another id at that address */
    ck_assert_uint_eq(bucket.cache[0].contact.id.b[0], 200);
    ck_assert_uint_eq(bucket.cache_count, ROUTING_CACHE);
    struct id gone = numbered(5, 5).id, there = numbered(200, 5).id;
    ck_assert_ptr_null(bucket_find_cached(&bucket, &gone));
    bucket_uncache(&bucket, &there);
    ck_assert_ptr_null(bucket_find_cached(&bucket, &there));
    ck_assert_uint_eq(bucket.cache_count, ROUTING_CACHE - 1);
}
END_TEST

START_TEST(test_split_hands_over_the_deeper)
{
    const struct id self = {{0}};
    struct bucket deeper;

    bucket.touched_ms = 7;
    bucket_init(&deeper);
    for (uint8_t i = 0; i < 4; i++) {
        add(numbered(i % 2 == 0 ? 0x40 : 0x20, i)); /* 1 and 2 shared bits */
        cache(numbered(i % 2 == 0 ? 0x40 : 0x20, 100 + i));
    }
    ck_assert(bucket_split(&bucket, &self, 1, &deeper));
    ck_assert_uint_eq(bucket.count, 2);
    ck_assert_uint_eq(deeper.count, 2);
    ck_assert_uint_eq(bucket.cache_count, 2);
    ck_assert_uint_eq(deeper.cache_count, 2);
    ck_assert_uint_eq(deeper.touched_ms, 7);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(bucket.nodes[i].contact.id.b[0], 0x40);
        ck_assert_uint_eq(deeper.nodes[i].contact.id.b[0], 0x20);
        ck_assert_uint_eq(bucket.cache[i].contact.id.b[0], 0x40);
        ck_assert_uint_eq(deeper.cache[i].contact.id.b[0], 0x20);
    }
    ck_assert_uint_eq(deeper.cache[0].contact.id.b[1], 103); /* still the newest first */
    bucket_clear(&deeper);
}
END_TEST

START_TEST(test_closest_in_order)
{
    const struct id target = {{0x10}};
    struct contact found[ROUTING_K];

    for (uint8_t i = 0; i < ROUTING_K; i++)
        add(numbered((uint8_t)(i * 37), i));
    bucket.nodes[3].fails = 1;
    ck_assert_uint_eq(bucket_closest(&bucket, &target, false, found, 0), 0);
    ck_assert_uint_eq(bucket_closest(&bucket, &target, false, found, ROUTING_K), ROUTING_K - 1);
    for (size_t i = 1; i < ROUTING_K - 1; i++)
        ck_assert_int_lt(id_compare_distance(&target, &found[i - 1].id, &found[i].id), 0);
    ck_assert_uint_eq(bucket_closest(&bucket, &target, true, found, ROUTING_K), 1);
    ck_assert(id_equal(&found[0].id, &bucket.nodes[3].contact.id));
}
END_TEST

START_TEST(test_closest_when_only_the_last_bytes_differ)
{
    const struct id target = {{0}};
    struct contact found[ROUTING_K];

    for (uint8_t i = 0; i < ROUTING_K; i++) {
        struct contact contact = numbered(1, i);
        contact.id.b[1] = 0;
        contact.id.b[ID_SIZE - 1] = (uint8_t)(i * 5 % ROUTING_K);
        add(contact);
    }
    ck_assert_uint_eq(bucket_closest(&bucket, &target, false, found, 5), 5);
    for (uint8_t i = 0; i < 5; i++)
        ck_assert_uint_eq(found[i].id.b[ID_SIZE - 1], i);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_members_within_the_limit);
    tcase_add_test(tests, test_dead_are_those_that_failed_most);
    tcase_add_test(tests, test_cache_newest_first_without_doubles);
    tcase_add_test(tests, test_split_hands_over_the_deeper);
    tcase_add_test(tests, test_closest_in_order);
    tcase_add_test(tests, test_closest_when_only_the_last_bytes_differ);
}
