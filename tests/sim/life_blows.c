/* Scenarios in which everything happens at once: half of the nodes killed, a power cut, a thousand
 * starting from one. */
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "tests/sim/life_scenarios.h"

#define MINUTE_MS        60000u
#define READ_SPREAD_MS   10u /* between gets of all keys */
#define READ_WAIT_MS     15000u
#define REPAIRED_MS      (65 * MINUTE_MS) /* what only a keeper has is put again in the hour */
#define RETURN_MS        60000u           /* all are back within this */
#define READABLE_MINUTES 2u
#define WATCHED_MINUTES  120u /* for a storm */
#define STORM_HUNDREDTHS 399u /* below 4 times, in each minute */

static void run_ms(struct life *l, uint64_t ms)
{
    world_run(&l->session.world, l->session.world.now_ms + ms);
}

struct readings {
    uint64_t read, good; /* of keys that somebody up had, when asked */
    uint64_t without;    /* that nobody up had */
    uint64_t kept_alone; /* that no holder had, but who keeps it */
};

static struct readings read_all(struct life *l)
{
    struct session *s = &l->session;
    const struct oracle_figures before = s->oracle.figures;
    struct readings readings = {0};
    for (uint32_t i = 0; i < s->ledger.key_count && !s->world.is_stopped; i++) {
        const struct ledger_key *key = &s->ledger.keys[i];
        struct process *p = world_pick(&s->world, &s->client.rng);
        if (key->acked_seq == 0 || p == NULL)
            continue;
        readings.without += key->holders + key->keepers == 0;
        readings.kept_alone += key->holders == 0 && key->keepers > 0;
        client_get(&s->client, p, i);
        run_ms(l, READ_SPREAD_MS);
    }
    run_ms(l, READ_WAIT_MS);
    readings.read = s->oracle.figures.gets_held - before.gets_held;
    readings.good = s->oracle.figures.found_held - before.found_held;
    return readings;
}

/* Every second one in an order that nobody's id has a part in. */
static void kill_half(struct life *l)
{
    struct world *w = &l->session.world;
    uint32_t left = w->live_count / 2;
    while (left-- > 0)
        world_crash(w, w->processes[w->live[rng_below(&l->session.client.rng, w->live_count)]]);
}

void life_half(struct life *l)
{
    run_ms(l, l->session.options.minutes * MINUTE_MS);
    kill_half(l);
    struct readings at_once = read_all(l);
    run_ms(l, REPAIRED_MS);
    struct readings after = read_all(l);
    life_result(l, "keys read", LIFE_COUNT, LIFE_TOLD, 0, at_once.read);
    life_result(l, "keys without a holder or keeper left", LIFE_COUNT, LIFE_TOLD, 0,
                at_once.without);
    life_result(l, "keys with a keeper alone, to be put again", LIFE_COUNT, LIFE_TOLD, 0,
                at_once.kept_alone);
    life_result(l, "with a holder or keeper: good at once", LIFE_SHARE, LIFE_AT_LEAST, 99900,
                life_share(at_once.good, at_once.read));
    life_result(l, "with a holder or keeper: good after repair", LIFE_SHARE, LIFE_AT_LEAST, 100000,
                life_share(after.good, after.read));
    life_result(l, "keys without a holder or keeper after repair", LIFE_COUNT, LIFE_AT_MOST,
                at_once.without, after.without);
}

static void restart(struct world *w, void *context, uint64_t argument)
{
    (void)context;
    if (w->processes[argument] != NULL)
        world_restart(w, w->processes[argument]);
}

static void cut_power(struct life *l)
{
    struct world *w = &l->session.world;
    while (w->live_count > 0) {
        struct process *p = w->processes[w->live[0]];
        world_crash(w, p);
        world_at(w, w->now_ms + 1 + rng_below(&l->session.client.rng, RETURN_MS), restart, NULL,
                 p->number);
    }
}

/* Upkeep minute by minute, in bytes. */
struct upkeep {
    uint64_t all[METER_KIND_COUNT], busiest[METER_KIND_COUNT];
    uint64_t busiest_sum; /* of values and tables together */
    unsigned minutes;
};

static void watch_minute(struct life *l, struct upkeep *u)
{
    uint64_t before[METER_KIND_COUNT], minute[METER_KIND_COUNT];
    memcpy(before, l->meter.bytes, sizeof before);
    run_ms(l, MINUTE_MS);
    u->minutes++;
    for (unsigned kind = 0; kind < METER_KIND_COUNT; kind++) {
        minute[kind] = l->meter.bytes[kind] - before[kind];
        u->all[kind] += minute[kind];
        u->busiest[kind] = minute[kind] > u->busiest[kind] ? minute[kind] : u->busiest[kind];
    }
    uint64_t sum = minute[METER_VALUES] + minute[METER_TABLES];
    u->busiest_sum = sum > u->busiest_sum ? sum : u->busiest_sum;
}

