/* A call may wait for several operations of the node: each event finds it once, and however it
 * ends, its state is handed back once and none of its operations leads to it any more. */
#include "rpc/call.h"

#include <check.h>
#include <unistd.h>

#include "rpc/own.h"
#include "tests/rpc/caller.h"
#include "tests/runner.h"

#define OPS 3

struct job {
    struct rpc_op ops[OPS];
    uint64_t last;  /* the operation that was heard of last */
    unsigned heard; /* events */
    unsigned late;  /* deadlines */
    unsigned ended;
    unsigned answer_at; /* so many events answer the call */
};

static struct caller *caller;

static void on_end(struct rpc_call *call, void *state)
{
    struct job *job = state;
    ck_assert_ptr_nonnull(call);
    job->ended++;
}

static struct rpc_result wait_on(struct rpc_call *call, void *state);

static struct rpc_result on_event(struct rpc_call *call, void *state, const struct event *event)
{
    struct job *job = state;
    job->heard++;
    job->last = event->op;
    for (size_t i = 0; i < OPS; i++) {
        if (job->ops[i].number == event->op) {
            job->ops[i].number = 0;
        }
    }
    return job->heard == job->answer_at ? rpc_reply(call, json_true()) : wait_on(call, job);
}

static struct rpc_result wait_on(struct rpc_call *call, void *state)
{
    struct job *job = state;
    struct rpc_pending_on on = {
        .ops = job->ops, .op_count = OPS, .on_event = on_event, .on_end = on_end, .state = job};
    return rpc_pending(call, &on);
}

static void tell(uint64_t op)
{
    struct event event = {.kind = EVENT_GET, .op = op};
    dispatch_event(&caller->dispatch, &event);
}

/* Two of the operations fall into one bucket. */
static struct job three_ops(unsigned answer_at)
{
    return (struct job){.ops = {{.number = 5}, {.number = 5 + PENDING_BUCKETS}, {.number = 7}},
                        .answer_at = answer_at};
}

START_TEST(each_operation_leads_to_the_call)
{
    struct job job = three_ops(3);
    ck_assert(own_start(&caller->dispatch, wait_on, &job));
    tell(5 + PENDING_BUCKETS);
    ck_assert_uint_eq(job.last, 5 + PENDING_BUCKETS);
    tell(5 + PENDING_BUCKETS); /* it is over */
    tell(6);                   /* nobody's */
    tell(0);
    ck_assert_uint_eq(job.heard, 1);
    tell(7);
    ck_assert_uint_eq(job.ended, 0);
    tell(5);
    ck_assert_uint_eq(job.heard, 3);
    ck_assert_uint_eq(job.ended, 1);
    tell(5);
    ck_assert_uint_eq(job.heard, 3);
}
END_TEST

START_TEST(an_answer_before_the_last_one_ends_all)
{
    struct job job = three_ops(1);
    ck_assert(own_start(&caller->dispatch, wait_on, &job));
    tell(7);
    ck_assert_uint_eq(job.ended, 1);
    tell(5);
    tell(5 + PENDING_BUCKETS);
    ck_assert_uint_eq(job.heard, 1);
}
END_TEST

static struct rpc_result on_late(struct rpc_call *call, void *state)
{
    struct job *job = state;
    job->late++;
    return wait_on(call, job);
}

static struct rpc_result wait_until(struct rpc_call *call, void *state)
{
    struct job *job = state;
    struct rpc_pending_on on = {.ops = job->ops,
                                .op_count = OPS,
                                .deadline_ms = caller->fake.now.ms + 5,
                                .on_event = on_event,
                                .on_late = on_late,
                                .on_end = on_end,
                                .state = job};
    return rpc_pending(call, &on);
}

