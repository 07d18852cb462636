/* Somebody who knows the protocol and all that is under way, and tries what must not work: puts
 * that a holder has to refuse, each with the right token but for one fault, two puts at once, and
 * forged replies to queries of others. Whoever falls for one breaks a rule. */
#ifndef XORD_TESTS_SIM_PROBER_H
#define XORD_TESTS_SIM_PROBER_H

#include "tests/sim/oracle.h"

#define PROBER_TABLE(X)                                                                            \
    X(NO_TOKEN, "a token that nobody gave")                                                        \
    X(OTHER_TOKEN, "another target's token")                                                       \
    X(BAD_SIGNATURE, "a signature that does not verify")                                           \
    X(OLD_SEQ, "a lower seq than is stored")                                                       \
    X(OTHER_CONTENT, "the stored seq with other content")                                          \
    X(BAD_CAS, "a cas that is not the stored seq")                                                 \
    X(ENDED, "an expiry that has passed")                                                          \
    X(FAR_AHEAD, "an expiry too far ahead")                                                        \
    X(OTHER_TARGET, "a target that is not the record's")                                           \
    X(UNSIGNED, "a key without a signature")

#define PROBER_ENUM(symbol, text) PROBE_##symbol,
enum probe_fault { PROBER_TABLE(PROBER_ENUM) PROBE_FAULT_COUNT };
#undef PROBER_ENUM

struct prober {
    struct world *world;
    struct oracle *oracle;
    struct rng rng;
    uint64_t every_ms; /* between new probes; 0: none at all */
    uint32_t forged_permille;
    uint32_t process; /* who sends */
    uint32_t trap;    /* whom only forged replies name */
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
    uint64_t probes, refused, forged;
    struct {             /* the one probe under way */
        uint32_t number; /* in its salt, and in each query's t */
        uint32_t step;
        uint32_t holder;
        uint8_t token_size, token[64];
        uint8_t last_size, last[64]; /* the token of the probe before, by the same holder */
    } now;
};

/* Begins at once; `forged_permille` of all queries are answered by forged replies too. */
void prober_init(struct prober *b, struct world *w, struct oracle *o, uint64_t every_ms,
                 uint32_t forged_permille);

#endif
