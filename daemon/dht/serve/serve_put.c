#include "daemon/dht/serve/serve_put.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/serve/reply.h"

#define TOUCH_AFTER_S                                                                              \
    600u /* an equal put refreshes what has no expiry of its own at most so often */

static void refuse(struct put_verdict *verdict, enum err err, const char *text,
                   enum counter counter)
{
    *verdict = (struct put_verdict){.err = err, .text = text, .counter = counter};
}

static bool is_signed(const struct krpc *query)
{
    return query->k.size == KEYS_PUBLIC_SIZE && query->sig.size == KEYS_SIGNATURE_SIZE &&
           query->has_seq;
}

/* A put with any of k, sig, seq, salt but not all that belong together is neither mutable nor
 * immutable: stored as the one it would hide the other. */
static bool is_complete(const struct krpc *query)
{
    bool has_any = query->k.data != NULL || query->sig.data != NULL || query->has_seq ||
                   query->salt.data != NULL || query->has_cas;
    if (query->v.data == NULL)
        return false;
    if (query->method == KRPC_XPUT)
        return is_signed(query) && query->has_target && query->slot.size > 0;
    return !has_any || is_signed(query);
}

static enum record_kind kind_of(const struct krpc *query)
{
    if (query->method == KRPC_XPUT)
        return RECORD_MULTI;
    return query->k.data != NULL ? RECORD_SINGLE : RECORD_IMMUTABLE;
}

static bool read_record(const struct krpc *query, struct record *record,
                        struct put_verdict *verdict)
{
    bool is_entry = query->method == KRPC_XPUT;
    if (!is_complete(query)) {
        refuse(verdict, ERR_MALFORMED,
               is_entry ? "k, seq, sig, slot, target and v are not all there"
                        : "v missing, or k, sig, seq and salt not all that belong",
               COUNTER_QUERIES_REFUSED_MALFORMED);
        return false;
    }
    *record = (struct record){.kind = kind_of(query), .v = query->v};
    if (record->kind != RECORD_IMMUTABLE) {
        record->k = query->k.data;
        record->sig = query->sig.data;
        record->seq = query->seq;
        record->salt = is_entry ? query->slot : query->salt;
    }
    if (query->v.size > RECORD_V_MAX) {
        refuse(verdict, ERR_TOO_BIG, "v is over 1000 bytes", COUNTER_PUTS_REFUSED_SIZE);
        return false;
    }
    if (record->salt.size > (is_entry ? RECORD_SLOT_MAX : RECORD_SALT_MAX)) {
        refuse(verdict, ERR_SALT_TOO_LONG, is_entry ? "slot is over 32 bytes" : NULL,
               COUNTER_PUTS_REFUSED_SIZE);
        return false;
    }
    return true;
}

/* The token belongs to the target, so the target is made first; it costs one SHA-1. An entry's is a
 * name that its signature binds. */
static bool has_right_target(const struct krpc *query, struct record *record,
                             struct put_verdict *verdict)
{
    if (record->kind == RECORD_SINGLE)
        record_single_target(record->k, record->salt, &record->target);
    else if (record->kind == RECORD_IMMUTABLE)
        record_immutable_target(record->v, &record->target);
    else
        record->target = query->target;
    if (!query->has_target || id_equal(&query->target, &record->target))
        return true;
    refuse(verdict, ERR_MALFORMED, "target is not what k and salt, or v, make",
           COUNTER_QUERIES_REFUSED_MALFORMED);
    return false;
}

/* Against what is stored now: newer, or the same; the store decides again when it writes. */
static bool is_acceptable(const struct krpc *query, const struct record *record,
                          const struct stored *stored, struct put_verdict *verdict)
{
    if (record_equal(record, &stored->record)) /* maybe sent twice, and `cas` is of the first */
        return true;
    if (query->has_cas && stored->record.seq != query->cas)
        refuse(verdict, ERR_CAS_MISMATCH, NULL, COUNTER_PUTS_REFUSED_CAS);
    else if (record->seq < stored->record.seq)
        refuse(verdict, ERR_STALE_SEQ, NULL, COUNTER_PUTS_REFUSED_SEQ);
    else if (record->seq == stored->record.seq)
        refuse(verdict, ERR_STALE_SEQ, "seq is stored with other content",
               COUNTER_PUTS_REFUSED_SEQ);
    else
        return true;
    return false;
}

enum counter serve_put_counter(enum err err)
{
    if (err == ERR_BAD_SIGNATURE)
        return COUNTER_PUTS_REFUSED_SIGNATURE;
    if (err == ERR_STALE_SEQ)
        return COUNTER_PUTS_REFUSED_SEQ;
    if (err == ERR_CAS_MISMATCH)
        return COUNTER_PUTS_REFUSED_CAS;
    if (err == ERR_BUSY)
        return COUNTER_PUTS_REFUSED_BUSY;
    return COUNTER_PUTS_REFUSED_STORAGE;
}

static bool queue_write(struct node *node, const struct addr *from, const struct krpc *query,
                        const struct store_write *write, struct outbox *out)
{
    uint64_t number;
    struct pending_write *pending = writes_add(&node->writes, &number);
    if (pending == NULL)
        return false;
    pending->from = *from;
    pending->t_size = (uint8_t)query->t.size;
    memcpy(pending->t, query->t.data, query->t.size);
    deliver_note(node, write, pending);
    struct store_write numbered = *write;
    numbered.write = number;
    if (outbox_write(out, &numbered))
        return true;
    writes_take(&node->writes, number, &(struct pending_write){0});
    return false;
}

void serve_put_check(struct node *node, struct now now, const struct addr *from,
                     const struct krpc *query, struct put_verdict *verdict, struct outbox *out)
{
    struct record record;
    struct stored stored;
    struct store_write write = {.action = STORE_PUT, .space = STORE_HELD, .putter = *from};
    if (!read_record(query, &record, verdict) || !has_right_target(query, &record, verdict))
        return;
    if (!reply_has_token(node, now, from, &record.target, query->token)) {
        refuse(verdict, ERR_BAD_TOKEN, NULL, COUNTER_QUERIES_REFUSED_TOKEN);
        return;
    }
    if (record_check(&record) != ERR_OK) {
        refuse(verdict, ERR_MALFORMED,
               record.kind == RECORD_MULTI ? "v is not an envelope with a time, or seq is negative"
                                           : "v is not canonical bencode, or seq is negative",
               COUNTER_QUERIES_REFUSED_MALFORMED);
        return;
    }
    if (record_expiry(&record, now.unix_s, now.unix_s, &write.expiry_unix_s) != ERR_OK) {
        refuse(verdict, ERR_MALFORMED, "ended, or a time or expiry too far ahead",
               COUNTER_PUTS_REFUSED_TIME);
        return;
    }
    struct id key;
    record_key(&record, &key);
    if (node->store.get(node->store.context, STORE_HELD, record.kind, &key, &stored) == ERR_OK) {
        if (record.kind != RECORD_IMMUTABLE && !is_acceptable(query, &record, &stored, verdict))
            return;
        write.is_verified = record_equal(&record, &stored.record);
        if (write.is_verified && (stored.expiry_unix_s == write.expiry_unix_s ||
                                  now.unix_s < stored.put_unix_s + TOUCH_AFTER_S)) {
            verdict->is_stored = true;
            return;
        }
    }
    write.has_cas = query->has_cas;
    write.cas = query->cas;
    write.put_unix_s = now.unix_s;
    write.record = record;
    if (!queue_write(node, from, query, &write, out))
        refuse(verdict, ERR_SERVER, "busy", COUNTER_PUTS_REFUSED_BUSY);
}
