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
    if (op == NULL)
        return NULL;
    op->number = ++ops->sequence << 16 | slot;
    op->kind = kind;
    op->is_internal = is_internal;
    op->started_ms = now.ms;
    op->deadline_ms = now.ms + (timeout_ms ? timeout_ms : NODE_TIMEOUT_MS);
    ops->slots[slot] = op;
    if (is_internal)
        ops->internal++;
    else
        ops->external++;
    node_count(node, COUNTER_OPERATIONS);
    *err = ERR_OK;
    return op;
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

static void op_free(struct op *op)
{
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
            op_free(ops->slots[i]);
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
    op_free(op);
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
        put_await_keeping(op);
}

enum err op_nothing_err(const struct node *node, const struct op *op, bool is_complete)
{
    enum node_state state = node_state_for(node, op->search.method);
    struct lookup_stats stats;
    if (!is_complete)
        return state == NODE_OFFLINE ? ERR_OFFLINE : ERR_TIMEOUT;
    search_stats(&op->search, (struct now){.ms = op->started_ms}, &stats);
    return stats.replied == 0 && state != NODE_ALONE ? ERR_OFFLINE : ERR_OK;
}

enum err op_miss_err(const struct node *node, const struct op *op)
{
    enum err err = op_nothing_err(node, op, true);
    return err == ERR_OK && search_has_doubt(&op->search) ? ERR_TIMEOUT : err;
}

/* A get must not call a miss what the silent may have. */
static bool goes_on(struct node *node, struct op *op)
{
    bool is_miss =
        (op->kind == OP_GET && !op->get.is_found) || (op->kind == OP_GATHER && gather_is_empty(op));
    return is_miss && search_widen(&op->search, node);
}

static void search_done(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    op_search_over(node, now, op, ERR_OK, out);
    switch (op->kind) {
    case OP_PUT:
    case OP_ANNOUNCE:
        put_search_done(node, now, op, out);
        return;
    case OP_GET:
        op_finish(node, now, op, op->get.is_found ? ERR_OK : op_miss_err(node, op), out);
        return;
    case OP_GATHER:
        gather_go_on(node, now, op, out);
        return;
    case OP_LOOKUP:
    case OP_PEERS:
        op_finish(node, now, op, op_nothing_err(node, op, true), out);
        return;
    case OP_QUERY:
        op_query_searched(node, now, op, out);
        return;
    case OP_REQUEST:
        op_request_searched(node, now, op, out);
        return;
    case OP_SEEK:
        seek_done(node, now, op, true, out);
        return;
    case OP_PING:
    case OP_DROP:
    case OP_PUSH:
    case OP_SYNC:
    case OP_CATCHUP:
    case OP_LEAVE:
    case OP_KIND_COUNT:
        assert(false);
    }
}

void op_step(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    if (!op->is_searching)
        return;
    bool is_done = search_step(&op->search, node, now, op->number, out);
    if (is_done && goes_on(node, op))
        op_step(node, now, op, out);
    else if (is_done)
        search_done(node, now, op, out);
    else if (op->kind == OP_GATHER)
        gather_go_on(node, now, op, out);
}

void op_search_begun(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    op->is_searching = true;
    if (watch_is_on(node, WATCH_LOOKUPS))
        watch_started(node, op, out);
    op_step(node, now, op, out);
}

void op_search_over(struct node *node, struct now now, struct op *op, enum err err,
                    struct outbox *out)
{
    if (watch_is_on(node, WATCH_LOOKUPS))
        watch_ended(node, now, op, err, out);
    op->is_searching = false;
}

void op_search(struct node *node, struct now now, struct op *op, enum krpc_method method,
               const struct id *target, struct outbox *out)
{
    search_start(&op->search, node, now, method, target,
                 op->is_join ? SEARCH_NEIGHBOURS : LOOKUP_K);
    if (method == KRPC_XGET && op->kind == OP_PUT)
        op->search.keys = id_bytes(&op->put.key);
    if (op->kind == OP_SEEK)
        seek_prepare(op);
    op->search.is_exact = op->kind != OP_GET; /* any holder will do for a get */
    op_search_begun(node, now, op, out);
}

static void search_reply(struct node *node, struct now now, struct op *op,
                         const struct inflight_query *query, const struct krpc *reply,
                         struct outbox *out)
{
    if (!op->is_searching)
        return;
    struct lookup_candidate *from = search_answered(&op->search, now, query, reply);
    bool is_done = false;
    if (from != NULL) {
        if (op->kind == OP_GET)
            is_done = get_answered(node, now, op, reply);
        else if (op->kind == OP_PUT)
            put_answered(node, now, op, from, reply, out);
        else if (op->kind == OP_GATHER)
            gather_found(op, &query->contact, reply);
        else if (op->kind == OP_SEEK)
            seek_answered(node, now, op, from, reply, out);
        else if (op->kind == OP_PEERS || op->kind == OP_ANNOUNCE)
            peers_answered(node, now, op, reply);
    }
    if (is_done)
        op_finish(node, now, op, ERR_OK, out);
    else
        op_step(node, now, op, out);
}

/* The end of the storing phase comes back to the same place as the end of the search. */
static void store_step(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    if (op->put.phase == PUT_STORING)
        put_search_done(node, now, op, out);
}

