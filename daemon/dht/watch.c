#include "daemon/dht/watch.h"

#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/serve/serve_put.h"

static void attach(struct node *node)
{
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        node->tables[i].changes = node->watch.changes;
        if (node->overlay != NULL)
            node->overlay->tables[i].changes = node->watch.changes;
    }
}

void watch_clear(struct watch *w)
{
    free(w->changes);
    *w = (struct watch){0};
}

void node_watch(struct node *node, unsigned classes)
{
    struct watch *w = &node->watch;
    w->classes = classes;
    if ((classes & WATCH_NODES) == 0) {
        free(w->changes);
        w->changes = NULL;
    } else if (w->changes == NULL) {
        w->changes = calloc(1, sizeof *w->changes);
    }
    attach(node);
}

unsigned node_watched(const struct node *node)
{
    return node->watch.classes;
}

/* NULL without memory: then it is not told. */
static struct watch_event *tell(struct node *node, enum watch_class class, enum watch_what what,
                                enum err err, struct outbox *out)
{
    struct event *event = outbox_event(out);
    if (event == NULL) {
        node_count(node, COUNTER_EFFECTS_LOST);
        return NULL;
    }
    event->kind = EVENT_WATCH;
    event->err = err;
    event->watch.class = class;
    event->watch.what = what;
    return &event->watch;
}

/* ---- lookups ---- */

static const char *purpose_of(const struct op *op)
{
    static const char *const names[OP_KIND_COUNT] = {
        [OP_GET] = "get",     [OP_GATHER] = "get",        [OP_PUT] = "put",
        [OP_PEERS] = "peers", [OP_ANNOUNCE] = "announce", [OP_QUERY] = "query",
        [OP_SEEK] = "listen", [OP_REQUEST] = "request",
    };
    if (op->kind == OP_LOOKUP && op->is_internal)
        return op->is_join ? "join" : "refresh";
    if (op->kind == OP_PUT && op->is_internal)
        return "republish";
    if ((op->kind == OP_PEERS || op->kind == OP_ANNOUNCE) && op->is_internal)
        return "rendezvous";
    return names[op->kind] != NULL ? names[op->kind] : "lookup";
}

/* The running number of an operation, without the slot that it is in. */
static uint64_t number_of(const struct op *op)
{
    return op->number >> 16;
}

static struct watch_event *tell_lookup(struct node *node, const struct op *op, enum watch_what what,
                                       enum err err, struct outbox *out)
{
    struct watch_event *event = tell(node, WATCH_LOOKUPS, what, err, out);
    if (event == NULL)
        return NULL;
    event->lookup.number = number_of(op);
    event->lookup.purpose = purpose_of(op);
    event->lookup.target = op->search.target;
    return event;
}

void watch_started(struct node *node, const struct op *op, struct outbox *out)
{
    tell_lookup(node, op, WATCH_STARTED, ERR_OK, out);
}

void watch_asked(struct node *node, uint64_t owner, const struct lookup_candidate *candidate,
                 struct outbox *out)
{
    const struct op *op = op_find(&node->ops, owner);
    struct watch_event *event = op ? tell_lookup(node, op, WATCH_ASKED, ERR_OK, out) : NULL;
    if (event == NULL)
        return;
    event->lookup.contact = candidate->contact;
    event->lookup.has_id = candidate->has_id;
    event->lookup.hop = candidate->hop;
    event->lookup.attempt = candidate->tries;
}

void watch_ended(struct node *node, struct now now, const struct op *op, enum err err,
                 struct outbox *out)
{
    if (tell_lookup(node, op, WATCH_ENDED, err, out) == NULL)
        return;
    struct lookup_stats *stats = &out->events[out->event_count - 1].stats;
    search_stats(&op->search, now, stats);
    stats->is_complete = search_is_complete(&op->search);
}

/* The candidate at this address; NULL when it has fallen out meanwhile. */
static const struct lookup_candidate *find_candidate(const struct op *op, const struct addr *addr)
{
    const struct lookup *lookup = &op->search.lookups[family_index(addr->family)];
    for (unsigned i = 0; i < lookup->count; i++)
        if (addr_equal(&lookup->candidates[i].contact.addr, addr))
            return &lookup->candidates[i];
    return NULL;
}

/* A search among xord nodes has no use for the answers of others. */
static enum watch_what what_of_step(const struct op *op, const struct watch_outcome *outcome)
{
    bool is_foreign = outcome->reply != NULL && !krpc_is_xord(outcome->reply);
    return op->search.is_among_xord && is_foreign ? WATCH_REFUSED : outcome->what;
}

