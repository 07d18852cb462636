#include "tests/sim/wires.h"

#include <string.h>

#include "tests/sim/chance.h"

void wires_init(struct wires *w, const struct wires_config *config, uint64_t seed)
{
    *w = (struct wires){.config = *config};
    rng_init_number(&w->rng, seed);
}

void wires_heal(struct wires *w)
{
    memset(w->is_cut, 0, sizeof w->is_cut);
}

static uint32_t draw_delay(struct wires *w)
{
    const struct wires_config *c = &w->config;
    uint64_t delay_ms = c->delay_min_ms;
    if (c->delay_median_ms > 0)
        delay_ms += chance_exponential(&w->rng, c->delay_median_ms);
    if (delay_ms > c->delay_max_ms)
        delay_ms = c->delay_max_ms;
    if (chance_permille(&w->rng, c->reorder_permille))
        delay_ms += chance_between(&w->rng, 0, c->delay_max_ms);
    return (uint32_t)delay_ms;
}

void wires_way(struct wires *w, unsigned from_side, unsigned to_side, struct way *out)
{
    const struct wires_config *c = &w->config;
    *out = (struct way){0};
    if (w->is_cut[from_side][to_side] || chance_permille(&w->rng, c->loss_permille))
        return;
    out->copies = 1 + chance_permille(&w->rng, c->duplicate_permille);
    for (uint32_t i = 0; i < out->copies; i++)
        out->delay_ms[i] = draw_delay(w);
    out->is_corrupt = chance_permille(&w->rng, c->corrupt_permille);
}
