/* A process's own clocks, made from the world's: the monotonic one runs a little fast or slow, the
 * wall clock can jump. The monotonic one never goes back. */
#ifndef XORD_TESTS_SIM_CLOCK_H
#define XORD_TESTS_SIM_CLOCK_H

#include "common/now.h"

#define CLOCK_EPOCH_UNIX_S 1700000000u /* when the world begins */

struct clock {
    uint64_t base_world_ms, base_local_ms; /* both at the last change of drift */
    int32_t drift_ppm;
    int64_t wall_off_s;
};

void clock_set(struct clock *c, uint64_t world_ms, int32_t drift_ppm, int64_t wall_off_s);
struct now clock_now(const struct clock *c, uint64_t world_ms);
/* The first moment of the world at which the monotonic clock shows at least `local_ms`. */
uint64_t clock_when(const struct clock *c, uint64_t local_ms);

#endif
