/* What the tests of entries on disk share: what of a multi is in an open store, and the
 * checks that hold for whatever is in it. */
#ifndef XORD_TESTS_MULTI_STORE_H
#define XORD_TESTS_MULTI_STORE_H

#include "daemon/dht/records/multi.h"
#include "tests/daemon/disk_store.h"

#define MULTI_QUOTA (4u << 20)

void multi_store_expire(struct disk_store *m, uint64_t now_unix_s);
struct store_summary multi_store_summary(struct disk_store *m, enum store_space space,
                                         const struct id *target);
bool multi_store_has(struct disk_store *m, const struct store_write *write);
/* Walks all entries of a target, newest first: what comes must be in order, of this target, and
 * found by its key too. How many; *digest of them unless it is NULL. */
uint32_t multi_store_walk(struct disk_store *m, enum store_space space, const struct id *target,
                          uint64_t *digest);
/* The summary of each multi is that of its entries, and the store counts no other records. Nothing
 * may have ended by the store's clock. */
void multi_store_check(struct disk_store *m);

#endif
