/* One k-bucket of a routing table: its members, its replacement cache, and its times. Owns their
 * memory, which grows as they fill. Knows neither our id nor the other buckets: routing.c and
 * routing_closest.c do, and are its only users. */
#ifndef XORD_DHT_BUCKET_H
#define XORD_DHT_BUCKET_H

#include "daemon/dht/routing/routing.h"

/* A node that answered and may become a member. */
struct candidate {
    struct contact contact;
    struct rtt_peer rtt;
    bool is_xord;
    uint64_t answered_ms;
};

struct bucket {
    struct routing_node *nodes;
    struct candidate *cache; /* newest first */
    uint8_t count, capacity;
    uint8_t cache_count, cache_capacity;
    uint64_t touched_ms;       /* the last lookup inside it */
    uint32_t refresh_after_ms; /* so long after that it is refreshed */
    uint64_t check_ms;         /* no member needs a ping before; it may be early, never late */
    uint64_t retry_ms;         /* members that failed are pinged again from then on */
};

void bucket_init(struct bucket *b);
void bucket_clear(struct bucket *b);

/* The member with this id, or this address, or NULL. Borrowed until the bucket changes. */
struct routing_node *bucket_find(const struct bucket *b, const struct id *id);
struct routing_node *bucket_find_addr(const struct bucket *b, const struct addr *addr);
/* The member with the most failures, if it may be replaced (ROUTING_FAILS_MAX); else NULL. */
struct routing_node *bucket_find_dead(const struct bucket *b);
/* A place for one more member, not yet filled; NULL when the bucket is full or without memory. */
struct routing_node *bucket_extend(struct bucket *b);
void bucket_take_out(struct bucket *b, struct routing_node *node);

/* Puts it first in the cache, in the place of an older entry with its id or address; when the cache
 * is full the oldest goes. False without memory. */
bool bucket_cache(struct bucket *b, const struct candidate *candidate);
/* The entry with this id, or NULL. Borrowed until the cache changes. */
const struct candidate *bucket_find_cached(const struct bucket *b, const struct id *id);
/* Takes the entry with this id out of the cache, if there is one. */
void bucket_uncache(struct bucket *b, const struct id *id);

/* Moves to `to`, which is empty, the members and cached nodes that share more than `prefix` bits
 * with `self`. False without memory: nothing has changed then. */
bool bucket_split(struct bucket *b, const struct id *self, unsigned prefix, struct bucket *to);

/* The members nearest to `target`, nearest first, at most `max`: those that failed since their last
 * answer, or those that did not. Returns how many. */
size_t bucket_closest(const struct bucket *b, const struct id *target, bool is_failed,
                      struct contact *out, size_t max);

/* routing.c: the index of the bucket that this id belongs to; there must be one. */
size_t routing_bucket_of(const struct routing *r, const struct id *id);

#endif
