/* Do searchers and holders agree on which nodes are the 8 closest to a target? Looks targets up
 * from processes drawn at random and compares what they found with what the true 8 closest believe
 * at that moment, and both with the truth. */
#ifndef XORD_TESTS_SIM_CLOSEST_H
#define XORD_TESTS_SIM_CLOSEST_H

#include "tests/sim/ledger.h"

#define CLOSEST_K      8u
#define CLOSEST_ASKING 64u /* lookups under way; more are not begun */

struct closest_set {
    struct id ids[CLOSEST_K]; /* nearest first */
    uint32_t count;
};

struct closest {
    struct world *world;
    const struct ledger *ledger;
    struct rng rng;
    uint64_t every_ms; /* 0: no more */
    struct {
        uint64_t op;
        uint32_t process, key; /* op 0: free */
    } asking[CLOSEST_ASKING];
    uint64_t lookups;
    /* Places compared, and how many were the same: of searchers and holders, of searchers and the
     * truth, of holders and the truth. */
    uint64_t places, same, places_true, searchers_true, holders_true;
};

void closest_init(struct closest *c, struct world *w, const struct ledger *ledger,
                  uint64_t every_ms);
/* The 8 live nodes that are nearest to the target in truth. */
void closest_truth(const struct world *w, const struct id *target,
                   const struct process *out[CLOSEST_K], uint32_t *count);

#endif
