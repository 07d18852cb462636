/* A DHT node, whole: inputs in, effects out. Packets, ticks and requests go in with the time;
 * packets, writes and events come out through the outbox that the caller owns. No I/O, no clock, no
 * entropy, no globals, no callbacks but the read-only store functions. Any number of nodes can live
 * in a process.
 *
 * Each accepted operation (get, put, lookup, peers, announce, ping, drop) yields exactly one
 * completion event with its `op`, by success or by deadline, never within the call that started it
 * being refused: a refusal is the call's own error. */
#ifndef XORD_DHT_NODE_H
#define XORD_DHT_NODE_H

#include "common/now.h"
#include "common/rng.h"
#include "daemon/dht/counters.h"
#include "daemon/dht/network/reach.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/routing/routing.h"

#define NODE_OPS_MAX         512    /* operations under way; more are refused with ERR_BUSY */
#define NODE_WRITES_MAX      8192   /* writes not yet on disk; more are refused with 202 */
#define NODE_BOOTSTRAP_MAX   32     /* addresses to start from */
#define NODE_LISTENS_MAX     8192   /* listened to at once */
#define NODE_COMMAND_K_MAX   20     /* closest replies of a query */
#define NODE_CONCURRENCY_MAX 16     /* nodes that a query asks at once */
#define COMMAND_V_MAX        1000   /* bencoded size, as of an item */
#define NODE_TIMEOUT_MS      10000u /* an operation's deadline when none is given */

/* NODE_AUTO: a client until others are seen to reach it (reach.h), then a server. */
enum node_role { NODE_CLIENT, NODE_SERVER, NODE_AUTO };

enum node_state {
    NODE_STARTING, /* the first lookups of our own id are under way */
    NODE_ONLINE,   /* somebody answers */
    NODE_ALONE,    /* nobody to start from: a first node, and it works */
    NODE_OFFLINE   /* bootstrap or earlier nodes exist and none answers */
};
/* In a word, as users read it. */
const char *node_state_name(enum node_state state);

struct node_config {
    struct id id; /* zero: a random one is made */
    enum node_role role;
    bool has_v4, has_v6; /* the families that a socket is bound for */
    bool has_network;    /* false: mainline, no tag */
    uint32_t network;    /* the tag */
    uint8_t version[4];  /* our `v` */
    uint8_t seed[RNG_SEED_SIZE];
    struct store_reader store;
};

struct node_info {
    struct id id;
    enum node_role role;    /* what it is now: NODE_CLIENT or NODE_SERVER */
    enum reach_state reach; /* of NODE_AUTO: the better family's */
    enum node_state state;
    size_t nodes_v4, nodes_v6;  /* in the tables */
    size_t nodes_xord;          /* of xord's own make, known: on a private network all are */
    uint64_t estimate;          /* of the whole network */
    size_t operations, queries; /* under way */
    size_t writes;              /* not yet on disk */
    size_t kept;                /* own puts kept alive */
    size_t torrents;            /* with announced peers */
    size_t listens;             /* of this node, */
    size_t listens_polled;      /* of them those with holders that must be asked: foreign ones */
    size_t leases;              /* granted to others that listen */
    struct addr external;       /* as enough others see us; ADDR_NONE when not known */
};

struct node;

/* NULL without memory. The config is copied. The node is idle until its first tick. */
struct node *node_new(const struct node_config *config, struct now now);
void node_free(struct node *node);

/* A packet came in. Never an error: what is wrong with it is counted. */
void node_recv(struct node *node, struct now now, const struct addr *from, const uint8_t *packet,
               size_t size, struct outbox *out);
/* When to tick next, in monotonic ms; UINT64_MAX: not until something happens. */
uint64_t node_next_ms(const struct node *node);
void node_tick(struct node *node, struct now now, struct outbox *out);
/* A write of ours finished. Sends what was waiting for it. For ERR_STALE_SEQ and ERR_CAS_MISMATCH
 * `seq` is the one stored. */
void node_stored(struct node *node, struct now now, uint64_t write, enum err err, int64_t seq,
                 struct outbox *out);

/* An address to start from, tried until somebody answers. Beyond NODE_BOOTSTRAP_MAX it takes the
 * place of the oldest: names resolve to other addresses over the years. */
void node_bootstrap(struct node *node, const struct addr *addr);
/* A contact saved from an earlier run: pinged, at the next tick or in the minutes after, and when
 * it answers, back in the table. */
