/* Each duration is counted at the first bound that it does not pass, and in the sum. */
#include "rpc/metrics/histogram.h"

#include "tests/runner.h"

static const struct histogram_scale scale = {.count = 3, .bounds_ns = {10, 20, 50}};

START_TEST(bounds_are_inclusive)
{
    static const uint64_t took_ns[] = {0, 9, 10, 11, 20, 21, 50, 51, UINT32_MAX};
    struct histogram h = {0};
    for (size_t i = 0; i < sizeof took_ns / sizeof took_ns[0]; i++)
        histogram_add(&h, &scale, took_ns[i]);
    ck_assert_uint_eq(h.counts[0], 3);
    ck_assert_uint_eq(h.counts[1], 2);
    ck_assert_uint_eq(h.counts[2], 2);
    ck_assert_uint_eq(h.counts[3], 2);
    ck_assert_uint_eq(h.sum_ns, 172 + (uint64_t)UINT32_MAX);
    ck_assert_uint_eq(histogram_count(&h), 9);
}
END_TEST

START_TEST(empty_it_has_none)
{
    const struct histogram h = {0};
    ck_assert_uint_eq(histogram_count(&h), 0);
}
END_TEST

START_TEST(what_is_beyond_all_bounds_of_the_widest_counts_too)
{
    struct histogram_scale widest = {.count = HISTOGRAM_BOUNDS_MAX};
    struct histogram h = {0};
    for (size_t i = 0; i < HISTOGRAM_BOUNDS_MAX; i++)
        widest.bounds_ns[i] = i + 1;
    histogram_add(&h, &widest, HISTOGRAM_BOUNDS_MAX + 1);
    ck_assert_uint_eq(h.counts[HISTOGRAM_BOUNDS_MAX], 1);
    ck_assert_uint_eq(histogram_count(&h), 1);
}
END_TEST

static void check_scale(const struct histogram_scale *s)
{
    ck_assert_uint_gt(s->count, 0);
    ck_assert_uint_le(s->count, HISTOGRAM_BOUNDS_MAX);
    for (size_t i = 1; i < s->count; i++)
        ck_assert_uint_gt(s->bounds_ns[i], s->bounds_ns[i - 1]);
}

START_TEST(the_scales_rise)
{
    check_scale(&histogram_calls);
    check_scale(&histogram_lookups);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, bounds_are_inclusive);
    tcase_add_test(tests, empty_it_has_none);
    tcase_add_test(tests, what_is_beyond_all_bounds_of_the_widest_counts_too);
    tcase_add_test(tests, the_scales_rise);
}
