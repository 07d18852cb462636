/* Samples come out as Prometheus' text format says, and durations land in the right bucket. */
#include <check.h>

#include "rpc/metrics/exposition.h"
#include "tests/runner.h"

#define MS UINT64_C(1000000)

static struct json_text text;

static void setup(void)
{
    text = (struct json_text){0};
}

static void teardown(void)
{
    json_text_clear(&text);
}

static const char *written(void)
{
    json_text_append(&text, "", 1);
    return text.data;
}

START_TEST(a_family_and_its_samples)
{
    exposition_family(&text, "xord_nodes", "gauge", "Nodes.");
    exposition_sample(&text, "xord_nodes", (struct exposition_label){0}, UINT64_MAX);
    exposition_sample(&text, "xord_nodes", (struct exposition_label){"state", "good"}, 0);
    exposition_sample2(&text, "xord_nodes", (struct exposition_label){"a", "1"},
                       (struct exposition_label){"b", "2"}, 3);
    ck_assert_str_eq(written(), "# HELP xord_nodes Nodes.\n"
                                "# TYPE xord_nodes gauge\n"
                                "xord_nodes 18446744073709551615\n"
                                "xord_nodes{state=\"good\"} 0\n"
                                "xord_nodes{a=\"1\",b=\"2\"} 3\n");
}
END_TEST

START_TEST(label_values_are_escaped)
{
    exposition_sample(&text, "x", (struct exposition_label){"v", "a\"b\\c\nd"}, 1);
    ck_assert_str_eq(written(), "x{v=\"a\\\"b\\\\c\\nd\"} 1\n");
}
END_TEST

START_TEST(a_histogram_adds_up)
{
    static const struct histogram_scale scale = {.count = 2, .bounds_ns = {1 * MS, 2500 * MS}};
    struct histogram h = {0};

    histogram_add(&h, &scale, 0);
    histogram_add(&h, &scale, 1 * MS); /* a bound is in its bucket */
    histogram_add(&h, &scale, 1 * MS + 1);
    histogram_add(&h, &scale, 3000 * MS);
    ck_assert_uint_eq(histogram_count(&h), 4);
    exposition_histogram(&text, "x_seconds", (struct exposition_label){"kind", "get"}, &h, &scale);
    ck_assert_str_eq(written(), "x_seconds_bucket{kind=\"get\",le=\"0.001\"} 2\n"
                                "x_seconds_bucket{kind=\"get\",le=\"2.5\"} 3\n"
                                "x_seconds_bucket{kind=\"get\",le=\"+Inf\"} 4\n"
                                "x_seconds_sum{kind=\"get\"} 3.002000001\n"
                                "x_seconds_count{kind=\"get\"} 4\n");
}
END_TEST

START_TEST(a_time_is_exact)
{
    exposition_seconds(&text, "x_seconds_total", (struct exposition_label){0}, 1500000001);
    ck_assert_str_eq(written(), "x_seconds_total 1.500000001\n");
}
END_TEST

START_TEST(no_durations_are_zero_seconds)
{
    static const struct histogram_scale scale = {.count = 1, .bounds_ns = {1000 * MS}};

    exposition_histogram(&text, "x", (struct exposition_label){0}, &(struct histogram){0}, &scale);
    ck_assert_str_eq(written(), "x_bucket{le=\"1\"} 0\nx_bucket{le=\"+Inf\"} 0\nx_sum 0\n"
                                "x_count 0\n");
}
END_TEST

static void check_rising(const struct histogram_scale *scale)
{
    ck_assert_uint_gt(scale->count, 0);
    ck_assert_uint_le(scale->count, HISTOGRAM_BOUNDS_MAX);
    for (size_t i = 1; i < scale->count; i++)
        ck_assert_uint_gt(scale->bounds_ns[i], scale->bounds_ns[i - 1]);
}

START_TEST(bounds_rise)
{
    check_rising(&histogram_calls);
    check_rising(&histogram_lookups);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_family_and_its_samples);
    tcase_add_test(tests, label_values_are_escaped);
    tcase_add_test(tests, a_histogram_adds_up);
    tcase_add_test(tests, a_time_is_exact);
    tcase_add_test(tests, no_durations_are_zero_seconds);
    tcase_add_test(tests, bounds_rise);
}