void node_restore(struct node *node, struct now now, const struct contact *contact);
void node_set_role(struct node *node, enum node_role role);

struct get_request {
    enum record_kind kind;
    struct id target;
    const uint8_t *k; /* of a single: the owner, KEYS_PUBLIC_SIZE bytes */
    struct bytes salt;
    bool has_min_seq; /* lower ones are not answers; one at least this high ends the get */
    int64_t min_seq;
    uint32_t timeout_ms; /* 0: NODE_TIMEOUT_MS */
};
/* Completes with EVENT_GET. */
enum err node_get(struct node *node, struct now now, const struct get_request *request,
                  uint64_t *op, struct outbox *out);

#define NODE_QUIET_MS 100u /* a gather's patience when none is given */

struct gather_request { /* the entries of a multi */
    struct id target;
    uint32_t min_entries; /* ends as soon as so many that are no deletions are there; 0: all */
    uint32_t quiet_ms;    /* ends when nothing came for so long, though holders that are not yet
                             late by their RTT are waited for; 0: NODE_QUIET_MS */
    uint32_t timeout_ms;  /* 0: NODE_TIMEOUT_MS */
};
/* Completes with EVENT_GATHER: of each place the highest seq, verified. is_complete: the closest
 * nodes answered, and all that they said they have came. Where something is said to be there and
 * has not come, or nothing is and one that was alive is silent, it is ERR_TIMEOUT and no miss. */
enum err node_gather(struct node *node, struct now now, const struct gather_request *request,
                     uint64_t *op, struct outbox *out);

struct put_request {
    enum record_kind kind;
    struct id target;   /* of an entry; that of others follows from the rest */
    const uint8_t *k;   /* NULL for an immutable */
    struct bytes salt;  /* of an entry its slot */
    struct bytes v;     /* raw bencoding, at most RECORD_V_MAX */
    const uint8_t *sig; /* when already signed; NULL: EVENT_NEED_SIGNATURE asks for it */
    bool has_seq;       /* false: the highest seen, plus one */
    int64_t seq;
    bool has_cas;
    int64_t cas;
    bool is_kept;  /* kept alive by this node until node_drop_kept */
    bool is_quick; /* completes once kept on disk; the network follows behind */
    bool is_local; /* of a quick one: the network follows with its next republish */
    uint32_t timeout_ms;
};
/* The put of a record as it is signed; borrowed from it. */
struct put_request node_put_request(const struct record *record);
/* Completes with EVENT_PUT. Refused at once: ERR_TOO_BIG, ERR_SALT_TOO_LONG, ERR_MALFORMED,
 * ERR_BAD_SIGNATURE, ERR_BUSY. Puts of one record_key queue behind each other. */
enum err node_put(struct node *node, struct now now, const struct put_request *request,
                  uint64_t *op, struct outbox *out);
/* Answers EVENT_NEED_SIGNATURE; NULL: it cannot be signed, and the put fails with ERR_NO_KEY. */
void node_put_signed(struct node *node, struct now now, uint64_t op, const uint8_t *sig,
                     struct outbox *out);
/* By its record_key. Completes with EVENT_DROPPED: ERR_OK or ERR_NOT_FOUND. */
enum err node_drop_kept(struct node *node, struct now now, enum record_kind kind,
                        const struct id *key, uint64_t *op, struct outbox *out);

enum err node_lookup(struct node *node, struct now now, const struct id *target,
                     uint32_t timeout_ms, uint64_t *op, struct outbox *out); /* EVENT_LOOKUP */
enum err node_peers(struct node *node, struct now now, const struct id *info_hash,
                    uint32_t timeout_ms, uint64_t *op, struct outbox *out); /* EVENT_PEERS */
/* EVENT_ANNOUNCE; port 0: the port that packets come from (BEP 5 implied_port). */
enum err node_announce(struct node *node, struct now now, const struct id *info_hash, uint16_t port,
                       uint32_t timeout_ms, uint64_t *op, struct outbox *out);
enum err node_ping(struct node *node, struct now now, const struct addr *addr, uint32_t timeout_ms,
                   uint64_t *op, struct outbox *out); /* EVENT_PING */
