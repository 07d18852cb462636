/* Every request is answered once, in its own form, and nothing but requests is. */
#include <check.h>
#include <unistd.h>

#include "rpc/call.h"
#include "tests/rpc/caller.h"
#include "tests/runner.h"

static struct caller *caller;
static struct json_text taken;

static void forget_taken(void)
{
    json_text_clear(&taken);
}

/* What was answered since the last time. */
static const char *take(void)
{
    json_text_clear(&taken);
    taken = caller->client.out;
    caller->client.out = (struct json_text){0};
    json_text_append(&taken, "", 1);
    return taken.data;
}

static const char *ask(const char *line)
{
    dispatch_line(&caller->client, bytes_of_string(line));
    return take();
}

#define check_answer(line, answer) ck_assert_str_eq(ask(line), answer)

static void check_error(const char *line, int code, const char *name)
{
    json_t *answer = json_read(bytes_of_string(ask(line)), 32, NULL, 0);
    json_t *error = json_object_get(answer, "error");

    ck_assert_msg(error != NULL, "%s", taken.data);
    ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), code);
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(error, "data"), "name")),
                     name);
    ck_assert(json_is_string(json_object_get(error, "message")));
    json_decref(answer);
}

START_TEST(answers_with_the_id)
{
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}",
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}\n");
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":\"x\\n\",\"method\":\"check\",\"params\":{\"method\":"
                 "\"help\"}}\r",
                 "{\"jsonrpc\":\"2.0\",\"id\":\"x\\n\",\"result\":true}\n");
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"check\",\"params\":[\"help\"]}",
                 "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":true}\n");
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":0.5,\"method\":\"check\",\"params\":[\"help\"]}",
                 "{\"jsonrpc\":\"2.0\",\"id\":0.5,\"result\":true}\n");
}
END_TEST

START_TEST(an_old_request_gets_both)
{
    check_answer("{\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}",
                 "{\"id\":1,\"result\":true,\"error\":null}\n");
    check_answer("{\"method\":\"check\",\"params\":[\"help\"]}",
                 "{\"id\":null,\"result\":true,\"error\":null}\n");
    check_answer("{\"id\":2,\"method\":\"nope\"}",
                 "{\"id\":2,\"result\":null,\"error\":{\"code\":-32601,\"message\":\"no method "
                 "\\\"nope\\\"; `help` lists them\",\"data\":{\"name\":\"unknown_method\"}}}\n");
}
END_TEST

START_TEST(silence_for_notifications_and_blanks)
{
    check_answer("{\"jsonrpc\":\"2.0\",\"method\":\"help\"}", "");
    check_answer("{\"jsonrpc\":\"2.0\",\"method\":\"nope\"}", "");
    check_answer("", "");
    check_answer(" \t\r", "");
    check_answer("[{\"jsonrpc\":\"2.0\",\"method\":\"help\"}]", "");
}
END_TEST

START_TEST(refuses_what_is_no_request)
{
    check_error("{", -32700, "parse_error");
    check_error("\xff\xff", -32700, "parse_error");
    check_error("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", -32700,
                "parse_error");
    check_error("1", -32600, "invalid_request");
    check_error("\"help\"", -32600, "invalid_request");
    check_error("[]", -32600, "invalid_request");
    check_error("{\"jsonrpc\":\"2.0\"}", -32600, "invalid_request");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", -32600, "invalid_request");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\\u0000x\"}", -32600,
                "invalid_request");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"help\"}", -32600, "invalid_request");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\",\"params\":5}", -32600,
                "invalid_request");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\",\"params\":[1]}", -32602,
                "invalid_params");
    check_answer("[1,{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"help\"]}]",
                 "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"a "
                 "request is an object\",\"data\":{\"name\":\"invalid_request\"}}},"
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}]\n");
}
END_TEST

START_TEST(a_batch_has_its_limit)
{
    struct json_text line = {0};

    json_text_append(&line, "[0", 2);
    for (int i = 0; i < RPC_BATCH_MAX; i++)
        json_text_append(&line, ",0", 2);
    json_text_append(&line, "]", 2);
    check_error(line.data, -32600, "invalid_request");
    json_text_clear(&line);
}
END_TEST

/* As a parameter of a method that has none, with so many elements in the whole line. */
static void line_of_elements(struct json_text *line, size_t count)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\","
                               "\"params\":[\"help\",[1";

    json_text_append(line, head, strlen(head));
    for (size_t i = json_count_elements(bytes_of_string(head)); i < count; i++)
        json_text_append(line, ",1", 2);
    json_text_append(line, "]]}", 4);
}

START_TEST(a_line_has_so_many_elements_at_most)
{
    struct json_text line = {0};

    line_of_elements(&line, RPC_ELEMENTS_MAX);
    check_error(line.data, -32602, "invalid_params"); /* read, and refused for what it says */
    ck_assert_uint_eq(caller->dispatch.metrics.refused[METRICS_ELEMENTS], 0);
    json_text_clear(&line);
    line_of_elements(&line, RPC_ELEMENTS_MAX + 1);
    check_error(line.data, 205, "too_big");
    ck_assert_ptr_nonnull(strstr(taken.data, "\"id\":1,"));
    ck_assert_uint_eq(caller->dispatch.metrics.refused[METRICS_ELEMENTS], 1);
    json_text_clear(&line);
}
END_TEST

