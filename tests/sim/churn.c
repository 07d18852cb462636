#include "tests/sim/churn.h"

#include "tests/sim/chance.h"

#define CHURN_STREAM  0x63687572u
#define LEAVE_WAIT_MS (WORLD_LEAVE_MS + 1000u)
#define AWAY_PART     4u /* those that come back are away for a quarter of a session */

static void come_back(struct world *w, void *context, uint64_t argument)
{
    struct churn *c = context;
    struct process *p = w->processes[(uint32_t)argument];
    if (p == NULL)
        return;
    c->came_back++;
    world_restart(w, p);
}

/* What comes after a session, once its process is down. */
static void follow(struct world *w, void *context, uint64_t argument)
{
    struct churn *c = context;
    struct process *p = w->processes[(uint32_t)argument];
    if (p == NULL || p->incarnation != argument >> 32)
        return;
    world_crash(w, p); /* one that was paused while it left, and is still there */
    if (!chance_permille(&c->rng, c->config.fresh_permille)) {
        uint64_t away_ms = chance_exponential(&c->rng, c->config.median_ms / AWAY_PART);
        world_at(w, w->now_ms + away_ms, come_back, c, p->number);
        return;
    }
    c->fresh++;
    world_forget(w, p);
    world_spawn(w, false);
}

static void go(struct world *w, void *context, uint64_t argument)
{
    struct churn *c = context;
    struct process *p = w->processes[(uint32_t)argument];
    if (c->config.median_ms == 0 || p == NULL || p->state == PROCESS_DOWN ||
        p->incarnation != argument >> 32)
        return;
    c->ended++;
    if (!chance_permille(&c->rng, c->config.leave_permille)) {
        world_crash(w, p);
        follow(w, c, argument);
        return;
    }
    world_leave(w, p);
    world_at(w, w->now_ms + LEAVE_WAIT_MS, follow, c, argument);
}

static void give_time(struct churn *c, struct world *w, const struct process *p)
{
    if (c->config.median_ms > 0 && !p->is_adversary)
        world_at(w, w->now_ms + 1 + chance_exponential(&c->rng, c->config.median_ms), go, c,
                 (uint64_t)p->incarnation << 32 | p->number);
}

static void started(void *context, struct world *w, struct process *p)
{
    give_time(context, w, p);
}

void churn_begin(struct churn *c, struct world *w, const struct churn_config *config)
{
    *c = (struct churn){.config = *config};
    rng_init_number(&c->rng, w->config.seed ^ CHURN_STREAM);
    for (uint32_t i = 0; i < w->live_count; i++)
        give_time(c, w, w->processes[w->live[i]]);
    const struct watcher watcher = {.context = c, .started = started};
    world_watch(w, &watcher);
}

void churn_end(struct churn *c)
{
    c->config.median_ms = 0;
}
