/* What nodes say to a query must be told as it comes and summed up truly in the end, where an error
 * is never counted as accepted; and a request must bring its one answer, or the error that it was.
 */
#include <check.h>
#include <stdio.h>

#include "common/hex.h"
#include "rpc/streams/stream.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

#define TARGET "ff00000000000000000000000000000000000000"

static struct solo solo;
static uint64_t op; /* of the query or request under way */

static void setup(void)
{
    solo_init(&solo);
}

static void teardown(void)
{
    solo_clear(&solo);
}

/* Starts the call. The node is alone and has answered already: its event is thrown away, so that
 * the test can make up what the network says. */
static void start(const char *method, const char *params)
{
    struct outbox *out = &solo.fake.outbox;
    char line[4096];
    int size =
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"%s\",\"params\":%s}", method, params);
    dispatch_line(&solo.client, bytes_of(line, (size_t)size));
    op = out->event_count > 0 ? out->events[0].op : 0;
    outbox_reset(out);
}

static json_t *next_line(void)
{
    struct json_text *out = &solo.client.out;
    const char *feed = out->size > 0 ? memchr(out->data, '\n', out->size) : NULL;
    if (feed == NULL)
        return NULL;
    size_t size = (size_t)(feed - out->data);
    json_t *line = json_read(bytes_of(out->data, size), 32, NULL, 0);
    out->size -= size + 1;
    memmove(out->data, feed + 1, out->size);
    return line;
}

static void expect_line(const char *wanted)
{
    struct json_text text = {0};
    json_t *line = next_line();
    json_write(&text, line, 0);
    json_text_append(&text, "", 1);
    ck_assert_str_eq(text.data, wanted);
    json_text_clear(&text);
    json_decref(line);
}

static void expect_error(int code, const char *name)
{
    json_t *line = next_line();
    const json_t *error = json_object_get(line, "error");
    const json_t *data = json_object_get(error, "data");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), code);
    ck_assert_str_eq(json_string_value(json_object_get(data, "name")), name);
    json_decref(line);
}

static struct command_reply reply_of(uint8_t first, int64_t error, const char *v)
{
    return (struct command_reply){
        .from = {.id = {{first}}, .addr = addr_v4((const uint8_t[4]){127, 0, 0, 1}, 4000)},
        .rtt_ms = 3,
        .error = error,
        .v = v != NULL ? bytes_of_string(v) : (struct bytes){0},
    };
}

static void tell_reply(uint8_t first, int64_t error, const char *v)
{
    const struct event event = {.kind = EVENT_REPLY, .op = op, .reply = reply_of(first, error, v)};
    dispatch_event(&solo.dispatch, &event);
}

#define FROM(first)                                                                                \
    "\"from\":{\"id\":\"" first "00000000000000000000000000000000000000\","                        \
    "\"addr\":\"127.0.0.1:4000\"},\"rtt_ms\":3"
#define NOTICE(inside)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"method\":\"query\",\"params\":{" inside ",\"call\":9}}"

START_TEST(each_reply_is_told_as_it_comes)
{
    start("query", "[\"" TARGET "\",\"x\"]");
    ck_assert_uint_ne(op, 0);
    tell_reply(0xff, 0, "d1:j1:7e");
    expect_line(NOTICE("\"value\":7,\"distance\":0," FROM("ff")));
    tell_reply(0xfe, 0, NULL);
    expect_line(NOTICE("\"value\":null,\"distance\":153," FROM("fe")));
    tell_reply(0x00, 0, "d1:b1:!e");
    expect_line(NOTICE("\"value_base64\":\"IQ==\",\"distance\":160," FROM("00")));
    tell_reply(0xff, 1, NULL);
    expect_line(
        NOTICE("\"error\":{\"code\":1,\"name\":\"unknown_command\"},\"distance\":0," FROM("ff")));
    tell_reply(0xff, 20, "d1:j1:7e");
    expect_line(NOTICE("\"error\":{\"code\":20},\"distance\":0," FROM("ff")));
    ck_assert_ptr_null(next_line());
    ck_assert_uint_eq(solo.client.call_count, 1);
}
END_TEST

