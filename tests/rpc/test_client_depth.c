/* The depth must grow with the value and be its logarithm, near enough for a bar. */
#include "rpc/client/client_depth.h"

#include <check.h>
#include <math.h>

#include "tests/runner.h"

START_TEST(powers_of_two_are_exact)
{
    ck_assert_uint_eq(client_depth(0), 0);
    for (unsigned bits = 0; bits < 64; bits++)
        ck_assert_uint_eq(client_depth((uint64_t)1 << bits), bits * CLIENT_DEPTH_BIT);
}
END_TEST

START_TEST(between_them_it_is_near)
{
    static const uint64_t values[] = {3, 5, 6, 7, 100, 255, 257, 1000000, 3u << 30, UINT64_MAX};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        double exact = log2((double)values[i]) * CLIENT_DEPTH_BIT, got = client_depth(values[i]);
        ck_assert_double_le(got, exact);
        ck_assert_double_ge(got, exact - 24);
    }
}
END_TEST

START_TEST(it_never_falls)
{
    unsigned before = 0;

    for (uint64_t value = 0; value < 100000; value++) {
        ck_assert_uint_ge(client_depth(value), before);
        before = client_depth(value);
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, powers_of_two_are_exact);
    tcase_add_test(tests, between_them_it_is_near);
    tcase_add_test(tests, it_never_falls);
}
