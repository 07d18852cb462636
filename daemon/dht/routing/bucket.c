#include "daemon/dht/routing/bucket.h"

#include <stdlib.h>

#define CAPACITY_FIRST 2u /* most buckets of a small network hold a node or two */

_Static_assert(ROUTING_K % CAPACITY_FIRST == 0 && ROUTING_CACHE % CAPACITY_FIRST == 0,
               "capacities double up to their limits");

void bucket_init(struct bucket *b)
{
    memset(b, 0, sizeof *b);
    b->refresh_after_ms = ROUTING_REFRESH_MS;
    b->check_ms = UINT64_MAX;
}

void bucket_clear(struct bucket *b)
{
    free(b->nodes);
    free(b->cache);
    bucket_init(b);
}

struct routing_node *bucket_find(const struct bucket *b, const struct id *id)
{
    for (size_t i = 0; i < b->count; i++) {
        if (id_equal(&b->nodes[i].contact.id, id))
            return &b->nodes[i];
    }
    return NULL;
}

struct routing_node *bucket_find_addr(const struct bucket *b, const struct addr *addr)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->nodes[i].contact.addr.port == addr->port &&
            addr_equal(&b->nodes[i].contact.addr, addr))
            return &b->nodes[i];
    }
    return NULL;
}

struct routing_node *bucket_find_dead(const struct bucket *b)
{
    struct routing_node *dead = NULL;

    for (size_t i = 0; i < b->count; i++) {
        struct routing_node *node = &b->nodes[i];
        if (node->fails >= ROUTING_FAILS_MAX && (dead == NULL || node->fails > dead->fails))
            dead = node;
    }
    return dead;
}

struct routing_node *bucket_extend(struct bucket *b)
{
    if (b->count == ROUTING_K)
        return NULL;
    if (b->count == b->capacity) {
        size_t larger = b->capacity == 0 ? CAPACITY_FIRST : b->capacity * 2u;
        larger = larger < ROUTING_K ? larger : ROUTING_K;
        struct routing_node *moved = realloc(b->nodes, larger * sizeof *moved);
        if (moved == NULL)
            return NULL;
        b->nodes = moved;
        b->capacity = (uint8_t)larger;
    }
    return &b->nodes[b->count++];
}

void bucket_take_out(struct bucket *b, struct routing_node *node)
{
    *node = b->nodes[--b->count];
}

static void remove_cached(struct bucket *b, size_t index)
{
    b->cache_count--;
    memmove(b->cache + index, b->cache + index + 1, (b->cache_count - index) * sizeof b->cache[0]);
}

const struct candidate *bucket_find_cached(const struct bucket *b, const struct id *id)
{
    for (size_t i = 0; i < b->cache_count; i++) {
        if (id_equal(&b->cache[i].contact.id, id))
            return &b->cache[i];
    }
    return NULL;
}

void bucket_uncache(struct bucket *b, const struct id *id)
{
    const struct candidate *cached = bucket_find_cached(b, id);

    if (cached != NULL)
        remove_cached(b, (size_t)(cached - b->cache));
}

static void uncache_addr(struct bucket *b, const struct addr *addr)
{
    for (size_t i = 0; i < b->cache_count; i++) {
        if (addr_equal(&b->cache[i].contact.addr, addr)) {
            remove_cached(b, i);
            return;
        }
    }
}

static bool grow_cache(struct bucket *b)
{
    size_t larger = b->cache_capacity == 0 ? CAPACITY_FIRST : b->cache_capacity * 2u;

    larger = larger < ROUTING_CACHE ? larger : ROUTING_CACHE;
    struct candidate *moved = realloc(b->cache, larger * sizeof *moved);
    if (moved == NULL)
        return false;
    b->cache = moved;
    b->cache_capacity = (uint8_t)larger;
    return true;
}

