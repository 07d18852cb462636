#include "daemon/dht/lookup/inflight.h"

#include <assert.h>
#include <stdlib.h>

#define INFLIGHT_START 8u         /* the first allocation: a lookup and some pings */
#define INFLIGHT_KEPT  8u         /* a table grown beyond this is given back once it is empty */
#define NONE           UINT16_MAX /* no slot */

static_assert(INFLIGHT_MAX < NONE, "slots are numbered in 16 bits");
static_assert((INFLIGHT_MAX & (INFLIGHT_MAX - 1)) == 0, "the hash masks with the capacity");

struct slot {
    struct inflight_query query;
    uint16_t next;    /* in its hash chain, or in the free list */
    uint16_t heap_at; /* its place in the heap; NONE when the slot is free */
};

struct inflight {
    struct slot *slots;
    uint16_t *heads; /* hash chains by t, `capacity` of them */
    uint16_t *heap;  /* slot numbers, the one due next first */
    uint32_t capacity;
    uint32_t count;
    uint16_t free;
};

struct inflight *inflight_new(void)
{
    struct inflight *f = calloc(1, sizeof(*f));
    if (f != NULL)
        f->free = NONE;
    return f;
}

static void release(struct inflight *f)
{
    free(f->slots);
    free(f->heads);
    free(f->heap);
    *f = (struct inflight){.free = NONE};
}

void inflight_free(struct inflight *f)
{
    if (f == NULL)
        return;
    release(f);
    free(f);
}

size_t inflight_count(const struct inflight *f)
{
    return f->count;
}

static uint16_t *chain_of(struct inflight *f, uint32_t t)
{
    return &f->heads[t & (f->capacity - 1)];
}

static uint16_t find(struct inflight *f, uint32_t t)
{
    if (f->capacity == 0)
        return NONE;
    uint16_t at = *chain_of(f, t);
    while (at != NONE && f->slots[at].query.t != t)
        at = f->slots[at].next;
    return at;
}

static void chain_remove(struct inflight *f, uint16_t slot)
{
    uint16_t *link = chain_of(f, f->slots[slot].query.t);
    while (*link != slot)
        link = &f->slots[*link].next;
    *link = f->slots[slot].next;
}

/* A late time beyond the dead time would let a query outlive its forgetting. */
static uint64_t due_ms(const struct inflight_query *query)
{
    uint64_t dead_ms = query->sent_ms + INFLIGHT_DEAD_MS;
    return query->is_late || query->late_ms > dead_ms ? dead_ms : query->late_ms;
}

static uint64_t heap_due_ms(const struct inflight *f, uint32_t at)
{
    return due_ms(&f->slots[f->heap[at]].query);
}

static void heap_swap(struct inflight *f, uint32_t a, uint32_t b)
{
    uint16_t slot = f->heap[a];
    f->heap[a] = f->heap[b];
    f->heap[b] = slot;
    f->slots[f->heap[a]].heap_at = (uint16_t)a;
    f->slots[f->heap[b]].heap_at = (uint16_t)b;
}

