/* What other nodes ask of a command must come to the program that handles it, once, and its answer
 * go back, once; whatever the program does or leaves undone, the network is answered. */
#include <check.h>
#include <stdio.h>

#include "common/bencode.h"
#include "daemon/dht/serve/requests.h"
#include "daemon/dht/wire/krpc.h"
#include "rpc/streams/handler.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;
static struct rpc_client other; /* of the same daemon */
/* What the node sent last: */
static unsigned packets;
static uint8_t packet[KRPC_PACKET_MAX];
static struct krpc reply; /* views into `packet` */

static void setup(void)
{
    solo_init(&solo);
    dispatch_client_init(&solo.dispatch, &other, RPC_ACCESS_FULL, 0);
}

static void teardown(void)
{
    dispatch_client_clear(&other);
    solo_clear(&solo);
}

/* Hands the node's events to the dispatcher, and keeps its last packet. */
static void flush(void)
{
    struct outbox *out = &solo.fake.outbox;
    for (size_t i = 0; i < out->event_count; i++) {
        struct event event = out->events[i];
        dispatch_event(&solo.dispatch, &event);
    }
    packets = (unsigned)out->packet_count;
    if (packets > 0) {
        const struct bytes last = out->packets[packets - 1].data;
        memcpy(packet, last.data, last.size);
        ck_assert_int_eq(krpc_parse(bytes_of(packet, last.size), &reply), ERR_OK);
    }
    outbox_reset(out);
}

/* Another node asks; what it says is raw bencoding, NULL for nothing. */
static void ask_node(const char *command, const char *v)
{
    static uint16_t t;
    const struct addr from = addr_v4((const uint8_t[4]){127, 0, 0, 1}, (uint16_t)(9000 + t % 64));
    uint8_t buffer[KRPC_PACKET_MAX];
    struct wire_writer w;
    t++;
    const struct krpc query = {
        .type = KRPC_QUERY,
        .method = KRPC_COMMAND,
        .t = bytes_of(&t, sizeof t),
        .has_id = true,
        .id = {{0xab}},
        .has_network = true,
        .read_only = true, /* not worth a ping */
        .has_target = true,
        .target = {{1, 2}},
        .command = bytes_of_string(command),
        .v = v != NULL ? bytes_of_string(v) : (struct bytes){0},
    };
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, &query);
    ck_assert(!w.failed);
    node_recv(solo.fake.host.node, solo.fake.now, &from, buffer, w.used, &solo.fake.outbox);
    flush();
}

static void call(struct rpc_client *client, const char *method, const char *params)
{
    char line[4096];
    int size =
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"%s\",\"params\":%s}", method, params);
    dispatch_line(client, bytes_of(line, (size_t)size));
    flush();
}

/* All that the client was sent, compact; to be cleared with json_text_clear. */
static struct json_text sent_to(struct rpc_client *client)
{
    struct json_text text = client->out;
    client->out = (struct json_text){0};
    json_text_append(&text, "", 1);
    return text;
}

static void expect(struct rpc_client *client, const char *wanted)
{
    struct json_text text = sent_to(client);
    ck_assert_msg(strstr(text.data, wanted) != NULL, "not %s: %s", wanted, text.data);
    json_text_clear(&text);
}

static void expect_nothing(struct rpc_client *client)
{
    struct json_text text = sent_to(client);
    ck_assert_str_eq(text.data, "");
    json_text_clear(&text);
}

static void handle(const char *command)
{
    char params[128];
    snprintf(params, sizeof params, "[\"%s\"]", command);
    call(&solo.client, "handle", params);
    expect(&solo.client, "\"result\":{\"sub\":");
}

/* The number of the request that has come last. */
static int64_t request_number(void)
{
    struct json_text text = sent_to(&solo.client);
    const char *at = strstr(text.data, "\"request\":");
    ck_assert_msg(at != NULL, "no request: %s", text.data);
    int64_t number = strtoll(at + strlen("\"request\":"), NULL, 10);
    json_text_clear(&text);
    return number;
}

static void respond(struct rpc_client *client, int64_t number, const char *rest)
{
    char params[2048];
    snprintf(params, sizeof params, "{\"request\":%lld%s}", (long long)number, rest);
    call(client, "respond", params);
}

START_TEST(a_request_comes_whole_and_its_answer_goes_back)
{
    handle("get.it");
    ask_node("get.it", "d1:j7:{\"a\":1}e");
    ck_assert_uint_eq(packets, 0);
    struct json_text text = sent_to(&solo.client);
    ck_assert_str_eq(text.data,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"handle\",\"params\":{\"sub\":1,\"n\":1,"
                     "\"command\":\"get.it\",\"target\":\"0102000000000000000000000000000000000000"
                     "\",\"value\":{\"a\":1},\"from\":{\"id\":"
                     "\"ab00000000000000000000000000000000000000\",\"addr\":\"127.0.0.1:9000\"},"
                     "\"token\":false,\"request\":1}}\n");
    json_text_clear(&text);
    respond(&solo.client, 1, ",\"value\":[true]");
    expect(&solo.client, "\"result\":true");
    ck_assert_uint_eq(packets, 1);
    ck_assert(bytes_is_string(reply.v, "d1:j6:[true]e"));
    ck_assert_int_eq(reply.command_error, 0);
}
END_TEST

