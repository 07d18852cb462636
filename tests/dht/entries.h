/* Entries of multis on the disks of a net's nodes, and gathers of them. */
#ifndef XORD_TESTS_DHT_ENTRIES_H
#define XORD_TESTS_DHT_ENTRIES_H

#include "tests/dht/draft.h"
#include "tests/dht/net.h"

#define ENTRIES_SIGNERS 50u
#define ENTRIES_MAX     600u
#define ENTRIES_HOLDERS 8u

struct entry {
    struct draft draft;
    char slot[16];
};

struct gathered { /* what the last EVENT_GATHER of a net brought */
    size_t count;
    struct {
        struct id key;
        int64_t seq;
        uint64_t time_unix_s;
        size_t v_size;
    } entries[ENTRIES_MAX];
};

/* The entry `number` of this multi, its signer one of ENTRIES_SIGNERS, written `age_s` ago; v_size
 * 0: a deletion. A view into `e`, which must not move. */
const struct record *entry_make(struct entry *e, const struct net *net, const struct id *target,
                                unsigned number, int64_t seq, size_t v_size, uint64_t age_s);
/* The live nodes nearest to a target, nearest first: their indexes. Returns how many. */
size_t entries_holders(const struct net *net, const struct id *target, size_t out[ENTRIES_HOLDERS]);
/* The live node farthest from it. */
size_t entries_stranger(const struct net *net, const struct id *target);
/* How many entries of it node `index` holds. */
size_t entries_held(const struct net *net, size_t index, const struct id *target);
/* From now on `out` is what the last gather brought. */
void entries_watch(struct net *net, struct gathered *out);
/* Starts a gather, which must be accepted. */
uint64_t entries_gather(struct net *net, size_t index, const struct gather_request *request);

#endif
