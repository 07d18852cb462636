/* Nodes that mean harm, played through real packets: each has an id, a place to stand in tables,
 * and one way to behave. All of them know of each other. */
#ifndef XORD_TESTS_SIM_ADVERSARY_H
#define XORD_TESTS_SIM_ADVERSARY_H

#include "tests/sim/oracle.h"

#define ADVERSARY_TABLE(X)                                                                         \
    X(SILENT, "answers pings and nothing else")                                                    \
    X(LIAR, "lists colluding neighbours as near as can be, and serves forged records")             \
    X(REPLAYER, "serves the oldest record of a key that it was given")                             \
    X(FLOODER, "sends garbage, puts with forged tokens, and puts in others' names")                \
    X(CLUSTER, "stands around one key, takes its puts, and denies to have them")

#define ADVERSARY_ENUM(symbol, text) ADVERSARY_##symbol,
enum adversary_kind { ADVERSARY_TABLE(ADVERSARY_ENUM) ADVERSARY_KIND_COUNT };
#undef ADVERSARY_ENUM

struct adversary { /* one of them */
    uint32_t process;
    enum adversary_kind kind;
    struct id id;
};

struct adversaries {
    struct world *world;
    const struct ledger *ledger;
    struct oracle *oracle;
    struct rng rng;
    struct adversary *all; /* owned */
    uint32_t count;
    struct blob **oldest; /* by key: what the replayers serve; owned, counted */
    uint64_t forged_puts;
};

/* Spawns them, the kinds in turn; `kinds` has a bit for each that takes part. */
void adversaries_init(struct adversaries *a, struct world *w, const struct ledger *ledger,
                      struct oracle *oracle, uint32_t count, uint32_t kinds);
void adversaries_clear(struct adversaries *a); /* before the world */

#endif
