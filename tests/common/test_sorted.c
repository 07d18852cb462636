/* In a sorted array each key is found, and each that is not there gets the one place that keeps the
 * order. */
#include "common/sorted.h"

#include "tests/runner.h"

#define ITEMS_MAX 70

struct pair {
    int key, other;
};

static int compare(const void *key, const void *item)
{
    const struct pair *pair = item;
    return *(const int *)key - pair->key;
}

/* `count` pairs with the keys 1, 3, 5 … */
static struct sorted odd(struct pair pairs[ITEMS_MAX], size_t count)
{
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct pair){.key = 2 * (int)i + 1};
    return (struct sorted){pairs, count, sizeof pairs[0]};
}

START_TEST(every_key_of_every_size_has_its_place)
{
    struct pair pairs[ITEMS_MAX];
    for (size_t count = 0; count < ITEMS_MAX; count++) {
        const struct sorted sorted = odd(pairs, count);
        for (int key = 0; key <= 2 * (int)count; key++) {
            bool is_there = key % 2 == 0;
            ck_assert_uint_eq(sorted_place(&sorted, &key, compare, &is_there), (size_t)key / 2);
            ck_assert(is_there == (key % 2 == 1));
        }
    }
}
END_TEST

START_TEST(of_equal_ones_it_is_one_of_them)
{
    struct pair pairs[] = {{1, 0}, {2, 0}, {2, 0}, {2, 0}, {3, 0}};
    const struct sorted sorted = {pairs, 5, sizeof pairs[0]};
    const int key = 2;
    bool is_there = false;
    size_t at = sorted_place(&sorted, &key, compare, &is_there);
    ck_assert(is_there);
    ck_assert_int_eq(pairs[at].key, key);
}
END_TEST

START_TEST(nothing_has_a_place_too)
{
    const struct sorted sorted = {.item_size = sizeof(struct pair)};
    const int key = 5;
    bool is_there = true;
    ck_assert_uint_eq(sorted_place(&sorted, &key, compare, &is_there), 0);
    ck_assert(!is_there);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, every_key_of_every_size_has_its_place);
    tcase_add_test(tests, of_equal_ones_it_is_one_of_them);
    tcase_add_test(tests, nothing_has_a_place_too);
}
