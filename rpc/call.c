#include "rpc/call.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/params.h"

/* ---- taking and dropping ---- */

struct rpc_call *call_take(struct rpc_client *client, struct rpc_batch *batch, json_t *request)
{
    struct dispatch *d = client->dispatch;
    struct rpc_call *call = d->spare;

    if (call != NULL) {
        d->spare = call->client_next;
        d->spare_count--;
    } else {
        call = malloc(sizeof *call);
        if (call == NULL)
            return NULL;
    }
    memset(call, 0, sizeof *call);
    call->dispatch = d;
    call->client = client;
    call->batch = batch;
    call->request = request;
    call->ticket = ++d->next_ticket;
    call->read_ns = d->turn.at_ns;
    return call;
}

static void give_back(struct dispatch *d, struct rpc_call *call)
{
    if (d->spare_count == DISPATCH_SPARE_MAX) {
        free(call);
        return;
    }
    call->client_next = d->spare;
    d->spare = call;
    d->spare_count++;
}

void call_batch_answered(struct rpc_client *client, struct rpc_batch *batch)
{
    if (--batch->left > 0)
        return;
    if (batch->text.size > 0 && !client->is_gone) {
        json_text_append(&batch->text, "]\n", 2);
        json_text_append(&client->out, batch->text.data, batch->text.size);
        client->out.failed = client->out.failed || batch->text.failed;
    }
    json_text_clear(&batch->text);
    reply_tell(client);
    if (batch->has_streams)
        stream_set_answered(&client->streams, batch);
    free(batch);
}

/* The daemon's own calls have no method, and are not counted. */
static void count_call(struct rpc_call *call)
{
    struct dispatch *d = call->dispatch;
    uint64_t took_ns = d->host.clock_ns(d->host.context) - call->read_ns;
    size_t count;

    if (call->method != NULL)
        metrics_call(&d->metrics, (size_t)(call->method - method_table(&count)), took_ns);
    taps_called(d, call, took_ns);
}

void call_drop(struct rpc_call *call)
{
    struct rpc_batch *batch = call->batch;
    struct rpc_client *client = call->client;

    assert(call->is_answered && !call->is_pending);
    count_call(call);
    for (size_t i = 0; i < METHOD_PARAMS_MAX; i++)
        if (call->fallbacks[i] != NULL)
            json_decref(call->fallbacks[i]);
    give_back(call->dispatch, call);
    if (batch != NULL)
        call_batch_answered(client, batch);
}

/* ---- what a handler asks of its call ---- */

static size_t index_of(const struct rpc_call *call, const char *param)
{
    int i = params_find(call->method, param);

    assert(i >= 0); /* a handler may ask for parameters of its row alone */
    return (size_t)i;
}

bool rpc_has(const struct rpc_call *call, const char *param)
{
    return call->values[index_of(call, param)] != NULL;
}

/* The default, parsed once a call; NULL when there is none, or it is prose for the help page. */
static json_t *fallback_of(const struct rpc_call *call, size_t i)
{
    const char *text = call->method->params[i].fallback;
    struct rpc_call *owner = (struct rpc_call *)(uintptr_t)call; /* a memory, not a change */

    if (text != NULL && owner->fallbacks[i] == NULL)
        owner->fallbacks[i] = json_read(bytes_of_string(text), RPC_DEPTH_MAX, NULL, 0);
    return owner->fallbacks[i];
}

static json_t *value_of(const struct rpc_call *call, const char *param)
{
    size_t i = index_of(call, param);

    return call->values[i] != NULL ? call->values[i] : fallback_of(call, i);
}

const char *rpc_string(const struct rpc_call *call, const char *param)
{
    return json_string_value(value_of(call, param));
}

int64_t rpc_int(const struct rpc_call *call, const char *param)
{
    return json_integer_value(value_of(call, param));
}

bool rpc_bool(const struct rpc_call *call, const char *param)
{
    const json_t *value = value_of(call, param);

    return json_is_true(value);
}

json_t *rpc_json(const struct rpc_call *call, const char *param)
{
    return value_of(call, param);
}

const struct rpc_host *rpc_host_of(const struct rpc_call *call)
{
    return &call->dispatch->host;
}

enum rpc_access rpc_access_of(const struct rpc_call *call)
{
    return call->client->access;
}

uid_t rpc_peer_uid(const struct rpc_call *call)
{
    return call->client->uid;
}

struct rpc_server *rpc_server_of(const struct rpc_call *call)
{
    return call->dispatch->server;
}

uint64_t rpc_ticket(const struct rpc_call *call)
{
    return call->ticket;
}

struct large_set *rpc_large_set(const struct rpc_call *call)
{
    return &call->dispatch->large;
}
