/* Whoever listens is told what is stored, oldest first, then `synced`, then each change once,
 * however many listen and whenever they began; what a client does not read stays bounded. */
#include <check.h>
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/values/manifest.h"
#include "tests/rpc/listeners.h"
#include "tests/runner.h"

static struct listeners *l;

START_TEST(what_is_stored_comes_oldest_first)
{
    listeners_multi(&l->client, "");
    listeners_value(l, true, 'b', 'x', 1, 30);
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_value(l, true, 'c', 'y', 1, 20);
    listeners_value(l, true, 'b', 'y', 1, 20);
    listeners_expect(l, "");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:value 10; 1:value 20; 1:value 20; 1:value 30; 1:synced");
    listeners_value(l, false, 'a', 'x', 2, 40);
    listeners_expect(l, "1:value 40");
    ck_assert_uint_eq(l->dispatch.feeds.budget.used, 0);
}
END_TEST

START_TEST(a_replay_has_the_latest_of_each_place)
{
    listeners_multi(&l->client, "");
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_value(l, true, 'a', 'x', 3, 30);
    listeners_value(l, true, 'a', 'x', 2, 20);
    listeners_value(l, true, 'b', 'x', 1, 11);
    listeners_tell(l, LISTEN_DELETED, true, 'b', 'x', 2, 40);
    listeners_value(l, true, 'c', 'x', 1, 12);
    listeners_value(l, false, 'c', 'x', 2, 13); /* came while the others were read */
    listeners_tell(l, LISTEN_EXPIRED, false, 'd', 'x', 9, 0);
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:value 13; 1:value 30; 1:synced");
}
END_TEST

START_TEST(a_reading_that_was_cut_short_says_so)
{
    listeners_multi(&l->client, "");
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_synced(l, ERR_TIMEOUT);
    listeners_expect(l, "1:value 10; 1:synced timeout");
    listeners_value(l, true, 'b', 'x', 1, 11); /* found late */
    listeners_expect(l, "1:value 11");
}
END_TEST

START_TEST(deletions_and_ends_name_their_places)
{
    listeners_multi(&l->client, "");
    listeners_synced(l, ERR_OK);
    listeners_tell(l, LISTEN_DELETED, false, 'a', 'x', 2, 10);
    listeners_tell(l, LISTEN_EXPIRED, false, 'b', '\x01', 3, 0);
    listeners_expect(l, "1:synced; 1:deleted; 1:expired");
    listeners_tell(l, LISTEN_DELETED, false, 'a', 'x', 4, 10);
    json_t *line = listeners_line(&l->client), *expired;
    json_t *shown = json_object_get(json_object_get(line, "params"), "value");
    json_t *expected = json_pack(
        "{s:{s:i,s:{s:s,s:s,s:s},s:i,s:s},s:O,s:O,s:O}", "p", "seq", 4, "target", "n", "tag", "r",
        "r", "t", "m", "time", 10, "slot", "x", "sig_p", json_object_get(shown, "sig_p"),
        "sig_user", json_object_get(shown, "sig_user"), "k", json_object_get(shown, "k"));
    ck_assert(json_equal(shown, expected));
    json_decref(expected);
    ck_assert_uint_eq(json_string_length(json_object_get(shown, "sig_p")), 128);
    json_decref(line);
    listeners_tell(l, LISTEN_EXPIRED, false, 'b', '\x01', 3, 0);
    line = listeners_line(&l->client);
    shown = json_object_get(json_object_get(line, "params"), "value");
    expired = json_object_get(shown, "p");
    ck_assert_str_eq(json_string_value(json_object_get(expired, "slot_hex")), "01");
    ck_assert_int_eq(json_integer_value(json_object_get(expired, "seq")), 3);
    ck_assert_ptr_null(json_object_get(expired, "time"));
    ck_assert_ptr_null(json_object_get(shown, "sig_p"));
    ck_assert_uint_eq(json_string_length(json_object_get(shown, "k")), 64);
    json_decref(line);
}
END_TEST

START_TEST(without_a_replay_only_what_is_new_is_told)
{
    listeners_multi(&l->client, ",\"replay\":false");
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_expect(l, "");
    listeners_value(l, false, 'b', 'x', 1, 11);
    listeners_expect(l, "1:value 11");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:synced");
    listeners_multi(&l->client, ",\"replay\":false");
    listeners_expect(l, "2:synced");
    listeners_value(l, false, 'b', 'x', 2, 12);
    listeners_expect(l, "2:value 12; 1:value 12");
}
END_TEST

