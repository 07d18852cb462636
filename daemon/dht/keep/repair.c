#include "daemon/dht/keep/repair.h"

#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/records/envelope.h"

#define MINUTE_MS 60000u

/* When the slot after the present one begins, and a time within it that is this node's own. */
static uint64_t next_slot_ms(struct node *node, struct now now)
{
    uint64_t left_s = REPAIR_SLOT_S - now.unix_s % REPAIR_SLOT_S;
    return now.ms + (left_s + rng_below(&node->rng, REPAIR_SLOT_JITTER_S)) * 1000;
}

void repair_init(struct repair *repair, struct node *node, struct now now)
{
    *repair = (struct repair){
        .scan_at_ms = UINT64_MAX,
        .slot_at_ms = next_slot_ms(node, now),
        .round_at_ms = UINT64_MAX,
        .started_ms = now.ms,
    };
}

void repair_clear(struct repair *repair)
{
    free(repair->changes);
    free(repair->scanned);
    free(repair->queue);
    notices_clear(&repair->notices);
    *repair = (struct repair){0};
}

/* Changes: what happened near us since the last scan. */

/* A node that went and came back before the scan has changed nothing. One that came and went is
 * lost: it may have been given what was put meanwhile. */
static bool cancel_opposite(struct repair *repair, const struct contact *contact, bool is_lost)
{
    for (unsigned i = 0; i < repair->change_count; i++) {
        struct circle_change *change = &repair->changes[i];
        if (change->is_lost == is_lost || !id_equal(&change->contact.id, &contact->id))
            continue;
        if (change->is_new) {
            change->is_lost = is_lost;
            return true;
        }
        *change = repair->changes[--repair->change_count];
        if (repair->losses > 0)
            repair->losses--;
        return true;
    }
    return false;
}

/* More than fit: from here on losses alone are noted, and a round sees to the joins. */
static void overflow(struct repair *repair)
{
    unsigned count = 0;
    for (unsigned i = 0; i < repair->change_count; i++)
        if (repair->changes[i].is_lost)
            repair->changes[count++] = repair->changes[i];
    repair->change_count = (uint8_t)count;
    repair->has_overflown = true;
}

static void add_change(struct repair *repair, const struct circle_change *change)
{
    if (repair->changes == NULL)
        repair->changes = malloc(REPAIR_CHANGES_MAX * sizeof *repair->changes);
    if (repair->changes == NULL || repair->change_count == REPAIR_CHANGES_MAX)
        overflow(repair);
    if (repair->changes != NULL && repair->change_count < REPAIR_CHANGES_MAX &&
        (change->is_lost || !repair->has_overflown))
        repair->changes[repair->change_count++] = *change;
}

static void note_change(struct node *node, struct now now, const struct contact *contact,
                        bool is_lost)
{
    struct repair *repair = &node->repair;
    if (cancel_opposite(repair, contact, is_lost))
        return;
    add_change(repair, &(struct circle_change){
                           .contact = *contact, .is_lost = is_lost, .is_new = !is_lost});
    if (is_lost && repair->losses < UINT8_MAX)
        repair->losses++;
    if (repair->losses >= REPAIR_LOSSES_MAX && repair->round_at_ms > now.ms + 2 * REPAIR_WAIT_MS)
        repair->round_at_ms = now.ms + REPAIR_WAIT_MS + rng_below(&node->rng, REPAIR_WAIT_MS);
    if (repair->scan_at_ms == UINT64_MAX)
        repair->scan_at_ms = now.ms + REPAIR_WAIT_MS + rng_below(&node->rng, REPAIR_JITTER_MS);
}

/* After a power cut everybody comes back with what it had, and everybody meets everybody: that has
 * changed nothing. The changes noted so far are forgotten with the others. */
static bool is_new_to_all(struct repair *repair, struct now now)
{
    if (repair->restarted_ms == 0 || now.ms >= repair->restarted_ms + REPAIR_START_MS)
        return false;
    if (repair->met <= REPAIR_START_JOINS && ++repair->met <= REPAIR_START_JOINS)
        return false;
    repair->change_count = 0;
    repair->has_overflown = false;
    repair->scan_at_ms = UINT64_MAX;
    return true;
}

