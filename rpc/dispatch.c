#include "rpc/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/batch.h"
#include "rpc/own.h"
#include "rpc/request.h"

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
    own_stop(d);
    while (d->spare != NULL) {
        struct rpc_call *call = d->spare;
        d->spare = call->client_next;
        free(call);
    }
    d->spare_count = 0;
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
    batch_give_up(client);
    while (client->calls != NULL)
        call_abort(client->calls, ERR_CANCELLED);
    stream_set_clear(&client->streams);
    json_text_clear(&client->out);
    unread_forget(client);
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
    batch_hurry(client); /* all that begins now is refused */
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
    const struct metrics_load load = {.clients = d->client_count,
                                      .streams = d->streams.all,
                                      .large_values = d->large.count,
                                      .unread_bytes = d->unread.all};

    metrics_write(&d->metrics, &d->host, &load, out);
}

size_t dispatch_clients(const struct rpc_call *call)
{
    return call->dispatch->client_count;
}

/* ---- one line ---- */

/* `id` NULL: it is not known whose answer it is. */
static void refuse(struct rpc_client *client, enum err err, const char *text, json_t *id)
{
    struct rpc_call *call = call_take(client, NULL, NULL);

    if (call == NULL) {
        client->out.failed = true;
        return;
    }
    call->id = id;
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

/* Under its id, which is found without reading the rest. */
static void refuse_elements(struct rpc_client *client, struct bytes line)
{
    json_t *id = json_read(json_find_member(line, "id"), 1, NULL, 0);
    char text[128];

    metrics_refused(&client->dispatch->metrics, METRICS_ELEMENTS);
    snprintf(text, sizeof text,
             "a line of more than %d JSON values and keys; a value of that many can be put as "
             "bytes, in value_base64",
             RPC_ELEMENTS_MAX);
    refuse(client, ERR_TOO_BIG, text, id);
    json_decref(id);
}

/* The line's value, or NULL when it was refused. */
static json_t *read_line(struct rpc_client *client, struct bytes line)
{
    char fault[RPC_DETAIL_SIZE], text[RPC_DETAIL_SIZE];

    if (json_count_elements(line) > RPC_ELEMENTS_MAX && json_is_within_depth(line, RPC_DEPTH_MAX)) {
        refuse_elements(client, line);
        return NULL;
    }
    json_t *value = json_read(line, RPC_DEPTH_MAX, fault, sizeof fault);
    if (value == NULL) {
        snprintf(text, sizeof text, "not valid JSON: %.400s", fault);
        refuse(client, ERR_PARSE, text, NULL);
    }
    return value;
}

static void run_batch(struct rpc_client *client, json_t *requests)
{
    size_t count = json_array_size(requests);
    char text[64];

    if (count == 0) {
        refuse(client, ERR_INVALID_REQUEST, "an empty batch", NULL);
    } else if (count > RPC_BATCH_MAX) {
        snprintf(text, sizeof text, "a batch of more than %d requests", RPC_BATCH_MAX);
        refuse(client, ERR_INVALID_REQUEST, text, NULL);
    } else {
        batch_begin(client, requests);
    }
}

static uint64_t clock_ns(const struct dispatch *d)
{
    return d->host.clock_ns(d->host.context);
}

void dispatch_line(struct rpc_client *client, struct bytes line)
{
    struct dispatch *d = client->dispatch;

    assert(client->unfinished == NULL);
    if (is_blank(line))
        return;
    turn_begin(&d->turn, clock_ns(d));
    json_t *value = read_line(client, line);
    if (json_is_array(value))
        run_batch(client, value);
    else if (value != NULL)
        request_run(client, NULL, value);
    json_decref(value);
    turn_spend(&d->turn, clock_ns(d));
}

void dispatch_refuse(struct rpc_client *client, enum err err, const char *text)
{
    turn_begin(&client->dispatch->turn, clock_ns(client->dispatch));
    refuse(client, err, text, NULL);
}

void dispatch_go_on(struct dispatch *d)
{
    batch_go_on(d);
}

bool dispatch_is_unfinished(const struct dispatch *d)
{
    return d->unfinished_first != NULL;
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