START_TEST(the_result_has_the_closest_and_what_a_commit_came_to)
{
    start("query", "{\"target\":\"" TARGET "\",\"command\":\"x\",\"commit\":true,\"k\":2}");
    const struct command_reply closest[] = {reply_of(0xff, 0, "d1:j1:7e"), reply_of(0xfe, 0, NULL)};
    const struct command_reply commits[] = {reply_of(0xff, 20, NULL), reply_of(0xfe, 0, NULL),
                                            reply_of(0xfc, 20, NULL), reply_of(0xfb, 3, NULL)};
    struct event event = {
        .kind = EVENT_QUERY, .op = op, .stats = {.hops = 2, .ms = 50, .is_complete = true}};
    event.query.closest = closest;
    event.query.closest_count = 2;
    event.query.replied = 6;
    event.query.errors = 1;
    event.query.commit.tried = 5;
    event.query.commit.accepted = 1;
    event.query.commit.refused = 3;
    event.query.commit.silent = 1;
    event.query.commit.replies = commits;
    dispatch_event(&solo.dispatch, &event);
    expect_line(
        "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"target\":\"" TARGET "\",\"closest\":["
        "{\"value\":7,\"distance\":0," FROM(
            "ff") "},"
                  "{\"value\":null,\"distance\":153," FROM(
                      "fe") "}],"
                            "\"replied\":6,\"errors\":1,\"complete\":true,\"hops\":2,\"ms\":50,"
                            "\"commit\":{\"tried\":5,\"accepted\":1,\"refused\":{\"20\":2,\"3\":1},"
                            "\"silent\":1}}}");
    ck_assert_uint_eq(solo.client.call_count, 0);
}
END_TEST

static void end(enum err err, uint32_t replied)
{
    struct event event = {.kind = EVENT_QUERY, .op = op, .err = err};
    event.query.replied = replied;
    dispatch_event(&solo.dispatch, &event);
}

START_TEST(a_query_that_nobody_answered_is_an_error)
{
    start("query", "[\"" TARGET "\",\"x\"]");
    end(ERR_OFFLINE, 0);
    expect_error(503, "offline");
    start("query", "[\"" TARGET "\",\"x\"]");
    end(ERR_TIMEOUT, 0);
    expect_error(408, "timeout");
    start("query", "[\"" TARGET "\",\"x\"]");
    end(ERR_TIMEOUT, 3);
    json_t *line = next_line();
    ck_assert(json_is_false(json_object_get(json_object_get(line, "result"), "complete")));
    json_decref(line);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_told_how_many_it_missed)
{
    start("query", "[\"" TARGET "\",\"x\"]");
    solo.client.sending = STREAM_OUTPUT_MAX;
    tell_reply(0xff, 0, NULL);
    tell_reply(0xfe, 0, NULL);
    ck_assert_ptr_null(next_line());
    solo.client.sending = 0;
    tell_reply(0xfc, 0, NULL);
    json_decref(next_line());
    end(ERR_OK, 3);
    json_t *line = next_line();
    json_t *unread = json_object_get(json_object_get(line, "result"), "unread");
    ck_assert_int_eq(json_integer_value(unread), 2);
    json_decref(line);
}
END_TEST

START_TEST(a_node_alone_has_nobody_to_ask)
{
    json_t *result = solo_result(&solo, "query", "[\"" TARGET "\",\"x\"]");
    ck_assert_uint_eq(json_array_size(json_object_get(result, "closest")), 0);
    ck_assert(json_is_true(json_object_get(result, "complete")));
    ck_assert_ptr_null(json_object_get(result, "commit"));
    json_decref(result);
}
END_TEST

