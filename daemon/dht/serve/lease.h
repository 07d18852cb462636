/* Leases that this node has granted: who is to be told when what it holds of a target changes.
 * Found by (address, subscription), walked by (kind, target); each ends LEASE_S after it was last
 * renewed. Knows too whose target has got a nearer node than this one since. In memory alone: a
 * subscriber that a restart has forgotten is told so when it renews. Sends nothing (serve_listen,
 * deliver). */
#ifndef XORD_DHT_LEASE_H
#define XORD_DHT_LEASE_H

#include "common/chains.h"
#include "common/err.h"
#include "common/hash.h"
#include "daemon/dht/records/record.h"
#include "daemon/dht/routing/contact.h"

#define LEASE_S          300u   /* several refreshes may be lost, and the dead are soon forgotten */
#define LEASE_SUB_SIZE   8      /* the subscriber's random number for it */
#define LEASES_MAX       32768u /* some 8 MiB */
#define LEASES_PEER_MAX  8192u  /* of one peer: as many as a node listens to (NODE_LISTENS_MAX) */
#define LEASES_SLICE     256u   /* ended in one tick */
#define LEASE_JOINS_MAX  32u /* joins remembered; more between two renewals count as nearer ones */
#define LEASE_MOVED_SAID 2u  /* replies that say so: one may be lost */

struct lease_target {
    struct chain_link link;
    uint8_t kind; /* enum record_kind */
    struct id id;
    struct lease *first, *last;
    struct lease_walk *walks; /* under way */
};

/* An address, or where an address is not loopback or private its prefix: what is counted by. Lives
 * while it has leases or is held. */
struct lease_peer {
    struct chain_link link;
    struct addr addr;
    uint32_t leases;
    uint32_t holds;  /* of whoever has something under way to it (deliver) */
    uint32_t silent; /* deliver's: what it left unanswered */
};

struct lease {
    struct chain_link link;
    struct lease_target *target;
    struct lease_peer *peer;
    struct lease *next, *previous; /* of the target, in the order they were granted */
    struct lease *sooner, *later;  /* of all, by when they end */
    struct contact subscriber;
    uint8_t sub[LEASE_SUB_SIZE];
    uint8_t moved_left; /* replies that have still to say so */
    uint8_t silent;     /* deliver's: deliveries left unanswered since it was renewed */
    uint64_t ends_ms;
    uint64_t joins_seen;
};

/* Goes over the leases of a target, those that are granted on the way too, whichever end on it. */
struct lease_walk {
    struct lease_target *target; /* NULL when it is over */
    struct lease *at;
    struct lease_walk *next;
};

struct leases {
    uint8_t key[HASH_KEY_SIZE]; /* secret, so that nobody can aim at one chain */
    struct chains by_sub, by_target, by_peer;
    struct lease *soonest, *latest;
    struct id *joins; /* the last ones, owned; there only while there are leases */
    uint64_t join_count;
};

void leases_init(struct leases *l, struct rng *rng);
void leases_clear(struct leases *l);

/* Grants, or renews the lease that the subscriber has under this `sub`. ERR_EXISTS: it is for
 * another target or kind. ERR_BUSY: beyond a cap. ERR_NO_MEMORY. */
enum err leases_grant(struct leases *l, uint64_t now_ms, const struct contact *subscriber,
                      const uint8_t sub[LEASE_SUB_SIZE], enum record_kind kind,
                      const struct id *target);
/* NULL: none. Borrowed until it ends. */
struct lease *leases_find(const struct leases *l, const struct addr *addr,
                          const uint8_t sub[LEASE_SUB_SIZE]);
/* `id`: the subscriber's own, which may have changed. */
void leases_renew(struct leases *l, uint64_t now_ms, struct lease *lease, const struct id *id);
void leases_end(struct leases *l, struct lease *lease);
/* Ends those whose time is up, LEASES_SLICE at most. Returns how many. */
size_t leases_expire(struct leases *l, uint64_t now_ms);
uint64_t leases_next_ms(const struct leases *l);
size_t leases_count(const struct leases *l);

/* A node near us answers that did not before. */
void leases_joined(struct leases *l, const struct id *id);
/* True when the next reply has to say that nodes nearer to its target than `self` have joined; to
 * be told with leases_moved_said that it did. */
bool leases_has_moved(const struct leases *l, struct lease *lease, const struct id *self);
void leases_moved_said(struct lease *lease);

/* False when nobody has a lease of it; else the walk has begun, and must not move until its end. */
bool lease_walk_begin(struct leases *l, enum record_kind kind, const struct id *target,
                      struct lease_walk *walk);
/* The lease it stands at; NULL at the end. */
struct lease *lease_walk_at(const struct lease_walk *walk);
void lease_walk_step(struct lease_walk *walk);
void lease_walk_end(struct lease_walk *walk);

/* Keeps it while something is under way to it. */
void lease_peer_hold(struct lease_peer *peer);
void lease_peer_release(struct leases *l, struct lease_peer *peer);

#endif
