/* The network between processes: how long a packet takes, whether it is lost, comes twice, late or
 * damaged, and which sides of a partition hear each other. Decides; carries nothing. */
#ifndef XORD_TESTS_SIM_WIRES_H
#define XORD_TESTS_SIM_WIRES_H

#include <stdbool.h>

#include "common/rng.h"

#define WIRES_SIDES      4 /* of a partition */
#define WIRES_COPIES_MAX 2

struct wires_config {
    uint32_t delay_min_ms;    /* of the way itself */
    uint32_t delay_median_ms; /* of what queues add to it, exponentially */
    uint32_t delay_max_ms;    /* of both together */
    uint32_t loss_permille, duplicate_permille, corrupt_permille;
    uint32_t reorder_permille; /* held back for up to delay_max_ms more */
};

struct wires {
    struct wires_config config;
    bool is_cut[WIRES_SIDES][WIRES_SIDES]; /* from, to: a one-way cut sets one of the two */
    struct rng rng;
};

struct way {
    uint32_t copies; /* 0: lost */
    uint32_t delay_ms[WIRES_COPIES_MAX];
    bool is_corrupt;
};

void wires_init(struct wires *w, const struct wires_config *config, uint64_t seed);
void wires_heal(struct wires *w); /* no partition any more */
void wires_way(struct wires *w, unsigned from_side, unsigned to_side, struct way *out);

#endif
