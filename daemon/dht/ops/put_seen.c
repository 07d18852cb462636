/* What a put has seen of its place, at home and in replies, and the sequence number that follows.
 */
#include "daemon/dht/ops/put_parts.h"

void put_saw_seq(struct op_put *put, int64_t seq)
{
    if (!put->is_seen || seq > put->seen_seq)
        put->seen_seq = seq;
    put->is_seen = true;
}

/* Another record with the very seq that the caller gave: storing ours beside it would split the
 * holders, so it is refused before anything is stored. */
static bool is_rival(const struct op_put *put, const struct record *record)
{
    return !put->is_auto_seq && record->kind != RECORD_IMMUTABLE && record->seq == put->seq &&
           (!bytes_equal(record->v, put->v) ||
            (put->is_presigned && memcmp(record->sig, put->sig, KEYS_SIGNATURE_SIZE) != 0));
}

/* A verified record of this place, found here or in a reply. */
static void saw_record(struct node *node, struct now now, struct op *op,
                       const struct record *record, struct outbox *out)
{
    put_saw_seq(&op->put, record->seq);
    op->put.has_rival = op->put.has_rival || is_rival(&op->put, record);
    put_adopt_newer(node, now, op, record, out);
}

void put_look_at_home(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    const struct id *key = &op->put.key;
    int64_t seq;
    if (seen_seq(node->seen, op->put.kind, key, &seq))
        put_saw_seq(&op->put, seq);
    for (unsigned space = 0; space < STORE_SPACE_COUNT; space++) {
        struct stored stored;
        if (node->store.get(node->store.context, (enum store_space)space, op->put.kind, key,
                            &stored) != ERR_OK)
            continue;
        saw_record(node, now, op, &stored.record, out);
    }
}

/* The next after the highest seen; false when there is none. */
bool put_next_seq(const struct op_put *put, int64_t *seq)
{
    if (put->is_seen && put->seen_seq == INT64_MAX)
        return false;
    *seq = put->is_seen ? put->seen_seq + 1 : 1;
    return true;
}

void put_answered(struct node *node, struct now now, struct op *op, struct lookup_candidate *from,
                  const struct krpc *reply, struct outbox *out)
{
    const struct record wanted = put_record(op);
    struct record record;
    from->has_seq = op->put.kind != RECORD_IMMUTABLE && reply->has_seq;
    from->seq = reply->seq;
    if (get_read_record(node, now, &wanted, reply, &record))
        saw_record(node, now, op, &record, out);
}

/* Settles seq before anything is stored: the errors here leave no trace on any holder. */
enum err put_settle_seq(struct op_put *put)
{
    if (put->kind == RECORD_IMMUTABLE)
        return ERR_OK;
    if (put->has_cas && put->is_seen && put->seen_seq != put->cas)
        return ERR_CAS_MISMATCH;
    if (!put->is_auto_seq)
        return put->has_rival || (put->is_seen && put->seen_seq > put->seq) ? ERR_STALE_SEQ
                                                                            : ERR_OK;
    int64_t seq;
    if (!put_next_seq(put, &seq))
        return ERR_STALE_SEQ;
    /* A quick put was signed and kept with the seq known here: good unless the network is ahead. */
    if (put->is_signed && put->is_quick && put->seq >= seq)
        return ERR_OK;
    put->is_signed = false;
    put->is_keep_done = false;
    put->seq = seq;
    return ERR_OK;
}
