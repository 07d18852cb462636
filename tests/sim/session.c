#include "tests/sim/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/dht/serve/lease.h"

#define MINUTE_MS       60000u
#define LIMITS_MS       30000u /* how often all nodes' limits are checked */
#define FINAL_SPREAD_MS 20u    /* between the last gets */
#define FINAL_WAIT_MS   30000u

void session_defaults(struct session_options *options)
{
#define SESSION_DEFAULT(name, value, text) .name = (value),
    *options = (struct session_options){SESSION_TABLE(SESSION_DEFAULT)};
#undef SESSION_DEFAULT
}

bool session_set(struct session_options *options, const char *name, const char *value)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(value, &end, 0);
    if (end == value || *end != 0 || errno != 0 || *value == '-')
        return false;
#define SESSION_SET(option, standard, text)                                                        \
    if (strcmp(name, #option) == 0) {                                                              \
        options->option = number;                                                                  \
        return true;                                                                               \
    }
    SESSION_TABLE(SESSION_SET)
#undef SESSION_SET
    return false;
}

static void spawn(struct world *w, void *context, uint64_t argument)
{
    (void)context;
    (void)argument;
    world_spawn(w, false);
}

static void check_limits(struct world *w, void *context, uint64_t argument)
{
    struct session *s = context;
    (void)argument;
    for (uint32_t i = 0; i < w->live_count; i++) {
        const struct process *p = w->processes[w->live[i]];
        if (p->node != NULL)
            oracle_check_limits(&s->oracle, p);
    }
    s->node_ms += (uint64_t)w->live_count * LIMITS_MS;
    world_at(w, w->now_ms + LIMITS_MS, check_limits, s, 0);
}

static void build(struct session *s)
{
    const struct session_options *o = &s->options;
    const struct world_config config = {
        .seed = o->seed,
        .wires = {.delay_min_ms = (uint32_t)o->delay_min_ms,
                  .delay_median_ms = (uint32_t)o->delay_median_ms,
                  .delay_max_ms = (uint32_t)o->delay_max_ms,
                  .loss_permille = (uint32_t)o->loss,
                  .duplicate_permille = (uint32_t)o->duplicate,
                  .reorder_permille = (uint32_t)o->reorder,
                  .corrupt_permille = (uint32_t)o->corrupt},
        .disk_min_ms = (uint32_t)o->disk_min_ms,
        .disk_median_ms = (uint32_t)o->disk_median_ms,
        .disk_error_permille = (uint32_t)o->disk_errors,
        .drift_ppm = (uint32_t)o->drift_ppm,
        .nat_permille = (uint32_t)o->nat,
        .multi_entries = (uint32_t)o->multi_entries,
        .is_mainline = o->mainline != 0,
        .sources = o->from_first != 0 ? SOURCES_FIRST : SOURCES_ANY,
    };
    const struct client_config client = {
        .get_every_ms = o->get_ms,
        .put_every_ms = o->put_ms,
        .keep_permille = (uint32_t)o->keep,
        .value_size = (uint32_t)o->value_size,
        .ttl_s = o->ttl_minutes * 60,
        .liars = (uint32_t)o->adversaries,
    };
    const struct signers_config signers = {
        .targets = (uint32_t)o->multis,
        .entries = (uint32_t)o->entries,
        .value_size = (uint32_t)o->value_size,
        .ttl_s = o->ttl_minutes * 60,
        .gather_every_ms = o->get_ms,
        .put_every_ms = o->put_ms,
        .flood_every_ms = o->flood_ms,
    };
    const struct subscribers_config subscribers = {
        .count = (uint32_t)o->listeners,
        .life_ms = o->listen_minutes * MINUTE_MS,
        .kill_ms = o->kill_holder_s * 1000,
        .mute_permille = (uint32_t)o->mute,
    };
    world_init(&s->world, &config);
    ledger_init(&s->ledger, (uint32_t)o->keys, (uint32_t)o->owners, o->seed);
    ledger_watch(&s->ledger, &s->world);
    oracle_init(&s->oracle, &s->world, &s->ledger);
    client_init(&s->client, &s->world, &s->ledger, &s->oracle, &s->signers, &client);
    signers_init(&s->signers, &s->world, &s->ledger, &s->oracle, &signers);
    subscribers_init(&s->subscribers, &s->world, &s->ledger, &s->signers, &s->oracle, &subscribers);
    world_at(&s->world, s->world.now_ms, check_limits, s, 0);
}

