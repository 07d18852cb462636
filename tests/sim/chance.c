#include "tests/sim/chance.h"

#include <assert.h>

bool chance_permille(struct rng *rng, uint32_t permille)
{
    return permille > 0 && rng_below(rng, 1000) < permille;
}

/* -log2(x / 2^32) in 16.16 fixed point, for x > 0: the whole part by shifting, then a bit of the
 * fraction for each squaring. */
static uint32_t minus_log2(uint32_t x)
{
    uint32_t whole = 0;
    while (x < 0x80000000u) {
        x <<= 1;
        whole++;
    }
    uint32_t fraction = 0; /* of log2(x / 2^31), which is in [0, 1) */
    for (uint32_t bit = 0x8000; bit > 0; bit >>= 1) {
        uint64_t square = (uint64_t)x * x >> 31;
        if (square >> 32 != 0) {
            fraction |= bit;
            square >>= 1;
        }
        x = (uint32_t)square;
    }
    return ((whole + 1) << 16) - fraction;
}

uint64_t chance_exponential(struct rng *rng, uint64_t median)
{
    uint32_t x = rng_u32(rng);
    return median * minus_log2(x > 0 ? x : 1) >> 16;
}

uint64_t chance_between(struct rng *rng, uint64_t min, uint64_t max)
{
    assert(min <= max && max - min < UINT32_MAX);
    return min + rng_below(rng, (uint32_t)(max - min + 1));
}
