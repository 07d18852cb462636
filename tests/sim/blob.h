/* Records as all stores of a simulation share them: the same bytes are kept once, verified once,
 * however many processes hold them. Counted references. */
#ifndef XORD_TESTS_SIM_BLOB_H
#define XORD_TESTS_SIM_BLOB_H

#include "daemon/dht/records/store.h"

struct blob {
    struct blob *next; /* in its chain */
    uint64_t hash;
    uint32_t references;
    uint16_t size;
    bool is_checked, is_genuine;    /* its signature */
    struct record record;           /* views into `packed` */
    struct store_position position; /* its key; the time of an entry alone */
    uint8_t packed[];
};

struct blobs {
    struct blob **chains; /* owned */
    size_t chain_count, count;
};

void blobs_clear(struct blobs *b);
/* The blob with this record's bytes, with one more reference. */
struct blob *blobs_take(struct blobs *b, const struct record *record);
void blobs_drop(struct blobs *b, struct blob *blob);
/* The one that is stored, or NULL. Borrowed. */
struct blob *blobs_find(const struct blobs *b, const struct record *record);
bool blob_verify(struct blob *blob); /* costly the first time only */

#endif
