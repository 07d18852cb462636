/* Puts: find the closest nodes and what they hold, settle the sequence number, have it signed,
 * store it on the holders, then keep it on our own disk. In that order, so that a refused put
 * replaces no kept one; a quick put keeps first and answers then. Announces walk the same way
 * without a record. */
#include <stdlib.h>

#include "daemon/dht/ops/put_parts.h"

#define PUT_CONFLICTS_MAX                                                                          \
    3u /* automatic seq: rounds that may end in 301 or 302 and are tried again */

struct record put_record(const struct op *op)
{
    const struct op_put *put = &op->put;
    struct record record = {
        .kind = put->kind,
        .target = op->search.target,
        .salt = put->salt,
        .v = put->v,
    };
    if (put->kind != RECORD_IMMUTABLE) {
        record.k = put->k;
        record.seq = put->seq;
        record.sig = put->is_signed ? put->sig : NULL;
    }
    return record;
}

void put_clear(struct op *op)
{
    free(op->put.holders);
}

static enum krpc_method search_method(const struct op_put *put)
{
    if (put->is_announce)
        return KRPC_GET_PEERS;
    return put->kind == RECORD_MULTI ? KRPC_XGET : KRPC_GET;
}

static void begin_search(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    const struct id target = op->search.target;
    search_clear(&op->search);
    op->put.phase = PUT_SEARCHING;
    op_search(node, now, op, search_method(&op->put), &target, out);
}

/* Asks for a signature over the present seq; the answer comes by node_put_signed. */
static void ask_signature(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct event *event = outbox_event(out);
    op->put.phase = PUT_SIGNING;
    op->put.is_signed = false;
    if (event == NULL) {
        op_finish(node, now, op, ERR_NO_MEMORY, out);
        return;
    }
    const struct record record = put_record(op);
    event->kind = EVENT_NEED_SIGNATURE;
    event->op = op->number;
    event->sign = record;
    event->sign.k = outbox_copy(out, bytes_of(record.k, KEYS_PUBLIC_SIZE)).data;
    event->sign.salt = outbox_copy(out, record.salt);
    event->sign.v = outbox_copy(out, record.v);
}

static void begin(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_put *put = &op->put;
    put_look_at_home(node, now, op, out);
    if (!put->is_quick) {
        begin_search(node, now, op, out);
        return;
    }
    if (put->is_auto_seq && !put_next_seq(put, &put->seq))
        op_finish(node, now, op, ERR_STALE_SEQ, out);
    else if (!put->is_presigned)
        ask_signature(node, now, op, out);
    else if (!put_begin_keeping(node, now, op, out))
        op_finish(node, now, op, ERR_BUSY, out);
}

static bool is_queued_behind(const struct ops *ops, const struct id *key)
{
    for (uint32_t i = 0; i < ops->capacity; i++) {
        const struct op *op = ops->slots[i];
        if (op != NULL && op->kind == OP_PUT && op->put.phase != PUT_QUEUED &&
            id_equal(&op->put.key, key))
            return true;
    }
    return false;
}

void put_start_next(struct node *node, struct now now, const struct id *key, struct outbox *out)
{
    struct op *next = NULL;
    for (uint32_t i = 0; i < node->ops.capacity; i++) {
        struct op *op = node->ops.slots[i];
        if (op != NULL && op->kind == OP_PUT && op->put.phase == PUT_QUEUED &&
            id_equal(&op->put.key, key) && (next == NULL || op->number >> 16 < next->number >> 16))
            next = op;
    }
    if (next != NULL)
        begin(node, now, next, out);
}

static enum err check_request(const struct put_request *request, struct now now,
                              struct record *record)
{
    *record = (struct record){
        .kind = request->kind,
        .k = request->kind == RECORD_IMMUTABLE ? NULL : request->k,
        .sig = request->sig,
        .salt = request->salt,
        .seq = request->has_seq ? request->seq : 0,
        .v = request->v,
    };
    if (request->kind == RECORD_IMMUTABLE)
        record_immutable_target(record->v, &record->target);
    else if (request->kind == RECORD_MULTI)
        record->target = request->target;
    else
        record_single_target(record->k, record->salt, &record->target);
    uint64_t expiry_unix_s;
    enum err err = record_check(record);
    if (err == ERR_OK && record_expiry(record, now.unix_s, now.unix_s, &expiry_unix_s) != ERR_OK)
        err = ERR_MALFORMED;
    if (err == ERR_OK && record->sig != NULL && !record_verify(record))
        err = ERR_BAD_SIGNATURE;
    return err;
}

static bool copy_content(struct op *op, const struct put_request *request)
{
    struct op_put *put = &op->put;
    op->memory = malloc(request->salt.size + request->v.size + 1);
    if (op->memory == NULL)
        return false;
    if (request->salt.size > 0)
        memcpy(op->memory, request->salt.data, request->salt.size);
    memcpy(op->memory + request->salt.size, request->v.data, request->v.size);
    put->salt = bytes_of(op->memory, request->salt.size);
    put->v = bytes_of(op->memory + request->salt.size, request->v.size);
    if (request->k != NULL)
        memcpy(put->k, request->k, KEYS_PUBLIC_SIZE);
    if (request->sig != NULL)
        memcpy(put->sig, request->sig, KEYS_SIGNATURE_SIZE);
    return true;
}

