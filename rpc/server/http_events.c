#include "rpc/server/http_events.h"

#include <stddef.h>
#include <stdio.h>

#include "rpc/dispatch.h"

#define APPEND(text, literal) json_text_append(text, literal, sizeof(literal) - 1)

static uint64_t now_ms(const struct http_events *e)
{
    return e->dispatch->host.now(e->dispatch->host.context).ms;
}

static size_t unread(const struct http_events *e)
{
    return e->queue.size - e->taken;
}

static void told(struct http_events *e)
{
    e->told_ms = now_ms(e);
    e->is_ended = e->is_ended || e->queue.failed;
    e->on_more(e->context);
}

static void say_dropped(struct http_events *e)
{
    char gap[64];
    int size =
        snprintf(gap, sizeof gap, "data: {\"event\":\"gap\",\"dropped\":%zu}\n\n", e->dropped);

    json_text_append(&e->queue, gap, (size_t)size);
    e->dropped = 0;
}

static void on_event(struct tap *tap, struct bytes event)
{
    struct http_events *e =
        (struct http_events *)(void *)((char *)tap - offsetof(struct http_events, tap));

    /* Once some are lost, all are until the reader has caught up: the gap tells where. */
    if (e->dropped > 0 || unread(e) > HTTP_EVENTS_QUEUE) {
        e->dropped++;
        return;
    }
    APPEND(&e->queue, "data: {");
    json_text_append(&e->queue, (const char *)event.data, event.size);
    APPEND(&e->queue, "}\n\n");
    told(e);
}

void http_events_open(struct http_events *e, struct dispatch *dispatch,
                      void (*on_more)(void *context), void *context)
{
    *e = (struct http_events){.dispatch = dispatch, .on_more = on_more, .context = context};
    e->tap.classes = TAP_LOOKUPS | TAP_NODES | TAP_STORE;
    e->tap.on_event = on_event;
    APPEND(&e->queue, ": what this xord does\n\n"); /* so that the reader knows it is connected */
    e->told_ms = now_ms(e);
    tap_open(dispatch, &e->tap);
}

void http_events_close(struct http_events *e)
{
    if (e->dispatch == NULL)
        return;
    tap_close(e->dispatch, &e->tap);
    json_text_clear(&e->queue);
    e->dispatch = NULL;
}

bool http_events_is_open(const struct http_events *e)
{
    return e->dispatch != NULL;
}

/* A reader that always lags a little never empties the queue: what it has read must go all the
 * same.
 */
static void forget_sent(struct http_events *e)
{
    if (unread(e) == 0) {
        json_text_clear(&e->queue);
    } else {
        e->queue.size -= e->taken;
        memmove(e->queue.data, e->queue.data + e->taken, e->queue.size);
    }
    e->taken = 0;
}

size_t http_events_take(struct http_events *e, char *out, size_t size)
{
    if (unread(e) == 0 && e->dropped > 0)
        say_dropped(e);
    size_t taken = unread(e) < size ? unread(e) : size;
    if (taken == 0)
        return 0;
    memcpy(out, e->queue.data + e->taken, taken);
    e->taken += taken;
    if (unread(e) == 0 || e->taken >= HTTP_EVENTS_QUEUE)
        forget_sent(e);
    return taken;
}

bool http_events_is_due(const struct http_events *e)
{
    return unread(e) > 0 || e->dropped > 0 || e->is_ended;
}

void http_events_beat(struct http_events *e, uint64_t now)
{
    if (now - e->told_ms < HTTP_EVENTS_BEAT_MS || unread(e) > 0)
        return;
    APPEND(&e->queue, ":\n\n");
    told(e);
}

void http_events_end(struct http_events *e)
{
    e->is_ended = true;
    e->on_more(e->context);
}