static bool is_calm(const struct session_options *o)
{
    return o->loss == 0 && o->corrupt == 0 && o->median_minutes == 0 && o->faults == 0 &&
           o->adversaries == 0 && o->disk_errors == 0;
}

/* Starts the nodes and puts every key once. */
static void load(struct session *s)
{
    const struct session_options *o = &s->options;
    struct world *w = &s->world;
    for (uint64_t i = 0; i < o->nodes; i++)
        world_at(w, w->now_ms + i * o->ramp_s * 1000 / o->nodes, spawn, NULL, 0);
    world_run(w, w->now_ms + o->ramp_s * 1000);
    adversaries_init(&s->adversaries, w, &s->ledger, &s->oracle, (uint32_t)o->adversaries,
                     (uint32_t)o->evil);
    prober_init(&s->prober, w, &s->oracle, o->probe_ms, (uint32_t)o->forged);
    world_run(w, w->now_ms + MINUTE_MS);
    client_begin(&s->client, o->load_s * 1000);
    signers_begin(&s->signers, o->load_s * 1000);
    subscribers_begin(&s->subscribers, o->load_s * 1000);
    world_run(w, w->now_ms + o->load_s * 1000);
}

void session_begin(struct session *s, const struct session_options *options)
{
    *s = (struct session){.options = *options};
    build(s);
    load(s);
}

void session_churn(struct session *s)
{
    const struct session_options *o = &s->options;
    const struct churn_config churn = {
        .median_ms = o->median_minutes * MINUTE_MS,
        .leave_permille = (uint32_t)o->leave,
        .fresh_permille = (uint32_t)o->fresh,
    };
    churn_begin(&s->churn, &s->world, &churn);
}

static void run_to_quiet(struct session *s)
{
    const struct session_options *o = &s->options;
    struct world *w = &s->world;
    s->oracle.is_strict = is_calm(o);
    session_churn(s);
    s->quiet_ms = w->now_ms + o->minutes * MINUTE_MS;
    plan_draw(&s->plan, o->seed, (uint32_t)o->faults, w->now_ms, s->quiet_ms,
              o->fault_every_minutes * MINUTE_MS);
    s->plan.only = o->only;
    plan_begin(&s->plan, w);
    world_run(w, s->quiet_ms);
}

static void check_queues(struct session *s, const struct process *p)
{
    struct node_info info;
    node_get_info(p->node, &info);
    if (info.operations > 0 || info.writes > 0)
        oracle_fail(&s->oracle, p, "when all is quiet: %zu operations, %zu writes under way",
                    info.operations, info.writes);
}

static void check_tables(struct session *s)
{
    const struct process *worst = NULL;
    uint32_t worst_dead = 0;
    for (uint32_t i = 0; i < s->world.live_count; i++) {
        const struct process *p = s->world.processes[s->world.live[i]];
        uint32_t members;
        if (p->node == NULL)
            continue;
        uint32_t dead = oracle_count_dead(&s->oracle, p, &members);
        check_queues(s, p);
        s->members += members;
        s->dead += dead;
        if (dead > worst_dead) {
            worst = p;
            worst_dead = dead;
        }
    }
    if (s->dead * 1000 > s->members * s->options.dead)
        oracle_fail(&s->oracle, worst,
                    "when all was quiet for %" PRIu64 " minutes: %" PRIu64 " of %" PRIu64
                    " table members are dead",
                    s->options.settle_minutes, s->dead, s->members);
}

/* What the others do about it takes them a minute: the copies are judged before that. */
static void part(struct session *s)
{
    const struct session_options *o = &s->options;
    struct world *w = &s->world;
    for (uint64_t i = 0; i < o->partings; i++) {
        struct process *p = world_pick(w, &s->client.rng);
        if (p != NULL)
            world_leave(w, p);
        world_run(w, w->now_ms + o->parting_s * 1000 / o->partings);
    }
}

static void check_copies(struct session *s)
{
    const struct oracle_copies *copies = &s->copies;
    oracle_count_copies(&s->oracle, &s->copies);
    signers_count_copies(&s->signers, &s->copies);
    if (copies->there * 1000 < copies->wanted * s->options.copies)
        oracle_fail(&s->oracle, NULL,
                    "in the end %" PRIu64 " of %" PRIu64 " copies are where they belong",
                    copies->there, copies->wanted);
}