enum err put_start(struct node *node, struct now now, const struct put_request *request,
                   const struct put_origin *origin, uint64_t *number, struct outbox *out)
{
    struct record record;
    enum err err = check_request(request, now, &record);
    if (err != ERR_OK)
        return err;
    struct op *op = op_new(node, now, OP_PUT, origin->is_internal, request->timeout_ms, &err);
    if (op == NULL)
        return err;
    if (!copy_content(op, request)) {
        op_discard(node, op);
        return ERR_NO_MEMORY;
    }
    struct op_put *put = &op->put;
    put->kind = request->kind;
    put->is_presigned = put->is_signed = request->sig != NULL || request->kind == RECORD_IMMUTABLE;
    put->seq = record.seq;
    put->is_auto_seq = !put->is_presigned && !request->has_seq;
    put->has_cas = request->has_cas;
    put->cas = request->cas;
    put->is_kept = request->is_kept;
    put->is_quick = request->is_quick && request->is_kept;
    put->is_local = put->is_quick && request->is_local;
    put->is_republish = origin->is_republish;
    put->phase = PUT_QUEUED;
    op->search.target = record.target;
    record_key(&record, &put->key);
    *number = op->number;
    if (!is_queued_behind(&node->ops, &put->key))
        begin(node, now, op, out);
    return ERR_OK;
}

enum err node_put(struct node *node, struct now now, const struct put_request *request,
                  uint64_t *number, struct outbox *out)
{
    return put_start(node, now, request, &(struct put_origin){0}, number, out);
}

static void begin_own_write(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_put *put = &op->put;
    struct store_write write = {
        .action = STORE_PUT,
        .space = STORE_HELD,
        .is_verified = true,
        .has_cas = put->has_cas,
        .cas = put->cas,
        .put_unix_s = now.unix_s,
        .record = put_record(op),
    };
    put->self_err = record_expiry(&write.record, now.unix_s, now.unix_s, &write.expiry_unix_s);
    if (put->self_err == ERR_OK && !op_write(node, op, &write, &put->self_write, out))
        put->self_err = ERR_BUSY;
}

static void begin_storing(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_put *put = &op->put;
    put->phase = PUT_STORING;
    put->is_self_stored = false;
    put->self_err = ERR_OK;
    if (!holders_choose(node, op)) {
        op_finish(node, now, op, ERR_NO_MEMORY, out);
        return;
    }
    if (put->is_self_holder)
        begin_own_write(node, now, op, out);
    put_go_on(node, now, op, out);
}

static bool is_conflict(enum err err)
{
    return err == ERR_CAS_MISMATCH || err == ERR_STALE_SEQ;
}

/* Nobody took it: because nobody is there, or because none of them answered in time. */
static enum err nobody_err(const struct node *node, const struct op *op)
{
    struct lookup_stats stats;
    search_stats(&op->search, (struct now){.ms = op->search.started_ms}, &stats);
    return stats.replied == 0 ? ERR_OFFLINE : op_nothing_err(node, op, false);
}

static void complete(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_put *put = &op->put;
    uint32_t stored = holders_count(op, HOLDER_STORED) + put->is_self_stored;
    int64_t code;
    enum err err = ERR_OK;
    if (stored > 0 && !put->is_announce) {
        const struct record record = put_record(op);
        seen_add(node->seen, &record);
    } else if (stored == 0 && !put->is_keep_done) {
        if (holders_has_rejection(op, &code))
            err = err_from_krpc(code);
        else if (put->self_err != ERR_OK)
            err = put->self_err;
        else
            err = nobody_err(node, op);
    }
    op_finish(node, now, op, err, out);
}

/* All holders have spoken or had their time. */
static void evaluate(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_put *put = &op->put;
    int64_t code = 0;
    bool has_conflict = holders_has_conflict(op, &code) || is_conflict(put->self_err);
    if (has_conflict && put->is_auto_seq && put->attempts < PUT_CONFLICTS_MAX) {
        put->attempts++;
        put->is_signed = false;
        begin_search(node, now, op, out);
        return;
    }
    uint32_t stored = holders_count(op, HOLDER_STORED) + put->is_self_stored;
    if (has_conflict && stored == 0) {
        op_finish(node, now, op, code ? err_from_krpc(code) : put->self_err, out);
        return;
    }
    /* A renewal does not bring back what was dropped meanwhile. */
    bool is_to_keep =
        put->is_kept && !put->is_keep_done && (!put->is_republish || put_is_kept(node, op));
    if (is_to_keep && put_begin_keeping(node, now, op, out))
        return;
    complete(node, now, op, out);
}