START_TEST(since_holds_for_the_replay_and_after)
{
    listeners_multi(&l->client, ",\"since\":20");
    listeners_value(l, true, 'a', 'x', 1, 19);
    listeners_value(l, true, 'b', 'x', 1, 20);
    listeners_synced(l, ERR_OK);
    listeners_value(l, false, 'c', 'x', 1, 5);
    listeners_value(l, false, 'd', 'x', 1, 25);
    listeners_tell(l, LISTEN_EXPIRED, false, 'a', 'x', 1, 0);
    listeners_expect(l, "1:value 20; 1:synced; 1:value 25; 1:expired");
}
END_TEST

/* ---- who joins later ---- */

START_TEST(a_second_listener_reads_anew_and_misses_nothing)
{
    listeners_join(l);
    listeners_multi(&l->client, "");
    listeners_value(l, false, 'a', 'x', 5, 50); /* also found by the reading */
    listeners_value(l, false, 'b', 'x', 3, 40); /* the reading has a newer one */
    listeners_value(l, false, 'c', 'x', 2, 60); /* the reading missed it, or has an older one */
    listeners_expect(l, "1:value 50; 1:value 40; 1:value 60");
    const struct listeners_entry found[] = {
        {'a', 'x', 5, 50}, {'b', 'x', 4, 45}, {'c', 'x', 1, 55}};
    listeners_read(l, found, 3, ERR_OK);
    listeners_expect(l, "2:value 45; 2:value 50; 2:value 55; 2:synced; 2:value 60");
    listeners_value(l, false, 'a', 'x', 6, 70);
    listeners_expect(l, "2:value 70; 1:value 70");
    ck_assert_uint_eq(l->dispatch.feeds.budget.used, 0);
    ck_assert_uint_eq(l->dispatch.feeds.readings, 0);
}
END_TEST

START_TEST(who_joins_during_a_reading_waits_for_the_next)
{
    listeners_join(l);
    listeners_multi(&l->client, "");
    listeners_value(l, false, 'a', 'x', 1, 10);
    listeners_expect(l, "1:value 10");
    listeners_multi(&l->client, "");
    listeners_value(l, false, 'b', 'x', 1, 11);
    listeners_expect(l, "1:value 11");
    listeners_read(l, NULL, 0, ERR_OK);
    listeners_expect(l, "2:synced; 2:value 10; 2:value 11");
    const struct listeners_entry found[] = {{'a', 'x', 1, 10}};
    listeners_read(l, found, 1, ERR_OK);
    listeners_expect(l, "3:value 10; 3:synced; 3:value 11");
}
END_TEST

START_TEST(a_later_reading_may_fail_too)
{
    listeners_join(l);
    listeners_multi(&l->client, "");
    const struct listeners_entry found[] = {{'a', 'x', 1, 10}};
    listeners_read(l, found, 1, ERR_TIMEOUT);
    listeners_expect(l, "2:value 10; 2:synced timeout");
}
END_TEST

/* Changes during a reading are held for those who join up to a limit. */
START_TEST(a_flood_during_a_reading_is_a_gap)
{
    listeners_multi(&l->reader, "");
    listeners_synced(l, ERR_OK);
    listeners_multi(&l->client, "");
    for (int i = 0; i < (int)FEED_HELD_MAX + 3; i++)
        listeners_value(l, false, 'a', 'x', i + 1, i);
    listeners_read(l, NULL, 0, ERR_OK);
    const char *told = listeners_told(&l->client);
    ck_assert_ptr_eq(strstr(told, "1:gap 3; 1:synced; 1:value 3; 1:value 4; "), told);
}
END_TEST

START_TEST(readings_take_turns)
{
    char params[128];
    struct feed_set *set = &l->dispatch.feeds;
    for (int i = 0; i < (int)FEED_READINGS_MAX + 2; i++) {
        snprintf(params, sizeof params,
                 "{\"username\":\"tag%d\",\"resource\":\"r\",\"type\":\"m\"}", i);
        listeners_call(&l->client, "listen", params);
    }
    ck_assert_uint_eq(set->by_key.count, FEED_READINGS_MAX + 2);
    struct feed *feeds[FEED_READINGS_MAX + 2];
    size_t count = 0;
    for (uint32_t i = 0; i < set->by_key.capacity; i++)
        for (struct chain_link *at = set->by_key.heads[i]; at != NULL; at = at->next)
            feeds[count++] = (struct feed *)at;
    for (size_t i = 0; i < count; i++) {
        const struct event synced = {.kind = EVENT_LISTEN,
                                     .op = feeds[i]->listening.number,
                                     .listen = {.what = LISTEN_SYNCED}};
        dispatch_event(&l->dispatch, &synced);
    }
    for (int i = 0; i < (int)FEED_READINGS_MAX + 2; i++) {
        snprintf(params, sizeof params,
                 "{\"username\":\"tag%d\",\"resource\":\"r\",\"type\":\"m\"}", i);
        listeners_call(&l->client, "listen", params);
    }
    ck_assert_uint_eq(set->readings, FEED_READINGS_MAX);
    ck_assert_uint_eq(dispatch_next_ms(&l->dispatch), l->fake.now.ms + FEED_RETRY_MS);
    for (size_t i = 0; i < count; i++) {
        if (feeds[i]->reading.number == 0)
            continue;
        const struct event read = {.kind = EVENT_GATHER, .op = feeds[i]->reading.number};
        dispatch_event(&l->dispatch, &read);
    }
    for (size_t i = 0; i < count; i++)
        ck_assert(feeds[i]->reading.number != 0 || feeds[i]->joining_count == 0);
    ck_assert_ptr_null(set->wait_first);
    json_text_clear(&l->client.out);
}
END_TEST

