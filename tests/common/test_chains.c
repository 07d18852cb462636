/* What was added is found by its hash until it is removed, however many share it, and an emptied
 * table holds no memory. */
#include "common/chains.h"
#include "tests/runner.h"

#define THINGS 5000u

struct thing {
    struct chain_link link;
    uint32_t number;
};

static struct thing things[THINGS];

static struct thing *find(const struct chains *c, uint64_t hash, uint32_t number)
{
    struct chain_link *link = chains_first(c, hash);
    while (link != NULL && ((struct thing *)link)->number != number)
        link = chains_next(link);
    return (struct thing *)link;
}

/* Three things a hash; the hashes fall into all chains. */
static uint64_t hash_of(uint32_t number)
{
    return (number / 3) * UINT64_C(0x9e3779b97f4a7c15);
}

static void add_all(struct chains *c)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        things[i].number = i;
        ck_assert(chains_add(c, &things[i].link, hash_of(i)));
    }
}

START_TEST(each_is_found_by_its_hash_until_it_is_removed)
{
    struct chains c = {0};
    ck_assert_ptr_null(chains_first(&c, 1));
    add_all(&c);
    ck_assert_uint_eq(c.count, THINGS);
    for (uint32_t i = 0; i < THINGS; i += 2)
        chains_remove(&c, &things[i].link);
    for (uint32_t i = 0; i < THINGS; i++)
        ck_assert_ptr_eq(find(&c, hash_of(i), i), i % 2 ? &things[i] : NULL);
    ck_assert_ptr_null(chains_first(&c, hash_of(THINGS + 3)));
    for (uint32_t i = 1; i < THINGS; i += 2)
        chains_remove(&c, &things[i].link);
    ck_assert_ptr_null(c.heads);
}
END_TEST

START_TEST(the_array_follows_what_is_in_it)
{
    struct chains c = {0};
    add_all(&c);
    uint32_t full = c.capacity;
    ck_assert_uint_ge(full, THINGS);
    for (uint32_t i = 10; i < THINGS; i++)
        chains_remove(&c, &things[i].link);
    ck_assert_uint_le(c.capacity, 64);
    for (uint32_t i = 0; i < 10; i++)
        ck_assert_ptr_eq(find(&c, hash_of(i), i), &things[i]);
    for (uint32_t i = 0; i < 10; i++)
        chains_remove(&c, &things[i].link);
    ck_assert_uint_eq(c.capacity, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, each_is_found_by_its_hash_until_it_is_removed);
    tcase_add_test(tests, the_array_follows_what_is_in_it);
}