void put_go_on(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_put *put = &op->put;
    if (put->phase == PUT_STORING) {
        put_keep_beside(node, now, op, out);
        if (holders_step(node, now, op, out) && put->self_write == 0 && put->keep_write == 0)
            evaluate(node, now, op, out);
        return;
    }
    enum err err = put->is_announce ? ERR_OK : put_settle_seq(put);
    if (err != ERR_OK)
        op_finish(node, now, op, err, out);
    else if (!put->is_signed && !put->is_announce)
        ask_signature(node, now, op, out);
    else
        begin_storing(node, now, op, out);
}

void node_put_signed(struct node *node, struct now now, uint64_t number, const uint8_t *sig,
                     struct outbox *out)
{
    struct op *op = op_find(&node->ops, number);
    if (op == NULL || op->kind != OP_PUT || op->put.phase != PUT_SIGNING)
        return;
    if (sig == NULL) {
        const enum record_kind kind = op->put.kind;
        const struct id key = op->put.key;
        bool is_renewal = op->put.is_republish;
        op_finish(node, now, op, ERR_NO_KEY, out);
        if (is_renewal)
            keep_not_renewed(node, now, kind, &key, out);
        return;
    }
    memcpy(op->put.sig, sig, KEYS_SIGNATURE_SIZE);
    op->put.is_signed = true;
    if (!op->put.is_quick || op->is_answered)
        begin_storing(node, now, op, out);
    else if (!put_begin_keeping(node, now, op, out))
        op_finish(node, now, op, ERR_BUSY, out);
}

/* A quick put is on our disk: its caller is answered, and the network follows. */
static void answer_quick(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct event *event = op->is_internal ? NULL : outbox_event(out);
    if (event != NULL) {
        event->kind = EVENT_PUT;
        event->op = op->number;
        event->stats.ms = (uint32_t)(now.ms - op->started_ms);
        put_fill_event(op, event);
    }
    op->is_answered = true;
    op_set_deadline(node, op, now.ms + NODE_TIMEOUT_MS);
    begin_search(node, now, op, out);
}

void put_wrote(struct node *node, struct now now, struct op *op, uint64_t write, enum err err,
               int64_t seq, struct outbox *out)
{
    struct op_put *put = &op->put;
    if (write == put->self_write) {
        put->self_write = 0;
        put->is_self_stored = err == ERR_OK;
        put->self_err = err;
        if (is_conflict(err))
            put_saw_seq(put, seq);
        if (put->phase == PUT_STORING)
            put_go_on(node, now, op, out);
        return;
    }
    if (write != put->keep_write)
        return;
    put->keep_write = 0;
    put->keep_err = err;
    put->is_keep_done = err == ERR_OK;
    if (err == ERR_OK && !put->was_kept)
        keep_add(node, now, put->kind, &put->key);
    put->was_kept = put->was_kept || err == ERR_OK;
    if (err != ERR_OK && is_conflict(err))
        put_saw_seq(put, seq);
    if (err != ERR_OK && (put->is_quick || is_conflict(err)))
        op_finish(node, now, op, err, out);
    else if (put->phase == PUT_STORING)
        put_go_on(node, now, op, out);
    else if (put->is_quick && !put->is_local && !op->is_answered)
        answer_quick(node, now, op, out);
    else
        complete(node, now, op, out);
}

void put_deadline(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    if (op->put.phase != PUT_STORING) {
        op_finish(node, now, op, op_nothing_err(node, op, false), out);
        return;
    }
    for (uint32_t i = 0; i < op->put.holder_count; i++)
        if (op->put.holders[i].state == HOLDER_ASKED)
            op->put.holders[i].state = HOLDER_SILENT;
    op->put.self_write = 0;
    op->put.attempts = PUT_CONFLICTS_MAX;
    if (op->put.keep_write != 0) { /* so a holder has it: it ends once it is kept */
        put_await_keeping(node, op);
        return;
    }
    evaluate(node, now, op, out);
}

static void count_rejection(struct event *event, int64_t code)
{
    uint32_t i = 0;
    while (i < event->put.rejected_count && event->put.rejected[i].code != code)
        i++;
    if (i == EVENT_REJECTED_MAX)
        return;
    event->put.rejected[i].code = code;
    event->put.rejected[i].count++;
    if (i == event->put.rejected_count)
        event->put.rejected_count++;
}

void put_fill_event(const struct op *op, struct event *event)
{
    const struct op_put *put = &op->put;
    event->put.target = op->search.target;
    event->put.seq = is_conflict(event->err) && put->is_seen ? put->seen_seq : put->seq;
    event->put.stored = holders_count(op, HOLDER_STORED) + put->is_self_stored;
    event->put.is_kept = put->is_keep_done;
    event->put.tried = event->put.stored;
    if (put->is_self_holder && !put->is_self_stored) {
        event->put.tried++;
        count_rejection(event, err_code(put->self_err));
    }
    for (uint32_t i = 0; i < put->holder_count; i++) {
        if (put->holders[i].state == HOLDER_REJECTED)
            count_rejection(event, put->holders[i].code);
        else if (put->holders[i].state == HOLDER_SILENT || put->holders[i].state == HOLDER_ASKED)
            count_rejection(event, 0);
        else
            continue;
        event->put.tried++;
    }
}
