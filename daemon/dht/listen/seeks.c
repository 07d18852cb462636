#include "daemon/dht/listen/seeks.h"

#include <stddef.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"

static struct listening *listening_of(struct alarm *alarm)
{
    return (struct listening *)((char *)alarm - offsetof(struct listening, seek));
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void plan(struct node *node, struct listening *l, uint64_t at_ms)
{
    if (l->seek_op != 0)
        l->is_seek_wanted = true;
    else if (at_ms < l->seek.at)
        alarms_move(&node->listenings->seeks.alarms, &l->seek, at_ms);
}

static void want(struct node *node, struct now now, struct listening *l)
{
    plan(node, l, l->has_sought ? later(now.ms, l->sought_ms + l->pause_ms) : now.ms);
}

static uint32_t doubled(uint32_t ms, uint32_t max_ms)
{
    return 2 * ms < max_ms ? 2 * ms : max_ms;
}

void seeks_lost(struct node *node, struct now now, struct listening *l, bool was_new)
{
    if (!was_new)
        l->pause_ms = SEEKS_PAUSE_MS;
    else if (!l->is_paused)
        l->pause_ms = doubled(l->pause_ms, SEEKS_PAUSE_MAX_MS);
    l->is_paused |= was_new;
    want(node, now, l);
}

/* Holders notice one after the other: one seek is enough for all. */
void seeks_moved(struct node *node, struct now now, struct listening *l)
{
    uint64_t at_ms = now.ms + rng_below(&node->rng, SEEKS_MOVED_JITTER_MS);
    if (l->seek_op != 0)
        return;
    l->is_moved = true;
    plan(node, l, later(at_ms, l->sought_ms + l->moved_ms));
}

void seeks_met(struct node *node, struct now now, const struct contact *contact)
{
    struct seeks *s = node->listenings != NULL ? &node->listenings->seeks : NULL;
    if (s == NULL || s->met_count == SEEKS_MET_MAX)
        return;
    if (s->met_count == 0)
        s->met_at_ms = now.ms + SEEKS_MET_MS;
    s->met[s->met_count++] = *contact;
}

/* It has fewer sources than there could be, or one that is farther. */
static bool has_place_for(const struct listening *l, const struct contact *contact)
{
    unsigned of_family = 0;
    bool is_closer = false;
    for (unsigned i = 0; i < l->source_count; i++) {
        const struct contact *known = &l->sources[i]->peer->contact;
        if (id_equal(&known->id, &contact->id))
            return false;
        of_family += known->addr.family == contact->addr.family;
        is_closer |= id_compare_distance(&l->target, &contact->id, &known->id) < 0;
    }
    return is_closer || of_family < LOOKUP_K;
}

static bool is_met_wanted(const struct seeks *s, const struct listening *l)
{
    for (uint32_t i = 0; i < s->met_count; i++)
        if (has_place_for(l, &s->met[i]))
            return true;
    return false;
}

static void look_at_met(struct node *node, struct now now)
{
    struct listenings *all = node->listenings;
    struct seeks *s = &all->seeks;
    uint32_t end = s->met_cursor + SEEKS_MET_SLICE;
    for (; s->met_cursor < end && s->met_cursor < all->capacity; s->met_cursor++) {
        struct listening *l = all->slots[s->met_cursor];
        if (l != NULL && l->source_count == 0)
            plan(node, l, now.ms); /* whoever it is */
        else if (l != NULL && is_met_wanted(s, l))
            want(node, now, l);
    }
    if (s->met_cursor < all->capacity)
        return;
    s->met_cursor = s->met_count = 0;
    s->met_at_ms = ALARM_NEVER;
}

static void start(struct node *node, struct now now, struct listening *l, struct outbox *out)
{
    l->sought_ms = now.ms;
    l->is_paused = false;
    alarms_move(&node->listenings->seeks.alarms, &l->seek, now.ms + l->pause_ms);
    seek_start(node, now, l, out);
}

void seeks_ended(struct node *node, struct now now, struct listening *l, bool is_found,
                 bool is_changed)
{
    uint64_t wait_ms =
        SEEKS_EVERY_MS - SEEKS_EVERY_MS / 4 + rng_below(&node->rng, SEEKS_EVERY_MS / 2);
    if (is_changed)
        l->moved_ms = SEEKS_MOVED_MS;
    else if (l->is_moved)
        l->moved_ms = doubled(l->moved_ms, SEEKS_EVERY_MS);
    if (!is_found)
        l->pause_ms = doubled(l->pause_ms, SEEKS_PAUSE_MAX_MS);
    if (!is_found || l->is_seek_wanted)
        wait_ms = l->pause_ms;
    else if (l->source_count == 0)
        wait_ms = SEEKS_PAUSE_MAX_MS;
    l->has_sought |= is_found;
    l->is_moved = l->is_seek_wanted = false;
    l->seek_op = 0;
    node->listenings->seeks.running--;
    alarms_move(&node->listenings->seeks.alarms, &l->seek, now.ms + wait_ms);
}

void seeks_tick(struct node *node, struct now now, struct outbox *out)
{
    struct seeks *s = &node->listenings->seeks;
    if (s->met_at_ms <= now.ms)
        look_at_met(node, now);
    for (unsigned i = 0; i < LISTENING_SLICE; i++) {
        if (s->running >= SEEKS_MAX || s->resume_ms > now.ms || alarms_next(&s->alarms) > now.ms)
            return;
        if (node->ops.internal >= OPS_INTERNAL_MAX) {
            s->resume_ms = now.ms + SEEKS_BUSY_MS;
            return;
        }
        start(node, now, listening_of(alarms_first(&s->alarms)), out);
    }
}

uint64_t seeks_next_ms(const struct seeks *s)
{
    uint64_t next_ms = ALARM_NEVER;
    if (s->running < SEEKS_MAX)
        next_ms = later(alarms_next(&s->alarms), s->resume_ms);
    return next_ms < s->met_at_ms ? next_ms : s->met_at_ms;
}
