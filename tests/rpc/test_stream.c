/* Streams are numbered a connection, their notifications from 1 without holes, after the reply that
 * names them; who has no room waits its turn; each is let go of exactly once. */
#include <stdlib.h>

#include "rpc/call.h"
#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

/* A stream that owes so many notifications. */
struct debtor {
    struct stream stream;
    size_t owed;
};

static struct fake_host fake;
static struct dispatch dispatch;
static struct rpc_client client;
static size_t ended;

static void pay(struct stream *stream)
{
    struct debtor *debtor = (struct debtor *)stream;
    while (debtor->owed > 0 && stream_has_room(stream)) {
        stream_send(stream, bytes_of_string("\"event\":\"coin\""));
        debtor->owed--;
    }
    if (debtor->owed > 0)
        stream_wait(stream);
}

static void say_owed(struct stream *stream)
{
    struct debtor *debtor = (struct debtor *)stream;
    if (debtor->owed > 0)
        stream_send_gap(stream, debtor->owed);
}

static void forget(struct stream *stream)
{
    free(stream);
    ended++;
}

static const struct stream_kind kind = {
    .method = "debt", .on_room = pay, .on_last = say_owed, .on_ended = forget};
static const struct stream_kind other_kind = {
    .method = "other", .on_room = pay, .on_ended = forget};

static void setup(void)
{
    fake_host_init(&fake);
    dispatch_init(&dispatch, &fake.host, NULL);
    dispatch_client_init(&dispatch, &client, RPC_ACCESS_FULL, 0);
    ended = 0;
}

static void teardown(void)
{
    dispatch_client_clear(&client);
    ck_assert_uint_eq(dispatch.streams.all, 0);
    ck_assert_uint_eq(dispatch.streams.read_only, 0);
    dispatch_clear(&dispatch);
    fake_host_clear(&fake);
}

static struct rpc_call *take_call(struct rpc_client *of, struct rpc_batch *batch)
{
    struct rpc_call *call = call_take(of, batch, NULL);
    ck_assert_ptr_nonnull(call);
    return call;
}

/* NULL when it was refused. */
static struct debtor *open_in(struct rpc_client *of, struct rpc_batch *batch)
{
    struct rpc_call *call = take_call(of, batch);
    struct debtor *debtor = calloc(1, sizeof *debtor);
    struct rpc_result result;
    if (!stream_open(call, &debtor->stream, &kind, &result)) {
        free(debtor);
        debtor = NULL;
    }
    ck_assert(call->is_answered);
    call_drop(call);
    return debtor;
}

static struct debtor *open_stream(void)
{
    return open_in(&client, NULL);
}

static struct stream *find(const struct stream_kind *of, int64_t sub)
{
    struct rpc_call *call = take_call(&client, NULL);
    struct stream *stream = stream_find(call, of, sub);
    rpc_reply(call, json_true());
    call_drop(call);
    return stream;
}

static void forget_output(void)
{
    json_text_clear(&client.out);
}

/* What the client was sent since, which is then forgotten. */
static void assert_output(const char *expected)
{
    json_text_append(&client.out, "", 1);
    ck_assert_str_eq(client.out.data, expected);
    forget_output();
}

#define COIN(sub, n)                                                                               \
    "{\"jsonrpc\":\"2.0\",\"method\":\"debt\",\"params\":{\"sub\":" #sub ",\"n\":" #n              \
    ",\"event\":\"coin\"}}\n"

START_TEST(each_has_its_number_and_numbers_what_it_tells)
{
    struct debtor *first = open_stream(), *second = open_stream();
    assert_output("{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"sub\":1}}\n"
                  "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"sub\":2}}\n");
    first->owed = 2;
    second->owed = 1;
    pay(&first->stream);
    pay(&second->stream);
    assert_output(COIN(1, 1) COIN(1, 2) COIN(2, 1));
    ck_assert_ptr_eq(find(&kind, 2), &second->stream);
    ck_assert_ptr_null(find(&other_kind, 2));
    ck_assert_ptr_null(find(&kind, 3));
    ck_assert_ptr_null(find(&kind, -2));
    stream_close(&first->stream);
    ck_assert_uint_eq(ended, 1);
    ck_assert_ptr_null(find(&kind, 1));
    ck_assert_uint_eq(open_stream()->stream.sub, 3);
}
END_TEST

