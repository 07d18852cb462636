#include "daemon/dht/listen/listening.h"

#include <stddef.h>
#include <stdlib.h>

#include "daemon/dht/listen/catchups.h"
#include "daemon/dht/listen/hearing.h"
#include "daemon/dht/listen/poll.h"
#include "daemon/dht/listen/renew.h"
#include "daemon/dht/listen/seeks.h"
#include "daemon/dht/listen/subscribe.h"
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

#define CAPACITY_FIRST 16u
#define SLOT_MASK      0xffffu /* of a number: the rest is from the operations' sequence */

static struct listening *of_sub(struct chain_link *link)
{
    return (struct listening *)((char *)link - offsetof(struct listening, by_sub));
}

static struct listening *of_target(struct chain_link *link)
{
    return (struct listening *)((char *)link - offsetof(struct listening, by_target));
}

/* The ids are random, and our own. */
static uint64_t hash_sub(const uint8_t *sub)
{
    uint64_t hash;
    memcpy(&hash, sub, sizeof hash);
    return hash;
}

static uint64_t hash_target(const struct listenings *all, const struct id *target)
{
    return hash_keyed(all->places.hash_key, id_bytes(target));
}

static struct listenings *listenings_new(struct rng *rng)
{
    struct listenings *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    rng_bytes(rng, all->places.hash_key, sizeof all->places.hash_key);
    all->sources.hash_salt = rng_u64(rng);
    rng_bytes(rng, all->sources.mask_key, sizeof all->sources.mask_key);
    all->ends_at_ms = all->seeks.met_at_ms = ALARM_NEVER;
    return all;
}

struct listening *listening_find(const struct node *node, uint64_t number)
{
    const struct listenings *all = node->listenings;
    uint32_t slot = number & SLOT_MASK;
    if (all == NULL || slot >= all->capacity || all->slots[slot] == NULL ||
        all->slots[slot]->number != number)
        return NULL;
    return all->slots[slot];
}

static void mask_sub(const uint8_t *sub, const uint8_t *mask, uint8_t *out)
{
    for (unsigned i = 0; i < SOURCES_SUB_SIZE; i++)
        out[i] = sub[i] ^ mask[i];
}

void listening_sub(const struct source *source, uint8_t out[SOURCES_SUB_SIZE])
{
    mask_sub(source->listening->sub, source->peer->mask, out);
}

struct listening *listening_of_sub(const struct node *node, const struct addr *addr,
                                   struct bytes sub)
{
    uint8_t mask[SOURCES_SUB_SIZE], own[SOURCES_SUB_SIZE];
    if (node->listenings == NULL || sub.size != SOURCES_SUB_SIZE)
        return NULL;
    sources_mask(&node->listenings->sources, addr, mask);
    mask_sub(sub.data, mask, own);
    struct chain_link *link = chains_first(&node->listenings->by_sub, hash_sub(own));
    return link != NULL ? of_sub(link) : NULL;
}

struct record listening_wanted(const struct listening *l)
{
    struct record wanted = {.kind = l->kind, .target = l->target};
    if (l->kind == RECORD_SINGLE) {
        wanted.k = l->k;
        wanted.salt = bytes_of(l->salt, l->salt_size);
    }
    return wanted;
}

bool listening_is_about(const struct listening *l, const struct record *record)
{
    if (record->kind != l->kind || !id_equal(&record->target, &l->target))
        return false;
    return l->kind == RECORD_MULTI || (memcmp(record->k, l->k, KEYS_PUBLIC_SIZE) == 0 &&
                                       bytes_equal(record->salt, bytes_of(l->salt, l->salt_size)));
}

static bool grow(struct listenings *all)
{
    uint32_t capacity = all->capacity ? all->capacity * 2 : CAPACITY_FIRST;
    struct listening **slots = realloc(all->slots, capacity * sizeof(struct listening *));
    if (slots == NULL)
        return false;
    for (uint32_t i = all->capacity; i < capacity; i++)
        slots[i] = NULL;
    all->slots = slots;
    all->capacity = capacity;
    return true;
}

