/* What the tests of entries on disk share: one open store, entries of a few multis, and the checks
 * that hold for whatever is in it. */
#ifndef XORD_TESTS_MULTI_STORE_H
#define XORD_TESTS_MULTI_STORE_H

#include "daemon/dht/records/multi.h"
#include "tests/daemon/store_sample.h"

#define MULTI_QUOTA (4u << 20)

struct multi_store {
    char *directory;
    struct store *store;
    struct store_limits limits;
    struct id self; /* zeros */
};

/* With keys_init; in a new directory, with MULTI_QUOTA and the limits that are the default. */
void multi_store_init(struct multi_store *m);
void multi_store_clear(struct multi_store *m);
/* Closes and opens it, with `limits` as they are then. */
void multi_store_reopen(struct multi_store *m);

/* One write, committed; its outcome. */
enum err multi_store_apply(struct multi_store *m, const struct store_write *write);
void multi_store_expire(struct multi_store *m, uint64_t now_unix_s);
struct store_summary multi_store_summary(struct multi_store *m, enum store_space space,
                                         const struct id *target);
bool multi_store_has(struct multi_store *m, const struct store_write *write);
/* Walks all entries of a target, newest first: what comes must be in order, of this target, and
 * found by its key too. How many; *digest of them unless it is NULL. */
uint32_t multi_store_walk(struct multi_store *m, enum store_space space, const struct id *target,
                          uint64_t *digest);
/* The summary of each multi is that of its entries, and the store counts no other records. Nothing
 * may have ended by the store's clock. */
void multi_store_check(struct multi_store *m);

#endif
