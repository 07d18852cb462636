/* A seed gives ChaCha20's keystream and nothing else, however it is drawn, and what is drawn below
 * a bound is below it and even. */
#include "common/hex.h"
#include "common/rng.h"
#include "tests/runner.h"

#include <check.h>
#include <signal.h>
#include <string.h>

/* RFC 8439 appendix A.1, vectors 1 and 2: zero key, zero nonce, blocks 0 and 1. */
static const char *const keystream =
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
    "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
    "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f";

START_TEST(a_zero_seed_gives_the_published_stream)
{
    struct rng rng;
    uint8_t out[128];
    char text[257];
    rng_init(&rng, (const uint8_t[RNG_SEED_SIZE]){0});
    rng_bytes(&rng, out, sizeof out);
    ck_assert_str_eq(hex_encode(bytes_of(out, sizeof out), text), keystream);
    rng_init_number(&rng, 0);
    rng_bytes(&rng, out, sizeof out);
    ck_assert_str_eq(hex_encode(bytes_of(out, sizeof out), text), keystream);
}
END_TEST

START_TEST(the_stream_does_not_depend_on_how_it_is_cut)
{
    uint8_t whole[200], cut[200];
    for (size_t step = 1; step <= 67; step++) {
        struct rng rng;
        rng_init_number(&rng, 42);
        rng_bytes(&rng, whole, sizeof whole);
        rng_init_number(&rng, 42);
        for (size_t at = 0; at < sizeof cut; at += step) {
            size_t rest = sizeof cut - at;
            rng_bytes(&rng, cut + at, step < rest ? step : rest);
        }
        ck_assert_mem_eq(whole, cut, sizeof whole);
    }
}
END_TEST

START_TEST(numbers_are_little_endian)
{
    struct rng rng;
    rng_init_number(&rng, 0);
    ck_assert_uint_eq(rng_u32(&rng), 0xade0b876);
    ck_assert(rng_u64(&rng) == UINT64_C(0xe56a5d40903df1a0));
}
END_TEST

START_TEST(seeds_differ_in_every_byte)
{
    uint8_t seed[RNG_SEED_SIZE] = {0}, first[16], out[16];
    struct rng rng;
    rng_init(&rng, seed);
    rng_bytes(&rng, first, sizeof first);
    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] = 1;
        rng_init(&rng, seed);
        rng_bytes(&rng, out, sizeof out);
        ck_assert_mem_ne(out, first, sizeof out);
        seed[i] = 0;
    }
}
END_TEST

START_TEST(nothing_drawn_changes_nothing)
{
    struct rng rng;
    rng_init_number(&rng, 0);
    rng_bytes(&rng, NULL, 0);
    ck_assert_uint_eq(rng_u32(&rng), 0xade0b876);
}
END_TEST

START_TEST(bounds_hold)
{
    static const uint32_t bounds[] = {1, 2, 3, 7, 1000, UINT32_C(1) << 31, UINT32_MAX};
    struct rng rng;
    rng_init_number(&rng, 9);
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        for (int i = 0; i < 1000; i++)
            ck_assert_uint_lt(rng_below(&rng, bounds[b]), bounds[b]);
    }
}
END_TEST

START_TEST(each_result_is_as_likely)
{
    unsigned seen[6] = {0};
    struct rng rng;
    rng_init_number(&rng, 1);
    for (int i = 0; i < 60000; i++)
        seen[rng_below(&rng, 6)]++;
    for (int i = 0; i < 6; i++) {
        ck_assert_uint_gt(seen[i], 9500);
        ck_assert_uint_lt(seen[i], 10500);
    }
}
END_TEST

/* Without redrawing, two thirds of the results would fall into the lower half. */
START_TEST(a_large_bound_is_even_too)
{
    const uint32_t bound = UINT32_C(3) << 30;
    unsigned lower = 0;
    struct rng rng;
    rng_init_number(&rng, 1);
    for (int i = 0; i < 30000; i++)
        lower += rng_below(&rng, bound) < bound / 2;
    ck_assert_uint_gt(lower, 14500);
    ck_assert_uint_lt(lower, 15500);
}
END_TEST

START_TEST(a_bound_of_zero_is_our_mistake)
{
    struct rng rng;
    rng_init_number(&rng, 1);
    rng_below(&rng, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_zero_seed_gives_the_published_stream);
    tcase_add_test(tests, the_stream_does_not_depend_on_how_it_is_cut);
    tcase_add_test(tests, numbers_are_little_endian);
    tcase_add_test(tests, seeds_differ_in_every_byte);
    tcase_add_test(tests, nothing_drawn_changes_nothing);
    tcase_add_test(tests, bounds_hold);
    tcase_add_test(tests, each_result_is_as_likely);
    tcase_add_test(tests, a_large_bound_is_even_too);
    tcase_add_test_raise_signal(tests, a_bound_of_zero_is_our_mistake, SIGABRT);
}
