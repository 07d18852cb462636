/* Scenarios in which nodes come and go all the time and nobody republishes. */
#include "tests/sim/life_scenarios.h"

#define MINUTE_MS        60000u
#define LOOKUP_EVERY_MS  5000u
#define PARTITION_MS     (30 * MINUTE_MS)
#define HEALED_WITHIN_MS (10 * MINUTE_MS)
#define HEALED_JUDGED_MS (30 * MINUTE_MS)

static uint64_t count_lost(const struct life *l)
{
    const struct ledger *ledger = &l->session.ledger;
    uint64_t lost = 0;
    for (uint32_t i = 0; i < ledger->key_count; i++)
        lost += ledger->keys[i].acked_seq > 0 && ledger->keys[i].holders == 0;
    return lost;
}

static uint64_t count_acked(const struct life *l)
{
    const struct ledger *ledger = &l->session.ledger;
    uint64_t acked = 0;
    for (uint32_t i = 0; i < ledger->key_count; i++)
        acked += ledger->keys[i].acked_seq > 0;
    return acked;
}

static uint64_t good_since(const struct life *l, const struct oracle_figures *before)
{
    const struct oracle_figures *f = &l->session.oracle.figures;
    return life_share(f->found - before->found, f->gets - before->gets);
}

static void run_ms(struct life *l, uint64_t ms)
{
    world_run(&l->session.world, l->session.world.now_ms + ms);
}

static void tell_costs(struct life *l, uint64_t node_ms)
{
    uint64_t node_s = node_ms / 1000 > 0 ? node_ms / 1000 : 1;
    uint64_t held = 0;
    const struct world *w = &l->session.world;
    for (uint32_t i = 0; i < w->live_count; i++)
        held += w->processes[w->live[i]]->disk.count;
    life_result(l, "values held by a node", LIFE_COUNT, LIFE_TOLD, 0,
                w->live_count > 0 ? held / w->live_count : 0);
    life_result(l, "bytes a node and second: upkeep of values", LIFE_TIMES, LIFE_TOLD, 0,
                l->meter.bytes[METER_VALUES] * 100 / node_s);
    life_result(l, "bytes a node and second: upkeep of tables", LIFE_TIMES, LIFE_TOLD, 0,
                l->meter.bytes[METER_TABLES] * 100 / node_s);
}

static void tell_copies(struct life *l)
{
    const struct copies *c = &l->copies;
    life_result(l, "copies in their places", LIFE_SHARE, LIFE_TOLD, 0,
                life_share(c->filled, c->places));
    life_result(l, "gaps that were filled within 5 minutes", LIFE_SHARE, LIFE_TOLD, 0,
                life_share(c->gaps - c->late, c->gaps));
    life_result(l, "looks at keys with less than 4 copies of 8", LIFE_SHARE, LIFE_TOLD, 0,
                life_share(c->thin, c->looks));
}

void life_churn(struct life *l)
{
    struct session *s = &l->session;
    session_churn(s);
    closest_init(&l->closest, &s->world, &s->ledger, LOOKUP_EVERY_MS);
    copies_init(&l->copies, &s->world, &s->ledger);
    struct oracle_figures before = s->oracle.figures;
    uint64_t node_ms = s->node_ms;
    run_ms(l, s->options.minutes * MINUTE_MS);
    const struct closest *c = &l->closest;
    life_result(l, "keys acknowledged", LIFE_COUNT, LIFE_TOLD, 0, count_acked(l));
    life_result(l, "keys lost", LIFE_COUNT, LIFE_AT_MOST, 0, count_lost(l));
    life_result(l, "gets", LIFE_COUNT, LIFE_TOLD, 0, s->oracle.figures.gets - before.gets);
    life_result(l, "gets that were good", LIFE_SHARE, LIFE_AT_LEAST, 99900, good_since(l, &before));
    life_result(l, "searchers' 8 closest the same as holders'", LIFE_SHARE, LIFE_AT_LEAST, 95000,
                life_share(c->same, c->places));
    life_result(l, "searchers' 8 closest the same as in truth", LIFE_SHARE, LIFE_TOLD, 0,
                life_share(c->searchers_true, c->places_true));
    life_result(l, "holders' 8 closest the same as in truth", LIFE_SHARE, LIFE_TOLD, 0,
                life_share(c->holders_true, c->places));
    tell_copies(l);
    tell_costs(l, s->node_ms - node_ms);
}