void op_search_late(struct node *node, struct now now, struct op *op,
                    const struct inflight_query *query, struct outbox *out)
{
    search_late(&op->search, node, now, query);
    watch_step(node, now, op, query, &(struct watch_outcome){.what = WATCH_LATE}, out);
    op_step(node, now, op, out);
}

/* What came of a query is told before it is acted on, which may end the operation. */
static void note_step(struct node *node, struct now now, const struct op *op,
                      const struct inflight_query *query, const struct watch_outcome *outcome,
                      struct outbox *out)
{
    if (query->purpose == QUERY_SEARCH)
        watch_step(node, now, op, query, outcome, out);
}

void op_answered(struct node *node, struct now now, const struct inflight_query *query,
                 const struct krpc *reply, struct outbox *out)
{
    struct op *op = op_find(&node->ops, query->owner);
    if (op == NULL)
        return;
    watch_step(node, now, op, query,
               &(struct watch_outcome){.what = WATCH_ANSWERED, .reply = reply}, out);
    if (op->kind == OP_SYNC) {
        sync_answered(node, now, op, query, reply, out);
    } else if (op_is_command(op)) {
        command_answered(node, now, op, query, reply, out);
    } else if (op->kind == OP_CATCHUP) {
        catchup_answered(node, now, op, query, reply, out);
    } else if (query->purpose == QUERY_SEARCH) {
        search_reply(node, now, op, query, reply, out);
    } else if (query->purpose == QUERY_STORE) {
        holders_stored(op, query->owner_index);
        store_step(node, now, op, out);
    } else if (query->purpose == QUERY_GATHER) {
        gather_answered(node, now, op, query, reply, out);
    } else if (query->purpose == QUERY_PUSH) {
        push_answered(node, now, op, query, reply, out);
    } else if (query->purpose == QUERY_PING) {
        op->ping.contact.id = reply->id;
        op->ping.rtt_ms = (uint32_t)(now.ms - query->sent_ms);
        op_finish(node, now, op, ERR_OK, out);
    }
}

void op_refused(struct node *node, struct now now, const struct inflight_query *query, int64_t code,
                struct outbox *out)
{
    struct op *op = op_find(&node->ops, query->owner);
    if (op == NULL)
        return;
    note_step(node, now, op, query, &(struct watch_outcome){.what = WATCH_REFUSED, .code = code},
              out);
    if (op->kind == OP_SYNC) {
        sync_refused(node, now, op, query, out);
    } else if (op_is_command(op)) {
        command_refused(node, now, op, query, out);
    } else if (op->kind == OP_CATCHUP) {
        catchup_refused(node, now, op, query, out);
    } else if (query->purpose == QUERY_SEARCH && op->is_searching) {
        search_refused(&op->search, query);
        op_step(node, now, op, out);
    } else if (query->purpose == QUERY_STORE) {
        holders_rejected(op, query->owner_index, code);
        store_step(node, now, op, out);
    } else if (query->purpose == QUERY_GATHER) {
        gather_op_refused(node, now, op, query->owner_index, out);
    } else if (query->purpose == QUERY_PING || query->purpose == QUERY_PUSH) {
        op_finish(node, now, op, err_from_krpc(code), out);
    }
}

void op_late(struct node *node, struct now now, const struct inflight_query *query,
             struct outbox *out)
{
    struct op *op = op_find(&node->ops, query->owner);
    if (op == NULL)
        return;
    if (op->kind == OP_SYNC) {
        sync_late(node, now, op, query, out);
    } else if (op_is_command(op)) {
        command_late(node, now, op, query, out);
    } else if (op->kind == OP_CATCHUP) {
        catchup_late(node, now, op, query, out);
    } else if (query->purpose == QUERY_SEARCH && op->is_searching) {
        op_search_late(node, now, op, query, out);
    } else if (query->purpose == QUERY_STORE) {
        holders_late(node, now, op, query->owner_index, out);
        store_step(node, now, op, out);
    } else if (query->purpose == QUERY_GATHER) {
        gather_op_late(node, now, op, query->owner_index, out);
    } else if (query->purpose == QUERY_PUSH) {
        push_late(node, now, op, query, out);
    } else if (query->purpose == QUERY_PING) {
        ping_late(node, now, op, out);
    }
}

void op_dead(struct node *node, struct now now, const struct inflight_query *query,
             struct outbox *out)
{
    struct op *op = op_find(&node->ops, query->owner);
    if (op == NULL)
        return;
    note_step(node, now, op, query, &(struct watch_outcome){.what = WATCH_DEAD}, out);
    if (query->purpose == QUERY_COMMAND) {
        command_dead(node, now, op, query, out);
    } else if (query->purpose == QUERY_SEARCH && op->is_searching) {
        search_silent(&op->search, query);
        op_step(node, now, op, out);
    }
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

void ops_tick(struct node *node, struct now now, struct outbox *out)
{
    for (uint32_t i = 0; i < node->ops.capacity; i++)
        if (node->ops.slots[i] != NULL && node->ops.slots[i]->deadline_ms <= now.ms)
            deadline(node, now, node->ops.slots[i], out);
}

uint64_t ops_next_ms(const struct ops *ops)
{
    uint64_t next = UINT64_MAX;
    if (ops->external + ops->internal == 0)
        return next;
    for (uint32_t i = 0; i < ops->capacity; i++)
        if (ops->slots[i] != NULL && ops->slots[i]->deadline_ms < next)
            next = ops->slots[i]->deadline_ms;
    return next;
}
