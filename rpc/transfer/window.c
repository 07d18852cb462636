#include "rpc/transfer/window.h"

#include <assert.h>

bool window_is_full(const struct window *w)
{
    return w->open == WINDOW_SIZE;
}

static size_t slot_of(const struct window *w, uint64_t op)
{
    size_t slot = 0;
    while (w->ops[slot].number != op) {
        slot++;
        assert(slot < WINDOW_SIZE);
    }
    return slot;
}

void window_add(struct window *w, uint64_t op, size_t item, uint8_t tries)
{
    size_t slot = slot_of(w, 0);
    w->ops[slot].number = op;
    w->items[slot] = item;
    w->tries[slot] = tries;
    w->open++;
}

size_t window_remove(struct window *w, uint64_t op, uint8_t *tries)
{
    size_t slot = slot_of(w, op);
    w->ops[slot].number = 0;
    w->open--;
    *tries = w->tries[slot];
    return w->items[slot];
}

void window_await(struct window *w, struct rpc_pending_on *on)
{
    on->ops = w->ops;
    on->op_count = WINDOW_SIZE;
}

void window_cancel(struct window *w, const struct rpc_host *host)
{
    for (size_t i = 0; i < WINDOW_SIZE; i++) {
        if (w->ops[i].number != 0) {
            node_cancel(host->node, host->now(host->context), w->ops[i].number, host->outbox);
            w->ops[i].number = 0;
        }
    }
    w->open = 0;
}
