/* A network too large for whole nodes: ids in order, and a routing table made for whichever node is
 * asked, as one that has known everybody for long would have it: eight nodes drawn at random in
 * each bucket. It answers find_node and ping truthfully, loses nothing and stores nothing. */
#ifndef XORD_TESTS_SIM_STATIC_NET_H
#define XORD_TESTS_SIM_STATIC_NET_H

#include "daemon/dht/routing/routing.h"

struct static_net {
    struct id *ids; /* in order; owned. A node's number is its place */
    uint32_t count;
    uint64_t seed;
};

void static_net_init(struct static_net *net, uint32_t count, uint64_t seed);
void static_net_clear(struct static_net *net);
/* The nodes that this one would list for a target, nearest first; returns how many. */
size_t static_net_closest(const struct static_net *net, uint32_t node, const struct id *target,
                          struct contact *out, size_t max);
/* The nearest of all. */
void static_net_true_closest(const struct static_net *net, const struct id *target, struct id *out,
                             size_t max);

#endif
