#include "daemon/dht/serve/deliver.h"

#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"

#define PUSHES_START 8u

/* A record whose leases are being walked. */
struct deliver_record {
    struct deliver_record *next;
    struct lease_walk walk;
    uint8_t kind; /* enum record_kind */
    bool is_begun;
    struct id key; /* record_key */
};

struct deliver_push {
    struct contact to;
    struct lease_peer *peer; /* held; NULL: the slot is free */
    uint8_t sub[LEASE_SUB_SIZE];
    uint8_t kind, tries;
    uint16_t sequence; /* guards against an answer to an earlier push of this slot */
    struct id key;
    uint32_t next_free;
};

void deliver_clear(struct deliver *d, struct leases *l)
{
    for (struct deliver_record *r = d->first, *next; r != NULL; r = next) {
        next = r->next;
        lease_walk_end(&r->walk);
        free(r);
    }
    for (uint32_t i = 0; i < d->capacity; i++)
        if (d->pushes[i].peer != NULL)
            lease_peer_release(l, d->pushes[i].peer);
    free(d->pushes);
    *d = (struct deliver){0};
}

/* Records: what is new, and who has not got it yet. */

static void append(struct deliver *d, struct deliver_record *r)
{
    r->next = NULL;
    if (d->first == NULL)
        d->first = r;
    else
        d->last->next = r;
    d->last = r;
    d->waiting++;
}

static struct deliver_record *take_first(struct deliver *d)
{
    struct deliver_record *r = d->first;
    d->first = r->next;
    d->waiting--;
    return r;
}

/* One that is begun has already gone to some as it was before. */
static bool is_waiting(const struct deliver *d, enum record_kind kind, const struct id *key)
{
    for (const struct deliver_record *r = d->first; r != NULL; r = r->next)
        if (!r->is_begun && r->kind == kind && id_equal(&r->key, key))
            return true;
    return false;
}

static void add_record(struct node *node, enum record_kind kind, const struct id *key,
                       const struct id *target)
{
    struct deliver *d = &node->deliver;
    struct lease_walk walk;
    if (!lease_walk_begin(&node->leases, kind, target, &walk))
        return;
    lease_walk_end(&walk);
    if (is_waiting(d, kind, key))
        return;
    struct deliver_record *r = d->waiting < DELIVER_WAITING_MAX ? calloc(1, sizeof *r) : NULL;
    if (r == NULL) {
        node_count(node, COUNTER_DELIVERIES_DROPPED);
        return;
    }
    r->kind = (uint8_t)kind;
    r->key = *key;
    lease_walk_begin(&node->leases, kind, target, &r->walk);
    append(d, r);
}

static bool read_held(const struct node *node, uint8_t kind, const struct id *key,
                      struct stored *stored)
{
    return node->store.get(node->store.context, STORE_HELD, (enum record_kind)kind, key, stored) ==
           ERR_OK;
}

/* Pushes under way. */

static bool grow(struct deliver *d)
{
    uint32_t capacity = d->capacity ? d->capacity * 2 : PUSHES_START;
    struct deliver_push *pushes =
        capacity <= DELIVER_AT_ONCE ? realloc(d->pushes, capacity * sizeof *pushes) : NULL;
    if (pushes == NULL)
        return false;
    for (uint32_t i = capacity; i > d->capacity; i--) {
        pushes[i - 1] = (struct deliver_push){.next_free = d->free};
        d->free = i;
    }
    d->pushes = pushes;
    d->capacity = capacity;
    return true;
}

static struct deliver_push *take_push(struct deliver *d, const struct lease *lease)
{
    if (d->free == 0 && !grow(d))
        return NULL;
    struct deliver_push *push = &d->pushes[d->free - 1];
    d->free = push->next_free;
    d->under_way++;
    *push = (struct deliver_push){
        .to = lease->subscriber, .peer = lease->peer, .sequence = ++d->sequence};
    memcpy(push->sub, lease->sub, LEASE_SUB_SIZE);
    lease_peer_hold(push->peer);
    return push;
}

