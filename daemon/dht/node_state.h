/* What the files of the node share and nobody else sees: its state. node.c owns it; each other room
 * (serve, query, search, the operations, maintain, keep, writes) works on the part that bears its
 * name. */
#ifndef XORD_DHT_NODE_STATE_H
#define XORD_DHT_NODE_STATE_H

#include "daemon/dht/keep/keep.h"
#include "daemon/dht/keep/repair.h"
#include "daemon/dht/listen/listening.h"
#include "daemon/dht/lookup/claims.h"
#include "daemon/dht/lookup/inflight.h"
#include "daemon/dht/network/external.h"
#include "daemon/dht/network/maintain.h"
#include "daemon/dht/network/overlay.h"
#include "daemon/dht/node.h"
#include "daemon/dht/ops/op.h"
#include "daemon/dht/routing/family.h"
#include "daemon/dht/routing/neighbours.h"
#include "daemon/dht/seen.h"
#include "daemon/dht/serve/answers.h"
#include "daemon/dht/serve/budget.h"
#include "daemon/dht/serve/deliver.h"
#include "daemon/dht/serve/lease.h"
#include "daemon/dht/serve/peers.h"
#include "daemon/dht/serve/requests.h"
#include "daemon/dht/serve/token.h"
#include "daemon/dht/watch.h"
#include "daemon/dht/wire/krpc.h"
#include "daemon/dht/writes.h"

struct node {
    struct id id;
    enum node_role role; /* NODE_CLIENT or NODE_SERVER */
    bool is_role_auto;   /* by `reach` */
    bool has_family[FAMILY_COUNT];
    bool has_network;
    uint32_t network;
    uint8_t version[4];
    struct store_reader store;
    struct rng rng;
    struct token_secret token_secret;
    struct budget budget;
    struct routing tables[FAMILY_COUNT];
    struct neighbours neighbours[FAMILY_COUNT];
    struct overlay *overlay; /* owned; NULL on a private network */
    struct rtt_network rtt;
    struct inflight *inflight;
    struct peers *peers;
    struct seen *seen;
    struct external external[FAMILY_COUNT];
    struct reach reach[FAMILY_COUNT]; /* used where the role is found out */
    uint64_t adopt_after_ms;          /* adopt.c: no other id before */
    struct ops ops;
    struct claims_pool claims_pool; /* of all gathers, syncs and catch-ups */
    struct listenings *listenings;  /* owned; NULL until the first */
    struct writes writes;
    struct requests requests; /* commands that wait for their handler */
    struct answers answers;
    struct maintain maintain;
    struct keep keep;
    struct repair repair;
    struct watch watch;
    struct leases leases;
    struct deliver deliver;
    uint64_t counters[COUNTER_COUNT];
};

static inline void node_count(struct node *node, enum counter counter)
{
    node->counters[counter]++;
}

/* Whether anybody is to be told of this class. */
static inline bool watch_is_on(const struct node *node, enum watch_class class)
{
    return (node->watch.classes & class) != 0;
}

/* True when a socket is bound for this address's family. */
static inline bool node_can_reach(const struct node *node, const struct addr *addr)
{
    return addr->family != ADDR_NONE && node->has_family[family_index(addr->family)];
}

/* BEP 43: what we send in this family says that nobody can reach us there. */
static inline bool node_is_read_only(const struct node *node, unsigned family)
{
    return node->role == NODE_CLIENT ||
           (node->is_role_auto && node->reach[family].state == REACH_UNKNOWN);
}

/* Which tables a method goes by: those of the overlay, or, NULL, those of all nodes. */
static inline struct overlay *node_overlay(const struct node *node, enum krpc_method method)
{
    return krpc_is_extension(method) ? node->overlay : NULL;
}
const struct routing *node_table(const struct node *node, enum krpc_method method, unsigned family);
const struct neighbours *node_neighbours(const struct node *node, enum krpc_method method,
                                         unsigned family);
/* The live nodes known to be nearest to `target` of those that know this method, of table and
 * neighbours, nearest first, at most `max`. Returns how many. */
size_t node_closest(const struct node *node, enum krpc_method method, unsigned family,
                    const struct id *target, struct contact *out, size_t max);
/* Members of both tables that have answered their last query. */
size_t node_live_count(const struct node *node);
/* The state as it is now: from the tables, the bootstrap list and what has been tried. */
enum node_state node_state_now(const struct node *node);
/* The same for operations that search by this method. */
enum node_state node_state_for(const struct node *node, enum krpc_method method);

#endif
