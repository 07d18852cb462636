/* A client that monitors must see what the daemon does, each event once and numbered without holes,
 * be told what it missed when it did not read, and never a value; who does not monitor pays
 * nothing. */
#include <check.h>

#include "rpc/own.h"
#include "rpc/streams/stream.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;

static void setup(void)
{
    solo_init(&solo);
}

static void teardown(void)
{
    solo_clear(&solo);
}

/* Sends a call and leaves all that comes in the client's output. */
static void ask(const char *method, const char *params)
{
    char line[512];
    int size =
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"%s\",\"params\":%s}", method, params);
    dispatch_line(&solo.client, bytes_of(line, (size_t)size));
}

/* The next line of the client's output, a new reference; NULL at the end, where all is cleared. */
static json_t *next(size_t *at)
{
    const struct json_text *out = &solo.client.out;
    if (*at == out->size) {
        json_text_clear(&solo.client.out);
        return NULL;
    }
    const char *feed = memchr(out->data + *at, '\n', out->size - *at);
    ck_assert_ptr_nonnull(feed);
    json_t *line =
        json_read(bytes_of(out->data + *at, (size_t)(feed - out->data) - *at), 32, NULL, 0);
    ck_assert_ptr_nonnull(line);
    *at = (size_t)(feed - out->data) + 1;
    return line;
}

/* How many events of this name are in the output, whose numbers must follow upon *n. */
static unsigned count(const char *name, json_int_t *n)
{
    json_t *line;
    unsigned found = 0;
    for (size_t at = 0; (line = next(&at)) != NULL; json_decref(line)) {
        const json_t *params = json_object_get(line, "params");
        if (params == NULL)
            continue;
        ck_assert_str_eq(json_string_value(json_object_get(line, "method")), "monitor");
        ck_assert_int_eq(json_integer_value(json_object_get(params, "n")), ++*n);
        found += strcmp(json_string_value(json_object_get(params, "event")), name) == 0;
    }
    return found;
}

/* Returns how many events have come with the answer. */
static json_int_t monitor(const char *params)
{
    size_t at = 0;
    json_int_t n = 0;
    ask("monitor", params);
    json_t *reply = next(&at);
    const json_t *result = json_object_get(reply, "result");
    ck_assert_int_eq(json_integer_value(json_object_get(result, "sub")), 1);
    json_decref(reply);
    count("call", &n);
    return n;
}

static void put(const char *resource)
{
    char params[128];
    snprintf(params, sizeof params, "[\"alice\",\"%s\",\"s\",\"the secret\"]", resource);
    ask("dhtput", params);
    solo_run(&solo, 5);
}

START_TEST(a_call_is_seen_after_its_answer)
{
    size_t at = 0;
    monitor("[\"rpc\"]");
    ask("getinfo", "[]");
    json_t *reply = next(&at), *event = next(&at);
    ck_assert_ptr_nonnull(json_object_get(reply, "result"));
    const json_t *params = json_object_get(event, "params");
    ck_assert_str_eq(json_string_value(json_object_get(params, "method")), "getinfo");
    ck_assert_int_eq(json_integer_value(json_object_get(params, "uid")), solo.client.uid);
    ck_assert(json_is_real(json_object_get(params, "ms")));
    ck_assert_ptr_null(json_object_get(params, "error"));
    ck_assert_ptr_null(next(&at));
    json_decref(reply);
    json_decref(event);
}
END_TEST

START_TEST(a_call_that_failed_is_seen_with_its_error)
{
    size_t at = 0;
    monitor("[\"rpc\"]");
    ask("no such thing", "[]");
    json_t *reply = next(&at), *event = next(&at);
    const json_t *params = json_object_get(event, "params");
    ck_assert(json_is_null(json_object_get(params, "method")));
    const json_t *error = json_object_get(params, "error");
    ck_assert_str_eq(json_string_value(json_object_get(error, "name")), "unknown_method");
    json_decref(reply);
    json_decref(event);
}
END_TEST

START_TEST(a_put_is_seen_by_all_classes_and_its_value_by_none)
{
    json_int_t n = monitor("[]");
    put("a");
    solo.client.out.data[solo.client.out.size - 1] = '\0';
    ck_assert_ptr_null(strstr(solo.client.out.data, "the secret"));
    ck_assert_ptr_nonnull(
        strstr(solo.client.out.data, "\"class\":\"lookups\",\"event\":\"started\""));
    ck_assert_ptr_nonnull(strstr(solo.client.out.data, "\"event\":\"ended\""));
    ck_assert_ptr_nonnull(strstr(solo.client.out.data, "\"class\":\"rpc\""));
    solo.client.out.data[solo.client.out.size - 1] = '\n';
    n = 1;                                     /* monitor's own call */
    ck_assert_uint_eq(count("stored", &n), 2); /* held and kept */
}
END_TEST

static struct rpc_result end_at_once(struct rpc_call *own, void *state)
{
    *(bool *)state = true;
    return rpc_reply(own, json_true());
}

