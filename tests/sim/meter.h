/* What the traffic of a simulation is for: the upkeep of tables, the upkeep of values, or whoever
 * uses the network. A query counts by what it asks, a reply with its query. Sizes are those of the
 * packets' content, without the headers of IP and UDP. */
#ifndef XORD_TESTS_SIM_METER_H
#define XORD_TESTS_SIM_METER_H

#include "tests/sim/world.h"

#define METER_PLACES (1u << 20) /* queries under way, by a hash: a clash misplaces one reply */

enum meter_kind { METER_TABLES, METER_VALUES, METER_USE, METER_KIND_COUNT };

struct meter {
    struct world *world;
    uint64_t packets[METER_KIND_COUNT], bytes[METER_KIND_COUNT];
    uint8_t *kinds; /* of queries under way; owned */
};

void meter_init(struct meter *m, struct world *w);
void meter_clear(struct meter *m);

#endif