START_TEST(a_deadline_that_is_waited_for_ends_nothing)
{
    struct job job = three_ops(1);
    ck_assert(own_start(&caller->dispatch, wait_until, &job));
    ck_assert_uint_eq(dispatch_next_ms(&caller->dispatch), caller->fake.now.ms + 5);
    caller->fake.now.ms += 4;
    dispatch_tick(&caller->dispatch);
    ck_assert_uint_eq(job.late, 0);
    caller->fake.now.ms++;
    dispatch_tick(&caller->dispatch);
    dispatch_tick(&caller->dispatch);
    ck_assert_uint_eq(job.late, 1);
    ck_assert_uint_eq(job.ended, 0);
    ck_assert_uint_eq(dispatch_next_ms(&caller->dispatch), UINT64_MAX);
    tell(7);
    ck_assert_uint_eq(job.ended, 1);
}
END_TEST

START_TEST(stopping_ends_the_daemons_own_calls)
{
    struct job job = three_ops(3), late = three_ops(3);
    ck_assert(own_start(&caller->dispatch, wait_on, &job));
    caller->dispatch.is_stopping = true;
    own_stop(&caller->dispatch);
    ck_assert_uint_eq(job.ended, 1);
    tell(5);
    ck_assert_uint_eq(job.heard, 0);
    ck_assert(!own_start(&caller->dispatch, wait_on, &late));
    ck_assert_uint_eq(late.ended, 0);
}
END_TEST

START_TEST(a_client_that_vanishes_cancels_all_operations)
{
    static struct job job;
    struct node_info info;
    const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"waitready\"}";
    struct rpc_client gone;
    dispatch_client_init(&caller->dispatch, &gone, RPC_ACCESS_FULL, geteuid());
    dispatch_line(&gone, bytes_of_string(line));
    ck_assert_ptr_nonnull(gone.calls);
    job = (struct job){.answer_at = 9};
    for (size_t i = 0; i < OPS; i++) {
        struct addr addr = addr_v4((const uint8_t[]){127, 0, 0, 1}, (uint16_t)(i + 1));
        ck_assert_int_eq(node_ping(caller->fake.host.node, caller->fake.now, &addr, 0,
                                   &job.ops[i].number, caller->fake.host.outbox),
                         ERR_OK);
    }
    node_get_info(caller->fake.host.node, &info);
    ck_assert_uint_eq(info.operations, OPS);
    pending_remove(&caller->dispatch.pending, gone.calls);
    gone.calls->on = (struct rpc_pending_on){
        .ops = job.ops, .op_count = OPS, .on_end = on_end, .on_event = on_event, .state = &job};
    pending_add(&caller->dispatch.pending, gone.calls);
    dispatch_client_clear(&gone);
    ck_assert_uint_eq(job.ended, 1);
    node_get_info(caller->fake.host.node, &info);
    ck_assert_uint_eq(info.operations, 0);
}
END_TEST

START_TEST(a_notification_names_its_call_and_comes_first)
{
    dispatch_line(&caller->client, bytes_of_string("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":"
                                                   "\"waitready\"}"));
    ck_assert_ptr_nonnull(caller->client.calls);
    rpc_notify(caller->client.calls, "progress", json_pack("{s:i}", "done", 3));
    json_text_append(&caller->client.out, "", 1);
    ck_assert_str_eq(caller->client.out.data,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":"
                     "{\"done\":3,\"call\":\"x\"}}\n");
}
END_TEST

START_TEST(who_waits_for_nothing_is_told_nothing)
{
    dispatch_line(&caller->client,
                  bytes_of_string("{\"jsonrpc\":\"2.0\",\"method\":\"waitready\"}"));
    ck_assert_ptr_nonnull(caller->client.calls);
    rpc_notify(caller->client.calls, "progress", json_pack("{s:i}", "done", 3));
    ck_assert_uint_eq(caller->client.out.size, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    caller = caller_fixture(tests);
    tcase_add_test(tests, each_operation_leads_to_the_call);
    tcase_add_test(tests, an_answer_before_the_last_one_ends_all);
    tcase_add_test(tests, a_deadline_that_is_waited_for_ends_nothing);
    tcase_add_test(tests, stopping_ends_the_daemons_own_calls);
    tcase_add_test(tests, a_client_that_vanishes_cancels_all_operations);
    tcase_add_test(tests, a_notification_names_its_call_and_comes_first);
    tcase_add_test(tests, who_waits_for_nothing_is_told_nothing);
}
