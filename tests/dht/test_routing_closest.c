/* For any target the table must list exactly the nearest of its members, nearest first, those that
 * failed only when asked and last: what sorting all of them finds, whatever happened before. */
#include <check.h>
#include <stdlib.h>

#include "tests/dht/home.h"
#include "tests/runner.h"

#define MODEL_MAX 2000 /* more than any table of these tests holds */

static struct home *home;

static const struct id *model_target; /* of the order that qsort makes */

static int compare_to_target(const void *a, const void *b)
{
    const struct contact *left = a, *right = b;

    return id_compare_distance(model_target, &left->id, &right->id);
}

/* The brute force: all members of one sort, in order. */
static size_t model_closest(const struct id *target, bool is_failed, struct contact *out)
{
    size_t bucket = 0, index = 0, count = 0;
    const struct routing_node *node;

    while ((node = routing_each(&home->table, &bucket, &index)) != NULL) {
        if ((node->fails > 0) == is_failed)
            out[count++] = node->contact;
    }
    model_target = target;
    qsort(out, count, sizeof out[0], compare_to_target);
    return count;
}

static void check_closest(const struct id *target, size_t max)
{
    static struct contact live[MODEL_MAX], failed[MODEL_MAX];
    struct contact found[ROUTING_K * 4];
    size_t live_count = model_closest(target, false, live);
    size_t failed_count = model_closest(target, true, failed);
    size_t expected = live_count < max ? live_count : max;

    ck_assert_uint_eq(routing_closest(&home->table, target, false, found, max), expected);
    for (size_t i = 0; i < expected; i++)
        ck_assert(id_equal(&found[i].id, &live[i].id));
    expected = live_count + failed_count < max ? live_count + failed_count : max;
    ck_assert_uint_eq(routing_closest(&home->table, target, true, found, max), expected);
    for (size_t i = 0; i < expected; i++) {
        const struct contact *wanted = i < live_count ? &live[i] : &failed[i - live_count];
        ck_assert(id_equal(&found[i].id, &wanted->id));
        ck_assert(addr_equal(&found[i].addr, &wanted->addr));
    }
}

/* Targets of all kinds: anywhere, near us, near a member, and ours. */
static void check_many_targets(unsigned rounds)
{
    struct contact near[ROUTING_K];
    struct id target;

    for (unsigned round = 0; round < rounds; round++) {
        id_random(&target, &home->rng);
        check_closest(&target, ROUTING_K);
        check_closest(&target, round % (ROUTING_K * 4 + 1));
        id_random_at(&target, &home->self, rng_below(&home->rng, round % 2 == 0 ? 20 : ID_BITS),
                     &home->rng);
        check_closest(&target, ROUTING_K);
        size_t count = routing_closest(&home->table, &target, true, near, ROUTING_K);
        if (count > 0)
            check_closest(&near[rng_below(&home->rng, (uint32_t)count)].id, ROUTING_K);
    }
    check_closest(&home->self, ROUTING_K);
}

static void fail_some(void)
{
    size_t bucket = 0, index = 0;
    const struct routing_node *node;

    while ((node = routing_each(&home->table, &bucket, &index)) != NULL) {
        struct contact contact = node->contact;
        if (rng_below(&home->rng, 3) == 0)
            routing_failed(&home->table, &contact, 1);
    }
}

START_TEST(test_closest_is_what_brute_force_finds)
{
    static const uint32_t sizes[] = {0, 1, 7, 8, 9, 20, 100, 1000, 20000};

    for (uint32_t i = 0; i < sizes[_i]; i++) {
        struct contact contact = {.addr = home_local(i * 3)};
        id_random(&contact.id, &home->rng);
        home_answered(home, &contact, 0);
    }
    check_many_targets(300);
    fail_some();
    check_many_targets(300);
}
END_TEST

START_TEST(test_closest_with_ids_crowded_around_us)
{
    for (uint32_t i = 0; i < 3000; i++) {
        struct contact contact = home_contact(home, rng_below(&home->rng, ID_BITS), home_local(i));
        home_answered(home, &contact, 0);
    }
    ck_assert_uint_gt(home->table.bucket_count, 100);
    check_many_targets(200);
    fail_some();
    check_many_targets(200);
}
END_TEST

START_TEST(test_closest_with_ids_alike_in_their_first_half)
{
    struct contact first = home_contact(home, 0, home_local(0));

    home_answered(home, &first, 0);
    for (uint32_t i = 1; i < 40; i++) {
        struct contact contact = {.addr = home_local(i)};
        id_random_at(&contact.id, &first.id, 70 + i, &home->rng);
        home_answered(home, &contact, 0);
    }
    for (unsigned round = 0; round < 300; round++) {
        struct id target;
        id_random_at(&target, &first.id, rng_below(&home->rng, ID_BITS), &home->rng);
        check_closest(&target, ROUTING_K);
        check_closest(&target, 3);
    }
}
END_TEST

/* Anything at all happens to the table, and what it promises holds. */
START_TEST(test_random_use_stays_consistent)
{
    struct contact known[200], out;
    uint64_t now_ms = 0;

    for (uint32_t i = 0; i < 200; i++)
        /* Pairs share an address. */
        known[i] = home_contact(home, rng_below(&home->rng, 12), home_local(i / 2));
    for (unsigned round = 0; round < 20000; round++) {
        const struct contact *contact = &known[rng_below(&home->rng, 200)];
        now_ms += rng_below(&home->rng, 2000);
        switch (rng_below(&home->rng, 6)) {
        case 0:
        case 1:
            home_answered(home, contact, now_ms);
            break;
        case 2:
            routing_failed(&home->table, contact, now_ms);
            break;
        case 3:
            routing_queried_us(&home->table, contact, now_ms);
            break;
        case 4:
            if (routing_next_check(&home->table, now_ms, &out))
                ck_assert(routing_find(&home->table, &out)->is_pinged);
            break;
        case 5:
            if (round % 10 == 0)
                routing_remove(&home->table, &contact->id);
            break;
        }
        if (round % 50 == 0)
            check_closest(&known[rng_below(&home->rng, 200)].id, ROUTING_K);
    }
    size_t bucket = 0, index = 0, count = 0;
    while (routing_each(&home->table, &bucket, &index) != NULL)
        count++;
    ck_assert_uint_eq(count, home->table.node_count);
}
END_TEST

void add_tests(TCase *tests)
{
    home = home_fixture(tests);
    tcase_add_loop_test(tests, test_closest_is_what_brute_force_finds, 0, 9);
    tcase_add_test(tests, test_closest_with_ids_crowded_around_us);
    tcase_add_test(tests, test_closest_with_ids_alike_in_their_first_half);
    tcase_add_test(tests, test_random_use_stays_consistent);
}
