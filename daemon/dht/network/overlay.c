#include "daemon/dht/network/overlay.h"

#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"

struct overlay *overlay_new(const struct id *self)
{
    struct overlay *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        routing_init(&o->tables[i], self, family_at(i));
    o->join_at_ms = UINT64_MAX;
    rendezvous_init(&o->rendezvous);
    return o;
}

void overlay_free(struct overlay *o)
{
    if (o == NULL)
        return;
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        routing_clear(&o->tables[i]);
        neighbours_clear(&o->neighbours[i]);
    }
    rendezvous_clear(&o->rendezvous);
    free(o);
}

size_t overlay_live_count(const struct overlay *o)
{
    size_t live = 0;
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        live += routing_live_count(&o->tables[i]);
    return live;
}

static size_t known_count(const struct overlay *o)
{
    return o->tables[FAMILY_V4].node_count + o->tables[FAMILY_V6].node_count;
}

enum node_state overlay_state(const struct overlay *o)
{
    if (overlay_live_count(o) > 0)
        return NODE_ONLINE;
    if (!o->rendezvous.has_been)
        return NODE_STARTING;
    return known_count(o) > 0 ? NODE_OFFLINE : NODE_ALONE;
}

bool overlay_has(const struct overlay *o, const struct contact *contact)
{
    unsigned family = family_index(contact->addr.family);
    return routing_find(&o->tables[family], contact) != NULL ||
           neighbours_has(&o->neighbours[family], contact);
}

static bool remove_member(struct overlay *o, const struct contact *contact)
{
    unsigned family = family_index(contact->addr.family);
    if (routing_find(&o->tables[family], contact) != NULL)
        routing_remove(&o->tables[family], &contact->id);
    return neighbours_remove(&o->neighbours[family], contact);
}

bool overlay_answered(struct node *node, struct now now, const struct contact *contact,
                      bool is_xord, uint32_t rtt_ms)
{
    struct overlay *o = node->overlay;
    unsigned family = family_index(contact->addr.family);
    if (o == NULL)
        return false;
    if (!is_xord) {
        if (remove_member(o, contact)) {
            changes_add_neighbour(node->watch.changes, contact, NULL);
            repair_lost(node, now, contact);
        }
        return false;
    }
    routing_answered(&o->tables[family], contact, true, rtt_ms, now.ms);
    if (o->join_at_ms == UINT64_MAX && !o->is_joining) {
        o->join_at_ms = now.ms + OVERLAY_GATHER_MS;
        o->join_again_ms = MAINTAIN_JOIN_SOON_MS;
    }
    return neighbours_answered(&o->neighbours[family], &node->id, contact);
}

bool overlay_failed(struct node *node, struct now now, const struct contact *contact)
{
    struct overlay *o = node->overlay;
    unsigned family = family_index(contact->addr.family);
    if (o == NULL)
        return false;
    routing_failed(&o->tables[family], contact, now.ms);
    return neighbours_failed(&o->neighbours[family], contact);
}

bool overlay_replaced(struct node *node, const struct contact *contact)
{
    return node->overlay != NULL && remove_member(node->overlay, contact);
}

bool overlay_queried_us(struct node *node, struct now now, const struct contact *contact)
{
    struct overlay *o = node->overlay;
    unsigned family = family_index(contact->addr.family);
    return o != NULL && (!routing_queried_us(&o->tables[family], contact, now.ms) ||
                         neighbours_wants(&o->neighbours[family], &node->id, contact));
}

void overlay_begin(struct node *node, struct now now)
{
    if (node->overlay != NULL)
        rendezvous_call(&node->overlay->rendezvous, now);
}

static bool is_known_addr(const struct overlay *o, const struct addr *addr)
{
    const struct routing_node *member;
    size_t bucket = 0, index = 0;
    while ((member = routing_each(&o->tables[family_index(addr->family)], &bucket, &index)) != NULL)
        if (addr_equal(&member->contact.addr, addr))
            return true;
    return false;
}

