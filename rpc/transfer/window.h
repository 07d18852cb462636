/* The node operations that a call over many items has under way: at most WINDOW_SIZE at once, each
 * for one item by its number. Starts nothing and waits for nothing itself. */
#ifndef XORD_RPC_WINDOW_H
#define XORD_RPC_WINDOW_H

#include "rpc/method.h"

/* Enough to hide the round trips; 16 such calls together are half of what a node runs at once. */
#define WINDOW_SIZE 16u

struct window { /* zeroed it is empty */
    struct rpc_op ops[WINDOW_SIZE];
    size_t items[WINDOW_SIZE];
    uint8_t tries[WINDOW_SIZE]; /* of the same item before */
    size_t open;
};

bool window_is_full(const struct window *w);
/* `op` was started for `item`; the window is not full. */
void window_add(struct window *w, uint64_t op, size_t item, uint8_t tries);
/* `op` has ended: which item it was for, and after how many tries before. */
size_t window_remove(struct window *w, uint64_t op, uint8_t *tries);
/* Gives up what is under way. */
void window_cancel(struct window *w, const struct rpc_host *host);
/* Fills in `ops` and `op_count`. */
void window_await(struct window *w, struct rpc_pending_on *on);

#endif
