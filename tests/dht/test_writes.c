/* A write under way must be found again by its number exactly once, never by the number of an
 * earlier one in its place, and there must be no more of them than the limit. */
#include <check.h>

#include "daemon/dht/node.h"
#include "daemon/dht/writes.h"
#include "tests/runner.h"

START_TEST(a_number_finds_its_write_once)
{
    struct writes w = {0};
    struct pending_write taken;
    uint64_t a, b;
    writes_add(&w, &a)->op = 7;
    writes_add(&w, &b)->op = 8;
    ck_assert_uint_ne(a, b);
    ck_assert_uint_eq(w.used, 2);
    ck_assert(writes_take(&w, b, &taken));
    ck_assert_uint_eq(taken.op, 8);
    ck_assert(!writes_take(&w, b, &taken));
    ck_assert(writes_take(&w, a, &taken));
    ck_assert_uint_eq(taken.op, 7);
    ck_assert_uint_eq(w.used, 0);
    writes_clear(&w);
}
END_TEST

START_TEST(the_number_of_an_earlier_write_in_its_place_finds_nothing)
{
    struct writes w = {0};
    struct pending_write taken;
    uint64_t first, second;
    struct pending_write *pending = writes_add(&w, &first);
    pending->op = 7;
    pending->t_size = 9;
    ck_assert(writes_take(&w, first, &taken));
    pending = writes_add(&w, &second);
    ck_assert_uint_eq(pending->op, 0);
    ck_assert_uint_eq(pending->t_size, 0);
    ck_assert_uint_eq((uint32_t)first, (uint32_t)second);
    ck_assert(!writes_take(&w, first, &taken));
    ck_assert(writes_take(&w, second, &taken));
    writes_clear(&w);
}
END_TEST

START_TEST(numbers_of_nobody_find_nothing)
{
    struct writes w = {0};
    struct pending_write taken;
    uint64_t number;
    ck_assert(!writes_take(&w, 0, &taken));
    ck_assert_ptr_nonnull(writes_add(&w, &number));
    ck_assert(!writes_take(&w, 0, &taken));
    ck_assert(!writes_take(&w, number + 1, &taken));
    ck_assert(!writes_take(&w, number + (UINT64_C(1) << 32), &taken));
    ck_assert(!writes_take(&w, UINT64_MAX, &taken));
    ck_assert_uint_eq(w.used, 1);
    writes_clear(&w);
}
END_TEST

/* 0 is what others take for "none under way". */
START_TEST(no_number_is_zero_even_after_all_were_used)
{
    struct writes w = {.sequence = UINT32_MAX - 1};
    struct pending_write taken;
    for (int i = 0; i < 4; i++) {
        uint64_t number;
        ck_assert_ptr_nonnull(writes_add(&w, &number));
        ck_assert_uint_ne(number, 0);
        ck_assert(writes_take(&w, number, &taken));
    }
    writes_clear(&w);
}
END_TEST

START_TEST(there_are_no_more_than_the_limit_and_each_place_comes_back)
{
    static uint64_t numbers[NODE_WRITES_MAX];
    struct writes w = {0};
    struct pending_write taken;
    uint64_t number;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < NODE_WRITES_MAX; i++) {
            struct pending_write *pending = writes_add(&w, &numbers[i]);
            ck_assert_ptr_nonnull(pending);
            pending->op = i;
        }
        ck_assert_ptr_null(writes_add(&w, &number));
        ck_assert_uint_eq(w.used, NODE_WRITES_MAX);
        for (unsigned i = 0; i < NODE_WRITES_MAX; i++) {
            /* In another order than they came. */
            unsigned at = i * 5u % NODE_WRITES_MAX;
            ck_assert(writes_take(&w, numbers[at], &taken));
            ck_assert_uint_eq(taken.op, at);
        }
        ck_assert_uint_eq(w.used, 0);
    }
    writes_clear(&w);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_number_finds_its_write_once);
    tcase_add_test(tests, the_number_of_an_earlier_write_in_its_place_finds_nothing);
    tcase_add_test(tests, numbers_of_nobody_find_nothing);
    tcase_add_test(tests, no_number_is_zero_even_after_all_were_used);
    tcase_add_test(tests, there_are_no_more_than_the_limit_and_each_place_comes_back);
}
