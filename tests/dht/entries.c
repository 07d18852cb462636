#include "tests/dht/entries.h"

#include <assert.h>
#include <stdio.h>

#include "daemon/dht/records/envelope.h"

const struct record *entry_make(struct entry *e, const struct net *net, const struct id *target,
                                unsigned number, int64_t seq, size_t v_size, uint64_t age_s)
{
    snprintf(e->slot, sizeof e->slot, "e%u", number);
    e->draft = draft_of(target, net_now(net).unix_s - age_s, e->slot, seq);
    e->draft.signer = (uint8_t)(1 + number % ENTRIES_SIGNERS);
    if (v_size == 0) {
        e->draft.body_size = 0;
        draft_sign(&e->draft);
    } else {
        draft_sign_size(&e->draft, v_size);
    }
    return &e->draft.record;
}

static size_t sort_up(const struct net *net, const struct id *target, size_t out[NET_NODES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < net->count; i++) {
        if (!net_is_up(net, i))
            continue;
        size_t at = count++;
        for (; at > 0 &&
               id_compare_distance(target, &net->nodes[i]->id, &net->nodes[out[at - 1]]->id) < 0;
             at--)
            out[at] = out[at - 1];
        out[at] = i;
    }
    return count;
}

size_t entries_holders(const struct net *net, const struct id *target, size_t out[ENTRIES_HOLDERS])
{
    size_t sorted[NET_NODES_MAX];
    size_t count = sort_up(net, target, sorted);
    count = count < ENTRIES_HOLDERS ? count : ENTRIES_HOLDERS;
    memcpy(out, sorted, count * sizeof out[0]);
    return count;
}

size_t entries_stranger(const struct net *net, const struct id *target)
{
    size_t sorted[NET_NODES_MAX];
    size_t count = sort_up(net, target, sorted);
    return sorted[count - 1];
}

size_t entries_held(const struct net *net, size_t index, const struct id *target)
{
    struct store_summary summary;
    const struct disk *disk = &net->nodes[index]->disk;
    return disk_summary(disk, STORE_HELD, target, &summary) == ERR_OK ? summary.count : 0;
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct gathered *out = context;
    (void)w;
    (void)p;
    if (event->kind != EVENT_GATHER)
        return;
    out->count = 0;
    for (const struct event_entry *e = event->gather.first; e != NULL; e = e->next) {
        struct envelope envelope;
        assert(out->count < ENTRIES_MAX);
        envelope_parse(e->record.v, &envelope);
        record_key(&e->record, &out->entries[out->count].key);
        out->entries[out->count].seq = e->record.seq;
        out->entries[out->count].time_unix_s = envelope.time_unix_s;
        out->entries[out->count].v_size = e->record.v.size;
        out->count++;
    }
}

void entries_watch(struct net *net, struct gathered *out)
{
    const struct watcher watcher = {.context = out, .event = on_event};
    world_watch(&net->world, &watcher);
}

uint64_t entries_gather(struct net *net, size_t index, const struct gather_request *request)
{
    uint64_t op = 0;
    enum err err = node_gather(net->nodes[index]->node, net_now(net), request, &op, net->out);
    assert(err == ERR_OK);
    net_flush(net, index);
    return op;
}
