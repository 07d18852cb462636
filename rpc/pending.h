/* What pending calls wait for: node operations, tickets of the host, the node's readiness,
 * deadlines. Finds the call when it comes. Links calls, owns none, allocates nothing. */
#ifndef XORD_RPC_PENDING_H
#define XORD_RPC_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENDING_BUCKETS 256 /* a power of two; half of the operations a node runs at once */

struct rpc_call;
struct rpc_op;

struct pending { /* zeroed it is empty */
    struct rpc_op *ops[PENDING_BUCKETS];
    struct rpc_call *tickets[PENDING_BUCKETS];
    struct rpc_call *ready;
    struct rpc_call *deadlines; /* unordered: few calls have one, the node keeps its own */
    uint64_t earliest_ms;       /* no deadline is before this; 0 while there is none */
};

/* By call->on; the same `on`, and what its `ops` point to, must stand when it is removed. */
void pending_add(struct pending *p, struct rpc_call *call);
void pending_remove(struct pending *p, struct rpc_call *call);
struct rpc_call *pending_find_op(const struct pending *p, uint64_t op);
struct rpc_call *pending_find_ticket(const struct pending *p, uint64_t ticket);
/* A call whose deadline has passed, or NULL; each call of this removes none. */
struct rpc_call *pending_find_late(struct pending *p, uint64_t now_ms);
/* When a deadline may pass, in monotonic ms; UINT64_MAX: none. May be too early. */
uint64_t pending_next_ms(const struct pending *p);

#endif