/* ---- singles ---- */

START_TEST(a_single_is_told_as_it_changes)
{
    listeners_single(&l->client, "");
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_expect(l, "");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:value 10; 1:synced");
    listeners_value(l, false, 'a', 'x', 2, 11);
    listeners_value(l, false, 'a', 'x', 3, 12);
    listeners_tell(l, LISTEN_DELETED, false, 'a', 'x', 4, 13);
    listeners_expect(l, "1:value 11; 1:value 12; 1:deleted");
    listeners_single(&l->client, "");
    listeners_expect(l, "2:synced");
    listeners_value(l, false, 'a', 'x', 5, 14);
    listeners_expect(l, "2:value 14; 1:value 14");
    listeners_single(&l->client, "");
    listeners_expect(l, "3:value 14; 3:synced");
    listeners_tell(l, LISTEN_EXPIRED, false, 'a', 'x', 5, 0);
    listeners_expect(l, "3:expired; 2:expired; 1:expired");
}
END_TEST

/* A value whose content is in chunks that nobody brings. */
static void tell_large(int64_t seq)
{
    uint8_t body[RECORD_V_MAX], v[RECORD_V_MAX];
    struct wire_writer writer;
    const struct manifest manifest = {.content = ENVELOPE_JSON,
                                      .size = 2000,
                                      .expiry_unix_s = 1700001000,
                                      .target_count = (uint32_t)manifest_data_count(2000)};
    wire_writer_init(&writer, body, sizeof body);
    manifest_write(&writer, &manifest);
    const struct envelope envelope = {.content = ENVELOPE_MANIFEST,
                                      .body = wire_written(&writer),
                                      .has_time = true,
                                      .has_expiry = true,
                                      .time_unix_s = 1700000000,
                                      .expiry_unix_s = 1700001000};
    wire_writer_init(&writer, v, sizeof v);
    envelope_write(&writer, &envelope);
    listeners_tell_v(l, LISTEN_VALUE, false, 'a', 'x', seq, wire_written(&writer));
}

START_TEST(what_comes_during_a_fetch_waits)
{
    listeners_single(&l->client, "");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:synced");
    tell_large(1);
    ck_assert_uint_eq(l->dispatch.feeds.fetches, 1);
    listeners_value(l, false, 'a', 'x', 2, 2);
    listeners_expect(l, "");
    listeners_single(&l->client, "");
    listeners_expect(l, "");
    for (int i = 3; i < 1000; i++)
        listeners_value(l, false, 'a', 'x', i, i);
    ck_assert_uint_le(listeners_feed(l)->held.count, FEED_CHANGES_MAX);
}
END_TEST

START_TEST(the_last_listener_may_leave_during_a_fetch)
{
    listeners_single(&l->client, "");
    listeners_synced(l, ERR_OK);
    tell_large(1);
    dispatch_client_half_closed(&l->client);
    ck_assert_uint_eq(l->dispatch.feeds.by_key.count, 0);
    ck_assert_uint_eq(l->dispatch.feeds.fetches, 1); /* goes on for nobody, until the teardown */
}
END_TEST

START_TEST(one_feed_serves_all_names_of_a_key)
{
    char params[256], key[2 * KEYS_PUBLIC_SIZE + 1];
    listeners_single(&l->client, "");
    listeners_single(&l->reader, "");
    hex_encode(bytes_of(l->fake.keys[0].public_key, KEYS_PUBLIC_SIZE), key);
    snprintf(params, sizeof params, "[\"%s\",\"profile\",\"s\"]", key);
    listeners_call(&l->client, "listen", params);
    json_decref(listeners_line(&l->client));
    listeners_synced(l, ERR_OK);
    listeners_value(l, false, 'a', 'x', 1, 10);
    ck_assert_uint_eq(listeners_feed(l)->follower_count, 3);
    listeners_expect(l, "2:synced; 1:synced; 2:value 10; 1:value 10");
    ck_assert_str_eq(listeners_told(&l->reader), "1:synced; 1:value 10");
}
END_TEST