static bool find_free_slot(struct listenings *all, uint32_t *slot)
{
    while (all->first_free < all->capacity && all->slots[all->first_free] != NULL)
        all->first_free++;
    *slot = all->first_free;
    return *slot < all->capacity || grow(all);
}

/* Into all tables, or none. */
static bool enter(struct listenings *all, struct listening *l, struct now now)
{
    if (!alarms_add(&all->alarms, &l->alarm, l->sync_at_ms))
        return false;
    if (!alarms_add(&all->seeks.alarms, &l->seek, now.ms))
        goto leave_alarms;
    if (!alarms_add(&all->catchups.alarms, &l->catchup, ALARM_NEVER))
        goto leave_seeks;
    if (!chains_add(&all->by_sub, &l->by_sub, hash_sub(l->sub)))
        goto leave_catchups;
    if (chains_add(&all->by_target, &l->by_target, hash_target(all, &l->target)))
        return true;
    chains_remove(&all->by_sub, &l->by_sub);
leave_catchups:
    alarms_remove(&all->catchups.alarms, &l->catchup);
leave_seeks:
    alarms_remove(&all->seeks.alarms, &l->seek);
leave_alarms:
    alarms_remove(&all->alarms, &l->alarm);
    return false;
}

static struct listening *listening_new(struct node *node, struct now now,
                                       const struct listen_request *request)
{
    struct listenings *all = node->listenings;
    uint32_t slot;
    struct listening *l = find_free_slot(all, &slot) ? calloc(1, sizeof *l) : NULL;
    if (l == NULL)
        return NULL;
    l->number = ++node->ops.sequence << 16 | slot;
    l->kind = request->kind;
    l->target = request->target;
    if (request->kind == RECORD_SINGLE) {
        memcpy(l->k, request->k, KEYS_PUBLIC_SIZE);
        l->salt_size = (uint8_t)request->salt.size;
        if (l->salt_size > 0)
            memcpy(l->salt, request->salt.data, l->salt_size);
    }
    rng_bytes(&node->rng, l->sub, sizeof l->sub);
    l->sync_at_ms = now.ms + (request->timeout_ms ? request->timeout_ms : NODE_TIMEOUT_MS);
    l->poll_at_ms = ALARM_NEVER;
    l->poll_every_ms = POLL_MS;
    l->pause_ms = SEEKS_PAUSE_MS;
    l->moved_ms = SEEKS_MOVED_MS;
    if (!enter(all, l, now)) {
        free(l);
        return NULL;
    }
    all->slots[slot] = l;
    all->count++;
    return l;
}

enum err node_listen(struct node *node, struct now now, const struct listen_request *request,
                     uint64_t *number, struct outbox *out)
{
    if (request->salt.size > RECORD_SALT_MAX)
        return ERR_SALT_TOO_LONG;
    if (request->kind != RECORD_MULTI && (request->kind != RECORD_SINGLE || request->k == NULL))
        return ERR_INVALID_PARAMS;
    if (node->listenings == NULL)
        node->listenings = listenings_new(&node->rng);
    if (node->listenings != NULL && node->listenings->count >= NODE_LISTENS_MAX) {
        node_count(node, COUNTER_OPERATIONS_REFUSED);
        return ERR_BUSY;
    }
    struct listening *l = node->listenings ? listening_new(node, now, request) : NULL;
    if (l == NULL)
        return ERR_NO_MEMORY;
    node_count(node, COUNTER_LISTENS);
    *number = l->number;
    listening_look_at_home(node, now, l, out);
    return ERR_OK;
}

/* Frees it and all that only it needs. */
static void listening_free(struct listenings *all, struct listening *l)
{
    places_clear(&l->places, &all->places);
    chains_remove(&all->by_target, &l->by_target);
    chains_remove(&all->by_sub, &l->by_sub);
    alarms_remove(&all->catchups.alarms, &l->catchup);
    alarms_remove(&all->seeks.alarms, &l->seek);
    alarms_remove(&all->alarms, &l->alarm);
    uint32_t slot = l->number & SLOT_MASK;
    all->slots[slot] = NULL;
    if (slot < all->first_free)
        all->first_free = slot;
    free(l);
    if (--all->count > 0)
        return;
    free(all->slots);
    all->slots = NULL;
    all->capacity = all->first_free = 0;
}

