#include "rpc/streams/tap.h"

#include "rpc/call.h"
#include "rpc/streams/watch_text.h"

/* What the taps want together; the node is told when that changes. */
static void update(struct dispatch *d)
{
    unsigned classes = 0;
    for (const struct tap *tap = d->taps.first; tap != NULL; tap = tap->next)
        classes |= tap->classes;
    if (classes == d->taps.classes)
        return;
    d->taps.classes = classes;
    node_watch(d->host.node, classes & (WATCH_LOOKUPS | WATCH_NODES | WATCH_STORE));
}

void tap_open(struct dispatch *d, struct tap *tap)
{
    tap->previous = NULL;
    tap->next = d->taps.first;
    if (tap->next != NULL)
        tap->next->previous = tap;
    d->taps.first = tap;
    update(d);
}

void tap_close(struct dispatch *d, struct tap *tap)
{
    if (tap->next != NULL)
        tap->next->previous = tap->previous;
    *(tap->previous != NULL ? &tap->previous->next : &d->taps.first) = tap->next;
    update(d);
}

unsigned tap_class_of(struct bytes name)
{
    static const struct {
        const char *name;
        enum tap_class class;
    } classes[] = {
        {"lookups", TAP_LOOKUPS}, {"nodes", TAP_NODES}, {"store", TAP_STORE}, {"rpc", TAP_RPC}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (bytes_is_string(name, classes[i].name))
            return classes[i].class;
    return 0;
}

static void tell(struct dispatch *d, unsigned class, struct json_text *text)
{
    struct tap *next;
    for (struct tap *tap = text->failed ? NULL : d->taps.first; tap != NULL; tap = next) {
        next = tap->next;
        if ((tap->classes & class) != 0)
            tap->on_event(tap, bytes_of(text->data, text->size));
    }
    json_text_clear(text);
}

void taps_event(struct dispatch *d, const struct event *event)
{
    struct json_text text = {0};
    if ((d->taps.classes & event->watch.class) == 0)
        return; /* it was made before the last of them closed */
    watch_text(&text, event);
    tell(d, event->watch.class, &text);
}

void taps_called(struct dispatch *d, const struct rpc_call *call, uint64_t took_ns)
{
    struct json_text text = {0};
    if ((d->taps.classes & TAP_RPC) == 0 || call->client == &d->own)
        return;
    watch_text_call(&text, call->method != NULL ? call->method->name : NULL, call->client->uid,
                    call->err, took_ns);
    tell(d, TAP_RPC, &text);
}
