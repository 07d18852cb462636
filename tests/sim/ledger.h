/* What was promised and who could keep it: the keys of a simulation with their owners, the highest
 * seq that was signed and that was acknowledged for each, and how many processes that are up have
 * it. Written by the client and by the world's news, read by the oracle. */
#ifndef XORD_TESTS_SIM_LEDGER_H
#define XORD_TESTS_SIM_LEDGER_H

#include "tests/sim/world.h"

#define LEDGER_SALT_MAX 16
#define LEDGER_NO_KEY   UINT32_MAX

struct ledger_owner {
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
};

struct ledger_key {
    struct id target;
    uint32_t owner;
    uint8_t salt_size;
    char salt[LEDGER_SALT_MAX];
    bool is_busy;       /* a put of it is under way */
    int64_t signed_seq; /* the highest */
    int64_t acked_seq;  /* 0: none */
    uint64_t acked_ms;
    uint32_t acked_by;         /* holders that had acknowledged it */
    int64_t top_seq;           /* the highest on any disk, of processes up or down */
    uint32_t placed;           /* how often top_seq has come to a holder's disk */
    uint32_t holders, keepers; /* processes up with top_seq, in either space */
};

struct ledger {
    struct ledger_owner *owners; /* owned */
    struct ledger_key *keys;     /* owned */
    uint32_t owner_count, key_count;
    uint32_t *places; /* hash of targets: key + 1; owned */
    uint32_t place_count;
};

/* Ed25519 is costly: few owners sign for many keys, each with a salt of its own. */
void ledger_init(struct ledger *l, uint32_t keys, uint32_t owners, uint64_t seed);
void ledger_clear(struct ledger *l);
uint32_t ledger_find(const struct ledger *l, const struct id *target);
/* Listens to what comes to disks and goes from them. */
void ledger_watch(struct ledger *l, struct world *w);

#endif