#define HELP_CALL "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\"}"

static uint64_t refused(void)
{
    return caller->dispatch.metrics.refused[METRICS_UNREAD];
}

/* Asks until an answer is refused; how much was answered before. */
static size_t fill(const char *line)
{
    while (refused() == 0 && caller->client.out.size < 2 * UNREAD_ANSWERS_MAX)
        dispatch_line(&caller->client, bytes_of_string(line));
    ck_assert_uint_eq(refused(), 1);
    return caller->client.out.size;
}

static bool is_refused(const char *answers)
{
    return strstr(answers, "\"code\":429") != NULL && answers[strlen(answers) - 1] == '\n';
}

START_TEST(answers_that_nobody_reads_are_refused)
{
    size_t size = fill(HELP_CALL);

    ck_assert_uint_gt(size, UNREAD_ANSWERS_MAX / 2);
    ck_assert_uint_le(size, UNREAD_ANSWERS_MAX + 1024);
    ck_assert(is_refused(take()));
    ck_assert(!is_refused(ask(HELP_CALL)));
}
END_TEST

START_TEST(answers_of_a_batch_are_unread_until_its_end)
{
    struct json_text line = {0};

    json_text_append(&line, "[" HELP_CALL, strlen("[" HELP_CALL));
    for (int i = 1; i < RPC_BATCH_MAX; i++)
        json_text_append(&line, "," HELP_CALL, strlen("," HELP_CALL));
    json_text_append(&line, "]", 2);
    caller->client.sending = UNREAD_ANSWERS_MAX - 50000;
    const char *answers = ask(line.data);
    ck_assert(is_refused(answers));
    ck_assert_uint_lt(strlen(answers), 100000);
    json_t *batch = json_read(bytes_of_string(answers), 32, NULL, 0);
    ck_assert_uint_eq(json_array_size(batch), RPC_BATCH_MAX);
    json_decref(batch);
    json_text_clear(&line);
}
END_TEST

/* But each may still leave a little. */
START_TEST(where_all_leave_much_nobody_may_leave_more)
{
    struct rpc_client other;

    dispatch_client_init(&caller->dispatch, &other, RPC_ACCESS_FULL, geteuid());
    other.sending = UNREAD_ALL_MAX + 1;
    unread_note(&other);
    ck_assert(unread_is_crowded(&caller->client));
    size_t size = fill(HELP_CALL);
    ck_assert_uint_gt(size, UNREAD_LITTLE / 2);
    ck_assert_uint_le(size, UNREAD_LITTLE + 1024);
    dispatch_client_clear(&other);
    ck_assert(!unread_is_crowded(&caller->client));
    ck_assert_uint_eq(caller->dispatch.unread.all, 0);
}
END_TEST

START_TEST(what_readers_leave_unread_is_theirs)
{
    struct rpc_client reader;

    dispatch_client_init(&caller->dispatch, &reader, RPC_ACCESS_READ, geteuid());
    reader.sending = UNREAD_READERS_MAX + 1;
    unread_note(&reader);
    ck_assert(unread_is_crowded(&reader));
    ck_assert(!unread_is_crowded(&caller->client));
    dispatch_client_clear(&reader);
    ck_assert_uint_eq(caller->dispatch.unread.by_readers, 0);
}
END_TEST

START_TEST(a_batch_waits_for_its_last_answer)
{
    check_answer("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"createkey\",\"params\":[\"alice\"]},"
                 "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"check\",\"params\":[\"help\"]}]",
                 "");
    dispatch_done(&caller->dispatch, caller->fake.ticket, ERR_IO, "the disk is full");
    ck_assert_str_eq(
        take(), "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":true},{\"jsonrpc\":\"2.0\",\"id\":1,"
                "\"error\":{\"code\":500,\"message\":\"the disk is full\",\"data\":{\"name\":"
                "\"io_error\"}}}]\n");
    dispatch_done(&caller->dispatch, caller->fake.ticket, ERR_OK,
                  NULL); /* a ticket is good for one answer */
    ck_assert_str_eq(take(), "");
}
END_TEST

START_TEST(answers_come_out_of_order)
{
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"reload\"}", "");
    uint64_t first = caller->fake.ticket;
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"reload\"}", "");
    dispatch_done(&caller->dispatch, caller->fake.ticket, ERR_OK, NULL);
    ck_assert_str_eq(take(), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":true}\n");
    dispatch_done(&caller->dispatch, first, ERR_OK, NULL);
    ck_assert_str_eq(take(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}\n");
    ck_assert_uint_eq(caller->client.call_count, 0);
}
END_TEST