START_TEST(what_is_out_of_bounds_is_refused)
{
    static const char *const bad[] = {
        "[\"" TARGET "\"]",
        "[\"" TARGET "00\",\"x\"]",
        "[\"" TARGET "\",\"X\"]",
        "{\"target\":\"" TARGET "\",\"command\":\"x\",\"k\":21}",
        "{\"target\":\"" TARGET "\",\"command\":\"x\",\"k\":0}",
        "{\"target\":\"" TARGET "\",\"command\":\"x\",\"concurrency\":17}",
        "{\"target\":\"" TARGET "\",\"command\":\"x\",\"value\":1,\"value_base64\":\"IQ==\"}",
        "{\"target\":\"" TARGET "\",\"command\":\"x\",\"value_base64\":\"!\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start("query", bad[i]);
        expect_error(-32602, "invalid_params");
    }
    char large[1200] = "[\"" TARGET "\",\"x\",\"";
    memset(large + strlen(large), 'a', COMMAND_V_MAX);
    strcat(large, "\"]");
    start("query", large);
    expect_error(205, "too_big");
}
END_TEST

static void end_request(enum err err, int64_t error, const char *v)
{
    const struct event event = {
        .kind = EVENT_REQUEST, .op = op, .err = err, .reply = reply_of(0xfe, error, v)};
    dispatch_event(&solo.dispatch, &event);
}

START_TEST(a_request_has_one_answer)
{
    start("request", "[\"" TARGET "\",\"x\",null,{\"a\":1}]");
    end_request(ERR_OK, 0, "d1:j1:7e");
    expect_line("{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"value\":7," FROM("fe") "}}");
    start("request", "[\"" TARGET "\",\"x\"]");
    end_request(ERR_OK, 20, NULL);
    expect_line(
        "{\"jsonrpc\":\"2.0\",\"id\":9,\"error\":{\"code\":502,\"message\":\"" TARGET
        " answered with error 20\",\"data\":{\"name\":\"command_error\",\"error\":{\"code\":"
        "20}," FROM("fe") "}}}");
    start("request", "[\"" TARGET "\",\"x\"]");
    end_request(ERR_OK, 3, NULL);
    expect_error(502, "command_error");
    start("request", "[\"" TARGET "\",\"x\"]");
    end_request(ERR_NOT_FOUND, 0, NULL);
    expect_error(404, "not_found");
    start("request", "[\"" TARGET "\",\"x\"]");
    end_request(ERR_METHOD_UNKNOWN, 0, NULL);
    expect_error(204, "method_unknown");
}
END_TEST

START_TEST(a_request_by_name_is_resolved_first)
{
    json_t *reply = solo_call(&solo, "request", "[\"some.host:9\",\"x\"]");
    const json_t *error = json_object_get(reply, "error");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), 408);
    ck_assert_ptr_nonnull(
        strstr(json_string_value(json_object_get(error, "message")), "some.host:9"));
    json_decref(reply);
    start("request", "[\"some.host:9\",\"x\"]");
    dispatch_resolved(&solo.dispatch, solo.fake.resolve_ticket, ERR_UNKNOWN_NAME, NULL, 0);
    expect_error(404, "unknown_name");
}
END_TEST

START_TEST(a_node_does_not_ask_itself)
{
    struct node_info info;
    char params[64], id[2 * ID_SIZE + 1];
    node_get_info(solo.fake.host.node, &info);
    snprintf(params, sizeof params, "[\"%s\",\"x\"]", hex_encode(id_bytes(&info.id), id));
    start("request", params);
    expect_error(-32602, "invalid_params");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_reply_is_told_as_it_comes);
    tcase_add_test(tests, the_result_has_the_closest_and_what_a_commit_came_to);
    tcase_add_test(tests, a_query_that_nobody_answered_is_an_error);
    tcase_add_test(tests, a_client_that_does_not_read_is_told_how_many_it_missed);
    tcase_add_test(tests, a_node_alone_has_nobody_to_ask);
    tcase_add_test(tests, what_is_out_of_bounds_is_refused);
    tcase_add_test(tests, a_request_has_one_answer);
    tcase_add_test(tests, a_request_by_name_is_resolved_first);
    tcase_add_test(tests, a_node_does_not_ask_itself);
}
