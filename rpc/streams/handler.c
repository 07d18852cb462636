#include "rpc/streams/handler.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "daemon/dht/serve/requests.h"
#include "rpc/call.h"
#include "rpc/values/command_value.h"
#include "rpc/values/contact_show.h"

struct handed { /* a request that waits for its answer */
    uint64_t request;
    uint64_t deadline_ms; /* then the node has answered it */
};

struct handler {
    struct stream stream; /* its first member */
    struct handler *next;
    char command[COMMAND_NAME_MAX + 1];
    size_t count;
    struct handed queue[HANDLER_QUEUE_MAX]; /* oldest first */
};

static enum err answer(struct dispatch *d, uint64_t request, uint32_t error, struct bytes v)
{
    const struct rpc_host *host = &d->host;
    return node_respond(host->node, host->now(host->context), request, error, v, host->outbox);
}

static struct handler *find(const struct dispatch *d, const char *command)
{
    struct handler *handler = d->handlers.first;
    while (handler != NULL && strcmp(handler->command, command) != 0)
        handler = handler->next;
    return handler;
}

/* ---- beginning and end ---- */

static void on_ended(struct stream *stream)
{
    struct handler *handler = (struct handler *)stream;
    struct dispatch *d = stream->client->dispatch;
    struct handler **at = &d->handlers.first;
    while (*at != handler)
        at = &(*at)->next;
    *at = handler->next;
    d->handlers.count--;
    for (size_t i = 0; i < handler->count; i++)
        answer(d, handler->queue[i].request, COMMAND_FAILED, (struct bytes){0});
    free(handler);
}

/* What finds no room is refused at once: a handler never waits for it. */
static void on_room(struct stream *stream)
{
    (void)stream;
}

static const struct stream_kind handler_kind = {
    .method = "handle", .on_room = on_room, .on_ended = on_ended};

struct rpc_result handler_offer(struct rpc_call *call, const char *command)
{
    struct dispatch *d = call->dispatch;
    struct rpc_result result;
    if (find(d, command) != NULL)
        return rpc_fail(call, ERR_EXISTS, "%s has a handler already", command);
    if (d->handlers.count == HANDLERS_MAX)
        return rpc_fail(call, ERR_BUSY, "%d commands are handled; no more", HANDLERS_MAX);
    struct handler *handler = calloc(1, sizeof *handler);
    if (handler == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    if (!stream_open(call, &handler->stream, &handler_kind, &result)) {
        free(handler);
        return result;
    }
    memcpy(handler->command, command, strlen(command) + 1);
    handler->next = d->handlers.first;
    d->handlers.first = handler;
    d->handlers.count++;
    return result;
}

bool handler_withdraw(struct rpc_call *call, const char *command)
{
    struct handler *handler = find(call->dispatch, command);
    if (handler == NULL || handler->stream.client != call->client)
        return false;
    stream_close(&handler->stream);
    return true;
}

json_t *handlers_show(const struct handlers *handlers)
{
    json_t *commands = json_array();
    for (const struct handler *h = handlers->first; h != NULL; h = h->next)
        json_array_append_new(commands, json_string(h->command));
    return commands;
}

/* ---- requests and answers ---- */

static void forget(struct handler *handler, size_t at)
{
    handler->count--;
    memmove(&handler->queue[at], &handler->queue[at + 1],
            (handler->count - at) * sizeof handler->queue[0]);
}

static void forget_late(struct handler *handler, uint64_t now_ms)
{
    while (handler->count > 0 && handler->queue[0].deadline_ms <= now_ms)
        forget(handler, 0);
}

static json_t *show_target(const struct event *event)
{
    char target[2 * ID_SIZE + 1];
    if (!event->command.has_target)
        return json_null();
    return json_string(hex_encode(id_bytes(&event->command.target), target));
}

static json_t *show_request(const struct event *event, const char *command)
{
    json_t *shown = json_pack("{s:s, s:o}", "command", command, "target", show_target(event));
    json_t *rest =
        json_pack("{s:o, s:b, s:I}", "from", contact_show(&event->command.from), "token",
                  (int)event->command.has_token, "request", (json_int_t)event->command.request);
    bool is_shown = shown != NULL && rest != NULL && command_value_show(shown, event->command.v) &&
                    json_object_update(shown, rest) == 0;
    json_decref(rest);
    if (is_shown)
        return shown;
    json_decref(shown);
    return NULL;
}

/* The members alone: the stream's numbers come before them. */
static bool send_request(struct handler *handler, const struct event *event)
{
    struct json_text text = {0};
    json_t *shown = show_request(event, handler->command);
    if (shown != NULL)
        json_write(&text, shown, 0);
    bool is_written = shown != NULL && !text.failed;
    if (is_written)
        stream_send(&handler->stream, bytes_of(text.data + 1, text.size - 2));
    json_decref(shown);
    json_text_clear(&text);
    return is_written;
}

/* 0: it has been handed over. */
static uint32_t hand(struct dispatch *d, struct handler *handler, const struct event *event)
{
    uint64_t now_ms = d->host.now(d->host.context).ms;
    if (handler == NULL)
        return COMMAND_UNKNOWN;
    forget_late(handler, now_ms);
    if (handler->count == HANDLER_QUEUE_MAX || !stream_has_room(&handler->stream))
        return COMMAND_BUSY;
    if (!send_request(handler, event))
        return COMMAND_BUSY;
    handler->queue[handler->count++] = (struct handed){
        .request = event->command.request, .deadline_ms = now_ms + REQUESTS_DEADLINE_MS};
    return 0;
}

void handlers_take(struct dispatch *d, const struct event *event)
{
    char command[COMMAND_NAME_MAX + 1] = "";
    memcpy(command, event->command.command.data, event->command.command.size);
    uint32_t refusal = hand(d, find(d, command), event);
    if (refusal != 0)
        answer(d, event->command.request, refusal, (struct bytes){0});
}

static struct handler *find_waiting(const struct dispatch *d, uint64_t request, size_t *at)
{
    for (struct handler *h = d->handlers.first; h != NULL; h = h->next)
        for (*at = 0; *at < h->count; ++*at)
            if (h->queue[*at].request == request)
                return h;
    return NULL;
}

enum err handler_respond(struct rpc_call *call, uint64_t request, uint32_t error, struct bytes v)
{
    size_t at;
    struct handler *handler = find_waiting(call->dispatch, request, &at);
    if (handler == NULL)
        return ERR_NO_SUCH_ID;
    enum err err = answer(call->dispatch, request, error, v);
    if (err == ERR_OK || err == ERR_NOT_FOUND)
        forget(handler, at);
    return err == ERR_NOT_FOUND ? ERR_NO_SUCH_ID : err;
}
