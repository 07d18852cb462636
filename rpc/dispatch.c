#include "rpc/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/call.h"
#include "rpc/params.h"

#define SHOWN_MAX 64 /* of a method name that a client made up, in an error */

void dispatch_init(struct dispatch *d, const struct rpc_host *host, struct rpc_server *server)
{
    size_t count;

    method_table(&count);
    *d = (struct dispatch){.host = *host, .server = server};
    assert(count <= METRICS_METHODS_MAX);
    feed_set_init(&d->feeds, d);
    d->own = (struct rpc_client){.dispatch = d, .access = RPC_ACCESS_FULL, .is_gone = true};
}

void dispatch_clear(struct dispatch *d)
{
    assert(d->client_count == 0);
    d->is_stopping = true;
    dispatch_stop_own(d);
    while (d->spare != NULL) {
        struct rpc_call *call = d->spare;
        d->spare = call->client_next;
        free(call);
    }
    d->spare_count = 0;
}

void dispatch_stop_own(struct dispatch *d)
{
    assert(d->is_stopping); /* so that what ends starts nothing again */
    dispatch_client_stop(&d->own);
}

bool dispatch_start_own(struct dispatch *d,
                        struct rpc_result (*start)(struct rpc_call *own, void *state), void *state)
{
    struct rpc_call *call = d->is_stopping ? NULL : call_take(&d->own, NULL, NULL);

    if (call == NULL)
        return false;
    start(call, state);
    assert(call->is_answered != call->is_pending);
    if (call->is_answered)
        call_drop(call);
    return true;
}

void dispatch_client_init(struct dispatch *d, struct rpc_client *client, enum rpc_access access,
                          uid_t uid)
{
    *client = (struct rpc_client){.dispatch = d, .access = access, .uid = uid};
    d->client_count++;
}

void dispatch_client_clear(struct rpc_client *client)
{
    client->is_gone = true;
    client->streams.is_closed = true;
    while (client->calls != NULL)
        call_abort(client->calls, ERR_CANCELLED);
    stream_set_clear(&client->streams);
    json_text_clear(&client->out);
    client->dispatch->client_count--;
}

void dispatch_client_half_closed(struct rpc_client *client)
{
    client->streams.is_closed = true;
    stream_set_end(&client->streams, ERR_CANCELLED);
}

void dispatch_client_room(struct rpc_client *client)
{
    stream_set_room(&client->streams);
}

void dispatch_client_stop(struct rpc_client *client)
{
    while (client->calls != NULL)
        call_abort(client->calls, ERR_STOPPING);
    stream_set_end(&client->streams, ERR_STOPPING);
}

struct dispatch *dispatch_of(const struct rpc_call *call)
{
    return call->dispatch;
}

void dispatch_write_metrics(const struct dispatch *d, struct json_text *out)
{
    const struct metrics_load load = {
        .clients = d->client_count, .streams = d->streams.all, .large_values = d->large.count};

    metrics_write(&d->metrics, &d->host, &load, out);
}

size_t dispatch_clients(const struct rpc_call *call)
{
    return call->dispatch->client_count;
}

size_t dispatch_own_calls(const struct rpc_call *call)
{
    return call->dispatch->own.call_count;
}

enum err dispatch_check(const struct method *method, enum rpc_access access, json_t *given,
                        json_t *values[], char detail[RPC_DETAIL_SIZE])
{
    if (method->access == RPC_ACCESS_FULL && access == RPC_ACCESS_READ) {
        snprintf(detail, RPC_DETAIL_SIZE, "%s is not allowed on the read-only socket",
                 method->name);
        return ERR_READ_ONLY;
    }
    return params_bind(method, given, values, detail);
}

/* ---- one request ---- */