static void forget_push(struct node *node, struct deliver_push *push)
{
    struct deliver *d = &node->deliver;
    lease_peer_release(&node->leases, push->peer);
    push->peer = NULL;
    push->next_free = d->free;
    d->free = (uint32_t)(push - d->pushes) + 1;
    d->is_blocked = false;
    if (--d->under_way > 0)
        return;
    free(d->pushes);
    d->pushes = NULL;
    d->capacity = d->free = 0;
}

static uint32_t tag_of(const struct deliver *d, const struct deliver_push *push)
{
    return (uint32_t)push->sequence << 16 | (uint32_t)(push - d->pushes);
}

static struct deliver_push *find_push(const struct deliver *d, uint32_t tag)
{
    uint32_t slot = tag & 0xffff;
    if (slot >= d->capacity || d->pushes[slot].peer == NULL ||
        d->pushes[slot].sequence != tag >> 16)
        return NULL;
    return &d->pushes[slot];
}

/* False when the record has gone, or nothing can be sent. */
static bool send_push(struct node *node, struct now now, struct deliver_push *push,
                      struct outbox *out)
{
    struct stored stored;
    struct krpc message;
    if (!read_held(node, push->kind, &push->key, &stored))
        return false;
    query_put(&stored.record, &message);
    message.method = KRPC_PUSH;
    message.sub = bytes_of(push->sub, LEASE_SUB_SIZE);
    const struct query query = {
        .purpose = QUERY_DELIVER,
        .contact = push->to,
        .has_id = true,
        .is_xord = true,
        .owner_index = tag_of(&node->deliver, push),
        .message = &message,
    };
    push->tries++;
    return query_send(node, now, &query, out);
}

/* One that leaves its pushes unanswered costs others nothing for long. */
static bool is_given_up(const struct lease *lease)
{
    return lease->silent >= DELIVER_SILENT_MAX ||
           (lease->peer->silent >= DELIVER_PEER_SILENT && lease->peer->holds > 0);
}

static void serve_lease(struct node *node, struct now now, const struct deliver_record *r,
                        const struct lease *lease, struct outbox *out)
{
    struct deliver_push *push = is_given_up(lease) ? NULL : take_push(&node->deliver, lease);
    if (push == NULL) {
        node_count(node, COUNTER_DELIVERIES_DROPPED);
        return;
    }
    push->kind = r->kind;
    push->key = r->key;
    if (send_push(node, now, push, out)) {
        node_count(node, COUNTER_DELIVERIES);
    } else {
        node_count(node, COUNTER_DELIVERIES_DROPPED);
        forget_push(node, push);
    }
}

/* True while leases are left; *is_blocked: the next one's peer, or all, have too much under way. */
static bool serve_slice(struct node *node, struct now now, struct deliver_record *r,
                        bool *is_blocked, struct outbox *out)
{
    struct deliver *d = &node->deliver;
    struct lease *lease = lease_walk_at(&r->walk);
    r->is_begun = true;
    for (unsigned i = 0; i < DELIVER_SLICE && lease != NULL && d->served < DELIVER_TURN_MAX; i++) {
        *is_blocked = d->under_way >= DELIVER_AT_ONCE ||
                      (lease->peer->holds >= DELIVER_PEER_MAX && !is_given_up(lease));
        if (*is_blocked)
            break;
        d->served++;
        serve_lease(node, now, r, lease, out);
        lease_walk_step(&r->walk);
        lease = lease_walk_at(&r->walk);
    }
    return lease != NULL;
}

/* Goes round the records until the turn is full, or none can go on. */
static void go_on(struct node *node, struct now now, struct outbox *out)
{
    struct deliver *d = &node->deliver;
    uint32_t blocked = 0;
    if (now.ms >= d->turn_ms + DELIVER_PAUSE_MS) {
        d->turn_ms = now.ms;
        d->served = 0;
    }
    while (d->first != NULL && blocked < d->waiting && d->served < DELIVER_TURN_MAX) {
        bool is_blocked = false;
        struct deliver_record *r = take_first(d);
        if (serve_slice(node, now, r, &is_blocked, out)) {
            append(d, r);
            blocked = is_blocked ? blocked + 1 : 0;
        } else {
            lease_walk_end(&r->walk);
            free(r);
        }
    }
    d->is_blocked = d->first != NULL && blocked == d->waiting;
}

