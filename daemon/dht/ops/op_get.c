/* Gets: what is stored here, then the closest nodes' answers, each verified; the best wins. */
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/records/multi.h"

/* Keeps `record` as the best so far, in one allocation of our own. */
static void keep_best(struct op_get *get, const struct record *record)
{
    if (get->is_found && record_compare(record, &get->best) <= 0)
        return;
    size_t keyed = record->k != NULL ? KEYS_PUBLIC_SIZE + KEYS_SIGNATURE_SIZE : 0;
    uint8_t *memory = malloc(keyed + record->salt.size + record->v.size + 1);
    if (memory == NULL)
        return;
    uint8_t *at = memory;
    get->best = *record;
    if (record->k != NULL) {
        get->best.k = memcpy(at, record->k, KEYS_PUBLIC_SIZE);
        get->best.sig = memcpy(at + KEYS_PUBLIC_SIZE, record->sig, KEYS_SIGNATURE_SIZE);
        at += keyed;
    }
    if (record->salt.size > 0)
        memcpy(at, record->salt.data, record->salt.size);
    get->best.salt = bytes_of(at, record->salt.size);
    at += record->salt.size;
    memcpy(at, record->v.data, record->v.size);
    get->best.v = bytes_of(at, record->v.size);
    free(get->best_memory);
    get->best_memory = memory;
    get->is_found = true;
}

void get_clear(struct op *op)
{
    free(op->get.best_memory);
}

bool get_has_ended(const struct record *record, struct now now)
{
    uint64_t expiry_unix_s;
    return record_expiry(record, now.unix_s, now.unix_s, &expiry_unix_s) == ERR_NOT_FOUND;
}

/* The best may have ended since it came: older ones are no answer for that. */
static bool has_answer(const struct op_get *get, struct now now)
{
    return get->is_found && !get_has_ended(&get->best, now);
}

static bool is_enough(const struct op_get *get, struct now now)
{
    if (!has_answer(get, now))
        return false;
    return get->kind == RECORD_IMMUTABLE || (get->has_min_seq && get->best.seq >= get->min_seq);
}

bool get_is_behind(struct node *node, const struct record *record)
{
    int64_t mark;
    struct id key;
    record_key(record, &key);
    return seen_seq(node->seen, record->kind, &key, &mark) && record->seq < mark;
}

/* A kept record may have ended, where nobody could renew it. */
static void look_at_home(struct node *node, struct now now, struct op *op, const struct id *target)
{
    for (unsigned space = 0; space < STORE_SPACE_COUNT; space++) {
        struct stored stored;
        if (node->store.get(node->store.context, (enum store_space)space, op->get.kind, target,
                            &stored) != ERR_OK)
            continue;
        if (get_has_ended(&stored.record, now) || get_is_behind(node, &stored.record) ||
            (op->get.has_min_seq && stored.record.seq < op->get.min_seq))
            continue;
        keep_best(&op->get, &stored.record);
    }
}

enum err node_get(struct node *node, struct now now, const struct get_request *request,
                  uint64_t *number, struct outbox *out)
{
    enum err err;
    if (request->salt.size > RECORD_SALT_MAX)
        return ERR_SALT_TOO_LONG;
    struct op *op = op_new(node, now, OP_GET, false, request->timeout_ms, &err);
    if (op == NULL)
        return err;
    op->memory = malloc(request->salt.size + 1);
    if (op->memory == NULL) {
        op_discard(node, op);
        return ERR_NO_MEMORY;
    }
    op->get.kind = request->kind;
    if (request->salt.size > 0)
        memcpy(op->memory, request->salt.data, request->salt.size);
    op->get.salt = bytes_of(op->memory, request->salt.size);
    if (request->k != NULL)
        memcpy(op->get.k, request->k, KEYS_PUBLIC_SIZE);
    op->get.has_min_seq = request->has_min_seq;
    op->get.min_seq = request->min_seq;
    *number = op->number;
    look_at_home(node, now, op, &request->target);
    if (is_enough(&op->get, now)) {
        op->search.target = request->target;
        op_finish(node, now, op, ERR_OK, out);
        return ERR_OK;
    }
    op_search(node, now, op, KRPC_GET, &request->target, out);
    return ERR_OK;
}

