#include "tests/sim/closest.h"

#include "daemon/dht/node_state.h"

#define CLOSEST_STREAM 0x636c6f73u

static void insert(struct closest_set *set, const struct id *target, const struct id *id)
{
    uint32_t at = set->count < CLOSEST_K ? set->count : CLOSEST_K;
    while (at > 0 && id_compare_distance(target, id, &set->ids[at - 1]) < 0)
        at--;
    if (at == CLOSEST_K)
        return;
    if (set->count < CLOSEST_K)
        set->count++;
    for (uint32_t i = set->count - 1; i > at; i--)
        set->ids[i] = set->ids[i - 1];
    set->ids[at] = *id;
}

void closest_truth(const struct world *w, const struct id *target,
                   const struct process *out[CLOSEST_K], uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < w->live_count; i++) {
        const struct process *p = w->processes[w->live[i]];
        uint32_t at = *count;
        if (p->node == NULL || p->nat != NULL || p->state != PROCESS_UP)
            continue;
        while (at > 0 && id_compare_distance(target, &p->id, &out[at - 1]->id) < 0)
            at--;
        if (at == CLOSEST_K)
            continue;
        if (*count < CLOSEST_K)
            ++*count;
        for (uint32_t move = *count - 1; move > at; move--)
            out[move] = out[move - 1];
        out[at] = p;
    }
}

static void believed(const struct process *p, const struct id *target, struct closest_set *set)
{
    struct contact nearest[CLOSEST_K];
    size_t count = node_closest(p->node, KRPC_FIND_NODE, FAMILY_V4, target, nearest, CLOSEST_K);
    *set = (struct closest_set){0};
    insert(set, target, &p->id);
    for (size_t i = 0; i < count; i++)
        insert(set, target, &nearest[i].id);
}

static uint64_t count_same(const struct closest_set *a, const struct closest_set *b)
{
    uint64_t same = 0;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t n = 0; n < b->count; n++)
            same += id_equal(&a->ids[i], &b->ids[n]);
    return same;
}

static void compare(struct closest *c, const struct id *target, const struct closest_set *found)
{
    const struct process *holders[CLOSEST_K];
    struct closest_set truth = {0}, view;
    uint32_t count;
    closest_truth(c->world, target, holders, &count);
    for (uint32_t i = 0; i < count; i++)
        insert(&truth, target, &holders[i]->id);
    for (uint32_t i = 0; i < count; i++) {
        believed(holders[i], target, &view);
        c->places += count;
        c->same += count_same(found, &view);
        c->holders_true += count_same(&truth, &view);
    }
    c->places_true += count;
    c->searchers_true += count_same(found, &truth);
    c->lookups++;
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct closest *c = context;
    (void)w;
    if (event->kind != EVENT_LOOKUP)
        return;
    for (unsigned i = 0; i < CLOSEST_ASKING; i++) {
        if (c->asking[i].op != event->op || c->asking[i].process != p->number)
            continue;
        const struct id *target = &c->ledger->keys[c->asking[i].key].target;
        struct closest_set found = {0};
        c->asking[i].op = 0;
        for (size_t n = 0; n < event->lookup.closest_count; n++)
            insert(&found, target, &event->lookup.closest[n].id);
        /* The searcher itself is none of what it finds. */
        insert(&found, target, &p->id);
        compare(c, target, &found);
    }
}

static void on_stopped(void *context, struct world *w, struct process *p)
{
    struct closest *c = context;
    (void)w;
    for (unsigned i = 0; i < CLOSEST_ASKING; i++)
        if (c->asking[i].process == p->number)
            c->asking[i].op = 0;
}

static void ask(struct world *w, void *context, uint64_t argument)
{
    struct closest *c = context;
    struct process *p = world_pick(w, &c->rng);
    uint32_t key = rng_below(&c->rng, c->ledger->key_count);
    unsigned slot = 0;
    uint64_t op;
    (void)argument;
    if (c->every_ms == 0)
        return;
    world_at(w, w->now_ms + c->every_ms, ask, c, 0);
    while (slot < CLOSEST_ASKING && c->asking[slot].op != 0)
        slot++;
    if (p == NULL || slot == CLOSEST_ASKING)
        return;
    if (node_lookup(p->node, process_now(p), &c->ledger->keys[key].target, 0, &op, &w->out) ==
        ERR_OK) {
        c->asking[slot].op = op;
        c->asking[slot].process = p->number;
        c->asking[slot].key = key;
    }
    world_flush(w, p);
}

void closest_init(struct closest *c, struct world *w, const struct ledger *ledger,
                  uint64_t every_ms)
{
    const struct watcher watcher = {.context = c, .event = on_event, .stopped = on_stopped};
    *c = (struct closest){.world = w, .ledger = ledger, .every_ms = every_ms};
    rng_init_number(&c->rng, w->config.seed ^ CLOSEST_STREAM);
    world_watch(w, &watcher);
    world_at(w, w->now_ms + every_ms, ask, c, 0);
}
