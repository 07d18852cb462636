/* What the core knows of the store: a table of read-only functions, and the description of a write.
 * The core never writes: writes leave through the outbox, and node_stored brings back how they
 * went. Records are in two spaces: HELD for the network, under the quota, and KEPT, this node's own
 * puts, which it keeps alive and which are never evicted. */
#ifndef XORD_DHT_STORE_H
#define XORD_DHT_STORE_H

#include "common/err.h"
#include "daemon/dht/record.h"

#define STORE_EXPIRY_NEVER UINT64_MAX /* kept puts end when they are dropped */

enum store_space { STORE_HELD, STORE_KEPT, STORE_SPACE_COUNT };

struct stored {
    struct record record;
    uint64_t put_unix_s;    /* its last put */
    uint64_t expiry_unix_s; /* when it ends; the reader never returns one that has ended */
};

struct store_reader {
    void *context;
    /* ERR_OK or ERR_NOT_FOUND. What is returned is borrowed until the call into the node returns.
     */
    enum err (*get)(void *context, enum store_space space, enum record_kind kind,
                    const struct id *target, struct stored *out);
    /* The first record after (kind, target) in that order; from the start when target is NULL.
     * ERR_NOT_FOUND at the end. */
    enum err (*next)(void *context, enum store_space space, enum record_kind kind,
                     const struct id *target, struct stored *out);
};

enum store_action {
    STORE_PUT, /* store, or refresh an equal one; decides seq and cas as BEP 44 says */
    STORE_DROP /* forget (kind, target) in this space; ERR_NOT_FOUND when it is not there */
};

/* Each write is answered by exactly one node_stored with: ERR_OK (on disk), ERR_BAD_SIGNATURE,
 * ERR_CAS_MISMATCH (has_cas and another seq is stored), ERR_STALE_SEQ (a higher seq is stored, or
 * an equal one with other content), ERR_STORAGE_FULL, ERR_NOT_FOUND (STORE_DROP) or ERR_IO. */
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
    struct record record; /* for STORE_DROP kind and target alone */
};

#endif
