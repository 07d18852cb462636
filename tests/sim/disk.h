/* One process's disk: the records of both spaces in order of (space, kind, key), and the store's
 * rules for a write, as BEP 44 and daemon/dht/records/store.h say. It outlives a crash of its
 * process. What a write costs in time, and what becomes of it in a crash, is the world's affair. */
#ifndef XORD_TESTS_SIM_DISK_H
#define XORD_TESTS_SIM_DISK_H

#include "daemon/dht/records/store.h"
#include "tests/sim/blob.h"

struct disk_entry {
    struct blob *blob;
    uint64_t expiry_unix_s;
    uint32_t put_unix_s;
    uint32_t arrival; /* rises with each record that is not a refresh */
    uint8_t space;    /* enum store_space */
};

struct disk {
    struct disk_entry *entries; /* sorted; owned, their blobs counted */
    uint32_t count, capacity;
    uint32_t quota;         /* records; 0: no limit */
    uint32_t multi_entries; /* HELD of one target; 0: MULTI_ENTRIES_DEFAULT */
    uint32_t multi_bytes;   /* 0: MULTI_BYTES_DEFAULT */
    uint32_t arrivals;
    bool is_broken; /* writes end in ERR_IO */
};

/* A write with its record's bytes, as it waits for the disk. */
struct disk_write {
    struct store_write write; /* its record views `blob` (STORE_PUT) */
    struct blob *blob;        /* counted; NULL for STORE_DROP */
};

#define DISK_GONE_MAX 16u

/* What a write took from the disk: the record whose place it took, or that was dropped, and the
 * entries that a full multi lost. One reference of each is the caller's. */
struct disk_gone {
    struct blob *blobs[DISK_GONE_MAX];
    unsigned count;
};

void disk_clear(struct disk *d, struct blobs *blobs);
/* The functions of struct store_reader. */
enum err disk_get(const struct disk *d, uint64_t now_unix_s, enum store_space space,
                  enum record_kind kind, const struct id *key, struct stored *out);
enum err disk_next(const struct disk *d, uint64_t now_unix_s, enum store_space space,
                   enum record_kind kind, const struct id *key, struct stored *out);
enum err disk_summary(const struct disk *d, enum store_space space, const struct id *target,
                      struct store_summary *out);
enum err disk_entry(const struct disk *d, uint64_t now_unix_s, enum store_space space,
                    const struct id *target, const struct store_position *after,
                    struct stored *out);
enum err disk_next_multi(const struct disk *d, enum store_space space, const struct id *target,
                         struct id *out);
/* Carries it out. *seq: what is stored when that refuses it. */
enum err disk_apply(struct disk *d, uint64_t now_unix_s, const struct disk_write *write,
                    int64_t *seq, struct disk_gone *gone);
/* Forgets what has ended. Returns how many. */
uint32_t disk_expire(struct disk *d, uint64_t now_unix_s, struct blobs *blobs);

#endif
