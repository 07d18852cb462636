/* What holders of a multi say they have, and what of it has come: places by record_key, in each the
 * best entry so far and the claims of others. Holders are numbers below CLAIMS_HOLDERS_MAX. Asks
 * nobody and verifies nothing. */
#ifndef XORD_DHT_CLAIMS_H
#define XORD_DHT_CLAIMS_H

#include "common/hash.h"
#include "daemon/dht/records/multi.h"

#define CLAIMS_HOLDERS_MAX 32
#define CLAIMS_SHARE       512u  /* places that each holder may be the first to name, */
#define CLAIMS_COMMON      8192u /* and more of all together: none can take others' room */
#define CLAIMS_MAX         (CLAIMS_HOLDERS_MAX * CLAIMS_SHARE + CLAIMS_COMMON) /* 6 MB of lies */
#define CLAIMS_SILENCES    12u /* questions about it that a holder may leave unanswered */
/* Of all claims of a node together, with what has come: a hundred full multis, or ten liars; */
#define CLAIMS_POOL_BYTES  (64u << 20)
#define CLAIMS_SHARE_BYTES 65536u /* and what each may have then, too */

struct claim { /* that the entry in this place exists with this seq */
    int64_t seq;
    uint32_t place;
    uint32_t next;    /* of the same place, + 1; 0: none */
    uint32_t said;    /* bits: who has said so, */
    uint32_t holders; /* and has not failed to bring it */
    uint16_t size;
    bool is_asked; /* somebody is asked for it right now */
};

struct claim_turn { /* a claim that a holder is to be asked for, or is */
    uint32_t claim : 24;
    uint32_t silences : 8;
};
_Static_assert(CLAIMS_MAX < 1u << 24, "claims are numbered by 24 bits");

struct claim_queue {          /* of one holder */
    struct claim_turn *turns; /* a ring; owned */
    uint32_t first, count, capacity;
    uint32_t said; /* claims, of which some are in the queue, asked, or done with */
    uint32_t made; /* those that nobody had said before */
};

struct claim_place {
    struct id key;
    struct record entry;  /* views into `memory` */
    uint8_t *memory;      /* owned; NULL: nothing has come */
    int64_t known_seq;    /* what is had elsewhere: nothing up to this is missing; -1: nothing */
    uint64_t time_unix_s; /* of the entry: with the key its position */
    bool is_live;         /* an entry has come, and is no deletion */
    uint32_t first;       /* claim + 1; 0: none */
};

struct claims_pool { /* what all claims of a node take */
    size_t bytes;
};

struct claims {
    uint8_t hash_key[HASH_KEY_SIZE]; /* others choose the keys */
    struct claims_pool *pool;
    size_t bytes;               /* of it */
    struct claim_place *places; /* owned */
    struct claim *claims;       /* owned */
    uint32_t *index;            /* of places by key, + 1, open addressing; owned */
    uint32_t place_count, place_capacity, claim_count, claim_capacity, index_size;
    struct claim_queue queues[CLAIMS_HOLDERS_MAX];
    uint32_t common;    /* claims beyond the shares */
    uint32_t asked;     /* claims that somebody is asked for */
    uint32_t live;      /* places whose entry is no deletion */
    bool is_short;      /* something found no room in the pool */
    bool is_known_only; /* claims of places that are not known yet are not listened to */
};

/* `pool` must outlive it. Beyond the pool's size, and its own share, it is without memory. */
void claims_init(struct claims *c, const uint8_t hash_key[HASH_KEY_SIZE], struct claims_pool *pool);
void claims_clear(struct claims *c);
/* The entry in this place is had elsewhere with this seq, and need not be copied here. False
 * without memory. */
bool claims_know(struct claims *c, const struct id *key, int64_t seq);
/* The next place, from *cursor on, that is known in a higher seq than anybody claims; *is_claimed:
 * in a lower one. Moves the cursor behind it. False at the end. */
bool claims_next_ahead(const struct claims *c, uint32_t *cursor, struct id *key, bool *is_claimed);
/* This holder says so; of each place the first word counts. False when it is one too many, or
 * memory ran out. */
bool claims_add(struct claims *c, unsigned holder, const struct multi_brief *brief);
/* True when somebody claimed this place and nothing that wins over `entry` has come. */
bool claims_wants(const struct claims *c, const struct record *entry);
/* A verified entry, claimed or not, is copied. True when it is the best of its place so far. */
bool claims_take(struct claims *c, const struct record *entry);
/* Claims of this holder that nobody is asked for, at most `max` whose sizes add up to at most
 * `bytes` (the first may be larger), marked as asked. Returns how many. */
size_t claims_choose(struct claims *c, unsigned holder, struct claim_turn *out, size_t max,
                     size_t bytes);
const struct id *claims_key(const struct claims *c, struct claim_turn turn);

/* True when one of these, not settled when they were chosen, has come since. */
bool claims_has_come(const struct claims *c, const struct claim_turn *turns, size_t count);

enum claims_outcome { CLAIMS_AGAIN, CLAIMS_SILENT, CLAIMS_DENIED };
/* The holder is no longer asked for these: it brought part of what it was asked for, or was silent,
 * or does not have them after all. */
void claims_release(struct claims *c, unsigned holder, const struct claim_turn *turns, size_t count,
                    enum claims_outcome outcome);
/* Nothing that this holder said counts any more. */
void claims_forget(struct claims *c, unsigned holder);
/* True when one of these holders (bits) could still be asked for something, or is. */
bool claims_is_open(struct claims *c, uint32_t holders);
/* True when something is missing that a holder claimed and did not deny. */
bool claims_is_missing(const struct claims *c);

#endif