static bool is_id(const json_t *id)
{
    return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* Notes the version and the id, so that even a faulty request is answered in its own form. */
static const char *read_frame(struct rpc_call *call, json_t **params, const char **name)
{
    json_t *id = json_object_get(call->request, "id");
    const char *version = json_string_value(json_object_get(call->request, "jsonrpc"));

    if (!json_is_object(call->request))
        return "a request is an object";
    call->is_old = version == NULL || strcmp(version, "2.0") != 0;
    if (id != NULL && !is_id(id))
        return "\"id\" must be a string, a number or null";
    call->id = id;
    *name = json_string_value(json_object_get(call->request, "method"));
    if (*name == NULL)
        return "\"method\" must be a string";
    *params = json_object_get(call->request, "params");
    if (*params != NULL && !json_is_array(*params) && !json_is_object(*params) &&
        !json_is_null(*params))
        return "\"params\" must be an array or an object";
    /* twisterd's clients wait for an answer to all they send. */
    call->is_quiet = id == NULL && !call->is_old;
    return NULL;
}

static void run_method(struct rpc_call *call, json_t *params)
{
    char detail[RPC_DETAIL_SIZE];
    struct rpc_client *client = call->client;

    if (call->dispatch->is_stopping) {
        rpc_fail(call, ERR_STOPPING, NULL);
        return;
    }
    if (client->call_count >= RPC_CALLS_MAX) {
        rpc_fail(call, ERR_BUSY, "%d calls of this client are under way; wait for some of them",
                 RPC_CALLS_MAX);
        return;
    }
    enum err err = dispatch_check(call->method, client->access, params, call->values, detail);
    if (err != ERR_OK) {
        rpc_fail(call, err, "%s", detail);
        return;
    }
    struct rpc_result result = call->method->handler(call);
    assert(result.made_by_rpc == 1);
}

static void run_request(struct rpc_client *client, struct rpc_batch *batch, json_t *request)
{
    struct rpc_call *call = call_take(client, batch, request);
    const char *name = NULL;
    json_t *params = NULL;

    if (call == NULL) {
        client->out.failed = true; /* the connection cannot go on */
        if (batch != NULL)
            call_batch_answered(client, batch);
        return;
    }
    const char *fault = read_frame(call, &params, &name);
    if (fault != NULL)
        rpc_fail(call, ERR_INVALID_REQUEST, "%s", fault);
    else if ((call->method = method_find(name)) == NULL)
        rpc_fail(call, ERR_UNKNOWN_METHOD, "no method \"%.*s\"; `help` lists them", SHOWN_MAX,
                 name);
    else
        run_method(call, params);
    assert(call->is_answered != call->is_pending);
    if (call->is_answered)
        call_drop(call);
}

/* ---- one line ---- */

static void run_batch(struct rpc_client *client, json_t *requests)
{
    size_t count = json_array_size(requests);
    char text[64];

    if (count == 0) {
        dispatch_refuse(client, ERR_INVALID_REQUEST, "an empty batch");
        return;
    }
    if (count > RPC_BATCH_MAX) {
        snprintf(text, sizeof text, "a batch of more than %d requests", RPC_BATCH_MAX);
        dispatch_refuse(client, ERR_INVALID_REQUEST, text);
        return;
    }
    struct rpc_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        client->out.failed = true;
        return;
    }
    batch->left = count;
    for (size_t i = 0; i < count; i++)
        run_request(client, batch, json_array_get(requests, i));
}

void dispatch_refuse(struct rpc_client *client, enum err err, const char *text)
{
    struct rpc_call *call = call_take(client, NULL, NULL);

    if (call == NULL) {
        client->out.failed = true;
        return;
    }
    rpc_fail(call, err, "%s", text);
    call_drop(call);
}

static bool is_blank(struct bytes line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
            return false;
    return true;
}

void dispatch_line(struct rpc_client *client, struct bytes line)
{
    char fault[RPC_DETAIL_SIZE], text[RPC_DETAIL_SIZE];

    if (is_blank(line))
        return;
    if (json_count_elements(line) > RPC_ELEMENTS_MAX) {
        metrics_refused(&client->dispatch->metrics, METRICS_ELEMENTS);
        snprintf(text, sizeof text,
                 "a line of more than %d JSON values and keys; a value of that many can be put as "
                 "bytes, in value_base64",
                 RPC_ELEMENTS_MAX);
        dispatch_refuse(client, ERR_TOO_BIG, text);
        return;
    }
    json_t *value = json_read(line, RPC_DEPTH_MAX, fault, sizeof fault);
    if (value == NULL) {
        snprintf(text, sizeof text, "not valid JSON: %.400s", fault);
        dispatch_refuse(client, ERR_PARSE, text);
        return;
    }
    if (json_is_array(value))
        run_batch(client, value);
    else
        run_request(client, NULL, value);
    json_decref(value);
}

/* ---- what pending calls wait for ---- */

void dispatch_event(struct dispatch *d, const struct event *event)
{
    if (event->kind == EVENT_WATCH) {
        taps_event(d, event);
        return;
    }
    metrics_event(&d->metrics, event);
    if (event->kind == EVENT_COMMAND) {
        handlers_take(d, event);
        return;
    }
    if (feed_set_event(&d->feeds, event))
        return;
    struct rpc_call *call = pending_find_op(&d->pending, event->op);
    if (call != NULL)
        call_on_event(call, event);
}

void dispatch_done(struct dispatch *d, uint64_t ticket, enum err err, const char *detail)
{
    struct rpc_call *call = pending_find_ticket(&d->pending, ticket);

    if (call != NULL)
        call_on_done(call, err, detail);
}

void dispatch_resolved(struct dispatch *d, uint64_t ticket, enum err err, const struct addr *addrs,
                       size_t count)
{
    struct rpc_call *call = pending_find_ticket(&d->pending, ticket);

    if (call != NULL)
        call_on_resolved(call, err, addrs, count);
}

static void tick_ready(struct dispatch *d)
{
    struct node_info info;

    if (d->pending.ready == NULL)
        return;
    node_get_info(d->host.node, &info);
    while (info.state != NODE_STARTING && d->pending.ready != NULL)
        call_on_ready(d->pending.ready);
}

void dispatch_tick(struct dispatch *d)
{
    struct rpc_call *late;

    tick_ready(d);
    feed_set_tick(&d->feeds);
    if (d->pending.deadlines == NULL)
        return;
    uint64_t now_ms = d->host.now(d->host.context).ms;
    while ((late = pending_find_late(&d->pending, now_ms)) != NULL)
        call_on_late(late);
}

uint64_t dispatch_next_ms(const struct dispatch *d)
{
    uint64_t calls_ms = pending_next_ms(&d->pending), feeds_ms = feed_set_next_ms(&d->feeds);

    return calls_ms < feeds_ms ? calls_ms : feeds_ms;
}
