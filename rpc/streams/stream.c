#include "rpc/streams/stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "rpc/call.h"

#define APPEND(text, literal) json_text_append(text, literal, sizeof(literal) - 1)

/* ---- beginning and end ---- */

static struct stream_count *count_of(const struct stream *stream)
{
    return &stream->client->dispatch->streams;
}

static bool is_reader(const struct rpc_client *client)
{
    return client->access == RPC_ACCESS_READ;
}

static struct rpc_result refuse_many(struct rpc_call *call)
{
    const struct rpc_client *client = call->client;
    const struct stream_count *count = &call->dispatch->streams;
    if (client->streams.by_sub.count == STREAMS_CLIENT_MAX)
        return rpc_fail(call, ERR_BUSY, "this connection has %u subscriptions; end some of them",
                        STREAMS_CLIENT_MAX);
    return rpc_fail(call, ERR_BUSY, "the daemon has %zu subscriptions%s; end some of them",
                    count->all < STREAMS_MAX ? count->read_only : count->all,
                    count->all < STREAMS_MAX ? " on its read-only socket" : "");
}

static bool is_full(const struct rpc_client *client)
{
    const struct stream_count *count = &client->dispatch->streams;
    return client->streams.by_sub.count == STREAMS_CLIENT_MAX || count->all == STREAMS_MAX ||
           (is_reader(client) && count->read_only == STREAMS_READ_MAX);
}

bool stream_open(struct rpc_call *call, struct stream *stream, const struct stream_kind *kind,
                 struct rpc_result *result)
{
    struct rpc_client *client = call->client;
    struct stream_set *set = &client->streams;
    if (set->is_closed) {
        *result = rpc_fail(call, ERR_CANCELLED,
                           "a subscription lives while its connection is open "
                           "both ways, and this one is not");
        return false;
    }
    if (is_full(client)) {
        *result = refuse_many(call);
        return false;
    }
    *stream = (struct stream){
        .kind = kind, .client = client, .batch = call->batch, .sub = set->last_sub + 1};
    if (!chains_add(&set->by_sub, &stream->link, stream->sub)) {
        *result = rpc_fail(call, ERR_NO_MEMORY, NULL);
        return false;
    }
    set->last_sub++;
    stream->next = set->all;
    if (set->all != NULL)
        set->all->previous = stream;
    set->all = stream;
    count_of(stream)->all++;
    count_of(stream)->read_only += is_reader(client);
    if (call->batch != NULL)
        call->batch->has_streams = true;
    *result = rpc_reply(call, json_pack("{s:I}", "sub", (json_int_t)stream->sub));
    return true;
}

static void stop_waiting(struct stream *stream)
{
    struct stream_set *set = &stream->client->streams;
    if (!stream->is_waiting)
        return;
    *(stream->wait_previous != NULL ? &stream->wait_previous->wait_next : &set->wait_first) =
        stream->wait_next;
    *(stream->wait_next != NULL ? &stream->wait_next->wait_previous : &set->wait_last) =
        stream->wait_previous;
    stream->is_waiting = stream->is_wanting = false;
}

void stream_close(struct stream *stream)
{
    struct stream_set *set = &stream->client->streams;
    stop_waiting(stream);
    chains_remove(&set->by_sub, &stream->link);
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    *(stream->previous != NULL ? &stream->previous->next : &set->all) = stream->next;
    count_of(stream)->all--;
    count_of(stream)->read_only -= is_reader(stream->client);
    stream->kind->on_ended(stream);
}

struct stream *stream_find(const struct rpc_call *call, const struct stream_kind *kind, int64_t sub)
{
    struct chain_link *link =
        sub > 0 ? chains_first(&call->client->streams.by_sub, (uint64_t)sub) : NULL;
    struct stream *stream = (struct stream *)link; /* its first member */
    return stream != NULL && stream->kind == kind ? stream : NULL;
}

/* ---- telling ---- */

bool stream_has_room(const struct stream *stream)
{
    const struct rpc_client *client = stream->client;
    return stream->batch == NULL &&
           client->out.size + client->sending < unread_limit(client, STREAM_OUTPUT_MAX);
}

void stream_wait(struct stream *stream)
{
    struct stream_set *set = &stream->client->streams;
    stream->is_wanting = true;
    if (stream->is_waiting || stream->batch != NULL)
        return;
    stream->is_waiting = true;
    stream->wait_next = NULL;
    stream->wait_previous = set->wait_last;
    *(set->wait_last != NULL ? &set->wait_last->wait_next : &set->wait_first) = stream;
    set->wait_last = stream;
}

void stream_send(struct stream *stream, struct bytes members)
{
    struct rpc_client *client = stream->client;
    struct json_text *out = &client->out;
    char numbers[64];
    if (client->is_gone)
        return;
    int size =
        snprintf(numbers, sizeof numbers, "\",\"params\":{\"sub\":%" PRIu32 ",\"n\":%" PRIu64,
                 stream->sub, ++stream->n);
    APPEND(out, "{\"jsonrpc\":\"2.0\",\"method\":\"");
    json_text_append(out, stream->kind->method, strlen(stream->kind->method));
    json_text_append(out, numbers, (size_t)size);
    APPEND(out, ",");
    json_text_append(out, (const char *)members.data, members.size);
    APPEND(out, "}}\n");
    if (client->on_output != NULL)
        client->on_output(client);
}

void stream_send_gap(struct stream *stream, size_t dropped)
{
    char text[64];
    int size = snprintf(text, sizeof text, "\"event\":\"gap\",\"dropped\":%zu", dropped);
    stream_send(stream, bytes_of(text, (size_t)size));
}

void stream_write_error(struct json_text *text, enum err err)
{
    char error[256];
    int size = snprintf(error, sizeof error,
                        "\"error\":{\"code\":%d,\"message\":\"%s\",\"data\":{\"name\":\"%s\"}}",
                        err_code(err), err_text(err), err_name(err));
    json_text_append(text, error, (size_t)size);
}

static void send_end(struct stream *stream, enum err err)
{
    struct json_text text = {0};
    if (stream->kind->on_last != NULL)
        stream->kind->on_last(stream);
    APPEND(&text, "\"event\":\"end\",");
    stream_write_error(&text, err);
    if (!text.failed)
        stream_send(stream, bytes_of(text.data, text.size));
    json_text_clear(&text);
}

void stream_end(struct stream *stream, enum err err)
{
    send_end(stream, err);
    stream_close(stream);
}

/* ---- a client's all ---- */

void stream_set_room(struct stream_set *set)
{
    struct stream *last = set->wait_last; /* who waits anew has its go next time */
    struct stream *stream;
    while ((stream = set->wait_first) != NULL && stream_has_room(stream)) {
        stop_waiting(stream);
        stream->kind->on_room(stream);
        if (stream == last)
            break;
    }
}

void stream_set_answered(struct stream_set *set, const struct rpc_batch *batch)
{
    for (struct stream *stream = set->all; stream != NULL; stream = stream->next)
        if (stream->batch == batch) {
            stream->batch = NULL;
            if (stream->is_wanting)
                stream_wait(stream);
        }
    stream_set_room(set);
}

void stream_set_end(struct stream_set *set, enum err err)
{
    while (set->all != NULL)
        stream_end(set->all, err);
}

void stream_set_clear(struct stream_set *set)
{
    while (set->all != NULL)
        stream_close(set->all);
}
