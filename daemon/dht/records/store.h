/* What the core knows of the store: a table of read-only functions, and the description of a write.
 * The core never writes: writes leave through the outbox, and node_stored brings back how they
 * went. Records are in two spaces: HELD for the network, under the quota, and KEPT, this node's own
 * puts, which it keeps alive and which are never evicted. */
#ifndef XORD_DHT_STORE_H
#define XORD_DHT_STORE_H

#include "common/err.h"
#include "daemon/dht/records/record.h"

#define STORE_EXPIRY_NEVER UINT64_MAX /* kept puts end when they are dropped */

enum store_space { STORE_HELD, STORE_KEPT, STORE_SPACE_COUNT };

struct stored {
    struct record record;
    uint64_t put_unix_s;    /* its last put */
    uint64_t expiry_unix_s; /* when it ends; the reader never returns one that has ended */
};

/* Where an entry lies among those of its target: newest first by the time that it names, then by
 * record_key in byte order. */
struct store_position {
    uint64_t time_unix_s;
    struct id key;
};

struct store_summary { /* of the entries of one target */
    uint32_t count;    /* deletions among them */
    uint64_t digest;   /* multi_digest of all of them, combined by XOR */
    bool is_full;      /* by its caps: one more of the longest would push another out */
};

/* `key` is what record_key says: the target, but for entries of multis. */
struct store_reader {
    void *context;
    /* ERR_OK or ERR_NOT_FOUND. What is returned is borrowed until the call into the node returns.
     */
    enum err (*get)(void *context, enum store_space space, enum record_kind kind,
                    const struct id *key, struct stored *out);
    /* The first record after (kind, key) in that order; from the start when key is NULL.
     * ERR_NOT_FOUND at the end. ERR_BUSY: so many have ended that one call does not step over all;
     * `out` is the last of them, to go on after and for nothing else. */
    enum err (*next)(void *context, enum store_space space, enum record_kind kind,
                     const struct id *key, struct stored *out);
    /* What is stored of a multi; ERR_NOT_FOUND when nothing is. Ended entries may still count. */
    enum err (*summary)(void *context, enum store_space space, const struct id *target,
                        struct store_summary *out);
    /* The first entry of a multi after this position; the newest when it is NULL. ERR_NOT_FOUND at
     * the end. */
    enum err (*entry)(void *context, enum store_space space, const struct id *target,
                      const struct store_position *after, struct stored *out);
    /* The first target after this one that has entries, ended or not; from the start when it is
     * NULL. ERR_NOT_FOUND at the end. */
    enum err (*next_multi)(void *context, enum store_space space, const struct id *target,
                           struct id *out);
};

enum store_action {
    STORE_PUT, /* store, or refresh an equal one; decides seq and cas as BEP 44 says */
    STORE_DROP /* forget (kind, key) in this space; ERR_NOT_FOUND when it is not there */
};

/* Each write is answered by exactly one node_stored with: ERR_OK (on disk), ERR_BAD_SIGNATURE,
 * ERR_CAS_MISMATCH (has_cas and another seq is stored; not where it is this very record),
 * ERR_STALE_SEQ (a higher seq is stored, or an equal one with other content), ERR_STORAGE_FULL,
 * ERR_NOT_FOUND (STORE_DROP) or ERR_IO. */
struct store_write {
    uint64_t write; /* the node's number for it */
    enum store_action action;
    enum store_space space;
    bool is_verified; /* byte-equal to one verified before: the signature need not be checked again
                       */
    bool has_cas;
    int64_t cas;
    struct addr putter; /* who is charged for it; ADDR_NONE: this node */
    uint64_t put_unix_s;
    uint64_t expiry_unix_s;
    struct record record; /* for STORE_DROP kind alone, and `target` is the key */
};

/* A record that the store let go of its own accord. */
struct store_removed {
    bool is_expired; /* it had ended; else it made room for another */
    enum store_space space;
    enum record_kind kind;
    struct id target;
    int64_t seq;
    uint32_t size; /* packed, in bytes */
    uint32_t more; /* not 0: so many, and nothing else is known of them */
};

#endif
