/* Catching up with one source: a single is asked for what is above the seq that is known; of a
 * multi what the source has is listed, page by page, and what is not known is fetched. */
#include <stdlib.h>

#include "daemon/dht/listen/hearing.h"
#include "daemon/dht/listen/poll.h"
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

#define CATCHUP_TIMEOUT_MS  30000u /* as many entries as there may be, over a slow way */
#define CATCHUP_TRIES       4u     /* of a single's question, */
#define CATCHUP_PATIENCE_MS 50u    /* each waited for twice as long beyond the measured RTT */

struct op_catchup {
    uint64_t listening;
    struct contact from;
    uint64_t digest; /* that it said it has, last */
    bool has_digest; /* since it is asked; if then it says another, its list is not of that one */
    bool has_changed;
    uint8_t tries; /* of a single's question */
    bool is_multi;
    struct gather gather; /* of a multi: what is known is known there, what it has is claimed */
};

void catchup_clear(struct op *op)
{
    if (op->catchup == NULL)
        return;
    gather_clear(&op->catchup->gather);
    free(op->catchup);
}

static void end(struct node *node, struct now now, struct op *op, bool is_whole, struct outbox *out)
{
    struct op_catchup *catchup = op->catchup;
    struct listening *l = listening_find(node, catchup->listening);
    struct source *source = listening_source(l, &catchup->from.addr);
    catchups_ended(node, now, l, source, is_whole && !catchup->has_changed, catchup->digest);
    op_finish(node, now, op, ERR_OK, out);
    listening_go_on(node, now, l, out);
}

void catchup_deadline(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    end(node, now, op, false, out);
}

static void ask(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_catchup *catchup = op->catchup;
    const struct listening *l = listening_find(node, catchup->listening);
    const struct krpc message = poll_question(l);
    const struct query query = {
        .purpose = QUERY_CATCHUP,
        .contact = catchup->from,
        .has_id = true,
        .owner = op->number,
        .owner_index = catchup->tries,
        .patience_ms = CATCHUP_PATIENCE_MS << catchup->tries,
        .message = &message,
    };
    if (catchup->tries++ == CATCHUP_TRIES || !query_send(node, now, &query, out))
        end(node, now, op, false, out);
}

static void know_ours(struct gather *gather, const struct places *places)
{
    for (const struct place *place = places->newest; place != NULL; place = place->older)
        claims_know(&gather->claims, &place->key, place->seq);
}

static void go_on(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct gather *gather = &op->catchup->gather;
    gather_ask_all(node, now, op, gather, out);
    if (gather_is_done(gather))
        end(node, now, op, gather_is_whole(gather) && gather_is_listed(gather), out);
}

/* A token is got with the first page, in whose place it comes. */
static void begin(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    uint8_t hash_key[HASH_KEY_SIZE];
    struct gather *gather = &op->catchup->gather;
    struct listening *l = listening_find(node, op->catchup->listening);
    rng_bytes(&node->rng, hash_key, sizeof hash_key);
    gather_init(gather, hash_key, &node->claims_pool);
    know_ours(gather, &l->places);
    gather_add_holder(gather, &op->catchup->from, bytes_of("", 0));
    op->search.target = l->target;
    go_on(node, now, op, out);
}

void catchup_start(struct node *node, struct now now, struct source *source, struct outbox *out)
{
    enum err err;
    struct listening *l = source->listening;
    struct op_catchup *catchup = calloc(1, sizeof *catchup);
    struct op *op = catchup ? op_new(node, now, OP_CATCHUP, true, CATCHUP_TIMEOUT_MS, &err) : NULL;
    if (op == NULL) {
        free(catchup);
        return;
    }
    op->catchup = catchup;
    catchup->listening = l->number;
    catchup->from = source->peer->contact;
    catchup->digest = source->digest;
    catchup->is_multi = l->kind == RECORD_MULTI;
    l->catchup_op = op->number;
    node->listenings->catchups.running++;
    alarms_move(&node->listenings->catchups.alarms, &l->catchup, ALARM_NEVER);
    node_count(node, COUNTER_CATCHUPS);
    if (catchup->is_multi)
        begin(node, now, op, out);
    else
        ask(node, now, op, out);
}

static bool take_entry(struct node *node, struct now now, struct op *op, const struct record *entry,
                       struct outbox *out)
{
    struct id key;
    struct listening *l = listening_find(node, op->catchup->listening);
    record_key(entry, &key);
    listening_hear(node, now, l, entry, HEARING_READ, out);
    return claims_know(&op->catchup->gather.claims, &key, entry->seq);
}

/* What it still has is the last to be forgotten. */
static void touch_listed(struct node *node, const struct op *op, const struct krpc *reply)
{
    struct listening *l = listening_find(node, op->catchup->listening);
    struct multi_brief brief;
    for (size_t i = 0; multi_read_brief(reply->briefs, i, &brief); i++) {
        struct place *place = places_find(&l->places, &node->listenings->places, &brief.key);
        if (place != NULL)
            places_touch(&l->places, place);
    }
}

static void note_digest(struct op_catchup *catchup, const struct krpc *reply)
{
    uint64_t digest;
    if (!multi_read_digest(reply->digest, &digest))
        return;
    catchup->has_changed |= catchup->has_digest && digest != catchup->digest;
    catchup->has_digest = true;
    catchup->digest = digest;
}

static void take_lists(struct node *node, struct now now, struct op *op, uint32_t tag,
                       const struct krpc *reply, struct outbox *out)
{
    struct gather *gather = &op->catchup->gather;
    gather_heard(gather, &op->catchup->from.id);
    note_digest(op->catchup, reply);
    if (gather_tag_is_fetch(tag)) {
        gather_fetched(gather, tag, reply,
                       gather_read_entries(node, now, op, gather, reply, take_entry, out));
    } else {
        touch_listed(node, op, reply);
        gather_listed(gather, tag, reply);
    }
    go_on(node, now, op, out);
}

void catchup_answered(struct node *node, struct now now, struct op *op,
                      const struct inflight_query *query, const struct krpc *reply,
                      struct outbox *out)
{
    struct listening *l = listening_find(node, op->catchup->listening);
    const struct record wanted = listening_wanted(l);
    struct record record;
    if (op->catchup->is_multi) {
        take_lists(node, now, op, query->owner_index, reply, out);
        return;
    }
    if (get_read_record(node, now, &wanted, reply, &record))
        listening_hear(node, now, l, &record, HEARING_READ, out);
    end(node, now, op, true, out);
}

void catchup_refused(struct node *node, struct now now, struct op *op,
                     const struct inflight_query *query, struct outbox *out)
{
    if (!op->catchup->is_multi) {
        end(node, now, op, false, out);
        return;
    }
    gather_refused(&op->catchup->gather, query->owner_index);
    go_on(node, now, op, out);
}

void catchup_late(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out)
{
    if (!op->catchup->is_multi) {
        ask(node, now, op, out);
        return;
    }
    gather_late(&op->catchup->gather, query->owner_index);
    go_on(node, now, op, out);
}
