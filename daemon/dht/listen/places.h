/* What a subscriber has seen of the target that it listens to: for each record_key the highest seq,
 * when that ends, and the digest of all that lives. So each record is told of once, none older
 * comes back, and one look at a holder's digest says whether it has something else. Deletions are
 * remembered like values; what has ended, for a while longer. Holds no content; verifies nothing.
 *
 * Each listening has its places; all of a node are bounded together by their pool, in which those
 * that end next come first. */
#ifndef XORD_DHT_PLACES_H
#define XORD_DHT_PLACES_H

#include "common/alarms.h"
#include "common/chains.h"
#include "common/hash.h"
#include "daemon/dht/records/multi.h"

#define PLACES_MAX      MULTI_ENTRIES_MAX  /* of one listening; one more, and the least used goes */
#define PLACES_POOL_MAX (64u * PLACES_MAX) /* of a node: 50 MB; then so it is already */
#define PLACES_SHARE    16u                /* beyond this many, which each listening may have */
#define PLACES_ENDED_S  3600u /* remembered after its end: an older entry may have a later one */

struct places;

enum place_state { PLACE_LIVE, PLACE_DELETED, PLACE_ENDED };

struct place {
    struct alarm ends; /* unix seconds, first member */
    struct chain_link by_key;
    struct place *newer, *older; /* by last use */
    struct places *places;       /* whose it is */
    struct id key;               /* record_key */
    int64_t seq;
    uint64_t digest; /* multi_digest */
    uint8_t k[KEYS_PUBLIC_SIZE];
    uint8_t state; /* enum place_state */
    uint8_t slot_size;
    uint8_t slot[]; /* of an entry */
};

struct place_pool {
    uint8_t hash_key[HASH_KEY_SIZE]; /* others choose the keys */
    struct alarms ends;
    uint32_t count;
};

struct places {
    struct chains by_key;
    struct place *newest, *oldest;
    uint64_t digest; /* of all that have not ended, combined by XOR */
};

/* Forgets all. */
void places_clear(struct places *p, struct place_pool *pool);
/* NULL when nothing is known of this key. Borrowed until the places change. */
struct place *places_find(const struct places *p, const struct place_pool *pool,
                          const struct id *key);
/* It is in use: others go before it. */
void places_touch(struct places *p, struct place *place);
/* This verified record is the newest of its place; it ends at `expiry_unix_s`, or ALARM_NEVER.
 * Where there is no room the least used place goes. False without memory. */
bool places_note(struct places *p, struct place_pool *pool, const struct record *record,
                 enum place_state state, uint64_t expiry_unix_s);

/* The next place whose time has come: it has ended, or has been so long enough to be forgotten.
 * NULL when there is none. */
struct place *place_pool_due(const struct place_pool *pool, uint64_t now_unix_s);
/* It has ended: no longer in the digest, and to be forgotten at this time, or ALARM_NEVER. */
void places_end(struct place *place, struct place_pool *pool, uint64_t forget_unix_s);
void places_forget(struct place *place, struct place_pool *pool);

#endif