void life_multis(struct life *l)
{
    struct session *s = &l->session;
    const struct signers_figures *f = &s->signers.figures;
    session_churn(s);
    struct signers_figures before = *f;
    uint64_t node_ms = s->node_ms;
    run_ms(l, s->options.minutes * MINUTE_MS);
    struct oracle_copies copies = {0};
    signers_count_copies(&s->signers, &copies);
    life_result(l, "entries acknowledged", LIFE_COUNT, LIFE_TOLD, 0, f->acked);
    life_result(l, "entries lost", LIFE_COUNT, LIFE_AT_MOST, 0, signers_count_lost(&s->signers));
    life_result(l, "gathers", LIFE_COUNT, LIFE_TOLD, 0, f->gathers - before.gathers);
    life_result(l, "entries that they brought, of all they should", LIFE_SHARE, LIFE_AT_LEAST,
                99900, life_share(f->good - before.good, f->expected - before.expected));
    life_result(l, "copies in their places, in the end", LIFE_SHARE, LIFE_TOLD, 0,
                life_share(copies.there, copies.wanted));
    tell_costs(l, s->node_ms - node_ms);
}

void life_partition(struct life *l)
{
    struct session *s = &l->session;
    uint64_t all_ms = s->options.minutes * MINUTE_MS;
    uint64_t before_ms = (all_ms - PARTITION_MS - HEALED_WITHIN_MS) / 2;
    session_churn(s);
    copies_init(&l->copies, &s->world, &s->ledger);
    struct oracle_figures all = s->oracle.figures;
    uint64_t node_ms = s->node_ms;
    run_ms(l, before_ms);
    life_result(l, "gets that were good before it", LIFE_SHARE, LIFE_TOLD, 0, good_since(l, &all));
    struct oracle_figures apart = s->oracle.figures;
    s->world.wires.is_cut[0][1] = s->world.wires.is_cut[1][0] = true;
    run_ms(l, PARTITION_MS);
    life_result(l, "gets that were good while apart", LIFE_SHARE, LIFE_TOLD, 0,
                good_since(l, &apart));
    life_result(l, "  found nothing", LIFE_COUNT, LIFE_TOLD, 0,
                s->oracle.figures.missed - apart.missed);
    life_result(l, "  had no answer", LIFE_COUNT, LIFE_TOLD, 0,
                s->oracle.figures.unanswered - apart.unanswered);
    wires_heal(&s->world.wires);
    run_ms(l, HEALED_WITHIN_MS);
    struct oracle_figures healed = s->oracle.figures;
    run_ms(l, HEALED_JUDGED_MS);
    life_result(l, "gets that were good from 10 to 40 minutes after", LIFE_SHARE, LIFE_AT_LEAST,
                99900, good_since(l, &healed));
    if (all_ms > before_ms + PARTITION_MS + HEALED_WITHIN_MS + HEALED_JUDGED_MS)
        run_ms(l, all_ms - before_ms - PARTITION_MS - HEALED_WITHIN_MS - HEALED_JUDGED_MS);
    life_result(l, "gets", LIFE_COUNT, LIFE_TOLD, 0, s->oracle.figures.gets - all.gets);
    life_result(l, "gets that were good, all together", LIFE_SHARE, LIFE_AT_LEAST, 99000,
                good_since(l, &all));
    life_result(l, "keys acknowledged", LIFE_COUNT, LIFE_TOLD, 0, count_acked(l));
    life_result(l, "keys lost", LIFE_COUNT, LIFE_TOLD, 0, count_lost(l));
    tell_copies(l);
    tell_costs(l, s->node_ms - node_ms);
}
