/* Rates, buckets and lookups must be those that the daemon told of, in bounded memory. */
#include <check.h>
#include <stdio.h>

#include "rpc/client/client_top_state.h"
#include "rpc/json/json.h"
#include "tests/runner.h"

static struct top_state state;

static void teardown(void)
{
    top_state_clear(&state);
}

static json_t *parse(const char *json)
{
    json_t *value = json_read(bytes_of_string(json), 16, NULL, 0);
    ck_assert_ptr_nonnull(value);
    return value;
}

static void info(const char *json, uint64_t now_ms)
{
    json_t *value = parse(json);
    top_state_info(&state, value, now_ms);
    json_decref(value);
}

static void event(const char *json, uint64_t now_ms)
{
    json_t *value = parse(json);
    top_state_event(&state, value, now_ms);
    json_decref(value);
}

#define LOOKUP(rest) "{\"class\":\"lookups\",\"lookup\":7,\"for\":\"get\"," rest "}"

START_TEST(rates_are_what_came_between_two_answers)
{
    info("{\"traffic\":{\"packets_in\":100,\"bytes_out\":9000}}", 1000);
    ck_assert_double_eq(state.rates[TOP_PACKETS_IN], 0);
    info("{\"traffic\":{\"packets_in\":150,\"bytes_out\":9000}}", 3000);
    ck_assert_double_eq(state.rates[TOP_PACKETS_IN], 25);
    ck_assert_double_eq(state.rates[TOP_BYTES_OUT], 0);
    info("{\"traffic\":{\"packets_in\":10,\"bytes_out\":10000}}", 4000); /* counts from 0 again */
    ck_assert_double_eq(state.rates[TOP_PACKETS_IN], 0);
    ck_assert_double_eq(state.rates[TOP_BYTES_OUT], 1000);
}
END_TEST

START_TEST(nodes_are_counted_by_bucket_over_both_families)
{
    json_t *buckets = parse("[{\"family\":\"ipv4\",\"bucket\":0,\"nodes\":[{\"fails\":0},"
                            "{\"fails\":2}]},{\"family\":\"ipv4\",\"bucket\":3,\"nodes\":[{}]},"
                            "{\"family\":\"ipv6\",\"bucket\":0,\"nodes\":[{}]},"
                            "{\"bucket\":160,\"nodes\":[{}]},{\"bucket\":-1,\"nodes\":[{}]}]");
    top_state_nodes(&state, buckets);
    top_state_nodes(&state, buckets); /* the second answer replaces the first */
    json_decref(buckets);
    ck_assert_uint_eq(state.bucket_count, 4);
    ck_assert_uint_eq(state.families, 2);
    ck_assert_uint_eq(state.buckets[0].live, 2);
    ck_assert_uint_eq(state.buckets[0].failing, 1);
    ck_assert_uint_eq(state.buckets[3].live, 1);
}
END_TEST

START_TEST(a_lookup_steps_closer_until_it_ends)
{
    event(LOOKUP("\"event\":\"started\",\"target\":\"0123456789\""), 0);
    const struct top_lookup *lookup = &state.lookups[0];
    ck_assert_str_eq(lookup->target, "01234567");
    ck_assert_int_eq(lookup->shared_bits, -1);
    event(LOOKUP("\"event\":\"step\",\"step\":\"asked\""), 0);
    event(LOOKUP("\"event\":\"step\",\"step\":\"asked\""), 0);
    event(LOOKUP("\"event\":\"step\",\"step\":\"answered\",\"shared_bits\":9,\"hop\":2"), 0);
    event(LOOKUP("\"event\":\"step\",\"step\":\"answered\",\"shared_bits\":4,\"hop\":1"), 0);
    event(LOOKUP("\"event\":\"step\",\"step\":\"dead\""), 0);
    ck_assert_int_eq(lookup->shared_bits, 9);
    ck_assert_uint_eq(lookup->hop, 2);
    ck_assert_uint_eq(lookup->asked, 2);
    ck_assert_uint_eq(lookup->answered, 2);
    ck_assert_uint_eq(lookup->unanswered, 1);
    ck_assert_uint_eq(lookup->ended_ms, 0);
    event(LOOKUP("\"event\":\"ended\",\"ms\":31,\"complete\":true"), 500);
    ck_assert_uint_eq(lookup->ended_ms, 500);
    ck_assert_uint_eq(lookup->took_ms, 31);
    ck_assert(lookup->is_complete);
    top_state_tidy(&state, 500 + TOP_LOOKUP_KEPT_MS);
    ck_assert_uint_eq(state.lookup_count, 1);
    top_state_tidy(&state, 501 + TOP_LOOKUP_KEPT_MS);
    ck_assert_uint_eq(state.lookup_count, 0);
}
END_TEST

START_TEST(one_that_began_before_us_is_taken_up)
{
    event(LOOKUP("\"event\":\"ended\",\"ms\":31"), 0);
    ck_assert_uint_eq(state.lookup_count, 0);
    event(LOOKUP("\"event\":\"step\",\"step\":\"answered\",\"shared_bits\":9,\"hop\":2"), 0);
    ck_assert_uint_eq(state.lookup_count, 1);
    ck_assert_int_eq(state.lookups[0].shared_bits, 9);
}
END_TEST

/* The ended make way for the new, and the oldest when all go on. */
START_TEST(there_are_never_too_many)
{
    char line[128];
    for (unsigned i = 0; i < 3 * TOP_LOOKUPS_MAX; i++) {
        snprintf(line, sizeof line, "{\"class\":\"lookups\",\"event\":\"started\",\"lookup\":%u}",
                 i);
        event(line, 1);
        ck_assert_uint_le(state.lookup_count, TOP_LOOKUPS_MAX);
        ck_assert_int_eq(state.lookups[state.lookup_count - 1].number, i);
    }
    const json_int_t ended = state.lookups[20].number, first = state.lookups[0].number;
    snprintf(line, sizeof line,
             "{\"class\":\"lookups\",\"event\":\"ended\",\"lookup\":%" JSON_INTEGER_FORMAT "}",
             ended);
    event(line, 1);
    event("{\"class\":\"lookups\",\"event\":\"started\",\"lookup\":99999}", 1);
    ck_assert_int_eq(state.lookups[0].number, first);
    ck_assert_int_ne(state.lookups[20].number, ended);
}
END_TEST

START_TEST(what_was_missed_is_counted_and_what_is_strange_passed_over)
{
    event("{\"event\":\"gap\",\"dropped\":5}", 0);
    event("{\"event\":\"gap\",\"dropped\":2}", 0);
    ck_assert_uint_eq(state.missed, 7);
    event("{\"class\":\"store\",\"event\":\"stored\",\"lookup\":1}", 0);
    event("{\"class\":\"lookups\"}", 0);
    event("[]", 0);
    info("7", 0);
    json_t *odd = parse("{\"bucket\":[]}");
    top_state_nodes(&state, odd);
    json_decref(odd);
    ck_assert_uint_eq(state.bucket_count, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, rates_are_what_came_between_two_answers);
    tcase_add_test(tests, nodes_are_counted_by_bucket_over_both_families);
    tcase_add_test(tests, a_lookup_steps_closer_until_it_ends);
    tcase_add_test(tests, one_that_began_before_us_is_taken_up);
    tcase_add_test(tests, there_are_never_too_many);
    tcase_add_test(tests, what_was_missed_is_counted_and_what_is_strange_passed_over);
}
