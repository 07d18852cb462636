/* A small network for a node's unit tests: the simulator's world with nothing left to chance but
 * the order of packets, no watchers but one that remembers events, and calls that say in a word
 * what a test wants of a node. Nodes are the world's processes, by index. */
#ifndef XORD_TESTS_DHT_NET_H
#define XORD_TESTS_DHT_NET_H

#include "tests/sim/world.h"

#define NET_NODES_MAX    256
#define NET_EVENTS_MAX   256
#define NET_DELAY_MAX_MS 20u /* of a packet */
#define NET_WAIT_MS      60000u
#define NET_NETWORK      7 /* the tag in its packets */

struct net;

struct net_packet {
    struct addr from, to;
    struct bytes data; /* borrowed */
};

/* A packet that a node sends to an address where no node runs: what a test drives by hand answers
 * with net_post. */
typedef void net_foreign_fn(struct net *net, const struct net_packet *packet);

struct net_event {
    size_t node; /* whose */
    struct event event;
};

struct net {
    struct world world;
    struct outbox *out;         /* the world's, for calls into a node */
    struct wires_config *wires; /* the world's: loss and delay may be changed at any time */
    struct process *nodes[NET_NODES_MAX];
    size_t count;
    struct rng rng; /* the test's own */
    net_foreign_fn *on_foreign;
    void *foreign_context; /* of on_foreign */
    /* The owner of what is put: signs what nodes ask to have signed, unless her key is missing. */
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
    bool is_key_missing;
    /* The events of all nodes, newest last; what they point to is copied where tests need it. */
    struct net_event events[NET_EVENTS_MAX];
    size_t event_count;
    size_t awaited_node;
    uint64_t awaited_op;
    uint8_t value[RECORD_V_MAX + 1]; /* v of the last EVENT_GET */
    size_t value_size;
    struct contact closest[8]; /* of the last EVENT_LOOKUP */
};

/* Nodes added later follow net->world.config: is_mainline, has_v6. */
void net_init(struct net *net, uint64_t seed);
void net_clear(struct net *net);
/* `count` servers that know each other, the first of which the others started from. */
void net_build(struct net *net, size_t count, uint64_t seed);
/* A node that starts from node `bootstrap` (or from nobody: -1). Its index. */
size_t net_add(struct net *net, int bootstrap, enum node_role role);
/* Ends the node at once; what it has on disk stays. */
void net_kill(struct net *net, size_t index);
/* Node `index` anew, a server under another id, with the store that it had. */
void net_restart(struct net *net, size_t index, int bootstrap);
/* Out of reach: it hears, says and does nothing until it is back. */
void net_away(struct net *net, size_t index);
void net_back(struct net *net, size_t index);
bool net_is_up(const struct net *net, size_t index);

struct now net_now(const struct net *net); /* by every node's clocks */
/* All wall clocks go ahead by this much; no time passes. */
void net_skip(struct net *net, uint64_t seconds);
/* Carries out what is in net->out as node `index`'s effects, and what is due at once. To be called
 * after each call into one. */
void net_flush(struct net *net, size_t index);
void net_run(struct net *net, uint64_t ms);
/* Runs until the completion of node `index`'s `op` has come, at most NET_WAIT_MS; the event, or
 * NULL. */
const struct event *net_wait(struct net *net, size_t index, uint64_t op);

/* Each starts the operation, which must be accepted, and waits for its completion. */
const struct event *net_put(struct net *net, size_t index, const struct put_request *request);
const struct event *net_get(struct net *net, size_t index, const struct get_request *request);
enum err net_drop_kept(struct net *net, size_t index, enum record_kind kind,
                       const struct id *target);
struct node_info net_info(const struct net *net, size_t index);
uint64_t net_counter(const struct net *net, size_t index, enum counter counter);

/* Delivers a packet made by the test, as if from `from`; effects are carried out. */
void net_inject(struct net *net, size_t index, const struct addr *from, struct bytes packet);
/* Sends a packet made by the test to a node: it takes the way there and back. */
void net_post(struct net *net, const struct addr *from, const struct addr *to, struct bytes packet);

/* What is on node `index`'s disk in this space; false when it is not there. */
bool net_stored(const struct net *net, size_t index, enum store_space space, enum record_kind kind,
                const struct id *target, struct stored *out);
bool net_holds(const struct net *net, size_t index, enum record_kind kind, const struct id *target);
/* How many nodes that are up hold (kind, target). */
size_t net_holders(const struct net *net, enum record_kind kind, const struct id *target);
/* Puts a record onto node `index`'s disk as an earlier run would have left it, without an expiry of
 * the store's own. The node is not told. */
void net_place(struct net *net, size_t index, enum store_space space, const struct record *record);
/* Takes all of this space from node `index`'s disk. The node is not told. */
void net_wipe(struct net *net, size_t index, enum store_space space);

#endif