START_TEST(what_has_no_room_takes_turns)
{
    struct debtor *debtors[3];
    for (size_t i = 0; i < 3; i++) {
        debtors[i] = open_stream();
        debtors[i]->owed = STREAM_OUTPUT_MAX / 50;
        pay(&debtors[i]->stream);
    }
    ck_assert_uint_lt(client.out.size, STREAM_OUTPUT_MAX + 200);
    client.sending = client.out.size;
    forget_output();
    dispatch_client_room(&client);
    ck_assert_uint_eq(client.out.size, 0); /* nothing was read */
    client.sending = 0;
    for (size_t turn = 0; turn < 6; turn++) {
        dispatch_client_room(&client);
        forget_output();
    }
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(debtors[i]->owed, 0);
        ck_assert_uint_eq(debtors[i]->stream.n, STREAM_OUTPUT_MAX / 50);
    }
    ck_assert_ptr_null(client.streams.wait_first);
    ck_assert_ptr_null(client.streams.wait_last);
}
END_TEST

START_TEST(one_that_waits_may_end)
{
    struct debtor *debtors[3];
    client.sending = STREAM_OUTPUT_MAX;
    for (size_t i = 0; i < 3; i++) {
        debtors[i] = open_stream();
        debtors[i]->owed = 1;
        pay(&debtors[i]->stream);
    }
    forget_output();
    stream_close(&debtors[1]->stream);
    client.sending = 0;
    dispatch_client_room(&client);
    assert_output(COIN(1, 1) COIN(3, 1));
    stream_close(&debtors[2]->stream);
    stream_close(&debtors[0]->stream);
    ck_assert_uint_eq(ended, 3);
}
END_TEST

START_TEST(a_batch_is_answered_first)
{
    struct rpc_batch *batch = calloc(1, sizeof *batch);
    batch->left = 2;
    struct debtor *debtor = open_in(&client, batch), *alone = open_stream();
    forget_output();
    debtor->owed = alone->owed = 1;
    pay(&debtor->stream);
    pay(&alone->stream);
    assert_output(COIN(2, 1)); /* another stream need not wait */
    open_in(&client, batch);
    assert_output("[{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"sub\":1}},"
                  "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"sub\":3}}]\n" COIN(1, 1));
}
END_TEST

START_TEST(the_end_is_told)
{
    struct debtor *debtor = open_stream();
    debtor->owed = 7;
    open_stream();
    forget_output();
    dispatch_client_half_closed(&client);
    ck_assert_uint_eq(ended, 2);
    ck_assert_ptr_null(open_stream());
    json_text_append(&client.out, "", 1);
    ck_assert_ptr_nonnull(strstr(client.out.data, "\"n\":1,\"event\":\"gap\",\"dropped\":7}}\n"));
    ck_assert_ptr_nonnull(strstr(
        client.out.data, "\"n\":2,\"event\":\"end\",\"error\":{\"code\":499,"
                         "\"message\":\"cancelled\",\"data\":{\"name\":\"cancelled\"}}}}\n"));
    ck_assert_ptr_nonnull(strstr(client.out.data, "open both ways"));
}
END_TEST

START_TEST(a_stop_ends_them)
{
    open_stream();
    forget_output();
    dispatch_client_stop(&client);
    ck_assert_uint_eq(ended, 1);
    json_text_append(&client.out, "", 1);
    ck_assert_ptr_nonnull(strstr(client.out.data, "\"name\":\"stopping\""));
}
END_TEST

START_TEST(there_are_so_many_at_most)
{
    static struct rpc_client clients[4];
    for (size_t i = 0; i < STREAMS_CLIENT_MAX; i++)
        ck_assert_ptr_nonnull(open_stream());
    ck_assert_ptr_null(open_stream());
    json_text_append(&client.out, "", 1);
    ck_assert_ptr_nonnull(strstr(client.out.data, "this connection has 10000 subscriptions"));
    forget_output();
    for (size_t i = 0; i < 4; i++) {
        dispatch_client_init(&dispatch, &clients[i], i < 2 ? RPC_ACCESS_READ : RPC_ACCESS_FULL, 0);
        while (open_in(&clients[i], NULL) != NULL)
            ;
    }
    ck_assert_uint_eq(dispatch.streams.read_only, STREAMS_READ_MAX);
    ck_assert_uint_eq(dispatch.streams.all, STREAMS_MAX);
    for (size_t i = 0; i < 4; i++)
        dispatch_client_clear(&clients[i]);
    ck_assert_uint_eq(dispatch.streams.all, STREAMS_CLIENT_MAX);
    dispatch_client_half_closed(&client);
    ck_assert_ptr_null(client.streams.by_sub.heads);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_has_its_number_and_numbers_what_it_tells);
    tcase_add_test(tests, what_has_no_room_takes_turns);
    tcase_add_test(tests, one_that_waits_may_end);
    tcase_add_test(tests, a_batch_is_answered_first);
    tcase_add_test(tests, the_end_is_told);
    tcase_add_test(tests, a_stop_ends_them);
    tcase_add_test(tests, there_are_so_many_at_most);
}
