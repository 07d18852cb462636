#include "rpc/call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "rpc/params.h"

#define APPEND(text, literal) json_text_append(text, literal, sizeof(literal) - 1)

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
    call->read_ns = d->host.clock_ns(d->host.context);
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

static void tell_client(struct rpc_client *client)
{
    if (client->on_output != NULL && !client->is_gone)
        client->on_output(client);
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
    tell_client(client);
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

/* ---- parameters ---- */

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

/* ---- answers ---- */

/* Where the reply goes, with its beginning written; NULL when nobody wants it. */
static struct json_text *reply_begin(struct rpc_call *call)
{
    assert(!call->is_answered);
    call->is_answered = true;
    if (call->is_quiet || call->client->is_gone)
        return NULL;
    struct json_text *text = &call->client->out;
    if (call->batch != NULL) {
        text = &call->batch->text;
        json_text_append(text, text->size == 0 ? "[" : ",", 1);
    }
    if (call->is_old)
        APPEND(text, "{\"id\":");
    else
        APPEND(text, "{\"jsonrpc\":\"2.0\",\"id\":");
    if (call->id != NULL)
        json_write(text, call->id, 0);
    else
        APPEND(text, "null");
    return text;
}

static struct rpc_result reply_end(struct rpc_call *call, struct json_text *text)
{
    APPEND(text, "}");
    if (call->batch == NULL) {
        APPEND(text, "\n");
        tell_client(call->client);
    }
    return (struct rpc_result){1};
}

struct rpc_result rpc_reply(struct rpc_call *call, json_t *result)
{
    if (result == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    struct json_text *text = reply_begin(call);
    if (text != NULL) {
        APPEND(text, ",\"result\":");
        json_write(text, result, 0);
        if (call->is_old)
            APPEND(text, ",\"error\":null");
        reply_end(call, text);
    }
    json_decref(result);
    return (struct rpc_result){1};
}

/* A message may quote what a client sent, cut in the middle of a character: what is not UTF-8 any
 * more is shown as question marks, so that the reply stays JSON. */
static json_t *message_string(char *message)
{
    json_t *string = json_string(message);

    if (string != NULL)
        return string;
    for (char *at = message; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    return json_string(message);
}

static void write_error(struct json_text *text, enum err err, json_t *message, json_t *data)
{
    char code[48];
    const char *key;
    json_t *value;

    json_text_append(
        text, code,
        (size_t)snprintf(code, sizeof code, "{\"code\":%d,\"message\":", err_code(err)));
    json_write(text, message, 0);
    APPEND(text, ",\"data\":{\"name\":\"");
    json_text_append(text, err_name(err), strlen(err_name(err)));
    APPEND(text, "\"");
    json_object_foreach(data, key, value)
    {
        json_t *name = json_string(key);
        if (name == NULL)
            continue;
        APPEND(text, ",");
        json_write(text, name, 0);
        APPEND(text, ":");
        json_write(text, value, 0);
        json_decref(name);
    }
    APPEND(text, "}}");
}

static struct rpc_result fail(struct rpc_call *call, enum err err, json_t *data, char *message)
{
    struct json_text *text = reply_begin(call);

    assert(err != ERR_OK);
    call->err = err;
    if (call->client == &call->dispatch->own && !call->is_quiet && err != ERR_STOPPING)
        log_warn(LOG_RPC, "what the daemon began itself failed: %s", message);
    if (call->client != &call->dispatch->own)
        metrics_error(&call->dispatch->metrics, err);
    if (text != NULL) {
        json_t *string = message_string(message);
        if (call->is_old)
            APPEND(text, ",\"result\":null");
        APPEND(text, ",\"error\":");
        if (string != NULL)
            write_error(text, err, string, data);
        else
            APPEND(text, "null");
        json_decref(string);
        reply_end(call, text);
    }
    json_decref(data);
    return (struct rpc_result){1};
}

struct rpc_result rpc_fail(struct rpc_call *call, enum err err, const char *format, ...)
{
    char message[RPC_DETAIL_SIZE];
    va_list args;

    if (format == NULL) {
        snprintf(message, sizeof message, "%s", err_text(err));
        return fail(call, err, NULL, message);
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(call, err, NULL, message);
}

struct rpc_result rpc_fail_data(struct rpc_call *call, enum err err, json_t *data,
                                const char *format, ...)
{
    char message[RPC_DETAIL_SIZE];
    va_list args;

    if (format == NULL) {
        snprintf(message, sizeof message, "%s", err_text(err));
        return fail(call, err, data, message);
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(call, err, data, message);
}

void rpc_notify(struct rpc_call *call, const char *method, json_t *params)
{
    struct json_text *text = &call->client->out;
    json_t *id = call->id != NULL ? json_incref(call->id) : json_null();

    if (params == NULL || json_object_set_new(params, "call", id) != 0 || call->is_quiet ||
        call->client->takes_one || call->client->is_gone) {
        json_decref(params);
        return;
    }
    APPEND(text, "{\"jsonrpc\":\"2.0\",\"method\":\"");
    json_text_append(text, method, strlen(method));
    APPEND(text, "\",\"params\":");
    json_write(text, params, 0);
    APPEND(text, "}\n");
    json_decref(params);
    tell_client(call->client);
}

bool rpc_has_room(const struct rpc_call *call)
{
    return call->client->out.size + call->client->sending < STREAM_OUTPUT_MAX;
}

/* ---- answering later ---- */

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
    tell_client(client);
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

struct large_set *rpc_large_set(const struct rpc_call *call)
{
    return &call->dispatch->large;
}

void rpc_hush(struct rpc_call *own)
{
    own->is_quiet = true;
}

bool rpc_start_own(const struct rpc_call *call,
                   struct rpc_result (*start)(struct rpc_call *own, void *state), void *state)
{
    return dispatch_start_own(call->dispatch, start, state);
}
