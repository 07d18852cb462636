/* Calls that answer later: what they wait for is noted, and when it comes, or is given up, one of
 * their functions runs. */
#include <assert.h>
#include <stdlib.h>

#include "rpc/call.h"
#include "rpc/params.h"

static uint64_t now_ms(const struct rpc_call *call)
{
    return call->dispatch->host.now(call->dispatch->host.context).ms;
}

struct rpc_result rpc_pending(struct rpc_call *call, const struct rpc_pending_on *on)
{
    struct rpc_client *client = call->client;

    assert(!call->is_answered && !call->is_pending);
    assert(on->op != 0 || on->op_count != 0 || on->is_ticket || on->is_ready ||
           on->deadline_ms != 0);
    if (call->since_ms == 0)
        call->since_ms = now_ms(call);
    call->is_pending = true;
    call->on = *on;
    json_incref(call->request);
    pending_add(&call->dispatch->pending, call);
    call->client_previous = NULL;
    call->client_next = client->calls;
    if (client->calls != NULL)
        client->calls->client_previous = call;
    client->calls = call;
    client->call_count++;
    return (struct rpc_result){1};
}

struct rpc_result rpc_again(struct rpc_call *call)
{
    assert(!call->is_answered && !call->is_pending);
    return call->method->handler(call);
}

uint64_t rpc_since_ms(const struct rpc_call *call)
{
    return call->since_ms != 0 ? call->since_ms : UINT64_MAX;
}

uint32_t rpc_left_ms(const struct rpc_call *call)
{
    bool has_timeout = params_find(call->method, "timeout_ms") >= 0;
    int64_t timeout_ms = has_timeout ? rpc_int(call, "timeout_ms") : 0;
    if (timeout_ms <= 0)
        timeout_ms = NODE_TIMEOUT_MS;
    uint64_t gone_ms = call->since_ms != 0 ? now_ms(call) - call->since_ms : 0;
    return gone_ms < (uint64_t)timeout_ms ? (uint32_t)((uint64_t)timeout_ms - gone_ms) : 1;
}

/* Takes the call out of all that it waits in; its request and state are then the caller's. */
static void stop_waiting(struct rpc_call *call)
{
    struct rpc_client *client = call->client;

    pending_remove(&call->dispatch->pending, call);
    if (call->client_next != NULL)
        call->client_next->client_previous = call->client_previous;
    if (call->client_previous != NULL)
        call->client_previous->client_next = call->client_next;
    else
        client->calls = call->client_next;
    client->call_count--;
    call->is_pending = false;
}

/* After a function of the pending call, which waited for `on`, has run: ends what it did not pass
 * on. */
static void resumed(struct rpc_call *call, const struct rpc_pending_on *on, json_t *request)
{
    struct rpc_client *client = call->client;

    assert(call->is_answered != call->is_pending);
    bool is_passed_on = call->is_pending && call->on.state == on->state;
    if (!is_passed_on && on->on_end != NULL)
        on->on_end(call, on->state);
    else if (!is_passed_on)
        free(on->state);
    if (call->is_answered)
        call_drop(call);
    json_decref(request);
    reply_tell(client);
}

static void cancel_op(const struct rpc_host *host, uint64_t op)
{
    if (op != 0)
        node_cancel(host->node, host->now(host->context), op, host->outbox);
}

void call_abort(struct rpc_call *call, enum err err)
{
    struct rpc_pending_on on = call->on;
    const struct rpc_host *host = &call->dispatch->host;

    stop_waiting(call);
    cancel_op(host, on.op);
    for (size_t i = 0; i < on.op_count; i++)
        cancel_op(host, on.ops[i].number);
    rpc_fail(call, err, NULL);
    resumed(call, &on, call->request);
}

void call_on_event(struct rpc_call *call, const struct event *event)
{
    struct rpc_pending_on on = call->on;

    stop_waiting(call);
    on.on_event(call, on.state, event);
    resumed(call, &on, call->request);
}

void call_on_done(struct rpc_call *call, enum err err, const char *detail)
{
    struct rpc_pending_on on = call->on;

    stop_waiting(call);
    on.on_done(call, on.state, err, detail);
    resumed(call, &on, call->request);
}

void call_on_resolved(struct rpc_call *call, enum err err, const struct addr *addrs, size_t count)
{
    struct rpc_pending_on on = call->on;

    stop_waiting(call);
    on.on_resolved(call, on.state, err, addrs, count);
    resumed(call, &on, call->request);
}

void call_on_ready(struct rpc_call *call)
{
    struct rpc_pending_on on = call->on;

    stop_waiting(call);
    on.on_ready(call, on.state);
    resumed(call, &on, call->request);
}

void call_on_late(struct rpc_call *call)
{
    struct rpc_pending_on on = call->on;

    if (on.on_late == NULL) {
        call_abort(call, ERR_TIMEOUT);
        return;
    }
    stop_waiting(call);
    on.on_late(call, on.state);
    resumed(call, &on, call->request);
}

bool rpc_is_pending(const struct rpc_call *call)
{
    return call->is_pending;
}