/* The newest of a single is told, whatever others leave unread. */
START_TEST(a_spent_budget_loses_no_single)
{
    struct budget *budget = &l->dispatch.feeds.budget;
    listeners_single(&l->client, "");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "1:synced");
    budget->used += BUDGET_BYTES;
    listeners_value(l, false, 'a', 'x', 1, 10);
    listeners_expect(l, "1:value 10");
    tell_large(2);
    listeners_value(l, false, 'a', 'x', 3, 11);
    listeners_value(l, false, 'a', 'x', 4, 12);
    ck_assert_uint_eq(listeners_feed(l)->held.count, 1);
    ck_assert_int_eq(listeners_feed(l)->held.first->record.seq, 4);
    budget->used -= BUDGET_BYTES;
}
END_TEST

START_TEST(what_readers_leave_unread_takes_nothing_from_the_owner)
{
    struct budget *budget = &l->dispatch.feeds.budget;
    listeners_multi(&l->reader, "");
    listeners_synced(l, ERR_OK);
    ck_assert_str_eq(listeners_told(&l->reader), "1:synced");
    listeners_multi(&l->reader, "");
    listeners_value(l, false, 'a', 'x', 1, 10);
    listeners_multi(&l->client, "");
    size_t rest = BUDGET_READ_BYTES - budget->read_used;
    ck_assert_uint_eq(rest, BUDGET_READ_BYTES);
    budget->used += rest;
    budget->read_used += rest;
    listeners_value(l, false, 'b', 'x', 1, 11);
    listeners_read(l, NULL, 0, ERR_OK);
    listeners_read(l, NULL, 0, ERR_OK);
    listeners_expect(l, "1:synced; 1:value 11");
    budget->used -= rest;
    budget->read_used -= rest;
}
END_TEST

/* ---- ends ---- */

START_TEST(unlisten_ends_one)
{
    listeners_multi(&l->client, "");
    listeners_multi(&l->client, "");
    listeners_synced(l, ERR_OK);
    listeners_expect(l, "2:synced; 1:synced");
    listeners_call(&l->client, "unlisten", "[1]");
    json_t *reply = listeners_line(&l->client);
    ck_assert(json_is_true(json_object_get(reply, "result")));
    json_decref(reply);
    listeners_value(l, false, 'a', 'x', 1, 10);
    listeners_expect(l, "2:value 10");
    const char *const wrong[] = {"[1]", "[3]", "[4294967295]"};
    for (size_t i = 0; i < 3; i++) {
        listeners_call(&l->client, "unlisten", wrong[i]);
        reply = listeners_line(&l->client);
        ck_assert_int_eq(
            json_integer_value(json_object_get(json_object_get(reply, "error"), "code")), 404);
        json_decref(reply);
    }
    listeners_call(&l->reader, "unlisten", "[2]"); /* another connection's */
    reply = listeners_line(&l->reader);
    ck_assert_ptr_nonnull(json_object_get(reply, "error"));
    json_decref(reply);
    listeners_call(&l->client, "unlisten", "[2]");
    json_decref(listeners_line(&l->client));
    ck_assert_uint_eq(l->dispatch.feeds.by_key.count, 0);
}
END_TEST

START_TEST(an_end_says_why_and_what_is_lost)
{
    listeners_multi(&l->client, "");
    listeners_multi(&l->reader, "");
    listeners_value(l, true, 'a', 'x', 1, 10);
    listeners_stop_reading(&l->client);
    listeners_synced(l, ERR_OK);
    listeners_value(l, false, 'a', 'x', 2, 11);
    listeners_end(l, ERR_STOPPING);
    listeners_expect(l, "1:gap 2; 1:end stopping");
    ck_assert_str_eq(listeners_told(&l->reader),
                     "1:value 10; 1:synced; 1:value 11; 1:end stopping");
    ck_assert_uint_eq(l->dispatch.feeds.by_key.count, 0);
}
END_TEST

START_TEST(a_half_close_ends_the_streams)
{
    listeners_multi(&l->client, "");
    listeners_multi(&l->reader, "");
    listeners_synced(l, ERR_OK);
    dispatch_client_half_closed(&l->client);
    listeners_expect(l, "1:synced; 1:end cancelled");
    listeners_value(l, false, 'a', 'x', 1, 10);
    listeners_expect(l, "");
    ck_assert_str_eq(listeners_told(&l->reader), "1:synced; 1:value 10");
}
END_TEST

