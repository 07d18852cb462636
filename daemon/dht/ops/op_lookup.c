/* Plain lookups with their trace, and pings: node_lookup and node_ping. */
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

#define PING_TRIES 3u

enum err node_lookup(struct node *node, struct now now, const struct id *target,
                     uint32_t timeout_ms, uint64_t *number, struct outbox *out)
{
    enum err err;
    struct op *op = op_new(node, now, OP_LOOKUP, false, timeout_ms, &err);
    if (op == NULL)
        return err;
    *number = op->number;
    op_search(node, now, op, KRPC_FIND_NODE, target, out);
    return ERR_OK;
}

static size_t fill_steps(const struct search *s, struct lookup_step *steps)
{
    size_t count = 0;
    for (unsigned family = 0; family < SEARCH_FAMILIES; family++) {
        if (!s->is_used[family])
            continue;
        const struct lookup *l = &s->lookups[family];
        for (unsigned i = 0; i < l->count; i++) {
            const struct lookup_candidate *c = &l->candidates[i];
            if (c->state == LOOKUP_FRESH)
                continue;
            steps[count++] = (struct lookup_step){
                .contact = c->contact,
                .hop = c->hop,
                .rtt_ms = c->rtt_ms,
                .has_answered = c->state == LOOKUP_ANSWERED,
            };
        }
    }
    return count;
}

void lookup_fill_event(const struct op *op, struct event *event, struct outbox *out)
{
    size_t room = 0;
    for (unsigned family = 0; family < SEARCH_FAMILIES; family++)
        if (op->search.is_used[family])
            room += op->search.lookups[family].count;
    struct lookup_step *steps = outbox_alloc(out, (room + 1) * sizeof *steps);
    struct contact *closest = outbox_alloc(out, SEARCH_CLOSEST_MAX * sizeof *closest);
    if (steps == NULL || closest == NULL)
        return;
    event->lookup.steps = steps;
    event->lookup.step_count = fill_steps(&op->search, steps);
    const struct lookup_candidate *found[SEARCH_CLOSEST_MAX];
    event->lookup.closest = closest;
    event->lookup.closest_count = search_closest(&op->search, found, LOOKUP_K);
    for (size_t i = 0; i < event->lookup.closest_count; i++)
        closest[i] = found[i]->contact;
}

static bool ping_send(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    const struct krpc message = {.method = KRPC_PING};
    const struct query query = {
        .purpose = QUERY_PING,
        .contact = op->ping.contact,
        .owner = op->number,
        .message = &message,
    };
    op->ping.tries++;
    return query_send(node, now, &query, out);
}

enum err node_ping(struct node *node, struct now now, const struct addr *addr, uint32_t timeout_ms,
                   uint64_t *number, struct outbox *out)
{
    enum err err;
    if (!addr_is_usable(addr) || !node_can_reach(node, addr))
        return ERR_INVALID_PARAMS;
    struct op *op = op_new(node, now, OP_PING, false, timeout_ms, &err);
    if (op == NULL)
        return err;
    op->ping.contact.addr = *addr;
    if (!ping_send(node, now, op, out)) {
        op_discard(node, op);
        return ERR_BUSY;
    }
    *number = op->number;
    return ERR_OK;
}

void ping_late(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    /* Past the last try the deadline ends it: a slow answer still counts until then. */
    if (op->ping.tries < PING_TRIES)
        ping_send(node, now, op, out);
}
