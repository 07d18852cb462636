/* A network of real nodes in one process: virtual clock, virtual wires, a store in memory for each,
 * all from one seed. Small on purpose: what a node's unit tests need. */
#ifndef XORD_TESTS_SIM_NET_H
#define XORD_TESTS_SIM_NET_H

#include "daemon/dht/node.h"

#define NET_NODES_MAX   256
#define NET_RECORDS_MAX 512 /* a node's store */

struct net_record {
    bool is_used;
    enum store_space space;
    uint64_t put_unix_s, expiry_unix_s;
    size_t size;
    uint8_t packed[RECORD_PACKED_MAX];
};

struct net_node {
    struct node *node;
    struct addr addr, addr6; /* the second only in a net that has_v6 */
    bool is_alive;
    bool is_store_broken; /* writes end in ERR_IO */
    struct net_record *records;
    struct net *net;
};

struct net_packet {
    uint64_t at_ms;
    uint64_t order;
    struct addr from, to;
    size_t size;
    uint8_t *data;
};

struct net;
/* A packet to an address that is no node's: what a test drives by hand answers with net_post. */
typedef void net_foreign_fn(struct net *net, const struct net_packet *packet);

struct net_event {
    size_t node; /* whose */
    struct event event;
};

struct net {
    struct net_node nodes[NET_NODES_MAX];
    size_t count;
    struct now now;
    struct rng rng;
    struct outbox out;
    struct net_packet *packets; /* in flight, unordered */
    size_t packet_count, packet_capacity;
    uint64_t order;
    uint32_t delay_min_ms, delay_max_ms;
    uint32_t loss_percent;
    bool is_public; /* nodes added from now on are on the public network, each in its own prefix */
    bool has_v6;    /* nodes added from now on are bound to both families */
    net_foreign_fn *on_foreign;
    void *foreign_context;        /* of on_foreign */
    uint8_t seed[KEYS_SEED_SIZE]; /* the key that signs what nodes ask to have signed */
    bool is_key_missing;
    /* The events of all nodes, newest last; what they point to is copied where tests need it. */
    struct net_event events[64];
    size_t event_count;
    uint8_t value[RECORD_V_MAX + 1]; /* v of the last EVENT_GET */
    size_t value_size;
    struct contact closest[8];
};

void net_init(struct net *net, uint64_t seed);
void net_clear(struct net *net);
/* A node that starts from node `bootstrap` (or from nobody: -1). Its index. */
size_t net_add(struct net *net, int bootstrap, enum node_role role);
/* Node `index` anew, a server under another id, with the store that it had. */
void net_restart(struct net *net, size_t index, int bootstrap);
void net_kill(struct net *net, size_t index);
/* Carries out what is in net->out as node `index`'s effects. To be called after each call into one.
 */
void net_flush(struct net *net, size_t index);
/* Lets time pass until nothing is due before `ms` from now. */
void net_run(struct net *net, uint64_t ms);
/* Runs until the completion of node `index`'s `op` has come, at most a virtual minute; the event,
 * or NULL. */
const struct event *net_wait(struct net *net, size_t index, uint64_t op);
/* Delivers a packet made by the test, as if from `from`; effects are carried out. */
void net_inject(struct net *net, size_t index, const struct addr *from, struct bytes packet);
/* Sends a packet made by the test: it arrives after the usual delay, when time passes. */
void net_post(struct net *net, const struct addr *from, const struct addr *to, struct bytes packet);
/* Whether node `index` holds (kind, target), and with which seq. */
bool net_seq(const struct net *net, size_t index, enum record_kind kind, const struct id *target,
             int64_t *seq);
bool net_holds(const struct net *net, size_t index, enum record_kind kind, const struct id *target);
/* How many live nodes hold (kind, target). */
size_t net_holders(const struct net *net, enum record_kind kind, const struct id *target);

#endif
