#include "daemon/dht/ops/op.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_command.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

#define OPS_START 4u

static bool ops_grow(struct ops *ops)
{
    uint32_t capacity = ops->capacity ? ops->capacity * 2 : OPS_START;
    struct op **slots = realloc(ops->slots, capacity * sizeof(struct op *));
    if (slots == NULL)
        return false;
    for (uint32_t i = ops->capacity; i < capacity; i++)
        slots[i] = NULL;
    ops->slots = slots;
    ops->capacity = capacity;
    return true;
}

static uint32_t free_slot(struct ops *ops)
{
    uint32_t i = 0;
    while (i < ops->capacity && ops->slots[i] != NULL)
        i++;
    return i;
}

struct op *op_new(struct node *node, struct now now, enum op_kind kind, bool is_internal,
                  uint32_t timeout_ms, enum err *err)
{
    struct ops *ops = &node->ops;
    if (is_internal ? ops->internal >= OPS_INTERNAL_MAX : ops->external >= NODE_OPS_MAX) {
        node_count(node, COUNTER_OPERATIONS_REFUSED);
        *err = ERR_BUSY;
        return NULL;
    }
    *err = ERR_NO_MEMORY;
    uint32_t slot = free_slot(ops);
    if (slot == ops->capacity && !ops_grow(ops))
        return NULL;
    struct op *op = calloc(1, sizeof *op);
    uint64_t deadline_ms = now.ms + (timeout_ms ? timeout_ms : NODE_TIMEOUT_MS);
    if (op == NULL || !alarms_add(&ops->deadlines, &op->deadline, deadline_ms)) {
        free(op);
        return NULL;
    }
    op->number = ++ops->sequence << 16 | slot;
    op->kind = kind;
    op->is_internal = is_internal;
    op->started_ms = now.ms;
    ops->slots[slot] = op;
    if (is_internal)
        ops->internal++;
    else
        ops->external++;
    node_count(node, COUNTER_OPERATIONS);
    *err = ERR_OK;
    return op;
}

void op_set_deadline(struct node *node, struct op *op, uint64_t at_ms)
{
    alarms_move(&node->ops.deadlines, &op->deadline, at_ms);
}

struct op *op_find(const struct ops *ops, uint64_t number)
{
    uint32_t slot = number & 0xffff;
    if (slot >= ops->capacity || ops->slots[slot] == NULL || ops->slots[slot]->number != number)
        return NULL;
    return ops->slots[slot];
}

void op_count_query(struct node *node, uint64_t owner, int change)
{
    struct op *op = op_find(&node->ops, owner);
    if (op != NULL)
        op->queries += (uint32_t)change;
}

static void op_free(struct ops *ops, struct op *op)
{
    alarms_remove(&ops->deadlines, &op->deadline);
    search_clear(&op->search);
    switch (op->kind) {
    case OP_GET:
        get_clear(op);
        break;
    case OP_GATHER:
        gather_op_clear(op);
        break;
    case OP_PUT:
    case OP_ANNOUNCE:
        put_clear(op);
        break;
    case OP_PEERS:
        peers_clear(op);
        break;
    case OP_SYNC:
        sync_clear(op);
        break;
    case OP_QUERY:
    case OP_REQUEST:
        command_clear(op);
        break;
    case OP_CATCHUP:
        catchup_clear(op);
        break;
    case OP_LOOKUP:
    case OP_PING:
    case OP_DROP:
    case OP_PUSH:
    case OP_SEEK:
    case OP_LEAVE:
    case OP_KIND_COUNT:
        break;
    }
    free(op->memory);
    free(op);
}

void ops_clear(struct ops *ops)
{
    for (uint32_t i = 0; i < ops->capacity; i++)
        if (ops->slots[i] != NULL)
            op_free(ops, ops->slots[i]);
    free(ops->slots);
    *ops = (struct ops){0};
}

void op_discard(struct node *node, struct op *op)
{
    if (op->queries > 0)
        inflight_drop_owner(node->inflight, op->number);
    node->ops.slots[op->number & 0xffff] = NULL;
    if (op->is_internal)
        node->ops.internal--;
    else
        node->ops.external--;
    op_free(&node->ops, op);
}

static enum event_kind event_kind_of(enum op_kind kind)
{
    static const enum event_kind kinds[OP_KIND_COUNT] = {
        [OP_GET] = EVENT_GET,       [OP_GATHER] = EVENT_GATHER,     [OP_PUT] = EVENT_PUT,
        [OP_LOOKUP] = EVENT_LOOKUP, [OP_PEERS] = EVENT_PEERS,       [OP_PING] = EVENT_PING,
        [OP_DROP] = EVENT_DROPPED,  [OP_ANNOUNCE] = EVENT_ANNOUNCE, [OP_LEAVE] = EVENT_LEFT,
        [OP_QUERY] = EVENT_QUERY,   [OP_REQUEST] = EVENT_REQUEST,
    };
    return kinds[kind];
}