void listenings_free(struct listenings *all)
{
    if (all == NULL)
        return;
    for (uint32_t i = 0; i < all->capacity && all->count > 0; i++) {
        struct listening *l = all->slots[i];
        if (l == NULL)
            continue;
        while (l->source_count > 0)
            source_free(&all->sources, l->sources[--l->source_count]);
        listening_free(all, l);
    }
    sources_clear(&all->sources);
    free(all);
}

static void end_op(struct node *node, uint64_t number, uint32_t *running)
{
    struct op *op = op_find(&node->ops, number);
    if (op == NULL)
        return;
    op_discard(node, op);
    (*running)--;
}

bool listening_cancel(struct node *node, struct now now, uint64_t number, struct outbox *out)
{
    struct listenings *all = node->listenings;
    struct listening *l = listening_find(node, number);
    if (l == NULL)
        return false;
    listening_tell(node, l, LISTEN_END, ERR_CANCELLED, out);
    end_op(node, l->seek_op, &all->seeks.running);
    end_op(node, l->catchup_op, &all->catchups.running);
    while (l->source_count > 0)
        listening_drop_source(node, now, l->sources[0], true);
    all->polled -= l->is_polled;
    listening_free(all, l);
    return true;
}

struct source *listening_source(const struct listening *l, const struct addr *addr)
{
    for (unsigned i = 0; i < l->source_count; i++)
        if (addr_equal(&l->sources[i]->peer->contact.addr, addr))
            return l->sources[i];
    return NULL;
}

struct source *listening_add_source(struct node *node, struct now now, struct listening *l,
                                    const struct contact *contact, struct bytes token)
{
    if (l->source_count == LISTENING_SOURCES_MAX)
        return NULL;
    struct source *source = source_new(&node->listenings->sources, l, contact, token, now);
    if (source != NULL)
        l->sources[l->source_count++] = source;
    return source;
}

void listening_drop_source(struct node *node, struct now now, struct source *source, bool is_told)
{
    struct sources *sources = &node->listenings->sources;
    struct listening *l = source->listening;
    uint8_t sub[SOURCES_SUB_SIZE];
    unsigned i = 0;
    listening_sub(source, sub);
    while (l->sources[i] != source)
        i++;
    l->sources[i] = l->sources[--l->source_count];
    if (is_told)
        source_give_up(sources, source, sub, now);
    else
        source_free(sources, source);
}

void listening_lose_source(struct node *node, struct now now, struct source *source)
{
    struct listening *l = source->listening;
    bool was_new = now.ms < source->since_ms + SOURCES_ROUND_MS;
    listening_drop_source(node, now, source, false);
    seeks_lost(node, now, l, was_new);
}

/* All that was there when it began has been read: whoever could hold some was found, and has been
 * heard to the end. */
static bool is_read(const struct listening *l)
{
    for (unsigned i = 0; i < l->source_count; i++)
        if (l->sources[i]->state == SOURCE_ASKED || l->sources[i]->is_behind)
            return false;
    return l->has_sought && l->seek_op == 0 && l->catchup_op == 0;
}

static void sync(struct node *node, struct listening *l, enum err err, struct outbox *out)
{
    l->is_synced = true;
    listening_tell(node, l, LISTEN_SYNCED, err, out);
}

static bool has_polled(const struct listening *l)
{
    for (unsigned i = 0; i < l->source_count; i++)
        if (l->sources[i]->state == SOURCE_POLLED)
            return true;
    return false;
}