START_TEST(values_of_each_kind_are_shown_and_sent)
{
    handle("x");
    ask_node("x", NULL);
    expect(&solo.client, "\"value\":null,");
    ask_node("x", "d1:j5:12.50e");
    expect(&solo.client, "\"value\":12.5,");
    ask_node("x", "d1:b2:\x01\x02"
                  "e");
    expect(&solo.client, "\"value_base64\":\"AQI=\",");
    ask_node("x", "5:hello");
    expect(&solo.client, "\"value\":\"hello\",");
    ask_node("x", "i7e");
    respond(&solo.client, request_number(), ",\"value\":null");
    ck_assert(reply.v.data == NULL && reply.command_error == 0);
    ask_node("x", NULL);
    respond(&solo.client, request_number(), ",\"value_base64\":\"AQI=\"");
    ck_assert(bytes_is_string(reply.v, "d1:b2:\x01\x02"
                                       "e"));
    ask_node("x", NULL);
    respond(&solo.client, request_number(), ",\"error\":16");
    ck_assert(reply.v.data == NULL && reply.command_error == 16);
}
END_TEST

START_TEST(what_nobody_handles_is_answered_at_once)
{
    handle("x");
    ask_node("y", NULL);
    ck_assert_int_eq(reply.command_error, COMMAND_UNKNOWN);
    ck_assert_ptr_nonnull(reply.token.data);
    expect_nothing(&solo.client);
}
END_TEST

START_TEST(a_command_has_one_handler)
{
    handle("x");
    call(&other, "handle", "[\"x\"]");
    expect(&other, "\"exists\"");
    call(&solo.client, "handle", "[\"x\"]");
    expect(&solo.client, "\"exists\"");
    call(&other, "unhandle", "[\"x\"]");
    expect(&other, "\"no_such_id\"");
    call(&solo.client, "unhandle", "[\"x\"]");
    expect(&solo.client, "\"result\":true");
    call(&other, "handle", "[\"x\"]");
    expect(&other, "\"result\":{\"sub\":1}");
    ask_node("x", NULL);
    expect(&other, "\"request\":1");
    expect_nothing(&solo.client);
}
END_TEST

START_TEST(a_handler_that_goes_leaves_nobody_waiting)
{
    call(&other, "handle", "[\"x\"]");
    ask_node("x", NULL);
    ask_node("x", NULL);
    ck_assert_uint_eq(packets, 0);
    call(&other, "unhandle", "[\"x\"]");
    ck_assert_uint_eq(packets, 2);
    ck_assert_int_eq(reply.command_error, COMMAND_FAILED);
    call(&other, "handle", "[\"x\"]");
    ask_node("x", NULL);
    dispatch_client_half_closed(&other);
    expect(&other, "\"event\":\"end\"");
    flush();
    ck_assert_int_eq(reply.command_error, COMMAND_FAILED);
    call(&other, "handle", "[\"x\"]");
    expect(&other, "\"cancelled\"");
    handle("x");
    ask_node("x", NULL);
    ck_assert_uint_eq(packets, 0);
    dispatch_client_clear(&solo.client);
    flush();
    ck_assert_uint_eq(packets, 1);
    ck_assert_int_eq(reply.command_error, COMMAND_FAILED);
    dispatch_client_init(&solo.dispatch, &solo.client, RPC_ACCESS_FULL, 0);
    ask_node("x", NULL);
    ck_assert_int_eq(reply.command_error, COMMAND_UNKNOWN);
}
END_TEST

START_TEST(an_answer_counts_once_by_whatever_connection)
{
    handle("x");
    ask_node("x", NULL);
    int64_t number = request_number();
    respond(&other, number + 1, "");
    expect(&other, "\"no_such_id\"");
    ck_assert_uint_eq(packets, 0);
    respond(&other, number, "");
    expect(&other, "\"result\":true");
    ck_assert_uint_eq(packets, 1);
    respond(&solo.client, number, "");
    expect(&solo.client, "\"no_such_id\"");
    ck_assert_uint_eq(packets, 0);
}
END_TEST

START_TEST(an_answer_that_is_too_late_is_told_so)
{
    handle("x");
    ask_node("x", NULL);
    int64_t number = request_number();
    solo.fake.now.ms += REQUESTS_DEADLINE_MS;
    node_tick(solo.fake.host.node, solo.fake.now, &solo.fake.outbox);
    flush();
    ck_assert_int_eq(reply.command_error, COMMAND_TIMEOUT);
    respond(&solo.client, number, "");
    expect(&solo.client, "\"no_such_id\"");
    ck_assert_uint_eq(packets, 0);
}
END_TEST