/* Nobody renews any more: what holders remember of it ends by itself. */
static void end_listening(struct session *s)
{
    if (s->options.listeners == 0)
        return;
    subscribers_end(&s->subscribers);
    world_run(&s->world, s->world.now_ms + LEASE_S * 1000 + MINUTE_MS);
    if (!s->oracle.has_failed)
        subscribers_check_ended(&s->subscribers);
}

static void read_all(struct session *s)
{
    for (uint32_t i = 0; i < s->ledger.key_count && !s->world.is_stopped; i++) {
        const struct ledger_key *key = &s->ledger.keys[i];
        struct process *p = world_pick(&s->world, &s->client.rng);
        if (key->acked_seq == 0 || p == NULL)
            continue;
        if (key->holders + key->keepers == 0 || key->top_seq < key->acked_seq)
            s->lost++;
        client_get(&s->client, p, i);
        world_run(&s->world, s->world.now_ms + FINAL_SPREAD_MS);
    }
    for (uint32_t i = 0; i < s->options.multis && !s->world.is_stopped; i++) {
        struct process *p = world_pick(&s->world, &s->client.rng);
        if (p != NULL)
            signers_gather(&s->signers, p, i);
        world_run(&s->world, s->world.now_ms + FINAL_SPREAD_MS);
    }
    world_run(&s->world, s->world.now_ms + FINAL_WAIT_MS);
}

static void judge_subscribers(struct session *s)
{
    const struct subscribers_figures *f = &s->subscribers.figures;
    uint64_t acknowledged, unanswered;
    subscribers_count_pushes(&s->subscribers, &acknowledged, &unanswered);
    if (f->prompt * 1000 < f->promised * s->options.prompt)
        oracle_fail(&s->oracle, NULL,
                    "%" PRIu64 " of %" PRIu64 " values were heard within a moment", f->prompt,
                    f->promised);
    if (f->leases_there * 1000 < f->leases_wanted * s->options.leased)
        oracle_fail(&s->oracle, NULL, "%" PRIu64 " of %" PRIu64 " of the nearest knew who listens",
                    f->leases_there, f->leases_wanted);
    if (acknowledged * 1000 < (acknowledged + unanswered) * s->options.delivered)
        oracle_fail(&s->oracle, NULL, "%" PRIu64 " pushes were acknowledged, %" PRIu64 " not",
                    acknowledged, unanswered);
}

static void judge(struct session *s)
{
    const struct oracle_figures *f = &s->oracle.figures;
    uint64_t gets = f->gets - s->at_quiet.gets, found = f->found - s->at_quiet.found;
    if (gets > 0 && found * 1000 < gets * s->options.good)
        oracle_fail(&s->oracle, NULL, "in the end %" PRIu64 " of %" PRIu64 " gets were good", found,
                    gets);
    if (s->options.slow_ms > 0 && f->ms > f->found * s->options.slow_ms)
        oracle_fail(&s->oracle, NULL, "a get took %" PRIu64 " ms on the average", f->ms / f->found);
}

void session_run(struct session *s, const struct session_options *options)
{
    session_begin(s, options);
    run_to_quiet(s);
    churn_end(&s->churn);
    plan_heal(&s->plan, &s->world);
    client_end(&s->client);
    signers_end(&s->signers);
    subscribers_stop_killing(&s->subscribers);
    world_run(&s->world, s->world.now_ms + s->options.settle_minutes * MINUTE_MS);
    end_listening(s);
    if (s->oracle.has_failed)
        return;
    check_tables(s);
    if (is_calm(&s->options))
        oracle_check_upkeep(&s->oracle, (uint32_t)s->options.multis,
                            s->options.minutes + s->options.settle_minutes);
    part(s);
    check_copies(s);
    s->at_quiet = s->oracle.figures;
    s->oracle.is_strict = s->options.adversaries == 0;
    read_all(s);
    judge(s);
    judge_subscribers(s);
}

void session_clear(struct session *s)
{
    adversaries_clear(&s->adversaries);
    client_clear(&s->client);
    signers_clear(&s->signers);
    subscribers_clear(&s->subscribers);
    oracle_clear(&s->oracle);
    ledger_clear(&s->ledger);
    world_clear(&s->world);
}