void repair_restarted(struct node *node, struct now now)
{
    if (node->repair.restarted_ms == 0)
        node->repair.restarted_ms = now.ms;
}

void repair_joined(struct node *node, struct now now, const struct contact *contact)
{
    if (is_new_to_all(&node->repair, now))
        return;
    note_change(node, now, contact, false);
}

void repair_lost(struct node *node, struct now now, const struct contact *contact)
{
    note_change(node, now, contact, true);
}

/* One record: whether it is ours to see to, and who may lack it. */

static bool was_noticed(const struct repair *repair, const struct id *target)
{
    return notices_last(&repair->notices, target) > repair->noticed_since_min;
}

/* Only one of the record's other holders can be doing their round; anybody else could silence it.
 */
void repair_noticed(struct node *node, struct now now, enum record_kind kind,
                    const struct id *target, const struct contact *asker)
{
    struct circle circle;
    circle_find(node, kind, target, &circle);
    if (circle_has(&circle, asker))
        notices_add(&node->repair.notices, target, (uint32_t)(now.ms / MINUTE_MS));
}

static uint32_t slot_of(const struct id *target)
{
    return (uint32_t)(target->b[14] << 8 | target->b[15]) % REPAIR_SLOTS;
}

/* The nearest holder sees to a record in its slot, each other one a slot later than the one before
 * it, unless somebody has, which it would have noticed if it was up since the nearest's slot began.
 * Who is none of the k closest any more asks the nearest alone. */
static bool mark_for_slot(const struct repair *repair, const struct id *target,
                          struct circle *circle)
{
    if ((slot_of(target) + circle->rank) % REPAIR_SLOTS != repair->slot ||
        circle->rank > repair->slot_rank_max || was_noticed(repair, target))
        return false;
    if (circle->rank < CIRCLE_SIZE)
        circle_mark_all(circle);
    else
        circle->is_marked[0] = true;
    return true;
}

static bool queue_push(struct repair *repair, enum record_kind kind, const struct id *target,
                       const struct contact *to)
{
    if (repair->queue == NULL)
        repair->queue = malloc(REPAIR_QUEUE_MAX * sizeof *repair->queue);
    if (repair->queue == NULL || repair->queue_count == REPAIR_QUEUE_MAX)
        return false;
    repair->queue[(repair->queue_first + repair->queue_count++) % REPAIR_QUEUE_MAX] =
        (struct repair_push){.to = *to, .target = *target, .kind = (uint8_t)kind};
    return true;
}

static void push_to_marked(struct repair *repair, enum record_kind kind, const struct id *target,
                           const struct circle *circle)
{
    for (size_t i = 0; i < circle->count; i++)
        if (circle->is_marked[i])
            queue_push(repair, kind, target, &circle->nodes[i]);
}

bool repair_is_passed_on(const struct record *record)
{
    struct envelope envelope;
    envelope_parse(record->v, &envelope);
    return envelope.has_expiry;
}

/* A record, or a multi with all its entries. */
static void consider(struct node *node, enum record_kind kind, const struct id *target)
{
    struct repair *repair = &node->repair;
    struct circle circle;
    circle_find(node, kind, target, &circle);
    switch ((enum repair_mode)repair->mode) {
    case REPAIR_IDLE:
        return;
    case REPAIR_CHANGES:
        if (!circle_mark_changed(&circle, target, repair->scanned, repair->scanned_count) ||
            !circle_is_ours(&circle))
            return;
        break;
    case REPAIR_SLOT:
        if (!mark_for_slot(repair, target, &circle))
            return;
        break;
    case REPAIR_ROUND:
        if (was_noticed(repair, target))
            return;
        circle_mark_all(&circle);
        break;
    case REPAIR_LEAVE_FEW:
    case REPAIR_LEAVE_ALL:
        if (!circle_mark_successor(&circle, repair->mode == REPAIR_LEAVE_FEW))
            return;
        break;
    }
    push_to_marked(repair, kind, target, &circle);
}

/* Scans, in slices, and only while the queue can take what a record may add. */

