/* The scenarios of life.h: each begins when the nodes are up and every key has been put. */
#ifndef XORD_TESTS_SIM_LIFE_SCENARIOS_H
#define XORD_TESTS_SIM_LIFE_SCENARIOS_H

#include "tests/sim/life.h"

void life_churn(struct life *l);
void life_multis(struct life *l);
void life_partition(struct life *l);
void life_half(struct life *l);
void life_power(struct life *l);
void life_bootstrap(struct life *l);
void life_listen(struct life *l);

#endif
