/* The lives of processes: how they come up, go down and come back, and what their disks keep. */
#include <assert.h>
#include <stdlib.h>

#include "tests/sim/chance.h"
#include "tests/sim/world_parts.h"

#define SOURCE_TRIES  16u
#define TORN_PERMILLE 500 /* a write under way in a crash is on disk whole, or not at all */

enum err world_apply(struct world *w, struct process *p, uint32_t slot, bool is_failed,
                     int64_t *seq)
{
    struct waiting *waiting = &w->waitings[slot];
    struct blob *blob = waiting->item.blob;
    struct disk_gone gone = {.count = 0};
    enum store_space space = waiting->item.write.space;
    enum err err = ERR_IO;
    *seq = 0;
    if (!is_failed)
        err = disk_apply(&p->disk, process_now(p).unix_s, &waiting->item, seq, &gone);
    for (unsigned i = 0; i < gone.count; i++) {
        TELL(w, removed, p, space, gone.blobs[i]);
        blobs_drop(&w->blobs, gone.blobs[i]);
    }
    if (err == ERR_OK && blob != NULL)
        TELL(w, placed, p, space, blob);
    if (blob != NULL)
        blobs_drop(&w->blobs, blob);
    waiting->is_used = false;
    return err;
}

/* Tells of each record of the process as it comes and goes with it. */
static void tell_records(struct world *w, struct process *p, bool is_placed)
{
    for (uint32_t i = 0; i < p->disk.count; i++) {
        struct disk_entry *entry = &p->disk.entries[i];
        if (is_placed)
            TELL(w, placed, p, (enum store_space)entry->space, entry->blob);
        else
            TELL(w, removed, p, (enum store_space)entry->space, entry->blob);
    }
}

void world_expire(struct world *w, struct process *p)
{
    uint64_t now_unix_s = process_now(p).unix_s;
    p->expired_at_ms = w->now_ms;
    for (uint32_t i = 0; i < p->disk.count && p->state != PROCESS_DOWN; i++) {
        struct disk_entry *entry = &p->disk.entries[i];
        if (entry->expiry_unix_s <= now_unix_s)
            TELL(w, removed, p, (enum store_space)entry->space, entry->blob);
    }
    disk_expire(&p->disk, now_unix_s, &w->blobs);
}

static void come_up(struct world *w, struct process *p)
{
    p->state = PROCESS_UP;
    p->up_ms = w->now_ms;
    p->incarnation++;
    p->tick_at_ms = UINT64_MAX;
    p->live_at = w->live_count;
    w->live[w->live_count++] = p->number;
}

static void go_down(struct world *w, struct process *p)
{
    uint32_t last = w->live[--w->live_count];
    w->live[p->live_at] = last;
    w->processes[last]->live_at = p->live_at;
    p->live_at = PROCESS_NONE;
    p->state = PROCESS_DOWN;
    p->leave_op = 0;
    node_free(p->node);
    p->node = NULL;
}

static struct process *first_of(const struct world *w)
{
    struct process *first = w->process_count > 0 ? w->processes[0] : NULL;
    return first != NULL && first->state == PROCESS_UP ? first : NULL;
}

/* While the world is cut in two, addresses of the other side do not get about either. */
static struct process *pick_source(struct world *w, const struct process *p)
{
    struct process *source = world_pick(w, &w->rng);
    for (unsigned tries = 0;
         tries < SOURCE_TRIES && source != NULL && w->wires.is_cut[source->side][p->side]; tries++)
        source = world_pick(w, &w->rng);
    return source;
}

/* One to start from, or NULL. */
static struct process *find_source(struct world *w, const struct process *p)
{
    switch (w->config.sources) {
    case SOURCES_ANY:
        return pick_source(w, p);
    case SOURCES_FIRST:
        return first_of(w);
    case SOURCES_NONE:
        break;
    }
    return NULL;
}

static void boot(struct world *w, struct process *p)
{
    uint8_t seed[RNG_SEED_SIZE];
    bool is_client = p->nat != NULL;
    rng_bytes(&w->rng, seed, sizeof seed);
    /* Drawn before it is in the list: nobody starts from itself. */
    struct process *from[WORLD_BOOTSTRAPS];
    for (unsigned i = 0; i < WORLD_BOOTSTRAPS; i++)
        from[i] = find_source(w, p);
    come_up(w, p);
    world_note(w, TRACE_STARTED, p, p->incarnation, p->disk.count, 0);
    tell_records(w, p, true);
    TELL(w, started, p);
    if (p->is_adversary)
        return;
    process_boot(p, seed, is_client ? NODE_CLIENT : NODE_SERVER);
    for (unsigned i = 0; i < WORLD_BOOTSTRAPS; i++)
        if (from[i] != NULL)
            node_bootstrap(p->node, &from[i]->addr);
    for (uint32_t i = 0; i < p->saved_count; i++)
        node_restore(p->node, process_now(p), &p->saved[i]);
    world_flush(w, p);
}