START_TEST(what_the_daemon_asks_itself_is_no_call)
{
    bool has_run = false;
    json_int_t n = 1; /* monitor's own call */
    monitor("[\"rpc\"]");
    ck_assert(own_start(&solo.dispatch, end_at_once, &has_run));
    ck_assert(has_run);
    ck_assert_uint_eq(count("call", &n), 0);
    ck_assert_int_eq(n, 1);
}
END_TEST

START_TEST(only_the_classes_asked_for_are_told)
{
    json_int_t n = 0;
    monitor("[\"store\"]");
    ck_assert_uint_eq(node_watched(solo.fake.host.node), WATCH_STORE);
    put("a");
    ck_assert_uint_eq(count("stored", &n), 2);
    ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(classes_that_are_none_are_refused)
{
    const char *const wrong[] = {"[\"\"]", "[\"lookups,\"]", "[\"lookup\"]", "[\"store,x\"]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *reply = solo_call(&solo, "monitor", wrong[i]);
        const json_t *error = json_object_get(reply, "error");
        ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), -32602);
        json_decref(reply);
    }
    ck_assert_uint_eq(node_watched(solo.fake.host.node), 0);
}
END_TEST

START_TEST(unmonitor_ends_it_and_the_cost)
{
    monitor("[]");
    ck_assert_uint_ne(node_watched(solo.fake.host.node), 0);
    json_decref(solo_result(&solo, "unmonitor", "[1]"));
    ck_assert_uint_eq(node_watched(solo.fake.host.node), 0);
    json_int_t n = 0;
    put("a");
    count("stored", &n);
    ck_assert_int_eq(n, 0);
    json_t *reply = solo_call(&solo, "unmonitor", "[1]");
    const json_t *error = json_object_get(reply, "error");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), 404);
    json_decref(reply);
}
END_TEST

START_TEST(the_node_tells_what_any_of_several_wants)
{
    struct rpc_client other;
    const struct node *node = solo.fake.host.node;
    dispatch_client_init(&solo.dispatch, &other, RPC_ACCESS_FULL, 0);
    monitor("[\"store\"]");
    dispatch_line(&other, bytes_of_string("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"monitor\","
                                          "\"params\":[\"nodes,rpc\"]}"));
    ck_assert_uint_eq(node_watched(node), WATCH_STORE | WATCH_NODES);
    put("a");
    json_int_t n = 0;
    ck_assert_uint_eq(count("stored", &n), 2);
    ck_assert_int_eq(n, 2); /* of what the other wants, nothing */
    dispatch_client_clear(&other);
    ck_assert_uint_eq(node_watched(node), WATCH_STORE);
    dispatch_client_half_closed(&solo.client);
    ck_assert_uint_eq(node_watched(node), 0);
    ck_assert_uint_eq(solo.dispatch.taps.classes, 0);
}
END_TEST

START_TEST(the_readers_socket_may_not)
{
    solo.client.access = RPC_ACCESS_READ;
    json_t *reply = solo_call(&solo, "monitor", "[]");
    const json_t *error = json_object_get(reply, "error");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), 403);
    json_decref(reply);
    solo.client.access = RPC_ACCESS_FULL;
}
END_TEST

/* What it does not read is dropped, not kept, and a gap says how much it was. */
START_TEST(who_does_not_read_is_told_how_much_was_dropped)
{
    json_int_t n = monitor("[\"rpc\"]");
    solo.client.sending = STREAM_OUTPUT_MAX;
    for (int i = 0; i < 5; i++)
        ask("pubkey", "[\"alice\"]");
    size_t unread = solo.client.out.size;
    solo.client.out.data[unread - 1] = '\0';
    ck_assert_ptr_null(strstr(solo.client.out.data, "monitor"));
    json_text_clear(&solo.client.out);
    solo.client.sending = 0;
    dispatch_client_room(&solo.client);
    size_t at = 0;
    json_t *line = next(&at);
    const json_t *params = json_object_get(line, "params");
    ck_assert_str_eq(json_string_value(json_object_get(params, "event")), "gap");
    ck_assert_int_eq(json_integer_value(json_object_get(params, "dropped")), 5);
    ck_assert_int_eq(json_integer_value(json_object_get(params, "n")), ++n);
    json_decref(line);
    ck_assert_ptr_null(next(&at));
    ask("pubkey", "[\"alice\"]");
    ck_assert_uint_eq(count("call", &n), 1);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_call_is_seen_after_its_answer);
    tcase_add_test(tests, a_call_that_failed_is_seen_with_its_error);
    tcase_add_test(tests, a_put_is_seen_by_all_classes_and_its_value_by_none);
    tcase_add_test(tests, what_the_daemon_asks_itself_is_no_call);
    tcase_add_test(tests, only_the_classes_asked_for_are_told);
    tcase_add_test(tests, classes_that_are_none_are_refused);
    tcase_add_test(tests, unmonitor_ends_it_and_the_cost);
    tcase_add_test(tests, the_node_tells_what_any_of_several_wants);
    tcase_add_test(tests, the_readers_socket_may_not);
    tcase_add_test(tests, who_does_not_read_is_told_how_much_was_dropped);
}