static void begin_scan(struct repair *repair, enum repair_mode mode, struct now now)
{
    repair->mode = (uint8_t)mode;
    repair->cursor_kind = 0;
    repair->slice_at_ms = now.ms;
}

/* What others have asked about in the last minutes, if since our own last round, is done. */
static void begin_round(struct repair *repair, struct now now)
{
    uint32_t minute = (uint32_t)(now.ms / MINUTE_MS);
    uint32_t recent_min = minute > REPAIR_RECENT_MIN ? minute - REPAIR_RECENT_MIN : 0;
    repair->noticed_since_min =
        repair->last_round_min > recent_min ? repair->last_round_min : recent_min;
    repair->last_round_min = minute;
    repair->round_at_ms = UINT64_MAX;
    repair->losses = 0;
    begin_scan(repair, REPAIR_ROUND, now);
}

static void begin_slot(struct node *node, struct now now)
{
    struct repair *repair = &node->repair;
    uint32_t minute = (uint32_t)(now.ms / MINUTE_MS);
    uint64_t into_ms = now.unix_s % REPAIR_SLOT_S * 1000;
    uint64_t up_ms = now.ms - repair->started_ms;
    repair->slot = (uint32_t)(now.unix_s / REPAIR_SLOT_S % REPAIR_SLOTS);
    repair->slot_rank_max = up_ms > into_ms ? (up_ms - into_ms) / (REPAIR_SLOT_S * 1000) : 0;
    repair->noticed_since_min = minute > REPAIR_AGAIN_MIN ? minute - REPAIR_AGAIN_MIN : 0;
    repair->slot_at_ms = next_slot_ms(node, now);
    begin_scan(repair, REPAIR_SLOT, now);
}

static void begin_changes(struct repair *repair, struct now now)
{
    free(repair->scanned);
    repair->scanned = repair->changes;
    repair->changes = NULL;
    repair->scanned_count = repair->change_count;
    repair->change_count = 0;
    repair->scan_at_ms = UINT64_MAX;
    /* A round leaves out what others have just seen to, who may not have known of these losses. */
    if (repair->has_overflown)
        repair->round_at_ms = now.ms;
    repair->has_overflown = false;
    begin_scan(repair, REPAIR_CHANGES, now);
}

static void begin_due_scan(struct node *node, struct now now)
{
    struct repair *repair = &node->repair;
    if (repair->scan_at_ms <= now.ms)
        begin_changes(repair, now);
    else if (repair->round_at_ms <= now.ms)
        begin_round(repair, now);
    else if (repair->slot_at_ms <= now.ms)
        begin_slot(node, now);
}

static void end_scan(struct node *node, struct now now)
{
    struct repair *repair = &node->repair;
    if (repair->mode == REPAIR_LEAVE_FEW)
        begin_scan(repair, REPAIR_LEAVE_ALL, now);
    else
        repair->mode = REPAIR_IDLE;
    free(repair->scanned);
    repair->scanned = NULL;
    repair->scanned_count = 0;
}

static enum err look_at_next_multi(struct node *node)
{
    struct repair *repair = &node->repair;
    struct id target;
    enum err err =
        node->store.next_multi(node->store.context, STORE_HELD, &repair->cursor, &target);
    if (err != ERR_OK)
        return err;
    repair->cursor = target;
    consider(node, RECORD_MULTI, &target);
    return ERR_OK;
}

/* Entries, which come last, do not go singly: each multi is looked at once. No target is all zeros,
 * so that all come after it. ERR_NOT_FOUND: the scan is at its end. ERR_BUSY: it goes on another
 * time. */
static enum err look_at_next(struct node *node)
{
    struct repair *repair = &node->repair;
    struct stored stored;
    if (repair->cursor_kind == RECORD_MULTI)
        return look_at_next_multi(node);
    const struct id *after = repair->cursor_kind ? &repair->cursor : NULL;
    enum err err = node->store.next(node->store.context, STORE_HELD,
                                    (enum record_kind)repair->cursor_kind, after, &stored);
    if (err == ERR_NOT_FOUND || stored.record.kind == RECORD_MULTI) {
        repair->cursor_kind = RECORD_MULTI;
        repair->cursor = (struct id){{0}};
        return ERR_OK;
    }
    repair->cursor_kind = (uint8_t)stored.record.kind;
    record_key(&stored.record, &repair->cursor);
    if (err == ERR_OK && repair_is_passed_on(&stored.record))
        consider(node, stored.record.kind, &stored.record.target);
    return err;
}