struct listen_request {
    enum record_kind kind; /* RECORD_SINGLE or RECORD_MULTI */
    struct id target;
    const uint8_t *k;    /* of a single: the owner, KEYS_PUBLIC_SIZE bytes */
    struct bytes salt;   /* of a single */
    uint32_t timeout_ms; /* until LISTEN_SYNCED at the latest; 0: NODE_TIMEOUT_MS */
};
/* What is stored now and each change from then on, each once and verified, as EVENT_LISTEN, until
 * node_cancel(*op), whose LISTEN_END has ERR_CANCELLED. Of a single seqs only rise. Refused:
 * ERR_BUSY beyond NODE_LISTENS_MAX, ERR_NO_MEMORY. */
enum err node_listen(struct node *node, struct now now, const struct listen_request *request,
                     uint64_t *op, struct outbox *out);

struct command_request {
    struct bytes command; /* [a-z0-9._-]{1,32} */
    bool has_target;      /* a node_query must have one */
    struct id target;
    struct bytes v;      /* raw bencoding, COMMAND_V_MAX at most; absent: none */
    struct addr to;      /* of a node_request; ADDR_NONE: by id */
    struct id to_id;     /* of a node_request by id: looked up */
    bool is_commit;      /* of a query: again, with their tokens, to the k closest that answered */
    uint8_t k;           /* of a query: 1 to NODE_COMMAND_K_MAX; 0: 8 */
    uint8_t concurrency; /* of a query: asked at once, 1 to 16; 0: the lookup's own */
    uint32_t timeout_ms; /* 0: NODE_TIMEOUT_MS */
};
/* Both refuse: ERR_INVALID_PARAMS, ERR_TOO_BIG, ERR_BUSY. Only xord nodes are sent commands. A node
 * may get one twice, when its first answer and a ping were lost. A node sends none to itself.
 *
 * One node, one reply: EVENT_REQUEST; ERR_NOT_FOUND: nobody with that id answers;
 * ERR_METHOD_UNKNOWN: the node there is no xord; ERR_INVALID_PARAMS: it is this one. */
enum err node_request(struct node *node, struct now now, const struct command_request *request,
                      uint64_t *op, struct outbox *out);
/* Toward the target: EVENT_REPLY for each reply, then EVENT_QUERY. */
enum err node_query(struct node *node, struct now now, const struct command_request *request,
                    uint64_t *op, struct outbox *out);
/* Answers EVENT_COMMAND. error 0, or COMMAND_*, or a handler's own, up to COMMAND_ERROR_MAX; `v`,
 * raw bencoding: absent: a reply without a value. ERR_NOT_FOUND: the request is not waited for: too
 * late, or answered already; ERR_TOO_BIG: v is over COMMAND_V_MAX, the request still waits. */
enum err node_respond(struct node *node, struct now now, uint64_t request, uint32_t error,
                      struct bytes v, struct outbox *out);

/* Before a graceful stop: hands over what the network would lose with this node, then tells the
 * neighbours. Completes with EVENT_LEFT: ERR_OK, or ERR_TIMEOUT when time ran out on the way. After
 * it the node answers nothing. ERR_EXISTS when it is leaving already. */
enum err node_leave(struct node *node, struct now now, uint32_t timeout_ms, uint64_t *op,
                    struct outbox *out);
/* Ends an operation early: its event comes with ERR_CANCELLED. Unknown ops are ignored. */
void node_cancel(struct node *node, struct now now, uint64_t op, struct outbox *out);

/* Which classes (bits of enum watch_class) are told as EVENT_WATCH from now on; 0: none, which
 * costs nothing. Without memory the class of nodes stays off. */
void node_watch(struct node *node, unsigned classes);
unsigned node_watched(const struct node *node);
/* What only the owner of the store sees: how a write ended, and a record that the store let go, or
 * `more` of them that nothing else is known of. Told when WATCH_STORE is watched. */
void node_watch_written(struct node *node, const struct store_write *write, enum err err,
                        struct outbox *out);
void node_watch_removed(struct node *node, const struct store_removed *removed, struct outbox *out);

void node_get_info(const struct node *node, struct node_info *out);
uint64_t node_counter(const struct node *node, enum counter counter);
/* The table of one family, or NULL when the family is not bound. Borrowed until the next call. */
const struct routing *node_routing(const struct node *node, enum addr_family family);
/* The second one, of xord's own nodes, which there is on the public network alone; else NULL. */
const struct routing *node_routing_xord(const struct node *node, enum addr_family family);

#endif
