/* listen on a whole node: what is put is told once, sealed values to whom they are for, large ones
 * whole and in their order, names as they were asked for. */
#include <stdlib.h>

#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;

static void setup(void)
{
    solo_init(&solo);
    ck_assert_int_eq(solo.fake.host.key_create(&solo.fake, "bob", NULL, 0), ERR_OK);
}

static void teardown(void)
{
    solo_clear(&solo);
}

/* Another client, which listens while the first one calls. */
struct ear {
    struct rpc_client client;
};

static void open_ear(struct ear *ear, enum rpc_access access, const char *params)
{
    char line[512];
    dispatch_client_init(&solo.dispatch, &ear->client, access, 0);
    int size =
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"listen\",\"params\":%s}", params);
    dispatch_line(&ear->client, bytes_of(line, (size_t)size));
    solo_run(&solo, 15);
}

/* The next line that it is told, a new reference; NULL: none. */
static json_t *hear(struct ear *ear)
{
    struct json_text *out = &ear->client.out;
    const char *feed = out->size > 0 ? memchr(out->data, '\n', out->size) : NULL;
    if (feed == NULL)
        return NULL;
    size_t size = (size_t)(feed - out->data);
    json_t *line = json_read(bytes_of(out->data, size), 64, NULL, 0);
    out->size -= size + 1;
    memmove(out->data, feed + 1, out->size);
    return line;
}

static const json_t *value_of(const json_t *line)
{
    return json_object_get(json_object_get(line, "params"), "value");
}

/* The next event has this name; its line is returned. */
static json_t *hear_event(struct ear *ear, const char *name)
{
    json_t *line = hear(ear);
    ck_assert_msg(line != NULL, "nothing is told in place of %s", name);
    const json_t *params = json_object_get(line, "params");
    ck_assert_str_eq(json_string_value(json_object_get(params, "event")), name);
    return line;
}

static void assert_event(struct ear *ear, const char *name)
{
    json_decref(hear_event(ear, name));
}

/* The reply, and `synced` of a key that nobody has put. */
static void begin(struct ear *ear, enum rpc_access access, const char *params)
{
    open_ear(ear, access, params);
    json_t *reply = hear(ear);
    ck_assert_ptr_nonnull(json_object_get(json_object_get(reply, "result"), "sub"));
    json_decref(reply);
    assert_event(ear, "synced");
}

static void put(const char *params)
{
    json_decref(solo_result(&solo, "dhtput", params));
    solo_run(&solo, 2);
}

static void assert_int(json_t *line, json_int_t expected)
{
    const json_t *part = json_object_get(value_of(line), "p");
    ck_assert_int_eq(json_integer_value(json_object_get(part, "v")), expected);
    json_decref(line);
}

static void assert_long(json_t *line, size_t expected)
{
    const json_t *part = json_object_get(value_of(line), "p");
    ck_assert_uint_eq(json_string_length(json_object_get(part, "v")), expected);
    json_decref(line);
}

START_TEST(what_is_put_is_told_once)
{
    struct ear ear;
    begin(&ear, RPC_ACCESS_FULL, "[\"alice\",\"profile\",\"s\"]");
    put("[\"alice\",\"profile\",\"s\",1]");
    put("[\"alice\",\"profile\",\"s\",2]");
    json_t *line = hear_event(&ear, "value");
    json_t *values = solo_result(&solo, "dhtget", "[\"alice\",\"profile\",\"s\"]");
    const json_t *target = json_object_get(json_object_get(value_of(line), "p"), "target");
    ck_assert_str_eq(json_string_value(json_object_get(target, "n")), "alice");
    assert_int(line, 1);
    line = hear_event(&ear, "value");
    ck_assert(json_equal(value_of(line), json_array_get(values, 0)));
    json_decref(values);
    json_decref(line);
    put("{\"username\":\"alice\",\"resource\":\"profile\",\"type\":\"s\",\"delete\":true}");
    assert_event(&ear, "deleted");
    ck_assert_ptr_null(hear(&ear));
    dispatch_client_clear(&ear.client);
}
END_TEST

START_TEST(a_sealed_value_is_opened_on_the_full_socket_alone)
{
    struct ear full, reader;
    begin(&full, RPC_ACCESS_FULL, "[\"alice\",\"note\",\"s\"]");
    begin(&reader, RPC_ACCESS_READ, "[\"alice\",\"note\",\"s\"]");
    ck_assert_uint_eq(solo.dispatch.feeds.by_key.count, 1);
    put("{\"username\":\"alice\",\"resource\":\"note\",\"type\":\"s\",\"value\":7,\"to\":\"bob\"}");
    json_t *line = hear_event(&full, "value");
    ck_assert(json_is_true(json_object_get(value_of(line), "encrypted")));
    assert_int(line, 7);
    line = hear_event(&reader, "value");
    ck_assert_ptr_null(json_object_get(json_object_get(value_of(line), "p"), "v"));
    ck_assert_ptr_nonnull(json_object_get(value_of(line), "reason"));
    json_decref(line);
    dispatch_client_clear(&full.client);
    dispatch_client_clear(&reader.client);
}
END_TEST

/* So many keys are tried a second, over all streams. */
START_TEST(trying_keys_has_its_limit)
{
    ck_assert_uint_eq(feed_tries(&solo.dispatch.feeds), FEED_TRIES_A_SECOND);
    feed_tried(&solo.dispatch.feeds, 3);
    ck_assert_uint_eq(feed_tries(&solo.dispatch.feeds), 3);
    solo.fake.now.ms += 1000;
    ck_assert_uint_eq(feed_tries(&solo.dispatch.feeds), FEED_TRIES_A_SECOND);
}
END_TEST

