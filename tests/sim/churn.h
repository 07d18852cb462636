/* Comings and goings: each honest process stays for a time drawn around a median, then crashes or
 * leaves in order. In its place comes a new one at once, or it comes back itself with its data. */
#ifndef XORD_TESTS_SIM_CHURN_H
#define XORD_TESTS_SIM_CHURN_H

#include "tests/sim/world.h"

struct churn_config {
    uint64_t median_ms;      /* of a session; 0: nobody goes */
    uint32_t leave_permille; /* go in order; the others crash */
    uint32_t fresh_permille; /* go for good, and a new process comes; the others come back */
};

struct churn {
    struct churn_config config;
    struct rng rng;
    uint64_t ended, came_back, fresh;
};

/* Those that are up already get their time now. */
void churn_begin(struct churn *c, struct world *w, const struct churn_config *config);
void churn_end(struct churn *c); /* all stay from now on */

#endif
