/* The store on disk: records of both spaces in one LMDB environment, under the byte quota. Owns the
 * directory it is given. The loop reads through store_reader without copies; writes come from one
 * worker at a time, as a batch in one transaction (store_apply), which decides seq and cas.
 *
 * Records lie in arrival order under a serial number; a replacement keeps its serial. Indexes lead
 * from (space, kind, key), from the minute of expiry, from the putter's prefix and distance, and
 * from an entry's position in its multi to the serial. All totals are kept beside them, those of
 * each multi too, so opening scans nothing. The file is in the
 * machine's byte order: it is not carried to another architecture. */
#ifndef XORD_STORE_LMDB_H
#define XORD_STORE_LMDB_H

#include "daemon/dht/records/store.h"

#define STORE_FORMAT      2u  /* 1 knew no multis, and is made into 2 when it is opened */
#define STORE_DETAIL_SIZE 256 /* for one line to a person, with a path */
/* Writes a transaction: LMDB keeps the pages that a transaction changes as heap, some 10 KB a
 * write, and until the next one doubly on disk; at 256 that is little, and an fsync is 4 us a
 * write. */
#define STORE_BATCH_MAX   256u
#define STORE_EXPIRE_MAX  256u /* ended records a transaction: a few milliseconds of a worker */
#define STORE_RECORD_COST 128u /* charged to the quota a record, beyond its bytes: its indexes */
#define STORE_ITEM_BYTES  (32u + RECORD_PACKED_MAX) /* the most that store_item_pack writes */

struct store;

struct store_limits {
    uint64_t quota_bytes; /* of HELD, as store_usage counts them */
    /* Of HELD under one target: entries, at most MULTI_ENTRIES_MAX, and their packed bytes. */
    uint32_t multi_entries;
    uint64_t multi_bytes;
};

/* Opens the store in directory `path` (its parent must exist), or makes it: directory 0700, files
 * 0600, synced with their directories. `self`: this node's id; another one than before reorders
 * the eviction index, once. On failure *out is NULL and `detail` (STORE_DETAIL_SIZE) says in one
 * line what and what to do: ERR_NEWER, ERR_CORRUPT (nothing is changed on disk), ERR_IO,
 * ERR_STORAGE_FULL (no disk space), ERR_NO_MEMORY. Whoever calls holds the data directory's lock.
 */
enum err store_open(const char *path, const struct store_limits *limits, const struct id *self,
                    struct store **out, char *detail);
/* After the last store_apply has ended. NULL is allowed. */
void store_close(struct store *s);

/* The loop's side; all of these on the loop's thread. */

/* Wall clock for the reader, once a turn: records that have ended by then are not returned. */
void store_set_now(struct store *s, uint64_t now_unix_s);
uint64_t store_now(const struct store *s);
/* The table for the core. What it returns is borrowed until store_pause. `next` with target NULL
 * starts at the first record of the space. */
struct store_reader store_reader(struct store *s);
/* Before the loop sleeps, and to see what was committed since: ends the view of the last reads. */
void store_pause(struct store *s);

struct store_usage {
    uint64_t records;
    uint64_t bytes; /* as the quota counts them: packed size and STORE_RECORD_COST each */
};
/* O(1). Counts ended records until they are deleted. */
void store_usage(struct store *s, enum store_space space, struct store_usage *out);
uint64_t store_quota(const struct store *s, enum store_space space);

/* The worker's side: one call at a time, from any thread. */

/* One write of a batch. `data` holds the record's form on disk, made by store_item_pack. */
struct store_item {
    struct store_write write; /* its record views `data` */
    uint8_t *data;
    uint32_t size;
    bool is_refused; /* set by the caller with `err`: not applied, answered as it is */
    enum err err;    /* the outcome */
    int64_t seq;     /* what is stored after it, or the seq that it met; 0 when nothing is stored */
};

/* Copies the write into `item` and its record into `data` of at least STORE_ITEM_BYTES: the only
 * copy before the page. `item->size` says how many bytes are used (0 for STORE_DROP). */
void store_item_pack(struct store_item *item, const struct store_write *write, uint8_t *data);

#define STORE_REMOVALS_MAX 64u

/* What was let go: evicted, or ended. */
struct store_removals {
    uint32_t count;
    uint32_t more_evicted, more_expired; /* beyond STORE_REMOVALS_MAX */
    struct store_removed list[STORE_REMOVALS_MAX];
};

struct store_work {
    struct store_item *items; /* in this order */
    size_t count;             /* at most STORE_BATCH_MAX */
    uint64_t now_unix_s;
    bool is_expiring;                /* delete up to STORE_EXPIRE_MAX ended records too */
    bool has_more;                   /* out: more have ended */
    uint64_t evicted;                /* out: records that made room for others */
    struct store_removals *removals; /* out: is added to; NULL: not wanted */
};
/* Applies all in one transaction and commits it to disk. ERR_OK: each item has its own outcome.
 * Else nothing was stored, and each item that was not refused has that error: ERR_STORAGE_FULL or
 * ERR_IO.
 * HELD over the quota: ended records go first; then the prefix with the most bytes loses its
 * farthest from our id, and a write that would itself be that one is ERR_STORAGE_FULL. KEPT has
 * half the quota beside it, is never evicted, and is ERR_STORAGE_FULL beyond.
 * A HELD multi over its limits loses ended entries first, then those that share.h says. */
enum err store_apply(struct store *s, struct store_work *work);

#endif