void overlay_told(struct node *node, struct now now, struct bytes values)
{
    struct overlay *o = node->overlay;
    struct addr peers[RENDEZVOUS_ANSWER_MAX];
    size_t count = peers_read_values(values, peers, RENDEZVOUS_ANSWER_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct addr *own = &node->external[family_index(peers[i].family)].agreed;
        if (node_can_reach(node, &peers[i]) && !addr_equal(&peers[i], own) &&
            !is_known_addr(o, &peers[i]) && rendezvous_add(&o->rendezvous, &peers[i]) &&
            o->rendezvous.found_count == 1)
            o->meet_at_ms = now.ms;
    }
}

void overlay_sought(struct node *node, struct now now, const struct op *op)
{
    struct overlay *o = node->overlay;
    struct lookup_stats stats;
    uint64_t v4 = routing_estimate(&o->tables[FAMILY_V4]);
    uint64_t v6 = routing_estimate(&o->tables[FAMILY_V6]);
    search_stats(&op->search, now, &stats);
    rendezvous_end(&o->rendezvous, now, stats.replied > 0, overlay_live_count(o) < OVERLAY_FEW,
                   v4 > v6 ? v4 : v6, &node->rng);
}

/* A client is no use to others: it looks, and does not announce itself. */
static void seek(struct node *node, struct now now, struct outbox *out)
{
    struct rendezvous *r = &node->overlay->rendezvous;
    rendezvous_begin(r);
    if (!peers_seek(node, now, &r->info_hash, node->role == NODE_SERVER, out))
        rendezvous_end(r, now, false, true, 0, &node->rng);
}

static void meet(struct node *node, struct now now, struct outbox *out)
{
    struct overlay *o = node->overlay;
    struct contact contact = {0};
    for (unsigned i = 0; i < OVERLAY_MEET_AT_ONCE && maintain_can_meet(node); i++)
        if (rendezvous_take(&o->rendezvous, &contact.addr))
            maintain_heard(node, now, &contact, out);
    o->meet_at_ms = now.ms + OVERLAY_MEET_PAUSE_MS;
}

static void join(struct node *node, struct now now, struct outbox *out)
{
    struct overlay *o = node->overlay;
    o->is_joining = true;
    o->join_at_ms = UINT64_MAX;
    if (maintain_search(node, now, KRPC_XGET, &node->id, true, out))
        return;
    o->is_joining = false;
    o->join_at_ms = now.ms + MAINTAIN_RETRY_MIN_MS;
}

void overlay_search_finished(struct node *node, struct now now, const struct op *op)
{
    struct overlay *o = node->overlay;
    size_t live = overlay_live_count(o);
    if (!op->is_join)
        return;
    o->is_joining = false;
    if (live < OVERLAY_FEW)
        rendezvous_hasten(&o->rendezvous, now);
    if (live > 0)
        o->join_at_ms = id_equal(&op->search.target, &node->id)
                            ? maintain_join_again_ms(node, now, &o->join_again_ms)
                            : now.ms; /* we have taken another id since (adopt.h) */
}

void overlay_tick(struct node *node, struct now now, struct outbox *out)
{
    struct overlay *o = node->overlay;
    if (o == NULL)
        return;
    if (o->rendezvous.at_ms <= now.ms)
        seek(node, now, out);
    if (o->rendezvous.found_count > 0 && o->meet_at_ms <= now.ms)
        meet(node, now, out);
    if (o->join_at_ms <= now.ms)
        join(node, now, out);
}

uint64_t overlay_next_ms(const struct overlay *o)
{
    if (o == NULL)
        return UINT64_MAX;
    uint64_t next_ms = o->rendezvous.at_ms < o->join_at_ms ? o->rendezvous.at_ms : o->join_at_ms;
    if (o->rendezvous.found_count > 0 && o->meet_at_ms < next_ms)
        next_ms = o->meet_at_ms;
    return next_ms;
}
