/* One family's routing table: k-buckets that grow lazily toward our id, each with a replacement
 * cache (Kademlia; BEP 5). Holds only nodes that answered a query of ours; the oldest live node is
 * kept. Sends nothing: says who should be pinged and which bucket wants a refresh, the caller acts.
 */
#ifndef XORD_DHT_ROUTING_H
#define XORD_DHT_ROUTING_H

#include "common/rng.h"
#include "daemon/dht/routing/contact.h"
#include "daemon/dht/routing/rtt.h"

#define ROUTING_K         8
#define ROUTING_CACHE     8 /* replacements a bucket */
#define ROUTING_FAILS_MAX 2 /* unanswered queries in a row until a node may be replaced */
#define ROUTING_QUESTIONABLE_MS                                                                    \
    (15u * 60u * 1000u) /* BEP 5: silent for longer: ping before trusting */
/* the same far from us where nobody waits for the place: it is listed to others all the same */
#define ROUTING_UNWATCHED_MS (2u * ROUTING_QUESTIONABLE_MS)
/* So long after its last answer in any case: another may send queries in its name, and that it
 * reaches us does not say that we reach it. */
#define ROUTING_UNANSWERED_MS     (60u * 60u * 1000u)
#define ROUTING_REFRESH_MS        (15u * 60u * 1000u) /* BEP 5: a bucket untouched for longer */
#define ROUTING_REFRESH_JITTER_MS (ROUTING_REFRESH_MS / 8)
#define ROUTING_PREFIX_BUCKET_MAX 2  /* nodes of one address prefix in a bucket */
#define ROUTING_PREFIX_TABLE_MAX  10 /* and in the table; loopback and private are exempt */

struct routing_node {
    struct contact contact;
    struct rtt_peer rtt;
    uint8_t fails;     /* unanswered since the last answer */
    bool is_xord;      /* its version said so */
    bool is_pinged;    /* a check is under way: set by routing_next_check, cleared by an outcome */
    uint64_t first_ms; /* when it was added */
    uint64_t answered_ms;   /* its last answer */
    uint64_t queried_us_ms; /* its last query of ours; 0 never */
};

struct changes;
struct bucket; /* private to this room: bucket.h */

struct routing {
    struct id self;
    enum addr_family family;
    struct bucket *buckets; /* by shared prefix; the last holds all that share more, too */
    size_t bucket_count;    /* 0 until the first node answers */
    size_t node_count;
    uint64_t check_ms, refresh_ms; /* what routing_next_ms says: may be early, never late */
    struct changes *changes;       /* where members that come and go are noted; NULL: nowhere */
};

void routing_init(struct routing *r, const struct id *self, enum addr_family family);
void routing_clear(struct routing *r);

enum routing_added { ROUTING_ADDED, ROUTING_UPDATED, ROUTING_CACHED, ROUTING_REFUSED };
/* A node answered a query of ours after `rtt_ms` (or RTT_NONE). Adds or refreshes it; a full bucket
 * caches it. An address known under another id replaces that entry only when the old one failed. */
enum routing_added routing_answered(struct routing *r, const struct contact *contact, bool is_xord,
                                    uint32_t rtt_ms, uint64_t now_ms);
/* A known node sent us a query; unknown nodes are not added. True when it is known, or when there
 * is no room for it anyway: false means that a ping could make it a member. */
bool routing_queried_us(struct routing *r, const struct contact *contact, uint64_t now_ms);
/* A query to it was not answered. After ROUTING_FAILS_MAX the cache's newest takes its place. */
void routing_failed(struct routing *r, const struct contact *contact, uint64_t now_ms);
/* Its id changed, it went read-only, or said goodbye: takes it out at once. */
void routing_remove(struct routing *r, const struct id *id);

/* The known node with this id and address, or NULL. Borrowed until the next change. */
const struct routing_node *routing_find(const struct routing *r, const struct contact *contact);
/* The nodes nearest to `target`, nearest first, at most `max` (<= ROUTING_K * 4). Nodes that failed
 * since their last answer come only when `with_failed`, and then after all others. Returns how
 * many. Fast: this serves every find_node. */
size_t routing_closest(const struct routing *r, const struct id *target, bool with_failed,
                       struct contact *out, size_t max);

/* The nodes waiting to replace a member, nearest to `target` first, at most `max`: no members, but
 * they answered once. Returns how many. */
size_t routing_spares(const struct routing *r, const struct id *target, struct contact *out,
                      size_t max);

/* A node that should be pinged now: questionable ones, sooner in buckets with replacements waiting
 * or near us, and failed ones. Marks it pinged. False when there is none. */
bool routing_next_check(struct routing *r, uint64_t now_ms, struct contact *out);
/* A bucket untouched for ROUTING_REFRESH_MS, or up to ROUTING_REFRESH_JITTER_MS less: a random
 * target inside it; marks it touched. */
bool routing_next_refresh(struct routing *r, uint64_t now_ms, struct rng *rng, struct id *target);
/* Has each bucket refreshed at a random time of its own within the next ROUTING_REFRESH_MS, or
 * that long after it is touched meanwhile. */
void routing_stagger(struct routing *r, uint64_t now_ms, struct rng *rng);
/* When routing_next_check or routing_next_refresh may next have something, in monotonic ms. */
uint64_t routing_next_ms(const struct routing *r);
/* A lookup for `target` is running: its bucket counts as touched. */
void routing_touch(struct routing *r, const struct id *target, uint64_t now_ms);

/* Walks all members, by bucket: *bucket and *index start at 0; NULL at the end. `bucket_out`'s
 * prefix length is *bucket after the call. */
const struct routing_node *routing_each(const struct routing *r, size_t *bucket, size_t *index);
/* Members that have answered their last query. */
size_t routing_live_count(const struct routing *r);
/* An estimate of how many nodes the network has, from the density around our own id. */
uint64_t routing_estimate(const struct routing *r);

#endif
