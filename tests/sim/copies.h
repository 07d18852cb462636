/* Are the copies where they belong? Looks every half minute at a sample of the keys: a node that
 * has come among the 8 live ones closest to a key, and lacks it, has to be given it within the time
 * that the design states, unless it goes first. */
#ifndef XORD_TESTS_SIM_COPIES_H
#define XORD_TESTS_SIM_COPIES_H

#include "tests/sim/closest.h"

#define COPIES_SAMPLE    256u
#define COPIES_EVERY_MS  30000u
#define COPIES_WITHIN_MS 300000u /* repair is promised within 5 minutes */

struct copies_gap { /* a place among the 8 without a copy */
    uint32_t process, incarnation;
    uint64_t since_ms;
    bool is_late; /* counted so */
};

struct copies {
    struct world *world;
    const struct ledger *ledger;
    struct {
        struct copies_gap gaps[CLOSEST_K];
        uint32_t count;
    } keys[COPIES_SAMPLE];
    bool is_ended;
    uint64_t gaps, late;     /* that opened; that stayed open for too long */
    uint64_t places, filled; /* looked at, and those with a copy */
    uint64_t looks, thin;    /* keys looked at, and those with less than half of their copies */
};

void copies_init(struct copies *c, struct world *w, const struct ledger *ledger);

#endif
