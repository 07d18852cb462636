#include "tests/dht/listener.h"

#include <assert.h>
#include <stdio.h>

#define STEP_MS 20u

static void note_record(struct listener_heard *heard, const struct event *event)
{
    const struct record *record = &event->listen.record;
    struct envelope envelope;
    heard->seq = record->seq;
    heard->is_replay = event->listen.is_replay;
    record_key(record, &heard->key);
    if (record->v.data == NULL)
        return;
    envelope_parse(record->v, &envelope);
    snprintf(heard->body, sizeof heard->body, "%.*s", (int)envelope.body.size,
             envelope.body.data != NULL ? (const char *)envelope.body.data : "");
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct listener *l = context;
    if (event->kind != EVENT_LISTEN)
        return;
    assert(l->count < LISTENER_HEARD_MAX);
    struct listener_heard *heard = &l->heard[l->count++];
    *heard = (struct listener_heard){
        .node = p->number,
        .op = event->op,
        .what = event->listen.what,
        .err = event->err,
        .at_ms = w->now_ms,
    };
    if (event->listen.what != LISTEN_SYNCED && event->listen.what != LISTEN_END)
        note_record(heard, event);
}

void listener_watch(struct listener *l, struct net *net)
{
    const struct watcher watcher = {.context = l, .event = on_event};
    l->net = net;
    l->count = 0;
    world_watch(&net->world, &watcher);
}

static uint64_t start(struct listener *l, size_t node, const struct listen_request *request)
{
    struct net *net = l->net;
    uint64_t op = 0;
    enum err err = node_listen(net->nodes[node]->node, net_now(net), request, &op, net->out);
    assert(err == ERR_OK);
    net_flush(net, node);
    return op;
}

uint64_t listener_single(struct listener *l, size_t node, const char *salt)
{
    const struct listen_request request = {
        .kind = RECORD_SINGLE,
        .target = owner_target(l->net, salt),
        .k = l->net->public_key,
        .salt = bytes_of_string(salt),
    };
    return start(l, node, &request);
}

uint64_t listener_multi(struct listener *l, size_t node, const struct id *target)
{
    return start(l, node, &(struct listen_request){.kind = RECORD_MULTI, .target = *target});
}

void listener_cancel(struct listener *l, size_t node, uint64_t op)
{
    node_cancel(l->net->nodes[node]->node, net_now(l->net), op, l->net->out);
    net_flush(l->net, node);
}

size_t listener_count(const struct listener *l, uint64_t op, enum listen_what what)
{
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++)
        count += l->heard[i].op == op && l->heard[i].what == what;
    return count;
}

const struct listener_heard *listener_last(const struct listener *l, uint64_t op,
                                           enum listen_what what)
{
    for (size_t i = l->count; i-- > 0;)
        if (l->heard[i].op == op && l->heard[i].what == what)
            return &l->heard[i];
    return NULL;
}

bool listener_wait(struct listener *l, uint64_t op, enum listen_what what, size_t count,
                   uint64_t ms)
{
    for (uint64_t waited = 0; waited < ms && listener_count(l, op, what) < count; waited += STEP_MS)
        net_run(l->net, STEP_MS);
    return listener_count(l, op, what) >= count;
}

int64_t listener_put(struct listener *l, size_t node, const char *salt, const char *body)
{
    uint8_t buffer[OWNER_VALUE_MAX];
    const struct put_request request = owner_single(l->net, salt, owner_json(l->net, buffer, body));
    const struct event *event = net_put(l->net, node, &request);
    assert(event->err == ERR_OK);
    return event->put.seq;
}

int64_t listener_put_envelope(struct listener *l, size_t node, const char *salt,
                              const struct envelope *envelope)
{
    uint8_t buffer[OWNER_VALUE_MAX];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    envelope_write(&w, envelope);
    const struct put_request request = owner_single(l->net, salt, wire_written(&w));
    const struct event *event = net_put(l->net, node, &request);
    assert(event->err == ERR_OK);
    return event->put.seq;
}