static void put_large(const char *head)
{
    char params[4096];
    snprintf(params, sizeof params, "{%s,\"value\":\"%03000d\"}", head, 7);
    json_decref(solo_result(&solo, "dhtput", params));
}

#define PAGE "\"username\":\"alice\",\"resource\":\"page\",\"type\":\"s\""

START_TEST(large_values_come_whole_and_in_their_order)
{
    struct ear ear, late;
    begin(&ear, RPC_ACCESS_FULL, "{" PAGE "}");
    put_large(PAGE);
    json_decref(solo_result(&solo, "dhtput", "{" PAGE ",\"value\":2}"));
    put_large(PAGE);
    solo_run(&solo, 5);
    assert_long(hear_event(&ear, "value"), 3000);
    assert_int(hear_event(&ear, "value"), 2);
    assert_long(hear_event(&ear, "value"), 3000);
    ck_assert_ptr_null(hear(&ear));
    open_ear(&late, RPC_ACCESS_READ, "{" PAGE "}");
    json_decref(hear(&late));
    assert_long(hear_event(&late, "value"), 3000);
    assert_event(&late, "synced");
    ck_assert_uint_eq(solo.dispatch.feeds.fetches, 0);
    ck_assert_uint_eq(solo.dispatch.large.count, 0);
    dispatch_client_clear(&ear.client);
    dispatch_client_clear(&late.client);
}
END_TEST

START_TEST(a_listener_that_leaves_during_a_fetch_is_forgotten)
{
    struct ear ear;
    begin(&ear, RPC_ACCESS_FULL, "{" PAGE "}");
    put_large(PAGE);
    dispatch_client_clear(&ear.client);
    ck_assert_uint_eq(solo.dispatch.feeds.by_key.count, 0);
    solo_run(&solo, 5);
    ck_assert_uint_eq(solo.dispatch.feeds.fetches, 0);
    ck_assert_uint_eq(solo.dispatch.large.count, 0);
}
END_TEST

START_TEST(fetches_wait_for_their_turn)
{
    struct ear ear;
    begin(&ear, RPC_ACCESS_FULL, "{" PAGE "}");
    solo.dispatch.feeds.fetches = FEED_FETCHES_MAX;
    put_large(PAGE);
    solo_run(&solo, 2);
    ck_assert_ptr_null(hear(&ear));
    ck_assert_ptr_nonnull(solo.dispatch.feeds.wait_first);
    solo.dispatch.feeds.fetches = 0;
    solo_run(&solo, 2);
    assert_long(hear_event(&ear, "value"), 3000);
    ck_assert_ptr_null(solo.dispatch.feeds.wait_first);
    dispatch_client_clear(&ear.client);
}
END_TEST

START_TEST(a_large_value_without_its_chunks_says_so)
{
    struct ear ear;
    begin(&ear, RPC_ACCESS_FULL, "{" PAGE "}");
    solo.dispatch.feeds.fetches = FEED_FETCHES_MAX; /* until the chunks are gone */
    put_large(PAGE);
    for (uint32_t i = 0; i < solo.fake.store.disk.count; i++) {
        struct disk_entry *entry = &solo.fake.store.disk.entries[i];
        if (entry->blob->record.kind == RECORD_IMMUTABLE)
            entry->expiry_unix_s = 1;
    }
    solo.dispatch.feeds.fetches = 0;
    solo_run(&solo, 60);
    json_t *line = hear_event(&ear, "value");
    const char *reason = json_string_value(json_object_get(value_of(line), "reason"));
    ck_assert_ptr_nonnull(reason);
    ck_assert_ptr_nonnull(strstr(reason, "could not be fetched"));
    ck_assert_ptr_nonnull(json_object_get(value_of(line), "large"));
    json_decref(line);
    dispatch_client_clear(&ear.client);
}
END_TEST

START_TEST(entries_are_told_to_each_listener)
{
    struct ear first, second;
    put("[\"tag\",\"r\",\"m\",1,\"alice\"]");
    open_ear(&first, RPC_ACCESS_FULL, "[\"tag\",\"r\",\"m\"]");
    json_decref(hear(&first));
    assert_int(hear_event(&first, "value"), 1);
    assert_event(&first, "synced");
    put("[\"tag\",\"r\",\"m\",2,\"bob\"]");
    open_ear(&second, RPC_ACCESS_FULL, "[\"tag\",\"r\",\"m\"]");
    json_decref(hear(&second));
    json_decref(hear_event(&second, "value"));
    json_decref(hear_event(&second, "value"));
    assert_event(&second, "synced");
    put("[\"tag\",\"r\",\"m\",3,\"bob\"]");
    assert_int(hear_event(&first, "value"), 2);
    assert_int(hear_event(&first, "value"), 3);
    assert_int(hear_event(&second, "value"), 3);
    dispatch_client_clear(&first.client);
    dispatch_client_clear(&second.client);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_is_put_is_told_once);
    tcase_add_test(tests, a_sealed_value_is_opened_on_the_full_socket_alone);
    tcase_add_test(tests, trying_keys_has_its_limit);
    tcase_add_test(tests, large_values_come_whole_and_in_their_order);
    tcase_add_test(tests, a_listener_that_leaves_during_a_fetch_is_forgotten);
    tcase_add_test(tests, fetches_wait_for_their_turn);
    tcase_add_test(tests, a_large_value_without_its_chunks_says_so);
    tcase_add_test(tests, entries_are_told_to_each_listener);
}
