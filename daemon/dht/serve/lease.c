#include "daemon/dht/serve/lease.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/node.h"

_Static_assert(LEASES_PEER_MAX >= NODE_LISTENS_MAX, "a node may listen at one holder alone");

void leases_init(struct leases *l, struct rng *rng)
{
    *l = (struct leases){0};
    rng_bytes(rng, l->key, sizeof l->key);
}

void leases_clear(struct leases *l)
{
    while (l->soonest != NULL)
        leases_end(l, l->soonest);
}

static uint64_t sub_hash(const struct leases *l, const struct addr *addr, const uint8_t *sub)
{
    uint8_t input[ADDR_COMPACT_V6 + LEASE_SUB_SIZE];
    size_t size = addr_to_compact(addr, input);
    memcpy(input + size, sub, LEASE_SUB_SIZE);
    return hash_keyed(l->key, bytes_of(input, size + LEASE_SUB_SIZE));
}

static uint64_t target_hash(const struct leases *l, enum record_kind kind, const struct id *id)
{
    uint8_t input[1 + ID_SIZE] = {(uint8_t)kind};
    memcpy(input + 1, id->b, ID_SIZE);
    return hash_keyed(l->key, bytes_of(input, sizeof input));
}

static struct addr peer_addr(const struct addr *addr)
{
    return addr_is_private(addr) ? *addr : addr_prefix(addr);
}

static uint64_t peer_hash(const struct leases *l, const struct addr *addr)
{
    uint8_t input[ADDR_COMPACT_V6];
    return hash_keyed(l->key, bytes_of(input, addr_to_compact(addr, input)));
}

struct lease *leases_find(const struct leases *l, const struct addr *addr,
                          const uint8_t sub[LEASE_SUB_SIZE])
{
    struct chain_link *link = chains_first(&l->by_sub, sub_hash(l, addr, sub));
    for (; link != NULL; link = chains_next(link)) {
        struct lease *lease = (struct lease *)link;
        if (addr_equal(&lease->subscriber.addr, addr) &&
            memcmp(lease->sub, sub, LEASE_SUB_SIZE) == 0)
            return lease;
    }
    return NULL;
}

static struct lease_target *find_target(const struct leases *l, enum record_kind kind,
                                        const struct id *id)
{
    struct chain_link *link = chains_first(&l->by_target, target_hash(l, kind, id));
    for (; link != NULL; link = chains_next(link)) {
        struct lease_target *target = (struct lease_target *)link;
        if (target->kind == kind && id_equal(&target->id, id))
            return target;
    }
    return NULL;
}

static struct lease_peer *find_peer(const struct leases *l, const struct addr *addr)
{
    struct chain_link *link = chains_first(&l->by_peer, peer_hash(l, addr));
    for (; link != NULL; link = chains_next(link))
        if (addr_equal(&((struct lease_peer *)link)->addr, addr))
            return (struct lease_peer *)link;
    return NULL;
}

static struct lease_target *take_target(struct leases *l, enum record_kind kind,
                                        const struct id *id)
{
    struct lease_target *target = find_target(l, kind, id);
    if (target != NULL)
        return target;
    target = calloc(1, sizeof *target);
    if (target == NULL)
        return NULL;
    target->kind = (uint8_t)kind;
    target->id = *id;
    if (chains_add(&l->by_target, &target->link, target_hash(l, kind, id)))
        return target;
    free(target);
    return NULL;
}

static void leave_target(struct leases *l, struct lease_target *target)
{
    if (target->first != NULL)
        return;
    for (struct lease_walk *walk = target->walks; walk != NULL; walk = walk->next)
        walk->target = NULL;
    chains_remove(&l->by_target, &target->link);
    free(target);
}

static struct lease_peer *take_peer(struct leases *l, const struct addr *of)
{
    const struct addr addr = peer_addr(of);
    struct lease_peer *peer = find_peer(l, &addr);
    if (peer != NULL)
        return peer;
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    peer->addr = addr;
    if (chains_add(&l->by_peer, &peer->link, peer_hash(l, &addr)))
        return peer;
    free(peer);
    return NULL;
}

static void leave_peer(struct leases *l, struct lease_peer *peer)
{
    if (peer->leases + peer->holds > 0)
        return;
    chains_remove(&l->by_peer, &peer->link);
    free(peer);
}

void lease_peer_hold(struct lease_peer *peer)
{
    peer->holds++;
}

void lease_peer_release(struct leases *l, struct lease_peer *peer)
{
    peer->holds--;
    leave_peer(l, peer);
}

/* All last equally long, so the one renewed last ends last. */
static void link_time(struct leases *l, struct lease *lease, uint64_t now_ms)
{
    lease->ends_ms = now_ms + LEASE_S * 1000u;
    lease->sooner = l->latest;
    lease->later = NULL;
    *(l->latest != NULL ? &l->latest->later : &l->soonest) = lease;
    l->latest = lease;
}

static void unlink_time(struct leases *l, struct lease *lease)
{
    *(lease->sooner != NULL ? &lease->sooner->later : &l->soonest) = lease->later;
    *(lease->later != NULL ? &lease->later->sooner : &l->latest) = lease->sooner;
}

static void link_target(struct lease *lease)
{
    struct lease_target *target = lease->target;
    lease->previous = target->last;
    *(target->last != NULL ? &target->last->next : &target->first) = lease;
    target->last = lease;
}