static void tell_busiest(struct life *l, const char *what, uint64_t busiest, uint64_t usual)
{
    life_result(l, what, LIFE_TIMES, LIFE_AT_MOST, STORM_HUNDREDTHS,
                usual == 0 ? 0 : busiest * 100 / usual);
}

static void tell_storm(struct life *l, const struct upkeep *usual, const struct upkeep *after)
{
    uint64_t values = usual->all[METER_VALUES] / usual->minutes;
    uint64_t tables = usual->all[METER_TABLES] / usual->minutes;
    life_result(l, "values' upkeep before, bytes a minute", LIFE_COUNT, LIFE_TOLD, 0, values);
    tell_busiest(l, "  busiest minute after, times that", after->busiest[METER_VALUES], values);
    life_result(l, "tables' upkeep before, bytes a minute", LIFE_COUNT, LIFE_TOLD, 0, tables);
    tell_busiest(l, "  busiest minute after, times that", after->busiest[METER_TABLES], tables);
    tell_busiest(l, "both: busiest minute after, times before", after->busiest_sum,
                 values + tables);
}

void life_power(struct life *l)
{
    struct upkeep usual = {0}, after = {0};
    struct readings readings = {0};
    while (usual.minutes < l->session.options.minutes)
        watch_minute(l, &usual);
    cut_power(l);
    while (after.minutes < WATCHED_MINUTES) {
        watch_minute(l, &after);
        if (after.minutes == READABLE_MINUTES)
            readings = read_all(l);
    }
    life_result(l, "keys read 2 minutes after", LIFE_COUNT, LIFE_TOLD, 0, readings.read);
    life_result(l, "keys that no disk has", LIFE_COUNT, LIFE_AT_MOST, 0, readings.without);
    life_result(l, "of the others: good", LIFE_SHARE, LIFE_AT_LEAST, 100000,
                life_share(readings.good, readings.read));
    tell_storm(l, &usual, &after);
}

/* No part of the network is out of its reach: where live nodes fall into a bucket of its, it knows
 * one of them. */
static bool has_all_parts(const struct world *w, const struct process *p)
{
    for (uint32_t i = 0; i < w->live_count; i++) {
        const struct id *id = &w->processes[w->live[i]]->id;
        unsigned prefix = id_common_prefix(&p->id, id);
        struct contact nearest;
        if (w->live[i] != p->number &&
            (node_closest(p->node, KRPC_FIND_NODE, FAMILY_V4, id, &nearest, 1) == 0 ||
             id_common_prefix(&p->id, &nearest.id) != prefix))
            return false;
    }
    return true;
}

static uint32_t count_nearest(const struct world *w, const struct process *p)
{
    const struct process *nearest[CLOSEST_K];
    struct contact known[CLOSEST_K];
    uint32_t count, right = 0;
    size_t known_count =
        node_closest(p->node, KRPC_FIND_NODE, FAMILY_V4, &p->id, known, CLOSEST_K - 1);
    closest_truth(w, &p->id, nearest, &count);
    for (uint32_t i = 0; i < count; i++)
        for (size_t n = 0; n < known_count; n++)
            right += id_equal(&nearest[i]->id, &known[n].id);
    return right;
}

void life_bootstrap(struct life *l)
{
    const struct world *w = &l->session.world;
    uint64_t healthy = 0, nearest = 0, most = 0;
    for (uint32_t i = 0; i < w->live_count; i++) {
        const struct process *p = w->processes[w->live[i]];
        uint32_t right = count_nearest(w, p);
        bool is_healthy = has_all_parts(w, p) && right + 1 == CLOSEST_K;
        healthy += is_healthy;
        nearest += right;
        most += node_live_count(p->node);
    }
    life_result(l, "nodes", LIFE_COUNT, LIFE_TOLD, 0, w->live_count);
    life_result(l, "tables healthy after 60 seconds", LIFE_SHARE, LIFE_AT_LEAST, 100000,
                life_share(healthy, w->live_count));
    life_result(l, "of the 7 nearest known", LIFE_SHARE, LIFE_TOLD, 0,
                life_share(nearest, w->live_count * (CLOSEST_K - 1)));
    life_result(l, "members of a table", LIFE_COUNT, LIFE_TOLD, 0, most / w->live_count);
    life_result(l, "packets a node", LIFE_COUNT, LIFE_TOLD, 0, w->packets / w->live_count);
}
