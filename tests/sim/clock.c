#include "tests/sim/clock.h"

#define MILLION 1000000

static uint64_t local_ms_at(const struct clock *c, uint64_t world_ms)
{
    uint64_t passed_ms = world_ms - c->base_world_ms;
    if (c->drift_ppm == 0)
        return c->base_local_ms + passed_ms;
    return c->base_local_ms + passed_ms * (uint64_t)(MILLION + c->drift_ppm) / MILLION;
}

void clock_set(struct clock *c, uint64_t world_ms, int32_t drift_ppm, int64_t wall_off_s)
{
    *c = (struct clock){
        .base_world_ms = world_ms,
        .base_local_ms = local_ms_at(c, world_ms),
        .drift_ppm = drift_ppm,
        .wall_off_s = wall_off_s,
    };
}

struct now clock_now(const struct clock *c, uint64_t world_ms)
{
    return (struct now){
        .ms = local_ms_at(c, world_ms),
        .unix_s = (uint64_t)((int64_t)(CLOCK_EPOCH_UNIX_S + world_ms / 1000) + c->wall_off_s),
    };
}

uint64_t clock_when(const struct clock *c, uint64_t local_ms)
{
    if (local_ms <= c->base_local_ms)
        return c->base_world_ms;
    uint64_t ahead_ms = local_ms - c->base_local_ms;
    if (c->drift_ppm == 0)
        return c->base_world_ms + ahead_ms;
    if (ahead_ms > UINT64_MAX / MILLION) /* never, in milliseconds */
        return UINT64_MAX;
    uint64_t world_ms = c->base_world_ms + ahead_ms * MILLION / (uint64_t)(MILLION + c->drift_ppm);
    while (local_ms_at(c, world_ms) < local_ms)
        world_ms++;
    return world_ms;
}
