/* Draws that a simulation needs, in integers alone, so that every compiler draws the same. */
#ifndef XORD_TESTS_SIM_CHANCE_H
#define XORD_TESTS_SIM_CHANCE_H

#include <stdbool.h>

#include "common/rng.h"

/* True `permille` times in a thousand; draws nothing when that is never. */
bool chance_permille(struct rng *rng, uint32_t permille);
/* From the exponential distribution with this median: the length of a session, a queue's wait. */
uint64_t chance_exponential(struct rng *rng, uint64_t median);
uint64_t chance_between(struct rng *rng, uint64_t min, uint64_t max); /* uniform, both included */

#endif