static void unlink_target(struct lease *lease)
{
    struct lease_target *target = lease->target;
    *(lease->previous != NULL ? &lease->previous->next : &target->first) = lease->next;
    *(lease->next != NULL ? &lease->next->previous : &target->last) = lease->previous;
    for (struct lease_walk *walk = target->walks; walk != NULL; walk = walk->next)
        if (walk->at == lease)
            walk->at = lease->next;
}

static struct lease *make(struct leases *l, const struct contact *subscriber, const uint8_t *sub)
{
    if (l->joins == NULL)
        l->joins = calloc(LEASE_JOINS_MAX, sizeof *l->joins);
    struct lease *lease = l->joins != NULL ? calloc(1, sizeof *lease) : NULL;
    if (lease == NULL)
        return NULL;
    lease->subscriber = *subscriber;
    memcpy(lease->sub, sub, LEASE_SUB_SIZE);
    lease->joins_seen = l->join_count;
    if (chains_add(&l->by_sub, &lease->link, sub_hash(l, &subscriber->addr, sub)))
        return lease;
    free(lease);
    return NULL;
}

static void forget_joins(struct leases *l)
{
    if (l->by_sub.count > 0)
        return;
    free(l->joins);
    l->joins = NULL;
}

static enum err add(struct leases *l, uint64_t now_ms, const struct contact *subscriber,
                    const uint8_t *sub, enum record_kind kind, const struct id *id)
{
    struct lease_peer *peer = take_peer(l, &subscriber->addr);
    if (peer == NULL)
        return ERR_NO_MEMORY;
    if (peer->leases >= LEASES_PEER_MAX)
        return ERR_BUSY;
    struct lease_target *target = take_target(l, kind, id);
    struct lease *lease = target != NULL ? make(l, subscriber, sub) : NULL;
    if (lease == NULL) {
        if (target != NULL)
            leave_target(l, target);
        leave_peer(l, peer);
        forget_joins(l);
        return ERR_NO_MEMORY;
    }
    lease->peer = peer;
    peer->leases++;
    lease->target = target;
    link_target(lease);
    link_time(l, lease, now_ms);
    return ERR_OK;
}

enum err leases_grant(struct leases *l, uint64_t now_ms, const struct contact *subscriber,
                      const uint8_t sub[LEASE_SUB_SIZE], enum record_kind kind,
                      const struct id *target)
{
    struct lease *lease = leases_find(l, &subscriber->addr, sub);
    if (lease == NULL)
        return leases_count(l) < LEASES_MAX ? add(l, now_ms, subscriber, sub, kind, target)
                                            : ERR_BUSY;
    if (lease->target->kind != kind || !id_equal(&lease->target->id, target))
        return ERR_EXISTS;
    leases_renew(l, now_ms, lease, &subscriber->id);
    return ERR_OK;
}

void leases_renew(struct leases *l, uint64_t now_ms, struct lease *lease, const struct id *id)
{
    lease->subscriber.id = *id;
    lease->silent = 0;
    unlink_time(l, lease);
    link_time(l, lease, now_ms);
}

void leases_end(struct leases *l, struct lease *lease)
{
    unlink_time(l, lease);
    unlink_target(lease);
    leave_target(l, lease->target);
    lease->peer->leases--;
    leave_peer(l, lease->peer);
    chains_remove(&l->by_sub, &lease->link);
    free(lease);
    forget_joins(l);
}

size_t leases_expire(struct leases *l, uint64_t now_ms)
{
    size_t ended = 0;
    for (; leases_next_ms(l) <= now_ms && ended < LEASES_SLICE; ended++)
        leases_end(l, l->soonest);
    return ended;
}

uint64_t leases_next_ms(const struct leases *l)
{
    return l->soonest != NULL ? l->soonest->ends_ms : UINT64_MAX;
}

size_t leases_count(const struct leases *l)
{
    return l->by_sub.count;
}

void leases_joined(struct leases *l, const struct id *id)
{
    if (l->joins != NULL)
        l->joins[l->join_count++ % LEASE_JOINS_MAX] = *id;
}

bool leases_has_moved(const struct leases *l, struct lease *lease, const struct id *self)
{
    bool has_nearer = l->join_count - lease->joins_seen > LEASE_JOINS_MAX;
    for (uint64_t i = lease->joins_seen; !has_nearer && i < l->join_count; i++)
        has_nearer =
            id_compare_distance(&lease->target->id, &l->joins[i % LEASE_JOINS_MAX], self) < 0;
    lease->joins_seen = l->join_count;
    if (has_nearer)
        lease->moved_left = LEASE_MOVED_SAID;
    return lease->moved_left > 0;
}

void leases_moved_said(struct lease *lease)
{
    lease->moved_left--;
}

bool lease_walk_begin(struct leases *l, enum record_kind kind, const struct id *target,
                      struct lease_walk *walk)
{
    struct lease_target *found = find_target(l, kind, target);
    if (found == NULL)
        return false;
    *walk = (struct lease_walk){.target = found, .at = found->first, .next = found->walks};
    found->walks = walk;
    return true;
}

struct lease *lease_walk_at(const struct lease_walk *walk)
{
    return walk->target != NULL ? walk->at : NULL;
}

void lease_walk_step(struct lease_walk *walk)
{
    walk->at = walk->at->next;
}

void lease_walk_end(struct lease_walk *walk)
{
    if (walk->target == NULL)
        return;
    struct lease_walk **at = &walk->target->walks;
    while (*at != walk)
        at = &(*at)->next;
    *at = walk->next;
    walk->target = NULL;
}