/* Brings the entry at `at` to where its due time belongs, whichever way that is. */
static void heap_settle(struct inflight *f, uint32_t at)
{
    while (at > 0 && heap_due_ms(f, at) < heap_due_ms(f, (at - 1) / 2)) {
        heap_swap(f, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t least = at, left = 2 * at + 1;
        if (left < f->count && heap_due_ms(f, left) < heap_due_ms(f, least))
            least = left;
        if (left + 1 < f->count && heap_due_ms(f, left + 1) < heap_due_ms(f, least))
            least = left + 1;
        if (least == at)
            return;
        heap_swap(f, at, least);
        at = least;
    }
}

static void rehash(struct inflight *f)
{
    for (uint32_t i = 0; i < f->capacity; i++)
        f->heads[i] = NONE;
    for (uint32_t i = 0; i < f->count; i++) {
        struct slot *slot = &f->slots[f->heap[i]];
        uint16_t *head = chain_of(f, slot->query.t);
        slot->next = *head;
        *head = f->heap[i];
    }
}

/* Doubles the table. Called when every slot is taken, so the free list is the new half. */
static bool grow(struct inflight *f)
{
    uint32_t capacity = f->capacity == 0 ? INFLIGHT_START : 2 * f->capacity;
    if (capacity > INFLIGHT_MAX)
        return false;
    struct slot *slots = realloc(f->slots, capacity * sizeof(*slots));
    if (slots == NULL)
        return false;
    f->slots = slots;
    uint16_t *heads = realloc(f->heads, capacity * sizeof(*heads));
    if (heads == NULL)
        return false;
    f->heads = heads;
    uint16_t *heap = realloc(f->heap, capacity * sizeof(*heap));
    if (heap == NULL)
        return false;
    f->heap = heap;
    for (uint32_t i = capacity; i-- > f->capacity;) {
        slots[i].heap_at = NONE;
        slots[i].next = f->free;
        f->free = (uint16_t)i;
    }
    f->capacity = capacity;
    rehash(f);
    return true;
}

const struct inflight_query *inflight_add(struct inflight *f, const struct inflight_query *query,
                                          struct rng *rng)
{
    if (f->free == NONE && !grow(f))
        return NULL;
    uint32_t t = rng_u32(rng);
    while (find(f, t) != NONE)
        t = rng_u32(rng);
    uint16_t at = f->free;
    struct slot *slot = &f->slots[at];
    f->free = slot->next;
    slot->query = *query;
    slot->query.t = t;
    slot->query.is_late = false;
    uint16_t *head = chain_of(f, t);
    slot->next = *head;
    *head = at;
    slot->heap_at = (uint16_t)f->count;
    f->heap[f->count++] = at;
    heap_settle(f, slot->heap_at);
    return &slot->query;
}

static void forget(struct inflight *f, uint16_t at)
{
    struct slot *slot = &f->slots[at];
    uint32_t hole = slot->heap_at;
    chain_remove(f, at);
    heap_swap(f, hole, f->count - 1);
    f->count--;
    if (hole < f->count)
        heap_settle(f, hole);
    slot->heap_at = NONE;
    slot->next = f->free;
    f->free = at;
    if (f->count == 0 && f->capacity > INFLIGHT_KEPT)
        release(f);
}

bool inflight_take(struct inflight *f, uint32_t t, const struct addr *from,
                   struct inflight_query *out)
{
    uint16_t at = find(f, t);
    if (at == NONE || !addr_equal(&f->slots[at].query.contact.addr, from))
        return false;
    *out = f->slots[at].query;
    forget(f, at);
    return true;
}

bool inflight_next_due(struct inflight *f, uint64_t now_ms, struct inflight_query *out,
                       bool *is_dead)
{
    if (inflight_next_ms(f) > now_ms || f->count == 0)
        return false;
    uint16_t at = f->heap[0];
    struct inflight_query *query = &f->slots[at].query;
    *is_dead = query->is_late;
    if (query->is_late) {
        *out = *query;
        forget(f, at);
        return true;
    }
    query->is_late = true;
    *out = *query;
    heap_settle(f, 0);
    return true;
}

const struct inflight_query *inflight_again(struct inflight *f, uint32_t t, uint64_t late_ms)
{
    uint16_t at = find(f, t);
    if (at == NONE)
        return NULL;
    struct inflight_query *query = &f->slots[at].query;
    query->is_late = false;
    query->late_ms = late_ms;
    heap_settle(f, f->slots[at].heap_at);
    return query;
}

uint64_t inflight_next_ms(const struct inflight *f)
{
    return f->count == 0 ? UINT64_MAX : heap_due_ms(f, 0);
}

struct inflight_query *inflight_find(struct inflight *f, uint64_t owner, uint8_t purpose,
                                     const struct addr *addr)
{
    for (uint32_t i = 0; i < f->count; i++) {
        struct inflight_query *query = &f->slots[f->heap[i]].query;
        if (query->owner == owner && query->purpose == purpose &&
            addr_equal(&query->contact.addr, addr))
            return query;
    }
    return NULL;
}

void inflight_drop_owner(struct inflight *f, uint64_t owner)
{
    for (uint32_t i = 0; i < f->capacity; i++)
        if (f->slots[i].heap_at != NONE && f->slots[i].query.owner == owner)
            forget(f, (uint16_t)i);
}
