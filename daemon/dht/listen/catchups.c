#include "daemon/dht/listen/catchups.h"

#include <stddef.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"

static struct listening *listening_of(struct alarm *alarm)
{
    return (struct listening *)((char *)alarm - offsetof(struct listening, catchup));
}

static void plan(struct node *node, struct listening *l, uint64_t at_ms)
{
    if (l->catchup_op == 0)
        alarms_move(&node->listenings->catchups.alarms, &l->catchup, at_ms);
}

uint64_t catchups_expected(const struct source *source)
{
    return source->listening->places.digest ^ source->difference;
}

/* Who has just what is known, or nothing, has nothing that is not. */
static bool is_behind(struct source *source)
{
    uint64_t ours = source->listening->places.digest;
    if (source->digest == ours || source->digest == 0)
        source->difference = source->digest ^ ours;
    return source->digest != catchups_expected(source);
}

void catchups_judge(struct node *node, struct now now, struct source *source, uint64_t digest)
{
    source->digest = digest;
    source->is_behind = is_behind(source);
    if (source->is_behind)
        plan(node, source->listening, now.ms);
}

void catchups_want(struct node *node, struct now now, struct source *source)
{
    source->is_behind = true;
    plan(node, source->listening, now.ms);
}

static struct source *next_behind(const struct listening *l)
{
    for (unsigned i = 0; i < l->source_count; i++)
        if (l->sources[i]->is_behind)
            return l->sources[i];
    return NULL;
}

/* Others may have said the same digest, or one that is known now. */
static void judge_again(struct listening *l, const struct source *read)
{
    for (unsigned i = 0; i < l->source_count; i++) {
        struct source *other = l->sources[i];
        if (!other->is_behind || other->state != SOURCE_LEASED)
            continue;
        if (read != NULL && other->digest == read->digest)
            other->difference = read->difference;
        other->is_behind = is_behind(other);
    }
}

void catchups_ended(struct node *node, struct now now, struct listening *l, struct source *source,
                    bool is_whole, uint64_t digest)
{
    if (source != NULL) {
        source->is_behind = false;
        source->digest = digest;
        if (is_whole)
            source->difference = digest ^ l->places.digest;
    }
    judge_again(l, is_whole ? source : NULL);
    l->catchup_op = 0;
    node->listenings->catchups.running--;
    if (next_behind(l) != NULL)
        plan(node, l, now.ms);
}

static void start(struct node *node, struct now now, struct listening *l, struct outbox *out)
{
    struct source *source = next_behind(l);
    alarms_move(&node->listenings->catchups.alarms, &l->catchup,
                source != NULL ? now.ms + CATCHUPS_BUSY_MS : ALARM_NEVER);
    if (source != NULL)
        catchup_start(node, now, source, out);
}

void catchups_tick(struct node *node, struct now now, struct outbox *out)
{
    struct catchups *c = &node->listenings->catchups;
    for (unsigned i = 0; i < LISTENING_SLICE; i++) {
        if (c->running >= CATCHUPS_MAX || c->resume_ms > now.ms || alarms_next(&c->alarms) > now.ms)
            return;
        if (node->ops.internal >= OPS_INTERNAL_MAX) {
            c->resume_ms = now.ms + CATCHUPS_BUSY_MS;
            return;
        }
        start(node, now, listening_of(alarms_first(&c->alarms)), out);
    }
}

uint64_t catchups_next_ms(const struct catchups *c)
{
    uint64_t next_ms = alarms_next(&c->alarms);
    if (c->running >= CATCHUPS_MAX)
        return ALARM_NEVER;
    return next_ms > c->resume_ms ? next_ms : c->resume_ms;
}