/* The events of a listening that has just been given up may still be on their way. */
START_TEST(late_events_find_nobody)
{
    listeners_multi(&l->client, "");
    struct event event = {.kind = EVENT_LISTEN,
                          .op = listeners_feed(l)->listening.number,
                          .err = ERR_CANCELLED,
                          .listen = {.what = LISTEN_END}};
    listeners_call(&l->client, "unlisten", "[1]");
    json_text_clear(&l->client.out);
    dispatch_event(&l->dispatch, &event);
    listeners_expect(l, "");
}
END_TEST

START_TEST(bad_calls_say_what_is_wrong)
{
    const struct {
        const char *params;
        int code;
    } calls[] = {
        {"[\"carol\",\"profile\",\"s\"]", 404},
        {"[\"alice\",\"\",\"s\"]", -32602},
        {"[\"alice\",\"profile\",\"x\"]", -32602},
        {"[\"alice\",\"profile\"]", -32602},
        {"[\"alice\",\"profile\",\"s\",5]", -32602},
        {"{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"since\":-1}", -32602},
        {"{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"replay\":1}", -32602},
        {"[\"0123456789012345678901234567890123456789012345678901234567890123456789\",\"r\",\"m\"]",
         207},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        listeners_call(&l->client, "listen", calls[i].params);
        json_t *reply = listeners_line(&l->client);
        json_t *code = json_object_get(json_object_get(reply, "error"), "code");
        ck_assert_msg(json_integer_value(code) == calls[i].code, "%s", calls[i].params);
        json_decref(reply);
    }
    ck_assert_uint_eq(l->dispatch.feeds.by_key.count, 0);
}
END_TEST

/* Keys, that is: what others listen to already costs nothing. */
START_TEST(the_read_only_socket_has_its_share)
{
    char params[128];
    for (int i = 0; i <= (int)FEEDS_READ_MAX; i++) {
        snprintf(params, sizeof params, "[\"tag%d\",\"r\",\"m\"]", i);
        listeners_call(&l->reader, "listen", params);
        json_t *reply = listeners_line(&l->reader);
        json_t *error = json_object_get(reply, "error");
        ck_assert_int_eq(error != NULL, i == (int)FEEDS_READ_MAX);
        if (error != NULL)
            ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), 429);
        json_decref(reply);
    }
    listeners_call(&l->client, "listen", params);
    json_decref(listeners_line(&l->client));
    listeners_call(&l->reader, "listen", params);
    json_t *reply = listeners_line(&l->reader);
    ck_assert_ptr_nonnull(json_object_get(reply, "result"));
    json_decref(reply);
}
END_TEST

void add_tests(TCase *tests)
{
    l = listeners_fixture(tests);
    tcase_add_test(tests, what_is_stored_comes_oldest_first);
    tcase_add_test(tests, a_replay_has_the_latest_of_each_place);
    tcase_add_test(tests, a_reading_that_was_cut_short_says_so);
    tcase_add_test(tests, deletions_and_ends_name_their_places);
    tcase_add_test(tests, without_a_replay_only_what_is_new_is_told);
    tcase_add_test(tests, since_holds_for_the_replay_and_after);
    tcase_add_test(tests, a_second_listener_reads_anew_and_misses_nothing);
    tcase_add_test(tests, who_joins_during_a_reading_waits_for_the_next);
    tcase_add_test(tests, a_later_reading_may_fail_too);
    tcase_add_test(tests, a_flood_during_a_reading_is_a_gap);
    tcase_add_test(tests, readings_take_turns);
    tcase_add_test(tests, a_single_is_told_as_it_changes);
    tcase_add_test(tests, what_comes_during_a_fetch_waits);
    tcase_add_test(tests, the_last_listener_may_leave_during_a_fetch);
    tcase_add_test(tests, one_feed_serves_all_names_of_a_key);
    tcase_add_test(tests, the_read_only_socket_has_its_share);
    tcase_add_test(tests, a_spent_budget_loses_no_single);
    tcase_add_test(tests, what_readers_leave_unread_takes_nothing_from_the_owner);
    tcase_add_test(tests, unlisten_ends_one);
    tcase_add_test(tests, an_end_says_why_and_what_is_lost);
    tcase_add_test(tests, a_half_close_ends_the_streams);
    tcase_add_test(tests, late_events_find_nobody);
    tcase_add_test(tests, bad_calls_say_what_is_wrong);
}
