/* Feeds: what is listened to, each once in the node, however many clients follow it. A feed begins
 * with its first follower and ends with its last. It puts the node's events in their order: who
 * joins is told what is stored, then `synced`, then what changes, each once; the first follower's
 * replay is what the node finds, later ones' is read anew (of a multi) or known (of a single). The
 * content of a single's large value is fetched before it is told. */
#ifndef XORD_RPC_FEED_H
#define XORD_RPC_FEED_H

#include "common/hash.h"
#include "daemon/dht/event.h"
#include "rpc/streams/follower.h"
#include "rpc/streams/held.h"
#include "rpc/streams/view.h"

#define FEEDS_READ_MAX                                                                             \
    (NODE_LISTENS_MAX / 2)     /* begun on the read-only socket: the owner has the rest */
#define FEED_READINGS_MAX 16u  /* of multis at once, for who joins later; the others wait */
#define FEED_FETCHES_MAX  4u   /* of large values at once, a mebibyte or two each */
#define FEED_HELD_MAX     256u /* changes of a multi during a reading; beyond it a gap */
#define FEED_CHANGES_MAX  16u  /* of a single during a fetch; beyond it the newest count */
#define FEED_RETRY_MS     200u /* for a reading or a fetch that found all places taken */
/* Keys that all feeds may try on sealed values, a second: 60 ms of the loop. */
#define FEED_TRIES_A_SECOND 1024u

struct dispatch;
struct fetch;

struct feed_key {
    enum record_kind kind;
    struct id target;
    const uint8_t *k;  /* of a single */
    struct bytes salt; /* of a single */
};

struct feed_op {            /* an operation of the node; number 0: none */
    struct chain_link link; /* by number */
    uint64_t number;
    struct feed *feed;
};

enum feed_need { FEED_NEEDS_NOTHING, FEED_WAITS, FEED_IS_SERVED };

struct feed {
    struct chain_link link; /* by key */
    struct feed_set *set;
    struct feed_op listening, reading;
    enum record_kind kind;
    struct id target;
    uint8_t k[KEYS_PUBLIC_SIZE];
    uint8_t salt[RECORD_SALT_MAX];
    size_t salt_size;
    enum rpc_access access; /* RPC_ACCESS_READ: only readers have followed it */
    struct view *views;
    size_t view_count;
    size_t follower_count;
    size_t joining_count; /* of them wait for a replay */
    bool is_synced;       /* the node's first reading is done, with this: */
    enum err synced_err;
    /* Of a multi: what the first reading has found, later what came during the reading under way.
     * Of a single: what waits for the fetch under way. */
    struct held held;
    uint32_t round;           /* of the reading under way, or the last one; the node's own is 0 */
    struct held_change *last; /* of a single: the newest change told */
    enum feed_need need;      /* of a reading, or a fetch */
    bool is_fetch_due;        /* of the last change's content */
    bool is_for_joining;      /* that fetch; else for those who follow */
    struct fetch *fetch;
    struct feed *wait_previous, *wait_next; /* while FEED_WAITS */
};

struct feed_set { /* of the dispatcher */
    struct dispatch *dispatch;
    struct chains by_key, by_op;
    uint8_t hash_key[HASH_KEY_SIZE]; /* names that clients choose must not meet in one chain */
    bool has_hash_key;
    size_t read_count;
    size_t readings, fetches; /* under way */
    struct budget budget;
    struct feed *wait_first, *wait_last;
    uint64_t retry_ms;
    uint32_t tries_left; /* in the second that began at: */
    uint64_t tries_ms;
};

void feed_set_init(struct feed_set *set, struct dispatch *dispatch);
/* True when it was for a feed, or is of a listening that has ended. */
bool feed_set_event(struct feed_set *set, const struct event *event);
void feed_set_tick(struct feed_set *set);
/* When to tick next, monotonic; UINT64_MAX: not. */
uint64_t feed_set_next_ms(const struct feed_set *set);

/* The feed with this key, begun where there is none. ERR_BUSY, ERR_NO_MEMORY. */
enum err feed_open(struct feed_set *set, const struct feed_key *key, enum rpc_access access,
                   struct feed **out);
/* The feed, or this view of it, was opened and not joined: it ends where nobody follows. */
void feed_release(struct feed *feed, struct view *view);
/* The follower's stream is open: it is told what is stored when `has_replay`, `synced`, and each
 * change from now on. */
void feed_join(struct feed *feed, struct view *view, struct follower *follower, bool has_replay);
void feed_leave(struct follower *follower);

/* How many keys may be tried on sealed values now, and how many of those are left. */
uint32_t feed_tries(struct feed_set *set);
void feed_tried(struct feed_set *set, uint32_t left);

#endif