static void scan_slice(struct node *node, struct now now)
{
    struct repair *repair = &node->repair;
    for (unsigned i = 0; i < REPAIR_SLICE; i++) {
        if (repair->queue_count > REPAIR_QUEUE_MAX - CIRCLE_SIZE)
            break;
        enum err err = look_at_next(node);
        if (err == ERR_NOT_FOUND) {
            end_scan(node, now);
            return;
        }
        if (err != ERR_OK)
            break;
    }
    repair->slice_at_ms = now.ms + REPAIR_PAUSE_MS;
}

static void start_pushes(struct node *node, struct now now, struct outbox *out)
{
    struct repair *repair = &node->repair;
    unsigned at_once = repair_is_leaving(node) ? REPAIR_LEAVE_AT_ONCE : REPAIR_AT_ONCE;
    while (repair->queue_count > 0 && repair->running < at_once) {
        const struct repair_push push = repair->queue[repair->queue_first];
        repair->queue_first = (uint8_t)((repair->queue_first + 1u) % REPAIR_QUEUE_MAX);
        repair->queue_count--;
        repair->running++;
        if (push.kind == RECORD_MULTI)
            sync_start(node, now, &push, out);
        else
            push_start(node, now, &push, out);
    }
    if (repair->queue_count == 0 && repair->mode == REPAIR_IDLE) {
        free(repair->queue);
        repair->queue = NULL;
    }
}

bool repair_is_leaving(const struct node *node)
{
    return node->repair.leave_op != 0;
}

void repair_push_finished(struct node *node)
{
    node->repair.running--;
}

void repair_leave(struct node *node, struct now now, uint64_t op)
{
    struct repair *repair = &node->repair;
    repair->leave_op = op;
    repair->queue_count = 0;
    begin_scan(repair, REPAIR_LEAVE_FEW, now);
}

static void finish_leaving(struct node *node, struct now now, struct outbox *out)
{
    struct repair *repair = &node->repair;
    struct op *op = op_find(&node->ops, repair->leave_op);
    repair->leave_op = 0;
    if (op != NULL)
        leave_handed_over(node, now, op, ERR_OK, out);
}

void repair_tick(struct node *node, struct now now, struct outbox *out)
{
    struct repair *repair = &node->repair;
    if (repair->mode == REPAIR_IDLE && node->role == NODE_SERVER)
        begin_due_scan(node, now);
    if (repair->mode != REPAIR_IDLE && repair->slice_at_ms <= now.ms)
        scan_slice(node, now);
    start_pushes(node, now, out);
    if (repair_is_leaving(node) && repair->mode == REPAIR_IDLE && repair->queue_count == 0 &&
        repair->running == 0)
        finish_leaving(node, now, out);
}

uint64_t repair_next_ms(const struct node *node)
{
    const struct repair *repair = &node->repair;
    unsigned at_once = repair_is_leaving(node) ? REPAIR_LEAVE_AT_ONCE : REPAIR_AT_ONCE;
    if (repair->queue_count > 0 && repair->running < at_once)
        return 0;
    /* While the queue is full the end of a push goes on with the scan. */
    if (repair->mode != REPAIR_IDLE)
        return repair->queue_count > REPAIR_QUEUE_MAX - CIRCLE_SIZE ? UINT64_MAX
                                                                    : repair->slice_at_ms;
    if (repair_is_leaving(node))
        return repair->running == 0 ? 0 : UINT64_MAX;
    if (node->role != NODE_SERVER)
        return UINT64_MAX; /* a client holds nothing for others, and begins no scan */
    uint64_t next_ms =
        repair->scan_at_ms < repair->round_at_ms ? repair->scan_at_ms : repair->round_at_ms;
    return next_ms < repair->slot_at_ms ? next_ms : repair->slot_at_ms;
}
