/* Private to store_*.c: the tables on disk, and the write transaction that keeps them in step.
 * Functions answer LMDB's code, 0 is success; store_err makes it ours. */
#ifndef XORD_STORE_DB_H
#define XORD_STORE_DB_H

#include <lmdb.h>

#include "daemon/store/store_lmdb.h"

enum store_table {
    TABLE_META,    /* "format", "self", "totals" */
    TABLE_RECORDS, /* serial -> struct store_header, packed record; in arrival order */
    TABLE_TARGETS, /* space and kind, key -> serial */
    TABLE_DUE,     /* minute -> serials to look at then */
    TABLE_PUTTERS, /* prefix -> (distance, serial), big-endian; HELD alone */
    TABLE_TOTALS,  /* prefix -> bytes it is charged with */
    TABLE_HEAVY,   /* bytes -> prefixes charged with as many: the last is the heaviest */
    TABLE_PLACES,  /* space, target, position of an entry -> struct store_place */
    TABLE_MULTIS,  /* space, target -> struct store_multi */
    TABLE_COUNT
};
#define TABLES_OF_FORMAT_1 TABLE_PLACES /* those before it; format 1 knew no multis */

#define STORE_DUE_NEVER UINT32_MAX

/* Before each packed record. A record whose expiry moves later keeps its entry in TABLE_DUE: when
 * the old minute comes it is looked at, and entered anew. So rising seqs touch no index. */
struct store_header {
    uint64_t prefix; /* who is charged: the first putter's, packed by store_prefix */
    uint64_t put_unix_s;
    uint64_t expiry_unix_s;
    uint32_t due_minute; /* its key in TABLE_DUE, or STORE_DUE_NEVER */
    uint8_t space;
    uint8_t zero[3];
};
_Static_assert(sizeof(struct store_header) == 32, "the form on disk");

/* An entry of a multi, beside its position: what the caps and a reader need of it. */
struct store_place {
    uint64_t serial;
    uint64_t arrival; /* from the same count as serials; of a newer one anew, a refresh keeps it */
    uint64_t expiry_unix_s;
    uint64_t signer; /* share_signer */
    uint32_t packed_size;
    uint8_t is_deletion;
    uint8_t zero[3];
};
_Static_assert(sizeof(struct store_place) == 40, "the form on disk");

struct store_multi {
    uint64_t bytes; /* packed */
    uint64_t digest;
    uint32_t count;
    uint32_t zero;
};
_Static_assert(sizeof(struct store_multi) == 24, "the form on disk");

struct store_totals {
    uint64_t next_serial;
    struct store_usage usage[STORE_SPACE_COUNT];
};

struct store {
    MDB_env *env;
    MDB_dbi table[TABLE_COUNT];
    struct store_limits limits;
    struct id self;
    uint64_t secret; /* of hashes of what others choose; random at each opening */
    MDB_txn *reader; /* the loop's; NULL until the first read */
    bool is_reading; /* false: reset, to be renewed by the next read */
    uint64_t now_unix_s;
    bool is_read_failing;  /* the loop's: told of once */
    bool is_write_failing; /* the worker's: told of when it changes */
};

#define STORE_PREFIX_SLOTS 64u /* more prefixes in one batch are written back early */

struct store_prefix_slot {
    bool is_used;
    uint64_t prefix;
    uint64_t bytes, bytes_on_disk;
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
    MDB_cursor *cursor[TABLE_COUNT];
    uint64_t now_unix_s;
    struct store_totals totals, totals_on_disk;
    struct store_prefix_slot slots[STORE_PREFIX_SLOTS];
    uint64_t evicted;                /* to make room for others */
    struct store_removals *removals; /* NULL: nobody wants to know */
};

/* A record as found. The views live until the next change of the transaction. */
struct store_entry {
    uint64_t serial;
    struct store_header header;
    struct bytes packed;
    struct record record;
};

#define STORE_KEY_SIZE       (1 + ID_SIZE)
#define STORE_PLACE_KEY_SIZE (STORE_KEY_SIZE + 8 + ID_SIZE)

/* store_index.c */
enum err store_err(int code);
void store_key(uint8_t out[STORE_KEY_SIZE], enum store_space space, enum record_kind kind,
               const struct id *key);
uint64_t store_prefix(const struct addr *putter);
uint64_t store_cost(size_t packed_size);
uint32_t store_due_minute(uint64_t expiry_unix_s);
bool store_entry_read(uint64_t serial, MDB_val value, struct store_entry *out);
int store_txn_begin(struct store_txn *t, struct store *s, uint64_t now_unix_s);
int store_txn_commit(struct store_txn *t);
void store_txn_abort(struct store_txn *t);
int store_find(struct store_txn *t, enum store_space space, enum record_kind kind,
               const struct id *key, struct store_entry *out);
int store_load(struct store_txn *t, uint64_t serial, struct store_entry *out);
int store_insert(struct store_txn *t, struct store_item *item, struct store_header *header);
int store_replace(struct store_txn *t, const struct store_entry *old, struct store_item *item,
                  struct store_header *header);
int store_remove(struct store_txn *t, const struct store_entry *entry);
int store_due_add(struct store_txn *t, uint32_t minute, uint64_t serial);
int store_due_delete(struct store_txn *t, uint32_t minute, uint64_t serial);
int store_putter_add(struct store_txn *t, uint64_t prefix, const struct id *target,
                     uint64_t serial);

/* store_multi.c: entries of multis, of which more than one lie under a target. */
void store_place_key(uint8_t key[STORE_PLACE_KEY_SIZE], enum store_space space,
                     const struct id *target, const struct store_position *position);
bool store_place_read(MDB_val value, struct store_place *out);
bool store_multi_read(MDB_val value, struct store_multi *out);
/* Whether the caps allow so many more entries and bytes beside what the multi has. */
bool store_multi_has_room(const struct store *s, const struct store_multi *multi, uint32_t entries,
                          uint64_t bytes);
int store_entry_add(struct store_txn *t, const struct record *r, const struct store_header *header,
                    size_t packed_size, uint64_t serial, uint64_t arrival);
int store_entry_delete(struct store_txn *t, const struct store_entry *entry, uint64_t *arrival);
int store_entry_replace(struct store_txn *t, const struct store_entry *old,
                        const struct store_item *item, const struct store_header *header);
/* Makes its multi's caps hold with this one put in place of `old` (NULL: there is none), whose
 * views end here. item->err: ERR_STORAGE_FULL when it is itself the one that would go. */
int store_entry_make_room(struct store_txn *t, struct store_item *item,
                          const struct store_entry *old);

/* store_quota.c */
int store_evict(struct store_txn *t, uint64_t serial);
/* Adds to what `prefix` is charged with; in memory until store_totals_flush. */
int store_charge(struct store_txn *t, uint64_t prefix, int64_t bytes);
int store_totals_flush(struct store_txn *t);
/* Makes room for `bytes` more. *err: ERR_OK or ERR_STORAGE_FULL. */
int store_make_room(struct store_txn *t, const struct store_write *write, uint64_t prefix,
                    uint64_t bytes, enum err *err);
/* Deletes at most `max` ended records, then those over the quota. *has_more: it stopped at max. */
int store_expire(struct store_txn *t, size_t max, bool *has_more);

/* store_check.c */
/* A file that ends before its last page raises SIGBUS when read. *is_whole: it does not, or the
 * pages that it lacks are free ones, which LMDB does not write. */
int store_check_size(MDB_env *env, bool *is_whole);

#endif
