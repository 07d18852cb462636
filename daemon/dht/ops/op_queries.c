/* How an operation goes on: the steps of its search, and what each kind makes of what came of its
 * queries. */
#include "daemon/dht/ops/op_queries.h"

#include <assert.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_command.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

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
        put_go_on(node, now, op, out);
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

static void store_step(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    if (op->put.phase == PUT_STORING)
        put_go_on(node, now, op, out);
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
        command_refused(node, now, op, query, code, out);
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
