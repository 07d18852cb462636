/* One open store in a directory of its own, for the tests of what is on disk. */
#ifndef XORD_TESTS_DISK_STORE_H
#define XORD_TESTS_DISK_STORE_H

#include "tests/daemon/store_sample.h"

struct disk_store {
    char *directory;
    struct store *store; /* NULL: closed for good */
    struct store_limits limits;
    struct id self; /* zeros */
};

/* In a new directory, with this quota and the limits that are the default. */
void disk_store_init(struct disk_store *d, uint64_t quota_bytes);
void disk_store_clear(struct disk_store *d);
/* Opens it after store_close, with `limits` as they are then. */
void disk_store_open(struct disk_store *d);
/* Closes and opens it. */
void disk_store_reopen(struct disk_store *d);

/* One write, committed; its outcome, and the seq it met or made. */
enum err disk_store_apply_seq(struct disk_store *d, const struct store_write *write, int64_t *seq);
enum err disk_store_apply(struct disk_store *d, const struct store_write *write);
struct store_usage disk_store_usage(const struct disk_store *d, enum store_space space);

#endif