static void reserve(struct world *w, uint32_t count)
{
    if (count <= w->process_capacity)
        return;
    while (w->process_capacity < count)
        w->process_capacity = w->process_capacity ? w->process_capacity * 2 : 64;
    w->processes = realloc(w->processes, w->process_capacity * sizeof(struct process *));
    w->live = realloc(w->live, w->process_capacity * sizeof *w->live);
    assert(w->processes != NULL && w->live != NULL);
}

void world_number_from(struct world *w, uint32_t number)
{
    reserve(w, number);
    while (w->process_count < number)
        w->processes[w->process_count++] = NULL;
}

static struct process *add_process(struct world *w)
{
    reserve(w, w->process_count + 1);
    struct process *p = process_new(w->process_count, &w->now_ms);
    w->processes[w->process_count++] = p;
    return p;
}

struct process *world_spawn(struct world *w, bool is_adversary)
{
    struct process *p = add_process(w);
    int32_t drift_ppm = 0;
    p->is_adversary = is_adversary;
    p->is_mainline = w->config.is_mainline;
    p->has_v6 = w->config.has_v6;
    p->disk.multi_entries = w->config.multi_entries;
    if (w->config.drift_ppm > 0)
        drift_ppm =
            (int32_t)rng_below(&w->rng, 2 * w->config.drift_ppm + 1) - (int32_t)w->config.drift_ppm;
    clock_set(&p->clock, w->now_ms, drift_ppm, 0);
    /* The first ones are open: somebody has to be there to start from. */
    if (!is_adversary && w->live_count >= 8)
        process_set_nat(p, chance_permille(&w->rng, w->config.nat_permille));
    boot(w, p);
    return p;
}

/* The writes that this process waits for: they reach the disk, all or by chance. Nobody is told. */
static void settle_writes(struct world *w, struct process *p, bool is_orderly)
{
    for (uint32_t i = 0; i < w->waiting_count; i++) {
        struct waiting *waiting = &w->waitings[i];
        int64_t seq;
        if (!waiting->is_used || waiting->process != p->number)
            continue;
        bool is_lost = !is_orderly && chance_permille(&w->rng, TORN_PERMILLE);
        world_apply(w, p, i, is_lost, &seq);
    }
}

static void stop(struct world *w, struct process *p, bool is_orderly)
{
    if (p->state == PROCESS_DOWN)
        return;
    world_note(w, is_orderly ? TRACE_LEFT : TRACE_CRASHED, p, 0, p->disk.count, 0);
    if (p->node != NULL)
        process_save(p);
    settle_writes(w, p, is_orderly);
    TELL(w, stopped, p);
    tell_records(w, p, false);
    go_down(w, p);
}

void world_crash(struct world *w, struct process *p)
{
    stop(w, p, false);
}

static void finish_leaving(struct world *w, void *context, uint64_t argument)
{
    struct process *p = w->processes[(uint32_t)argument];
    (void)context;
    if (p != NULL && p->incarnation == argument >> 32)
        stop(w, p, true);
}

void world_left(struct world *w, struct process *p)
{
    world_at(w, w->now_ms, finish_leaving, NULL, (uint64_t)p->incarnation << 32 | p->number);
}

void world_leave(struct world *w, struct process *p)
{
    if (p->state == PROCESS_UP && p->node != NULL &&
        node_leave(p->node, process_now(p), WORLD_LEAVE_MS, &p->leave_op, &w->out) == ERR_OK)
        world_flush(w, p);
    else if (p->leave_op == 0)
        stop(w, p, true);
}

void world_restart(struct world *w, struct process *p)
{
    if (p->state == PROCESS_DOWN)
        boot(w, p);
}

void world_pause(struct world *w, struct process *p)
{
    if (p->state != PROCESS_UP)
        return;
    p->state = PROCESS_PAUSED;
    world_note(w, TRACE_PAUSED, p, 0, 0, 0);
}

void world_resume(struct world *w, struct process *p)
{
    if (p->state != PROCESS_PAUSED)
        return;
    p->state = PROCESS_UP;
    p->up_ms = w->now_ms;
    world_note(w, TRACE_RESUMED, p, 0, 0, 0);
    p->tick_at_ms = UINT64_MAX;
    world_rearm(w, p);
}

void world_forget(struct world *w, struct process *p)
{
    assert(p->state == PROCESS_DOWN);
    w->processes[p->number] = NULL;
    process_free(p, &w->blobs);
}

struct process *world_pick(struct world *w, struct rng *rng)
{
    for (unsigned tries = 0; tries < 64 && w->live_count > 0; tries++) {
        struct process *p = w->processes[w->live[rng_below(rng, w->live_count)]];
        if (p->state == PROCESS_UP && p->node != NULL && p->nat == NULL && p->leave_op == 0)
            return p;
    }
    return NULL;
}
