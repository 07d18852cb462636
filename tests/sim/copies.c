#include "tests/sim/copies.h"

static bool has_copy(const struct process *p, const struct ledger_key *key)
{
    struct stored stored;
    return disk_get(&p->disk, process_now(p).unix_s, STORE_HELD, RECORD_SINGLE, &key->target,
                    &stored) == ERR_OK &&
           stored.record.seq >= key->acked_seq;
}

static void note_gap(struct copies *c, uint32_t sample, const struct copies_gap *before,
                     uint32_t before_count, const struct process *p)
{
    struct copies_gap gap = {p->number, p->incarnation, c->world->now_ms, false};
    bool is_open = false;
    for (uint32_t i = 0; i < before_count; i++)
        if (before[i].process == p->number && before[i].incarnation == p->incarnation) {
            gap = before[i];
            is_open = true;
        }
    c->gaps += !is_open;
    if (!gap.is_late && c->world->now_ms > gap.since_ms + COPIES_WITHIN_MS) {
        gap.is_late = true;
        c->late++;
    }
    c->keys[sample].gaps[c->keys[sample].count++] = gap;
}

static void look_at(struct copies *c, uint32_t sample)
{
    const struct ledger_key *key = &c->ledger->keys[sample];
    const struct process *nearest[CLOSEST_K];
    struct copies_gap before[CLOSEST_K];
    uint32_t count, filled = 0, before_count = c->keys[sample].count;
    memcpy(before, c->keys[sample].gaps, sizeof before);
    c->keys[sample].count = 0;
    if (key->acked_seq == 0 || key->holders == 0)
        return;
    closest_truth(c->world, &key->target, nearest, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (has_copy(nearest[i], key))
            filled++;
        else
            note_gap(c, sample, before, before_count, nearest[i]);
    }
    c->places += count;
    c->filled += filled;
    c->looks++;
    c->thin += filled < CLOSEST_K / 2;
}

static void look(struct world *w, void *context, uint64_t argument)
{
    struct copies *c = context;
    (void)argument;
    if (c->is_ended)
        return;
    for (uint32_t i = 0; i < COPIES_SAMPLE && i < c->ledger->key_count; i++)
        look_at(c, i);
    world_at(w, w->now_ms + COPIES_EVERY_MS, look, c, 0);
}

void copies_init(struct copies *c, struct world *w, const struct ledger *ledger)
{
    *c = (struct copies){.world = w, .ledger = ledger};
    world_at(w, w->now_ms, look, c, 0);
}