void listening_go_on(struct node *node, struct now now, struct listening *l, struct outbox *out)
{
    struct listenings *all = node->listenings;
    bool is_polled = has_polled(l);
    if (!l->is_synced && is_read(l))
        sync(node, l, ERR_OK, out);
    if (is_polled && !l->is_polled)
        l->poll_at_ms = now.ms + l->poll_every_ms;
    all->polled += is_polled;
    all->polled -= l->is_polled;
    l->is_polled = is_polled;
    uint64_t at_ms = is_polled ? l->poll_at_ms : ALARM_NEVER;
    if (!l->is_synced && l->sync_at_ms < at_ms)
        at_ms = l->sync_at_ms;
    alarms_move(&all->alarms, &l->alarm, at_ms);
}

/* Its alarm rang. */
static void ring(struct node *node, struct now now, struct listening *l, struct outbox *out)
{
    enum krpc_method method = l->kind == RECORD_MULTI ? KRPC_XGET : KRPC_GET;
    bool is_offline = !l->has_sought && node_state_for(node, method) == NODE_OFFLINE;
    if (!l->is_synced && l->sync_at_ms <= now.ms)
        sync(node, l, is_offline ? ERR_OFFLINE : ERR_TIMEOUT, out);
    if (l->is_polled && l->poll_at_ms <= now.ms)
        poll_ask(node, now, l, out);
    listening_go_on(node, now, l, out);
}

void listenings_tick(struct node *node, struct now now, struct outbox *out)
{
    struct listenings *all = node->listenings;
    if (all == NULL)
        return;
    listenings_tell_ends(node, now, out);
    for (unsigned i = 0; i < LISTENING_SLICE && alarms_next(&all->alarms) <= now.ms; i++)
        ring(node, now, (struct listening *)alarms_first(&all->alarms), out);
    catchups_tick(node, now, out);
    seeks_tick(node, now, out);
    renew_tick(node, now, out);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t listenings_next_ms(const struct node *node)
{
    const struct listenings *all = node->listenings;
    if (all == NULL)
        return UINT64_MAX;
    uint64_t next = earlier(alarms_next(&all->alarms), all->ends_at_ms);
    next = earlier(next, alarms_next(&all->sources.alarms));
    return earlier(next, earlier(seeks_next_ms(&all->seeks), catchups_next_ms(&all->catchups)));
}

bool listening_has_asked(const struct inflight_query *query)
{
    return query->purpose == QUERY_SUBSCRIBE || query->purpose == QUERY_RENEW ||
           query->purpose == QUERY_POLL;
}

void listening_answered(struct node *node, struct now now, const struct inflight_query *query,
                        const struct krpc *reply, struct outbox *out)
{
    if (query->purpose == QUERY_RENEW)
        renew_answered(node, now, query, reply, out);
    else if (query->purpose == QUERY_SUBSCRIBE)
        subscribe_answered(node, now, query, reply, out);
    else
        poll_answered(node, now, query, reply, out);
}

void listening_refused(struct node *node, struct now now, const struct inflight_query *query,
                       int64_t code, struct outbox *out)
{
    if (query->purpose == QUERY_RENEW)
        renew_refused(node, now, query, code, out);
    else if (query->purpose == QUERY_SUBSCRIBE)
        subscribe_refused(node, now, query, code, out);
    else
        poll_unanswered(node, now, query, out);
}

void listening_late(struct node *node, struct now now, const struct inflight_query *query,
                    struct outbox *out)
{
    if (query->purpose == QUERY_RENEW)
        renew_late(node, now, query, out);
    else if (query->purpose == QUERY_SUBSCRIBE)
        subscribe_late(node, now, query, out);
    else
        poll_unanswered(node, now, query, out);
}

void listening_stored(struct node *node, struct now now, const struct record *record,
                      struct outbox *out)
{
    const struct listenings *all = node->listenings;
    if (all == NULL)
        return;
    struct chain_link *link = chains_first(&all->by_target, hash_target(all, &record->target));
    for (; link != NULL; link = chains_next(link)) {
        struct listening *l = of_target(link);
        if (listening_is_about(l, record))
            listening_hear(node, now, l, record, HEARING_STORED, out);
    }
}