void watch_step(struct node *node, struct now now, const struct op *op,
                const struct inflight_query *query, const struct watch_outcome *outcome,
                struct outbox *out)
{
    if (!watch_is_on(node, WATCH_LOOKUPS) || !op->is_searching)
        return;
    struct watch_event *event = tell_lookup(node, op, what_of_step(op, outcome), ERR_OK, out);
    if (event == NULL)
        return;
    const struct lookup_candidate *candidate = find_candidate(op, &query->contact.addr);
    event->lookup.contact = query->contact;
    event->lookup.has_id = query->has_id;
    if (outcome->reply != NULL) {
        event->lookup.contact.id = outcome->reply->id;
        event->lookup.has_id = true;
    }
    event->lookup.hop = candidate != NULL ? candidate->hop : 0;
    event->lookup.rtt_ms = (uint32_t)(now.ms - query->sent_ms);
    event->lookup.code = outcome->code;
}

/* ---- the tables ---- */

static enum watch_what what_of(const struct change *change)
{
    if (change->is_neighbour)
        return change->has_come ? WATCH_JOINED : WATCH_PARTED;
    if (change->has_come && change->has_gone)
        return WATCH_REPLACED;
    return change->has_come ? WATCH_SEEN : WATCH_LOST;
}

void watch_flush(struct node *node, struct outbox *out)
{
    struct changes *changes = node->watch.changes;
    for (uint32_t i = 0; changes != NULL && i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        struct watch_event *event = tell(node, WATCH_NODES, what_of(change), ERR_OK, out);
        if (event == NULL)
            continue;
        event->node.contact = change->has_come ? change->came : change->gone;
        event->node.old = change->gone;
    }
    if (changes != NULL)
        changes->count = 0;
}

/* ---- the store ---- */

/* "puts_refused_seq" is about "seq". */
static const char *check_of(enum counter counter)
{
    static const char mark[] = "_refused_";
    const char *name = counter_name(counter);
    const char *found = strstr(name, mark);
    return found != NULL ? found + sizeof mark - 1 : name;
}

void watch_turned_away(struct node *node, const struct addr *from, const struct krpc *query,
                       const struct put_verdict *verdict, struct outbox *out)
{
    struct watch_event *event = tell(node, WATCH_STORE, WATCH_TURNED_AWAY, verdict->err, out);
    if (event == NULL)
        return;
    event->store.kind = query->method == KRPC_XPUT ? RECORD_MULTI
                        : query->k.data != NULL    ? RECORD_SINGLE
                                                   : RECORD_IMMUTABLE;
    event->store.target = query->target;
    event->store.has_seq = query->has_seq;
    event->store.seq = query->seq;
    event->store.size = (uint32_t)query->v.size;
    event->store.from = *from;
    event->store.check = check_of(verdict->counter);
    event->store.text = verdict->text;
}

static enum watch_what what_came_of(const struct store_write *write, enum err err)
{
    if (err != ERR_OK)
        return WATCH_TURNED_AWAY;
    return write->action == STORE_PUT ? WATCH_STORED : WATCH_DROPPED;
}

void node_watch_written(struct node *node, const struct store_write *write, enum err err,
                        struct outbox *out)
{
    if (!watch_is_on(node, WATCH_STORE))
        return;
    struct watch_event *event = tell(node, WATCH_STORE, what_came_of(write, err), err, out);
    if (event == NULL)
        return;
    const struct record *record = &write->record;
    event->store.is_kept = write->space == STORE_KEPT;
    event->store.kind = record->kind;
    event->store.target = record->target;
    event->store.has_seq = write->action == STORE_PUT && record->kind != RECORD_IMMUTABLE;
    event->store.seq = record->seq;
    event->store.size = (uint32_t)record->v.size;
    event->store.from = write->putter;
    event->store.check = check_of(serve_put_counter(err));
}

void node_watch_removed(struct node *node, const struct store_removed *removed, struct outbox *out)
{
    if (!watch_is_on(node, WATCH_STORE))
        return;
    enum watch_what what = removed->is_expired ? WATCH_EXPIRED : WATCH_EVICTED;
    struct watch_event *event = tell(node, WATCH_STORE, what, ERR_OK, out);
    if (event == NULL)
        return;
    event->store.is_kept = removed->space == STORE_KEPT;
    event->store.kind = removed->kind;
    event->store.target = removed->target;
    event->store.has_seq = removed->kind != RECORD_IMMUTABLE;
    event->store.seq = removed->seq;
    event->store.size = removed->size;
    event->store.more = removed->more;
}
