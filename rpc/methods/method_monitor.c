/* monitor and unmonitor: a client sees what the daemon does while it does it. A client that does
 * not read loses events, and is told how many. */
#include <stdlib.h>

#include "rpc/call.h"
#include "rpc/methods/method_files.h"
#include "rpc/streams/stream.h"
#include "rpc/streams/tap.h"

struct monitor {
    struct stream stream; /* first: the client's streams hand it back */
    struct tap tap;
    size_t dropped; /* since the last that was sent */
};

static struct monitor *monitor_of(struct stream *stream)
{
    return (struct monitor *)stream;
}

static void say_dropped(struct stream *stream)
{
    struct monitor *monitor = monitor_of(stream);
    if (monitor->dropped > 0)
        stream_send_gap(stream, monitor->dropped);
    monitor->dropped = 0;
}

static void on_ended(struct stream *stream)
{
    struct monitor *monitor = monitor_of(stream);
    tap_close(stream->client->dispatch, &monitor->tap);
    free(monitor);
}

static const struct stream_kind monitor_kind = {
    .method = "monitor", .on_room = say_dropped, .on_last = say_dropped, .on_ended = on_ended};

/* What came while there was no room is not told even when there is: the gap goes first. */
static void on_event(struct tap *tap, struct bytes event)
{
    struct monitor *monitor =
        (struct monitor *)(void *)((char *)tap - offsetof(struct monitor, tap));
    if (monitor->dropped > 0 || !stream_has_room(&monitor->stream)) {
        monitor->dropped++;
        stream_wait(&monitor->stream);
        return;
    }
    stream_send(&monitor->stream, event);
}

/* The classes named, "lookups,store"; 0 when one of them is none. */
static unsigned read_classes(const char *text)
{
    unsigned classes = 0;
    for (;;) {
        size_t size = strcspn(text, ",");
        unsigned class = tap_class_of(bytes_of(text, size));
        if (class == 0)
            return 0;
        classes |= class;
        if (text[size] == '\0')
            return classes;
        text += size + 1;
    }
}

struct rpc_result method_monitor(struct rpc_call *call)
{
    struct rpc_result result;
    unsigned classes = read_classes(rpc_string(call, "classes"));
    if (classes == 0)
        return rpc_fail(call, ERR_INVALID_PARAMS,
                        "classes: some of lookups, nodes, store and rpc, with commas between");
    struct monitor *monitor = calloc(1, sizeof *monitor);
    if (monitor == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    if (!stream_open(call, &monitor->stream, &monitor_kind, &result)) {
        free(monitor);
        return result;
    }
    monitor->tap.classes = classes;
    monitor->tap.on_event = on_event;
    tap_open(call->dispatch, &monitor->tap);
    return result;
}

struct rpc_result method_unmonitor(struct rpc_call *call)
{
    struct stream *stream = stream_find(call, &monitor_kind, rpc_int(call, "sub"));
    if (stream == NULL)
        return rpc_fail(call, ERR_NO_SUCH_ID, "sub: this connection has no such monitor");
    stream_close(stream);
    return rpc_reply(call, json_true());
}
