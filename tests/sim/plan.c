#include "tests/sim/plan.h"

#include <assert.h>

#include "tests/sim/chance.h"

#define PLAN_STREAM      0x706c616eu
#define DURATION_MIN_MS  10000u
#define DURATION_MAX_MS  600000u
#define RETURN_MS        60000u /* after a power cut all are back within a minute */
#define JUMP_MAX_S       1200   /* a wall clock's jump either way: past what records allow */
#define DRIFT_MAX_PPM    500
#define SLOW_DISK_MS     3000u
#define BURST_PERMILLE   300u
#define BURST_OTHERS     50u
#define STREAM_OF_RETURN 1u

const char *fault_name(enum fault_kind kind)
{
#define PLAN_NAME(symbol, name, text) name,
    static const char *const names[] = {PLAN_TABLE(PLAN_NAME)};
#undef PLAN_NAME
    return names[kind];
}

const char *fault_text(enum fault_kind kind)
{
#define PLAN_TEXT(symbol, name, text) text,
    static const char *const texts[] = {PLAN_TABLE(PLAN_TEXT)};
#undef PLAN_TEXT
    return texts[kind];
}

void plan_add(struct plan *plan, const struct fault *fault)
{
    assert(plan->count < PLAN_FAULTS_MAX);
    plan->faults[plan->count++] = *fault;
}

void plan_draw(struct plan *plan, uint64_t seed, uint32_t kinds, uint64_t from_ms,
               uint64_t until_ms, uint64_t every_ms)
{
    struct rng rng;
    enum fault_kind allowed[FAULT_KIND_COUNT];
    uint32_t allowed_count = 0;
    for (unsigned kind = 0; kind < FAULT_KIND_COUNT; kind++)
        if (kinds >> kind & 1)
            allowed[allowed_count++] = (enum fault_kind)kind;
    rng_init_number(&rng, seed ^ PLAN_STREAM);
    uint64_t at_ms = from_ms;
    while (allowed_count > 0 && plan->count < PLAN_FAULTS_MAX) {
        at_ms += 1 + chance_exponential(&rng, every_ms);
        const struct fault fault = {
            .kind = allowed[rng_below(&rng, allowed_count)],
            .at_ms = at_ms,
            .duration_ms = chance_between(&rng, DURATION_MIN_MS, DURATION_MAX_MS),
            .permille = (uint32_t)chance_between(&rng, 10, 200),
            .seed = rng_u64(&rng),
        };
        if (at_ms + fault.duration_ms > until_ms)
            return;
        plan_add(plan, &fault);
    }
}

static void cut(struct world *w, bool is_one_way)
{
    w->wires.is_cut[0][1] = true;
    w->wires.is_cut[1][0] = !is_one_way;
}

static void restart(struct world *w, void *context, uint64_t argument)
{
    struct process *p = w->processes[(uint32_t)argument];
    (void)context;
    if (p != NULL)
        world_restart(w, p);
}

static void jump(struct world *w, struct process *p, struct rng *rng, bool is_on)
{
    int64_t off_s = (int64_t)rng_below(rng, 2 * JUMP_MAX_S + 1) - JUMP_MAX_S;
    int32_t drift_ppm = (int32_t)rng_below(rng, 2 * DRIFT_MAX_PPM + 1) - DRIFT_MAX_PPM;
    clock_set(&p->clock, w->now_ms, is_on ? drift_ppm : 0, is_on ? off_s : 0);
    p->tick_at_ms = UINT64_MAX; /* what was planned by the old clock no longer counts */
    world_flush(w, p);
}

/* What a fault does to one process as it begins (is_on) and ends. */
static void strike(struct world *w, struct process *p, const struct fault *fault, struct rng *rng,
                   bool is_on)
{
    switch (fault->kind) {
    case FAULT_PAUSE:
        if (is_on)
            world_pause(w, p);
        else
            world_resume(w, p);
        return;
    case FAULT_CLOCK:
        jump(w, p, rng, is_on);
        return;
    case FAULT_FULL:
        p->disk.quota = is_on ? 1 : 0;
        return;
    case FAULT_BROKEN:
        p->disk.is_broken = is_on;
        return;
    case FAULT_CRASH:
    case FAULT_POWER:
        if (is_on)
            world_crash(w, p);
        if (is_on)
            world_at(w, w->now_ms + 1 + rng_below(rng, RETURN_MS), restart, NULL, p->number);
        return;
    case FAULT_KILL:
        if (is_on)
            world_crash(w, p);
        return;
    case FAULT_PARTITION:
    case FAULT_ONE_WAY:
    case FAULT_BURST:
    case FAULT_SLOW:
    case FAULT_KIND_COUNT:
        return;
    }
}

/* The same processes as the fault begins and as it ends: drawn by their numbers. */
static void strike_some(struct world *w, const struct fault *fault, bool is_on)
{
    struct rng rng;
    uint32_t permille = fault->kind == FAULT_POWER ? 1000 : fault->permille;
    rng_init_number(&rng, fault->seed ^ (is_on ? 0 : STREAM_OF_RETURN));
    for (uint32_t i = 0; i < w->process_count; i++) {
        struct process *p = w->processes[i];
        uint64_t drawn = ((i + 1) * 0x9e3779b97f4a7c15u ^ fault->seed) * 0xbf58476d1ce4e5b9u;
        if (p != NULL && !p->is_adversary && p->state != PROCESS_DOWN &&
            (drawn >> 32) % 1000 < permille)
            strike(w, p, fault, &rng, is_on);
    }
}

static void apply(struct plan *plan, struct world *w, const struct fault *fault, bool is_on)
{
    struct wires_config *wires = &w->wires.config;
    world_note(w, TRACE_FAULT, NULL, (uint32_t)fault->kind, is_on, fault->seed);
    if (fault->kind == FAULT_PARTITION || fault->kind == FAULT_ONE_WAY) {
        if (is_on)
            cut(w, fault->kind == FAULT_ONE_WAY);
        else
            wires_heal(&w->wires);
    } else if (fault->kind == FAULT_BURST) {
        *wires = plan->usual_wires;
        if (is_on) {
            wires->loss_permille = BURST_PERMILLE;
            wires->duplicate_permille = wires->reorder_permille = BURST_OTHERS;
            wires->corrupt_permille = BURST_OTHERS;
        }
    } else if (fault->kind == FAULT_SLOW) {
        w->config.disk_median_ms = is_on ? SLOW_DISK_MS : plan->usual_disk_ms;
    } else {
        strike_some(w, fault, is_on);
    }
}

static void begin(struct world *w, void *context, uint64_t argument)
{
    struct plan *plan = context;
    plan->active++;
    apply(plan, w, &plan->faults[argument], true);
}

static void end(struct world *w, void *context, uint64_t argument)
{
    struct plan *plan = context;
    plan->active--;
    apply(plan, w, &plan->faults[argument], false);
}

void plan_begin(struct plan *plan, struct world *w)
{
    plan->usual_wires = w->wires.config;
    plan->usual_disk_ms = w->config.disk_median_ms;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (!(plan->only >> i & 1))
            continue;
        world_at(w, plan->faults[i].at_ms, begin, plan, i);
        world_at(w, plan->faults[i].at_ms + plan->faults[i].duration_ms, end, plan, i);
    }
}

void plan_heal(struct plan *plan, struct world *w)
{
    w->wires.config = plan->usual_wires;
    w->wires.config.loss_permille = w->wires.config.corrupt_permille = 0;
    w->config.disk_median_ms = plan->usual_disk_ms;
    w->config.disk_error_permille = 0;
    wires_heal(&w->wires);
}