bool bucket_cache(struct bucket *b, const struct candidate *candidate)
{
    bucket_uncache(b, &candidate->contact.id);
    uncache_addr(b, &candidate->contact.addr);
    if (b->cache_count == ROUTING_CACHE)
        b->cache_count--;
    if (b->cache_count == b->cache_capacity && !grow_cache(b))
        return false;
    memmove(b->cache + 1, b->cache, b->cache_count * sizeof b->cache[0]);
    b->cache[0] = *candidate;
    b->cache_count++;
    return true;
}

static bool is_beyond(const struct contact *contact, const struct id *self, unsigned prefix)
{
    return id_common_prefix(&contact->id, self) > prefix;
}

bool bucket_split(struct bucket *b, const struct id *self, unsigned prefix, struct bucket *to)
{
    /* All memory first, so that there is nothing to undo. */
    if ((b->count > 0 && (to->nodes = malloc(b->capacity * sizeof *to->nodes)) == NULL) ||
        (b->cache_count > 0 &&
         (to->cache = malloc(b->cache_capacity * sizeof *to->cache)) == NULL)) {
        bucket_clear(to);
        return false;
    }
    to->capacity = b->count > 0 ? b->capacity : 0;
    to->cache_capacity = b->cache_count > 0 ? b->cache_capacity : 0;
    uint8_t count = 0, cache_count = 0;
    for (size_t i = 0; i < b->count; i++) {
        bool moves = is_beyond(&b->nodes[i].contact, self, prefix);
        *(moves ? &to->nodes[to->count++] : &b->nodes[count++]) = b->nodes[i];
    }
    for (size_t i = 0; i < b->cache_count; i++) {
        bool moves = is_beyond(&b->cache[i].contact, self, prefix);
        *(moves ? &to->cache[to->cache_count++] : &b->cache[cache_count++]) = b->cache[i];
    }
    b->count = count;
    b->cache_count = cache_count;
    to->touched_ms = b->touched_ms;
    to->refresh_after_ms = b->refresh_after_ms;
    to->check_ms = b->check_ms;
    to->retry_ms = b->retry_ms;
    return true;
}

/* Ranks by whole distances: for ids whose first 64 bits are the same, which chance does not make,
 * but somebody who chooses ids does. */
static void rank_exactly(const struct contact *const contacts[ROUTING_K], size_t count,
                         const struct id *target, unsigned rank[ROUTING_K])
{
    for (size_t i = 0; i < count; i++) {
        rank[i] = 0;
        for (size_t j = 0; j < count; j++)
            rank[i] += id_compare_distance(target, &contacts[j]->id, &contacts[i]->id) < 0;
    }
}

/* rank[i]: how many are nearer than the i-th. Each is compared with all, without a branch that
 * could be mispredicted, which for this few is faster than any sort. */
static void rank_by_distance(const struct contact *const contacts[ROUTING_K], size_t count,
                             const struct id *target, unsigned rank[ROUTING_K])
{
    uint64_t distance[ROUTING_K];
    unsigned taken = 0;

    for (size_t i = 0; i < ROUTING_K; i++)
        distance[i] = i < count ? id_distance_head(target, &contacts[i]->id) : UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        unsigned nearer = 0;
        for (size_t j = 0; j < ROUTING_K; j++)
            nearer += distance[j] < distance[i];
        rank[i] = nearer;
        taken |= 1u << nearer;
    }
    if (taken != (1u << count) - 1)
        rank_exactly(contacts, count, target, rank);
}

size_t bucket_closest(const struct bucket *b, const struct id *target, bool is_failed,
                      struct contact *out, size_t max)
{
    const struct contact *contacts[ROUTING_K];
    unsigned rank[ROUTING_K];
    size_t count = 0;

    for (size_t i = 0; i < b->count; i++) {
        contacts[count] = &b->nodes[i].contact;
        count += (b->nodes[i].fails > 0) == is_failed;
    }
    rank_by_distance(contacts, count, target, rank);
    for (size_t i = 0; i < count; i++) {
        if (rank[i] < max)
            out[rank[i]] = *contacts[i];
    }
    return count < max ? count : max;
}