START_TEST(an_answer_that_is_too_much_may_be_made_shorter)
{
    char value[1200] = ",\"value\":\"";
    handle("x");
    ask_node("x", NULL);
    int64_t number = request_number();
    memset(value + strlen(",\"value\":\""), 'a', COMMAND_V_MAX);
    strcat(value, "\"");
    respond(&solo.client, number, value);
    expect(&solo.client, "\"too_big\"");
    respond(&solo.client, number, ",\"value\":1,\"value_base64\":\"AQI=\"");
    expect(&solo.client, "\"invalid_params\"");
    respond(&solo.client, number, ",\"value\":1,\"error\":16");
    expect(&solo.client, "\"invalid_params\"");
    respond(&solo.client, number, ",\"error\":15");
    expect(&solo.client, "\"invalid_params\"");
    respond(&solo.client, number, ",\"error\":65536");
    expect(&solo.client, "\"invalid_params\"");
    ck_assert_uint_eq(packets, 0);
    respond(&solo.client, number, ",\"value\":\"a\"");
    expect(&solo.client, "\"result\":true");
    ck_assert_uint_eq(packets, 1);
}
END_TEST

START_TEST(a_slow_handler_has_a_queue_with_an_end)
{
    handle("x");
    for (unsigned i = 0; i < HANDLER_QUEUE_MAX; i++) {
        ask_node("x", NULL);
        ck_assert_uint_eq(packets, 0);
    }
    ask_node("x", NULL);
    ck_assert_int_eq(reply.command_error, COMMAND_BUSY);
    respond(&solo.client, 5, "");
    ask_node("x", NULL);
    ck_assert_uint_eq(packets, 0);
    ask_node("x", NULL);
    ck_assert_uint_eq(packets, 1);
    /* What the node has answered itself takes no place. */
    solo.fake.now.ms += REQUESTS_DEADLINE_MS;
    node_tick(solo.fake.host.node, solo.fake.now, &solo.fake.outbox);
    flush();
    ck_assert_uint_ge(packets, HANDLER_QUEUE_MAX);
    ask_node("x", NULL);
    ck_assert_uint_eq(packets, 0);
}
END_TEST

START_TEST(a_handler_that_does_not_read_is_sent_no_more)
{
    handle("x");
    solo.client.sending = STREAM_OUTPUT_MAX;
    ask_node("x", NULL);
    ck_assert_int_eq(reply.command_error, COMMAND_BUSY);
    expect_nothing(&solo.client);
    solo.client.sending = 0;
    ask_node("x", NULL);
    ck_assert_uint_eq(packets, 0);
    expect(&solo.client, "\"n\":1,");
}
END_TEST

START_TEST(names_are_checked_and_handlers_counted)
{
    char params[64];
    static const char *const bad[] = {
        "[\"\"]", "[\"A\"]", "[\"a b\"]", "[\"abcdefghijklmnopqrstuvwxyz0123456\"]", "[1]", "[]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call(&solo.client, "handle", bad[i]);
        expect(&solo.client, "\"invalid_params\"");
    }
    for (unsigned i = 0; i < HANDLERS_MAX; i++) {
        snprintf(params, sizeof params, "c%u", i);
        handle(params);
    }
    call(&solo.client, "handle", "[\"one-more\"]");
    expect(&solo.client, "\"busy\"");
    dispatch_client_clear(&solo.client);
    dispatch_client_init(&solo.dispatch, &solo.client, RPC_ACCESS_FULL, 0);
    ck_assert_uint_eq(solo.dispatch.handlers.count, 0);
    handle("one-more");
}
END_TEST

START_TEST(the_read_only_socket_handles_nothing)
{
    static const char *const methods[] = {"handle", "unhandle", "respond", "query", "request"};
    solo.client.access = RPC_ACCESS_READ;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        call(&solo.client, methods[i], "[\"x\",\"y\"]");
        expect(&solo.client, "\"read_only\"");
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_request_comes_whole_and_its_answer_goes_back);
    tcase_add_test(tests, values_of_each_kind_are_shown_and_sent);
    tcase_add_test(tests, what_nobody_handles_is_answered_at_once);
    tcase_add_test(tests, a_command_has_one_handler);
    tcase_add_test(tests, a_handler_that_goes_leaves_nobody_waiting);
    tcase_add_test(tests, an_answer_counts_once_by_whatever_connection);
    tcase_add_test(tests, an_answer_that_is_too_late_is_told_so);
    tcase_add_test(tests, an_answer_that_is_too_much_may_be_made_shorter);
    tcase_add_test(tests, a_slow_handler_has_a_queue_with_an_end);
    tcase_add_test(tests, a_handler_that_does_not_read_is_sent_no_more);
    tcase_add_test(tests, names_are_checked_and_handlers_counted);
    tcase_add_test(tests, the_read_only_socket_handles_nothing);
}
