/* Each event that a watched node tells must come out as the members of a JSON object that say what
 * happened, to whom, how far from the target and why. */
#include <check.h>

#include "rpc/streams/watch_text.h"
#include "tests/runner.h"

static struct event event;

/* What the text says, read back as an object; a new reference. */
static json_t *read_text(struct json_text *text)
{
    struct json_text whole = {0};
    json_text_append(&whole, "{", 1);
    json_text_append(&whole, text->data, text->size);
    json_text_append(&whole, "}", 1);
    json_t *object = json_read(bytes_of(whole.data, whole.size), 4, NULL, 0);
    ck_assert_msg(object != NULL, "not JSON: %.*s", (int)text->size, text->data);
    ck_assert_ptr_null(memchr(text->data, '\n', text->size));
    json_text_clear(&whole);
    json_text_clear(text);
    return object;
}

static json_t *show(enum watch_class class, enum watch_what what, enum err err)
{
    struct json_text text = {0};
    event.kind = EVENT_WATCH;
    event.err = err;
    event.watch.class = class;
    event.watch.what = what;
    watch_text(&text, &event);
    return read_text(&text);
}

static void ck_text(const json_t *object, const char *key, const char *expected)
{
    const char *found = json_string_value(json_object_get(object, key));
    ck_assert_msg(found != NULL, "there is no %s", key);
    ck_assert_str_eq(found, expected);
}

static void ck_number(const json_t *object, const char *key, json_int_t expected)
{
    ck_assert_msg(json_is_integer(json_object_get(object, key)), "%s is no number", key);
    ck_assert_int_eq(json_integer_value(json_object_get(object, key)), expected);
}

static void setup(void)
{
    event = (struct event){0};
}

START_TEST(a_step_says_whom_and_how_far_from_the_target)
{
    const uint8_t loopback[4] = {127, 0, 0, 1};
    event.watch.lookup.number = 7;
    event.watch.lookup.purpose = "get";
    event.watch.lookup.contact.addr = addr_v4(loopback, 9);
    event.watch.lookup.contact.id.b[1] = 0x10; /* the first 11 bits are the target's */
    event.watch.lookup.has_id = true;
    event.watch.lookup.hop = 2;
    event.watch.lookup.rtt_ms = 31;
    json_t *step = show(WATCH_LOOKUPS, WATCH_ANSWERED, ERR_OK);
    ck_text(step, "event", "step");
    ck_text(step, "step", "answered");
    ck_text(step, "for", "get");
    ck_text(step, "addr", "127.0.0.1:9");
    ck_text(step, "xor", "0010000000000000");
    ck_number(step, "lookup", 7);
    ck_number(step, "shared_bits", 11);
    ck_number(step, "distance", 149);
    ck_number(step, "hop", 2);
    ck_number(step, "rtt_ms", 31);
    json_decref(step);
}
END_TEST

START_TEST(whose_id_is_not_known_has_no_distance)
{
    event.watch.lookup.purpose = "join";
    json_t *step = show(WATCH_LOOKUPS, WATCH_ASKED, ERR_OK);
    ck_assert(json_is_null(json_object_get(step, "id")));
    ck_assert_ptr_null(json_object_get(step, "distance"));
    json_decref(step);
}
END_TEST

START_TEST(a_refusal_has_its_number)
{
    event.watch.lookup.purpose = "get";
    event.watch.lookup.code = 204;
    json_t *step = show(WATCH_LOOKUPS, WATCH_REFUSED, ERR_OK);
    ck_text(step, "step", "refused");
    ck_number(step, "code", 204);
    json_decref(step);
}
END_TEST

START_TEST(an_end_says_how_it_went)
{
    event.watch.lookup.purpose = "put";
    event.stats = (struct lookup_stats){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, false};
    json_t *end = show(WATCH_LOOKUPS, WATCH_ENDED, ERR_TIMEOUT);
    ck_text(end, "event", "ended");
    ck_number(end, "queried", UINT32_MAX);
    ck_number(end, "ms", UINT32_MAX);
    ck_assert(json_is_false(json_object_get(end, "complete")));
    ck_text(json_object_get(end, "error"), "name", "timeout");
    json_decref(end);
}
END_TEST

START_TEST(a_replaced_node_is_named_beside_the_new_one)
{
    json_t *change = show(WATCH_NODES, WATCH_REPLACED, ERR_OK);
    ck_text(change, "event", "replaced");
    ck_assert_ptr_nonnull(json_object_get(change, "old_id"));
    json_decref(change);
    change = show(WATCH_NODES, WATCH_JOINED, ERR_OK);
    ck_text(change, "event", "joined");
    ck_assert_ptr_null(json_object_get(change, "old_id"));
    json_decref(change);
}
END_TEST

START_TEST(a_refused_put_says_which_check_and_why)
{
    event.watch.store.kind = RECORD_SINGLE;
    event.watch.store.has_seq = true;
    event.watch.store.seq = INT64_MIN;
    event.watch.store.size = 1000;
    event.watch.store.check = "seq";
    json_t *refused = show(WATCH_STORE, WATCH_TURNED_AWAY, ERR_STALE_SEQ);
    ck_text(refused, "event", "refused");
    ck_text(refused, "check", "seq");
    ck_text(refused, "reason", err_text(ERR_STALE_SEQ));
    ck_text(refused, "space", "held");
    ck_text(refused, "type", "s");
    ck_number(refused, "seq", INT64_MIN);
    ck_number(json_object_get(refused, "error"), "code", 302);
    json_decref(refused);
}
END_TEST

START_TEST(removals_that_are_only_counted_say_how_many)
{
    event.watch.store.more = 12;
    json_t *evicted = show(WATCH_STORE, WATCH_EVICTED, ERR_OK);
    ck_text(evicted, "event", "evicted");
    ck_number(evicted, "records", 12);
    ck_assert_ptr_null(json_object_get(evicted, "target"));
    json_decref(evicted);
}
END_TEST

START_TEST(a_call_takes_thousandths_of_milliseconds)
{
    struct json_text text = {0};
    watch_text_call(&text, "dhtget", (uid_t)-1, ERR_OK, 12034567);
    json_t *call = read_text(&text);
    ck_assert_double_eq_tol(json_real_value(json_object_get(call, "ms")), 12.034, 1e-9);
    ck_number(call, "uid", UINT32_MAX);
    json_decref(call);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, a_step_says_whom_and_how_far_from_the_target);
    tcase_add_test(tests, whose_id_is_not_known_has_no_distance);
    tcase_add_test(tests, a_refusal_has_its_number);
    tcase_add_test(tests, an_end_says_how_it_went);
    tcase_add_test(tests, a_replaced_node_is_named_beside_the_new_one);
    tcase_add_test(tests, a_refused_put_says_which_check_and_why);
    tcase_add_test(tests, removals_that_are_only_counted_say_how_many);
    tcase_add_test(tests, a_call_takes_thousandths_of_milliseconds);
}