static void fill_event(struct node *node, struct now now, const struct op *op, struct event *event,
                       struct outbox *out)
{
    switch (op->kind) {
    case OP_GET:
        get_fill_event(op, now, event, out);
        break;
    case OP_GATHER:
        gather_fill_event(op, now, event, out);
        break;
    case OP_PUT:
    case OP_ANNOUNCE:
        put_fill_event(op, event);
        break;
    case OP_LOOKUP:
        lookup_fill_event(op, event, out);
        break;
    case OP_PEERS:
        peers_fill_event(node, now, op, event, out);
        break;
    case OP_PING:
        event->ping.contact = op->ping.contact;
        event->ping.rtt_ms = op->ping.rtt_ms;
        break;
    case OP_QUERY:
        op_query_fill_event(op, event, out);
        break;
    case OP_REQUEST:
        op_request_fill_event(op, event, out);
        break;
    case OP_DROP:
    case OP_PUSH:
    case OP_SYNC:
    case OP_SEEK:
    case OP_CATCHUP:
    case OP_LEAVE:
    case OP_KIND_COUNT:
        break;
    }
}

/* Whose work it was is told, and may go on with the next. */
static void internal_finished(struct node *node, struct now now, const struct op *op)
{
    if (op->kind == OP_LOOKUP)
        maintain_search_finished(node, now, op);
    else if (op->kind == OP_PEERS || op->kind == OP_ANNOUNCE)
        overlay_sought(node, now, op);
    else if (op->kind == OP_PUT)
        keep_finished(node);
    else if (op->kind == OP_PUSH || op->kind == OP_SYNC)
        repair_push_finished(node);
}

/* Its one event, unless nobody waits for it. */
static void tell(struct node *node, struct now now, struct op *op, enum err err, struct outbox *out)
{
    if (op->is_internal || op->is_answered)
        return;
    op->is_answered = true;
    struct event *event = outbox_event(out);
    if (event == NULL) {
        node_count(node, COUNTER_EFFECTS_LOST);
        return;
    }
    event->kind = event_kind_of(op->kind);
    event->op = op->number;
    event->err = err;
    search_stats(&op->search, now, &event->stats);
    event->stats.ms = (uint32_t)(now.ms - op->started_ms);
    event->stats.is_complete = search_is_complete(&op->search);
    fill_event(node, now, op, event, out);
}

void op_finish(struct node *node, struct now now, struct op *op, enum err err, struct outbox *out)
{
    bool is_begun_put = op->kind == OP_PUT && op->put.phase != PUT_QUEUED;
    const struct id key = is_begun_put ? op->put.key : (struct id){0};
    if (op->is_searching && watch_is_on(node, WATCH_LOOKUPS))
        watch_ended(node, now, op, err, out);
    tell(node, now, op, err, out);
    search_end(&op->search, node, now);
    if (op->is_internal)
        internal_finished(node, now, op);
    op_discard(node, op);
    if (is_begun_put)
        put_start_next(node, now, &key, out);
}

void op_cancel(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    bool is_keeping = op->kind == OP_PUT && op->put.keep_write != 0;
    if (!is_keeping && op->kind != OP_DROP) {
        op_finish(node, now, op, ERR_CANCELLED, out);
        return;
    }
    tell(node, now, op, ERR_CANCELLED, out);
    if (is_keeping)
        put_await_keeping(node, op);
}

void op_stored(struct node *node, struct now now, uint64_t number, uint64_t write, enum err err,
               int64_t seq, struct outbox *out)
{
    struct op *op = op_find(&node->ops, number);
    if (op == NULL)
        return;
    if (op->kind == OP_DROP) {
        if (err == ERR_OK)
            keep_drop(&node->keep, op->drop_kind, &op->search.target);
        op_finish(node, now, op, err, out);
    } else if (op->kind == OP_PUT) {
        put_wrote(node, now, op, write, err, seq, out);
    }
}

bool op_write(struct node *node, struct op *op, const struct store_write *write, uint64_t *number,
              struct outbox *out)
{
    struct store_write numbered = *write;
    struct pending_write *pending = writes_add(&node->writes, &numbered.write);
    if (pending == NULL)
        return false;
    pending->op = op->number;
    deliver_note(node, write, pending);
    if (!outbox_write(out, &numbered)) {
        writes_take(&node->writes, numbered.write, &(struct pending_write){0});
        return false;
    }
    if (number != NULL)
        *number = numbered.write;
    return true;
}

static void deadline(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    switch (op->kind) {
    case OP_PUT:
    case OP_ANNOUNCE:
        put_deadline(node, now, op, out);
        return;
    case OP_GET:
    case OP_LOOKUP:
    case OP_PEERS: {
        /* What was found is in the event beside the error. */
        enum err err = op_nothing_err(node, op, false);
        op_finish(node, now, op, err, out);
        return;
    }
    case OP_GATHER:
        gather_deadline(node, now, op, out);
        return;
    case OP_QUERY:
        op_query_deadline(node, now, op, out);
        return;
    case OP_SEEK:
        seek_done(node, now, op, false, out);
        return;
    case OP_CATCHUP:
        catchup_deadline(node, now, op, out);
        return;
    case OP_LEAVE:
        leave_handed_over(node, now, op, ERR_TIMEOUT, out);
        return;
    case OP_PING:
    case OP_REQUEST:
    case OP_DROP:
    case OP_PUSH:
    case OP_SYNC:
        op_finish(node, now, op, ERR_TIMEOUT, out);
        return;
    case OP_KIND_COUNT:
        assert(false);
    }
}

/* Each ends, or has a later time from then on. */
void ops_tick(struct node *node, struct now now, struct outbox *out)
{
    while (alarms_next(&node->ops.deadlines) <= now.ms)
        deadline(node, now, (struct op *)alarms_first(&node->ops.deadlines), out);
}

uint64_t ops_next_ms(const struct ops *ops)
{
    return alarms_next(&ops->deadlines);
}
