/* Passing a held record on to one node: asks whether it has it, and gives it when it has not. When
 * the node turns out to have a newer one, we take that instead: this is how the sides of a healed
 * partition agree. */
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

#define PUSH_TRIES       3u
#define PUSH_TIMEOUT_MS  5000u
#define PUSH_PATIENCE_MS 250u /* beyond the measured RTT, as for any put: a disk is waited for */

enum { PUSH_ASKING, PUSH_GIVING };

static bool read_held(struct node *node, const struct op *op, struct stored *stored)
{
    return node->store.get(node->store.context, STORE_HELD, op->push.kind, &op->search.target,
                           stored) == ERR_OK;
}

static bool send_ask(struct node *node, struct now now, struct op *op, const struct record *record,
                     struct outbox *out)
{
    const struct krpc message = {
        .method = KRPC_GET,
        .has_target = true,
        .target = record->target,
        .has_seq = record->kind != RECORD_IMMUTABLE,
        .seq = record->seq,
    };
    const struct query query = {
        .purpose = QUERY_PUSH,
        .contact = op->push.to,
        .has_id = true,
        .owner = op->number,
        .owner_index = PUSH_ASKING,
        .message = &message,
    };
    return query_send(node, now, &query, out);
}

static bool send_give(struct node *node, struct now now, struct op *op, const struct record *record,
                      struct outbox *out)
{
    struct krpc message;
    query_put(record, &message);
    message.token = bytes_of(op->push.token, op->push.token_size);
    const struct query query = {
        .purpose = QUERY_PUSH,
        .contact = op->push.to,
        .has_id = true,
        .owner = op->number,
        .owner_index = PUSH_GIVING,
        .patience_ms = PUSH_PATIENCE_MS,
        .message = &message,
    };
    return query_send(node, now, &query, out);
}

/* Silent to every try of the question: the same as to any other, so that a holder that has gone is
 * found out by those who ask it most. What it is given waits for its disk, and says nothing. */
static void give_up(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    if (op->push.tries >= PUSH_TRIES && !op->push.is_giving)
        maintain_failed(node, now, &op->push.to);
    op_finish(node, now, op, ERR_TIMEOUT, out);
}

static void step(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct stored stored;
    bool is_sent = op->push.tries < PUSH_TRIES && read_held(node, op, &stored);
    if (is_sent)
        is_sent = op->push.is_giving ? send_give(node, now, op, &stored.record, out)
                                     : send_ask(node, now, op, &stored.record, out);
    if (!is_sent) {
        give_up(node, now, op, out);
        return;
    }
    op->push.tries++;
    if (!op->push.is_giving)
        node_count(node, COUNTER_PUSHES_ASKED);
}

void push_start(struct node *node, struct now now, const struct repair_push *what,
                struct outbox *out)
{
    enum err err;
    struct op *op = op_new(node, now, OP_PUSH, true, PUSH_TIMEOUT_MS, &err);
    if (op == NULL) {
        repair_push_finished(node);
        return;
    }
    op->search.target = what->target;
    op->push.kind = (enum record_kind)what->kind;
    op->push.to = what->to;
    step(node, now, op, out);
}

/* The peer has a newer record than we: ours is replaced, after the same checks as any reply's. */
static void take_newer(struct node *node, struct now now, struct op *op, const struct record *held,
                       const struct krpc *reply, struct outbox *out)
{
    struct store_write write = {
        .action = STORE_PUT,
        .space = STORE_HELD,
        .is_verified = true,
        .putter = op->push.to.addr,
        .put_unix_s = now.unix_s,
    };
    if (!get_read_record(node, now, held, reply, &write.record) || write.record.seq <= held->seq ||
        record_expiry(&write.record, now.unix_s, now.unix_s, &write.expiry_unix_s) != ERR_OK)
        return;
    op_write(node, op, &write, NULL, out);
}

/* What the answer to our question says: that it has the record, or a newer one, or lacks it. */
static bool is_lacking(struct node *node, struct now now, struct op *op, const struct krpc *reply,
                       struct outbox *out)
{
    struct stored stored;
    if (!read_held(node, op, &stored))
        return false;
    if (op->push.kind == RECORD_IMMUTABLE)
        return reply->v.data == NULL;
    if (!reply->has_seq || reply->seq < stored.record.seq)
        return true;
    take_newer(node, now, op, &stored.record, reply, out);
    return false;
}

void push_answered(struct node *node, struct now now, struct op *op,
                   const struct inflight_query *query, const struct krpc *reply, struct outbox *out)
{
    if (query->owner_index == PUSH_ASKING && !op->push.is_giving && reply->token.data != NULL &&
        reply->token.size <= LOOKUP_TOKEN_MAX && is_lacking(node, now, op, reply, out)) {
        op->push.token_size = (uint8_t)reply->token.size;
        memcpy(op->push.token, reply->token.data, reply->token.size);
        op->push.is_giving = true;
        op->push.tries = 0;
        step(node, now, op, out);
        return;
    }
    if (query->owner_index == PUSH_GIVING)
        node_count(node, COUNTER_PUSHES);
    op_finish(node, now, op, ERR_OK, out);
}

void push_late(struct node *node, struct now now, struct op *op, const struct inflight_query *query,
               struct outbox *out)
{
    /* The question's time-out is old news once the answer to a repeated one has come. */
    if ((query->owner_index == PUSH_GIVING) == op->push.is_giving)
        step(node, now, op, out);
}
