/* The rendezvous must be gone to often while few are known, seldom when many are, more seldom the
 * more there are, and whoever is named there is asked once. */
#include <check.h>

#include "common/hex.h"
#include "daemon/dht/network/rendezvous.h"
#include "tests/runner.h"

static const struct now start = {.ms = 5000, .unix_s = 1700000000};

static struct rendezvous rendezvous;
static struct rng rng;

static void setup(void)
{
    rng_init_number(&rng, 1);
    rendezvous_init(&rendezvous);
}

static void teardown(void)
{
    rendezvous_clear(&rendezvous);
}

static struct addr peer(unsigned number)
{
    return addr_v4((const uint8_t[4]){20, 0, (uint8_t)(number >> 8), (uint8_t)number}, 4001);
}

/* How long after it has ended it is gone to again. */
static uint64_t pause_after(bool is_few, uint64_t estimate)
{
    rendezvous_begin(&rendezvous);
    ck_assert(rendezvous.at_ms == UINT64_MAX);
    rendezvous_end(&rendezvous, start, true, is_few, estimate, &rng);
    ck_assert(!rendezvous.is_under_way);
    return rendezvous.at_ms - start.ms;
}

static void assert_about(uint64_t ms, uint64_t most_ms)
{
    ck_assert_uint_le(ms, most_ms);
    ck_assert_uint_gt(ms, most_ms - most_ms / 4);
}

START_TEST(the_info_hash_is_that_of_the_protocol)
{
    char text[2 * ID_SIZE + 1];
    hex_encode(id_bytes(&rendezvous.info_hash), text);
    ck_assert_str_eq(text, "782e8d260c88f46de2434502ee655829c1f88429");
}
END_TEST

START_TEST(it_begins_when_called_for_and_once)
{
    ck_assert(rendezvous.at_ms == UINT64_MAX);
    rendezvous_call(&rendezvous, start);
    ck_assert_uint_eq(rendezvous.at_ms, start.ms);
    rendezvous_begin(&rendezvous);
    rendezvous_call(&rendezvous, start);
    ck_assert(rendezvous.at_ms == UINT64_MAX);
    rendezvous_end(&rendezvous, start, true, false, 100, &rng);
    const uint64_t at_ms = rendezvous.at_ms;
    rendezvous_call(&rendezvous, start);
    ck_assert_uint_eq(rendezvous.at_ms, at_ms);
}
END_TEST

START_TEST(while_few_are_known_the_pause_doubles_up_to_its_limit_and_then_starts_over)
{
    uint64_t expected_ms = RENDEZVOUS_RETRY_MIN_MS;
    for (unsigned i = 0; i < 12; i++) {
        assert_about(pause_after(true, 3), expected_ms);
        expected_ms =
            2 * expected_ms < RENDEZVOUS_RETRY_MAX_MS ? 2 * expected_ms : RENDEZVOUS_RETRY_MAX_MS;
    }
    ck_assert_uint_eq(expected_ms, RENDEZVOUS_RETRY_MAX_MS);
    pause_after(false, 3);
    assert_about(pause_after(true, 3), RENDEZVOUS_RETRY_MIN_MS);
}
END_TEST

START_TEST(the_more_there_are_the_more_seldom_each_one_comes)
{
    assert_about(pause_after(false, 10), RENDEZVOUS_PAUSE_MS);
    assert_about(pause_after(false, 10 * RENDEZVOUS_SHARE), 11 * RENDEZVOUS_PAUSE_MS);
    assert_about(pause_after(false, 1000000), RENDEZVOUS_PAUSE_MAX_MS);
    assert_about(pause_after(false, UINT64_MAX), RENDEZVOUS_PAUSE_MAX_MS);
}
END_TEST

START_TEST(the_pauses_differ)
{
    const uint64_t first_ms = pause_after(false, 10);
    unsigned same = 0;
    for (unsigned i = 0; i < 20; i++)
        same += pause_after(false, 10) == first_ms;
    ck_assert_uint_lt(same, 3);
}
END_TEST

START_TEST(when_few_are_left_a_long_pause_is_cut_short)
{
    pause_after(false, 1000000);
    rendezvous_hasten(&rendezvous, start);
    ck_assert_uint_eq(rendezvous.at_ms, start.ms + RENDEZVOUS_RETRY_MAX_MS);
    const uint64_t soon_ms = pause_after(true, 2) + start.ms;
    rendezvous_hasten(&rendezvous, start);
    ck_assert_uint_eq(rendezvous.at_ms, soon_ms);
}
END_TEST

START_TEST(it_has_been_once_somebody_answered)
{
    rendezvous_begin(&rendezvous);
    rendezvous_end(&rendezvous, start, false, true, 0, &rng);
    ck_assert(!rendezvous.has_been);
    pause_after(true, 0);
    ck_assert(rendezvous.has_been);
    rendezvous_begin(&rendezvous);
    rendezvous_end(&rendezvous, start, false, true, 0, &rng);
    ck_assert(rendezvous.has_been);
}
END_TEST

START_TEST(who_is_named_is_taken_once_and_at_most_so_many_wait)
{
    struct addr addr;
    unsigned taken = 0;
    ck_assert(!rendezvous_take(&rendezvous, &addr));
    for (unsigned i = 0; i < 2 * RENDEZVOUS_FOUND_MAX; i++) {
        const struct addr named = peer(i);
        ck_assert_int_eq(rendezvous_add(&rendezvous, &named), i < RENDEZVOUS_FOUND_MAX);
        ck_assert(!rendezvous_add(&rendezvous, &named));
    }
    while (rendezvous_take(&rendezvous, &addr))
        taken++;
    ck_assert_uint_eq(taken, RENDEZVOUS_FOUND_MAX);
    ck_assert_ptr_null(rendezvous.found);
    ck_assert(rendezvous_add(&rendezvous, &addr));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_info_hash_is_that_of_the_protocol);
    tcase_add_test(tests, it_begins_when_called_for_and_once);
    tcase_add_test(tests,
                   while_few_are_known_the_pause_doubles_up_to_its_limit_and_then_starts_over);
    tcase_add_test(tests, the_more_there_are_the_more_seldom_each_one_comes);
    tcase_add_test(tests, the_pauses_differ);
    tcase_add_test(tests, when_few_are_left_a_long_pause_is_cut_short);
    tcase_add_test(tests, it_has_been_once_somebody_answered);
    tcase_add_test(tests, who_is_named_is_taken_once_and_at_most_so_many_wait);
}
