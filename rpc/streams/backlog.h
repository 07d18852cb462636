/* A replay's notices, shared by the followers of a view, each of whom wants those that were signed
 * at some time or later. Paid from a budget; what that does not allow is missing, and counted. */
#ifndef XORD_RPC_BACKLOG_H
#define XORD_RPC_BACKLOG_H

#include <stdint.h>

#include "rpc/streams/budget.h"
#include "rpc/streams/notice.h"

struct backlog_item {
    struct notice *notice; /* NULL: it is missing */
    uint64_t time_unix_s;  /* when it was signed */
};

struct backlog {
    size_t holders;
    struct budget *budget;
    enum rpc_access access;
    size_t size; /* paid for */
    size_t count;
    struct backlog_item items[];
};

/* Room for `count` notices, with one holder. NULL without memory. */
struct backlog *backlog_new(struct budget *budget, enum rpc_access access, size_t count);
/* Appends it, taking the reference; it is missing when it is NULL, or the budget is spent. */
void backlog_add(struct backlog *backlog, struct notice *notice, uint64_t time_unix_s);
struct backlog *backlog_hold(struct backlog *backlog);
void backlog_drop(struct backlog *backlog); /* NULL does nothing */

/* The next at *at or after it that is there and was signed since then; *at is behind it. NULL:
 * there are no more. */
const struct notice *backlog_next(const struct backlog *backlog, uint64_t since_unix_s, size_t *at);
/* How many of those that were signed since then are missing. */
size_t backlog_missing(const struct backlog *backlog, uint64_t since_unix_s);

#endif
