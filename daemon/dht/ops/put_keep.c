/* What a put has to do with our own disk: keeping it, and adopting what is newer than what is kept.
 */
#include "daemon/dht/ops/put_parts.h"

static bool is_being_dropped(const struct ops *ops, enum record_kind kind, const struct id *key)
{
    for (uint32_t i = 0; i < ops->capacity; i++) {
        const struct op *op = ops->slots[i];
        if (op != NULL && op->kind == OP_DROP && op->drop_kind == kind &&
            id_equal(&op->search.target, key))
            return true;
    }
    return false;
}

/* The record of this place that is kept, and will be when the writes under way are done. */
static bool read_kept(struct node *node, const struct op *op, struct stored *kept)
{
    return node->store.get(node->store.context, STORE_KEPT, op->put.kind, &op->put.key, kept) ==
               ERR_OK &&
           !is_being_dropped(&node->ops, op->put.kind, &op->put.key);
}

bool put_is_kept(struct node *node, const struct op *op)
{
    struct stored kept;
    return read_kept(node, op, &kept);
}

static struct store_write kept_write(struct now now, const struct record *record)
{
    return (struct store_write){
        .action = STORE_PUT,
        .space = STORE_KEPT,
        .is_verified = true,
        .put_unix_s = now.unix_s,
        .expiry_unix_s = STORE_EXPIRY_NEVER,
        .record = *record,
    };
}

/* A republish that meets a newer record keeps that one from now on: it is what the owner put
 * elsewhere, or our own renewal when we stopped between storing and keeping it. */
void put_adopt_newer(struct node *node, struct now now, struct op *op, const struct record *record,
                     struct outbox *out)
{
    struct stored kept;
    if (!op->put.is_republish || record->seq <= op->put.adopted_seq ||
        !read_kept(node, op, &kept) || record->seq <= kept.record.seq)
        return;
    const struct store_write write = kept_write(now, record);
    if (op_write(node, op, &write, NULL, out))
        op->put.adopted_seq = record->seq;
}

static bool write_kept(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    const struct record record = put_record(op);
    const struct store_write write = kept_write(now, &record);
    if (!op_write(node, op, &write, &op->put.keep_write, out))
        return false;
    op->put.was_kept = put_is_kept(node, op);
    return true;
}

void put_await_keeping(struct node *node, struct op *op)
{
    op->put.phase = PUT_KEEPING;
    op_set_deadline(node, op, ALARM_NEVER);
}

bool put_begin_keeping(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    if (!write_kept(node, now, op, out))
        return false;
    put_await_keeping(node, op);
    return true;
}

/* The first put of a place is kept as soon as one holder has it, beside the others: two waits for
 * the disk become one. It replaces no kept one, so what the others refuse undoes nothing. */
void put_keep_beside(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    const struct op_put *put = &op->put;
    bool is_stored = put->is_self_stored || holders_count(op, HOLDER_STORED) > 0;
    if (is_stored && put->is_kept && !put->is_keep_done && put->keep_write == 0 &&
        put->keep_err == ERR_OK && !put->is_republish && !put_is_kept(node, op))
        write_kept(node, now, op, out);
}