START_TEST(an_event_answers_its_call)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getimmutable\","
                               "\"params\":[\"0123456789012345678901234567890123456789\"]}";

    fake_host_tick(&caller->fake);
    check_answer(line, "");
    ck_assert_uint_eq(caller->client.call_count, 1);
    struct event event = {.kind = EVENT_GET, .op = caller->client.calls->on.op + 1};
    dispatch_event(&caller->dispatch, &event); /* another operation's */
    ck_assert_str_eq(take(), "");
    event.op--;
    dispatch_event(&caller->dispatch, &event);
    ck_assert_str_eq(take(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
    ck_assert_uint_eq(caller->client.call_count, 0);
}
END_TEST

START_TEST(who_vanishes_leaves_nothing_running)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\","
                               "\"params\":[\"127.0.0.1:1\"]}";
    struct addr addr = addr_v4((const uint8_t[]){127, 0, 0, 1}, 1);
    struct rpc_client other;
    struct node_info info;

    dispatch_client_init(&caller->dispatch, &other, RPC_ACCESS_FULL, geteuid());
    dispatch_line(&other, bytes_of_string(line));
    dispatch_resolved(&caller->dispatch, caller->fake.resolve_ticket, ERR_OK, &addr, 1);
    node_get_info(caller->fake.host.node, &info);
    ck_assert_uint_eq(info.operations, 1);
    dispatch_client_clear(&other);
    node_get_info(caller->fake.host.node, &info);
    ck_assert_uint_eq(info.operations, 0);
    ck_assert_uint_eq(caller->dispatch.client_count, 1);
}
END_TEST

START_TEST(a_deadline_answers)
{
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"waitready\",\"params\":[50]}", "");
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"waitready\",\"params\":[90]}", "");
    ck_assert_uint_eq(dispatch_next_ms(&caller->dispatch), 1050);
    caller->fake.now.ms = 1049;
    dispatch_tick(&caller->dispatch);
    ck_assert_str_eq(take(), "");
    caller->fake.now.ms = 1050;
    dispatch_tick(&caller->dispatch);
    ck_assert_ptr_nonnull(strstr(take(), "\"timeout\""));
    ck_assert_uint_eq(dispatch_next_ms(&caller->dispatch), 1090);
    fake_host_tick(&caller->fake);
    dispatch_tick(&caller->dispatch);
    ck_assert_str_eq(take(), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"alone\"}\n");
    ck_assert_uint_eq(dispatch_next_ms(&caller->dispatch), UINT64_MAX);
}
END_TEST

START_TEST(calls_in_flight_are_capped)
{
    for (int i = 0; i < RPC_CALLS_MAX; i++)
        check_answer("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"reload\"}", "");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"reload\"}", 429, "busy");
    dispatch_done(&caller->dispatch, caller->fake.ticket, ERR_OK, NULL);
    take();
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"reload\"}", "");
    caller->dispatch.is_stopping = true;
    dispatch_client_stop(&caller->client);
    ck_assert_uint_eq(caller->client.call_count, 0);
    take();
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\"}", -32002, "stopping");
}
END_TEST

START_TEST(read_only_clients_read_only)
{
    caller->client.access = RPC_ACCESS_READ;
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"createkey\",\"params\":[\"a\"]}", 403,
                "read_only");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"listputs\"}", 403, "read_only");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"stop\"]}", 403,
                "read_only");
    ck_assert_ptr_nonnull(strstr(ask("{\"id\":1,\"method\":\"help\"}"), "dhtget <username>"));
}
END_TEST

START_TEST(checks_without_running)
{
    check_answer("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"stop\",[]]}",
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}\n");
    ck_assert(!caller->fake.is_stopped);
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"stop\",[1]]}",
                -32602, "invalid_params");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"nope\"]}", -32601,
                "unknown_method");
    check_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":[\"stop\",5]}",
                -32602, "invalid_params");
}
END_TEST

void add_tests(TCase *tests)
{
    caller = caller_fixture(tests);
    tcase_add_checked_fixture(tests, NULL, forget_taken);
    tcase_add_test(tests, answers_with_the_id);
    tcase_add_test(tests, an_old_request_gets_both);
    tcase_add_test(tests, silence_for_notifications_and_blanks);
    tcase_add_test(tests, refuses_what_is_no_request);
    tcase_add_test(tests, a_batch_has_its_limit);
    tcase_add_test(tests, a_line_has_so_many_elements_at_most);
    tcase_add_test(tests, answers_that_nobody_reads_are_refused);
    tcase_add_test(tests, answers_of_a_batch_are_unread_until_its_end);
    tcase_add_test(tests, where_all_leave_much_nobody_may_leave_more);
    tcase_add_test(tests, what_readers_leave_unread_is_theirs);
    tcase_add_test(tests, a_batch_waits_for_its_last_answer);
    tcase_add_test(tests, answers_come_out_of_order);
    tcase_add_test(tests, an_event_answers_its_call);
    tcase_add_test(tests, who_vanishes_leaves_nothing_running);
    tcase_add_test(tests, a_deadline_answers);
    tcase_add_test(tests, calls_in_flight_are_capped);
    tcase_add_test(tests, read_only_clients_read_only);
    tcase_add_test(tests, checks_without_running);
}