/* What kind of record a reply carries is what it has fields for; another kind is no answer. */
static bool has_wanted_shape(const struct record *wanted, const struct krpc *reply)
{
    if (reply->v.data == NULL || reply->v.size > RECORD_V_MAX)
        return false;
    if (wanted->kind == RECORD_IMMUTABLE)
        return reply->k.data == NULL && reply->sig.data == NULL;
    return reply->k.size == KEYS_PUBLIC_SIZE && reply->sig.size == KEYS_SIGNATURE_SIZE &&
           reply->has_seq && memcmp(reply->k.data, wanted->k, KEYS_PUBLIC_SIZE) == 0;
}

/* Checks in order of cost: shape, time, and the signature only of what was not verified before. */
bool get_is_genuine(struct node *node, struct now now, const struct record *record)
{
    uint64_t expiry_unix_s;
    if (record_check(record) != ERR_OK ||
        record_expiry(record, now.unix_s, now.unix_s, &expiry_unix_s) != ERR_OK)
        return false;
    if (seen_has(node->seen, record))
        return true;
    if (!record_verify(record))
        return false;
    seen_add(node->seen, record);
    return true;
}

static bool read_item(const struct record *wanted, const struct krpc *reply, struct record *out)
{
    if (!has_wanted_shape(wanted, reply))
        return false;
    *out = (struct record){
        .kind = wanted->kind,
        .target = wanted->target,
        .salt = wanted->salt,
        .v = reply->v,
    };
    if (wanted->kind == RECORD_IMMUTABLE)
        return true;
    out->k = reply->k.data;
    out->sig = reply->sig.data;
    out->seq = reply->seq;
    return true;
}

/* The entry of the wanted place among those that the reply brings. */
static bool read_entry(const struct record *wanted, const struct krpc *reply, struct record *out)
{
    struct bencode_reader r;
    bencode_reader_init(&r, reply->entries);
    bencode_read_list(&r);
    while (bencode_more(&r)) {
        if (!multi_read_entry(&r, &wanted->target, out))
            return false;
        if (bytes_equal(out->salt, wanted->salt) &&
            memcmp(out->k, wanted->k, KEYS_PUBLIC_SIZE) == 0)
            return true;
    }
    return false;
}

/* A list without entries says that there is none. */
static bool has_content(const struct record *wanted, const struct krpc *reply)
{
    return wanted->kind == RECORD_MULTI ? reply->entries.size > sizeof "le" - 1
                                        : reply->v.data != NULL;
}

bool get_read_record(struct node *node, struct now now, const struct record *wanted,
                     const struct krpc *reply, struct record *out)
{
    if (!has_content(wanted, reply))
        return false;
    bool is_read = wanted->kind == RECORD_MULTI ? read_entry(wanted, reply, out)
                                                : read_item(wanted, reply, out);
    if (is_read && get_is_genuine(node, now, out) && !get_is_behind(node, out))
        return true;
    node_count(node, COUNTER_REPLIES_UNVERIFIED);
    return false;
}

bool get_answered(struct node *node, struct now now, struct op *op, const struct krpc *reply)
{
    const struct record wanted = {
        .kind = op->get.kind,
        .target = op->search.target,
        .k = op->get.k,
        .salt = op->get.salt,
    };
    struct record record;
    if (!get_read_record(node, now, &wanted, reply, &record)) {
        op->get.refused += reply->v.data != NULL;
        return false;
    }
    if (op->get.has_min_seq && record.seq < op->get.min_seq)
        return false;
    keep_best(&op->get, &record);
    return is_enough(&op->get, now);
}

void get_fill_event(const struct op *op, struct now now, struct event *event, struct outbox *out)
{
    const struct op_get *get = &op->get;
    event->get.refused = get->refused;
    if (!has_answer(get, now))
        return;
    struct record copy = get->best;
    copy.v = outbox_copy(out, get->best.v);
    copy.salt = outbox_copy(out, get->best.salt);
    if (get->best.k != NULL) {
        copy.k = outbox_copy(out, bytes_of(get->best.k, KEYS_PUBLIC_SIZE)).data;
        copy.sig = outbox_copy(out, bytes_of(get->best.sig, KEYS_SIGNATURE_SIZE)).data;
    }
    event->get.record = copy;
    event->get.is_found = copy.v.data != NULL;
    event->stats.is_complete = event->stats.is_complete || is_enough(get, now);
}