/* Of the leases' kinds alone; another's write in the same place between the two changes nothing. */
void deliver_note(const struct node *node, const struct store_write *write,
                  struct pending_write *pending)
{
    struct stored stored;
    const struct record *record = &write->record;
    pending->is_news = false;
    if (write->action != STORE_PUT || write->space != STORE_HELD ||
        record->kind == RECORD_IMMUTABLE)
        return;
    record_key(record, &pending->key);
    pending->kind = (uint8_t)record->kind;
    pending->is_news = !read_held(node, pending->kind, &pending->key, &stored) ||
                       !record_equal(record, &stored.record);
}

void deliver_stored(struct node *node, struct now now, const struct pending_write *pending,
                    struct outbox *out)
{
    struct stored stored;
    if (!pending->is_news || !read_held(node, pending->kind, &pending->key, &stored))
        return;
    listening_stored(node, now, &stored.record, out);
    if (node->role == NODE_CLIENT)
        return;
    add_record(node, stored.record.kind, &pending->key, &stored.record.target);
    go_on(node, now, out);
}

/* It is over: what its lease, if that still is, learns from it. */
static void end_push(struct node *node, struct now now, struct deliver_push *push, bool is_answered,
                     struct outbox *out)
{
    struct lease *lease = leases_find(&node->leases, &push->to.addr, push->sub);
    if (is_answered) {
        push->peer->silent = 0;
        if (lease != NULL)
            lease->silent = 0;
    } else {
        node_count(node, COUNTER_DELIVERIES_UNANSWERED);
        push->peer->silent++;
        if (lease != NULL)
            lease->silent++;
    }
    forget_push(node, push);
    go_on(node, now, out);
}

void deliver_answered(struct node *node, struct now now, const struct inflight_query *query,
                      struct outbox *out)
{
    struct deliver_push *push = find_push(&node->deliver, query->owner_index);
    if (push == NULL)
        return;
    node_count(node, COUNTER_DELIVERIES_ACKNOWLEDGED);
    end_push(node, now, push, true, out);
}

void deliver_refused(struct node *node, struct now now, const struct inflight_query *query,
                     int64_t code, struct outbox *out)
{
    struct deliver_push *push = find_push(&node->deliver, query->owner_index);
    if (push == NULL)
        return;
    node_count(node, COUNTER_DELIVERIES_REFUSED);
    struct lease *lease = leases_find(&node->leases, &push->to.addr, push->sub);
    if (code == err_code(ERR_NOT_FOUND) && lease != NULL) {
        leases_end(&node->leases, lease);
        node_count(node, COUNTER_LEASES_ENDED);
    }
    end_push(node, now, push, code != 0, out);
}

/* A lease that was silent before has but one try. */
static uint32_t tries_of(const struct node *node, const struct deliver_push *push)
{
    const struct lease *lease = leases_find(&node->leases, &push->to.addr, push->sub);
    if (lease == NULL)
        return 0;
    return lease->silent == 0 && lease->peer->silent < DELIVER_PEER_SILENT ? DELIVER_TRIES : 1;
}

void deliver_late(struct node *node, struct now now, const struct inflight_query *query,
                  struct outbox *out)
{
    struct deliver_push *push = find_push(&node->deliver, query->owner_index);
    if (push == NULL)
        return;
    if (push->tries < tries_of(node, push) && send_push(node, now, push, out)) {
        node_count(node, COUNTER_DELIVERIES_REPEATED);
        return;
    }
    end_push(node, now, push, false, out);
}

void deliver_tick(struct node *node, struct now now, struct outbox *out)
{
    if (deliver_next_ms(&node->deliver) <= now.ms)
        go_on(node, now, out);
}

uint64_t deliver_next_ms(const struct deliver *d)
{
    return d->first == NULL || d->is_blocked ? UINT64_MAX : d->turn_ms + DELIVER_PAUSE_MS;
}
