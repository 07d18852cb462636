/* Whoever does not read is told the newest of a single, and of a multi what was kept and how many
 * were not, where they are missing; all that waits is paid from one budget. */
#include <check.h>

#include "daemon/dht/records/envelope.h"
#include "tests/rpc/listeners.h"
#include "tests/runner.h"

static struct listeners *l;

START_TEST(of_a_single_the_newest_is_kept)
{
    listeners_single(&l->client, "");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:synced");
    listeners_stop_reading(&l->client);
    for (int i = 1; i <= 1000; i++)
        listeners_value(l, false, 'a', 'x', i, i);
    ck_assert_uint_lt(l->dispatch.feeds.budget.used, 2000);
    listeners_expect(l, "");
    listeners_read_again(&l->client);
    listeners_expect(l, "1:value 1000");
    listeners_value(l, false, 'a', 'x', 1001, 1001);
    listeners_expect(l, "1:value 1001");
}
END_TEST

START_TEST(of_a_multi_so_many_are_kept_and_then_there_is_a_gap)
{
    char end[128];
    listeners_join(l);
    listeners_stop_reading(&l->client);
    for (int i = 1; i <= (int)FOLLOWER_QUEUE_MAX + 5; i++)
        listeners_value(l, false, 'a', 'x', i, i);
    listeners_read_again(&l->client);
    const char *told = listeners_told(&l->client);
    snprintf(end, sizeof end, "; 1:value %u; 1:gap 5", FOLLOWER_QUEUE_MAX);
    ck_assert_ptr_eq(strstr(told, "1:value 1; 1:value 2; "), told);
    ck_assert_str_eq(told + strlen(told) - strlen(end), end);
    listeners_value(l, false, 'a', 'x', 2000, 2000);
    listeners_expect(l, "1:value 2000");
    ck_assert_uint_eq(l->dispatch.feeds.budget.used, 0);
}
END_TEST

/* What comes while there is a gap at the end is a part of it, also when there is room before it. */
START_TEST(a_gap_is_where_the_events_are_missing)
{
    listeners_join(l);
    listeners_stop_reading(&l->client);
    for (int i = 1; i <= (int)FOLLOWER_QUEUE_MAX + 5; i++)
        listeners_value(l, false, 'a', 'x', i, i);
    l->client.sending = STREAM_OUTPUT_MAX - 1000;
    dispatch_client_room(&l->client);
    ck_assert_str_eq(listeners_told(&l->client), "1:value 1; 1:value 2; 1:value 3");
    listeners_stop_reading(&l->client);
    listeners_value(l, false, 'a', 'x', 3000, 3000);
    listeners_read_again(&l->client);
    const char *told = listeners_told(&l->client);
    ck_assert_str_eq(told + strlen(told) - strlen("; 1:gap 6"), "; 1:gap 6");
    ck_assert_ptr_null(strstr(told, "3000"));
}
END_TEST

START_TEST(a_replay_waits_for_room)
{
    listeners_multi(&l->client, "");
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_value(l, true, 'b', 'x', 1, 11);
    listeners_stop_reading(&l->client);
    listeners_synced(l, ERR_OK);
    listeners_value(l, false, 'c', 'x', 1, 12);
    listeners_expect(l, "");
    ck_assert_uint_gt(l->dispatch.feeds.budget.used, 0);
    listeners_read_again(&l->client);
    listeners_expect(l, "1:value 10; 1:value 11; 1:synced; 1:value 12");
}
END_TEST

/* A client of the read-only socket cannot spend what is the owner's. */
START_TEST(the_budget_bounds_all_that_waits)
{
    static char text[RECORD_V_MAX - 40];
    uint8_t v[RECORD_V_MAX];
    struct wire_writer writer;
    struct feed_set *set = &l->dispatch.feeds;
    memset(text, '1', sizeof text);
    const struct envelope envelope = {.content = ENVELOPE_JSON,
                                      .body = bytes_of(text, sizeof text)};
    wire_writer_init(&writer, v, sizeof v);
    envelope_write(&writer, &envelope);
    l->reader.sending = l->client.sending = STREAM_OUTPUT_MAX;
    for (int i = 0; i < 40; i++)
        listeners_multi(&l->reader, "");
    listeners_multi(&l->client, "");
    listeners_synced(l, ERR_OK);
    for (int i = 1; i <= 1000; i++)
        listeners_tell_v(l, LISTEN_VALUE, false, 'a', 'x', i, wire_written(&writer));
    ck_assert_uint_le(set->budget.read_used, BUDGET_READ_BYTES);
    ck_assert_uint_gt(set->budget.read_used, BUDGET_READ_BYTES - 4096);
    ck_assert_uint_gt(set->budget.used, set->budget.read_used + 1000 * 1000);
    listeners_read_again(&l->client);
    json_t *line;
    size_t count = 0;
    while ((line = listeners_line(&l->client)) != NULL) {
        const json_t *params = json_object_get(line, "params");
        ck_assert_str_ne(json_string_value(json_object_get(params, "event")), "gap");
        count++;
        json_decref(line);
    }
    ck_assert_uint_eq(count, 1001);
    l->reader.sending = 0;
    bool has_gap = false;
    while (l->reader.streams.wait_first != NULL) {
        dispatch_client_room(&l->reader);
        l->reader.out.data[l->reader.out.size - 1] = '\0';
        has_gap = has_gap || strstr(l->reader.out.data, "\"gap\"") != NULL;
        json_text_clear(&l->reader.out);
    }
    ck_assert(has_gap);
}
END_TEST

void add_tests(TCase *tests)
{
    l = listeners_fixture(tests);
    tcase_add_test(tests, of_a_single_the_newest_is_kept);
    tcase_add_test(tests, of_a_multi_so_many_are_kept_and_then_there_is_a_gap);
    tcase_add_test(tests, a_gap_is_where_the_events_are_missing);
    tcase_add_test(tests, a_replay_waits_for_room);
    tcase_add_test(tests, the_budget_bounds_all_that_waits);
}
