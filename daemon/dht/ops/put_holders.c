/* The storing phase of a put or an announce: who the holders are, what each is sent, and what each
 * said. A holder that is late is asked again, and the next closest that answered is asked in its
 * place: whichever acknowledges counts, and once as many as are wanted have, nobody waits for the
 * late. */
#include <stdlib.h>

#include "daemon/dht/ops/put_parts.h"
#include "daemon/dht/ops/query.h"

#define HOLDER_TRIES      3u
#define HOLDER_HEDGES_MAX 2u /* more that are late are no holders lost, but slow disks */
/* Beyond the measured RTT: its disk must have it before it answers. */
#define HOLDER_PATIENCE_MS       250u
#define HOLDER_AGAIN_PATIENCE_MS 125u /* of each further try: the answer to any of them counts */

static bool is_chosen(const struct op_put *put, const struct id *id)
{
    for (uint32_t i = 0; i < put->holder_count; i++)
        if (id_equal(&put->holders[i].contact.id, id))
            return true;
    return false;
}

static void choose(struct op_put *put, const struct lookup_candidate *candidate)
{
    if (candidate->token_size == 0 || put->holder_count == PUT_HOLDERS_MAX ||
        is_chosen(put, &candidate->contact.id))
        return;
    struct put_holder *holder = &put->holders[put->holder_count++];
    *holder = (struct put_holder){
        .contact = candidate->contact,
        .is_xord = candidate->is_xord,
        .has_seq = candidate->has_seq,
        .seq = candidate->seq,
        .token_size = candidate->token_size,
    };
    memcpy(holder->token, candidate->token, candidate->token_size);
}

/* We hold a record ourselves when fewer than k of the nodes that answered are nearer to it. */
static bool is_own_holder(const struct node *node, const struct op *op)
{
    if (node->role != NODE_SERVER || op->put.is_announce)
        return false;
    const struct lookup_candidate *closest[LOOKUP_K];
    size_t count = search_closest(&op->search, closest, LOOKUP_K);
    return count < LOOKUP_K || id_compare_distance(&op->search.target, &node->id,
                                                   &closest[LOOKUP_K - 1]->contact.id) < 0;
}

bool holders_choose(struct node *node, struct op *op)
{
    struct op_put *put = &op->put;
    if (put->holders == NULL)
        put->holders = calloc(PUT_HOLDERS_MAX, sizeof *put->holders);
    if (put->holders == NULL)
        return false;
    put->holder_count = 0;
    put->is_self_holder = is_own_holder(node, op);
    size_t share = put->is_self_holder ? LOOKUP_K - 1 : LOOKUP_K;
    const struct lookup_candidate *found[LOOKUP_CANDIDATES];
    for (unsigned family = 0; family < SEARCH_FAMILIES; family++) {
        if (!op->search.is_used[family])
            continue;
        size_t count = lookup_closest(&op->search.lookups[family], found, share);
        for (size_t i = 0; i < count; i++)
            choose(put, found[i]);
    }
    put->wanted = put->holder_count;
    size_t count = search_closest(&op->search, found, PUT_HOLDERS_MAX);
    for (size_t i = 0; i < count; i++)
        choose(put, found[i]);
    return true;
}

/* A query names its holder and the round it belongs to: after a conflict the holders are chosen
 * anew, and a late answer to the earlier put says nothing about the present one. */
static uint32_t tag_of(const struct op_put *put, uint32_t index)
{
    return (uint32_t)put->attempts << 16 | index;
}

static struct put_holder *find_holder(struct op *op, uint32_t tag)
{
    uint32_t index = tag & 0xffff;
    if (index >= op->put.holder_count || tag != tag_of(&op->put, index))
        return NULL;
    return &op->put.holders[index];
}

static void write_announce(const struct op *op, struct krpc *message)
{
    *message = (struct krpc){
        .method = KRPC_ANNOUNCE_PEER,
        .has_target = true,
        .target = op->search.target,
        .has_port = true,
        .port = op->put.port,
        .implied_port = op->put.port == 0,
    };
}

/* With an automatic seq each holder is held to the one that it reported itself; not when it is told
 * again, since it may have stored it the first time. */
static void write_put(const struct op *op, const struct put_holder *holder, struct krpc *message)
{
    const struct op_put *put = &op->put;
    const struct record record = put_record(op);
    query_put(&record, message);
    if (put->kind == RECORD_IMMUTABLE)
        return;
    message->has_cas = put->has_cas || (put->is_auto_seq && holder->has_seq && holder->tries == 0);
    message->cas = put->has_cas ? put->cas : holder->seq;
}

static bool send_to(struct node *node, struct now now, const struct op *op, uint32_t index,
                    struct outbox *out)
{
    const struct op_put *put = &op->put;
    const struct put_holder *holder = &put->holders[index];
    struct krpc message;
    if (put->is_announce)
        write_announce(op, &message);
    else
        write_put(op, holder, &message);
    message.token = bytes_of(holder->token, holder->token_size);
    const struct query query = {
        .purpose = QUERY_STORE,
        .contact = holder->contact,
        .has_id = true,
        .is_xord = holder->is_xord,
        .owner = op->number,
        .owner_index = tag_of(put, index),
        .patience_ms = holder->tries == 0 ? HOLDER_PATIENCE_MS : HOLDER_AGAIN_PATIENCE_MS,
        .message = &message,
    };
    return query_send(node, now, &query, out);
}

/* True when another holder in its place could do better. */
static bool is_lost(const struct put_holder *holder)
{
    return holder->state == HOLDER_SILENT ||
           (holder->state == HOLDER_REJECTED && (holder->code == 202 || holder->code == 203));
}

static bool is_late(const struct put_holder *holder)
{
    return holder->state == HOLDER_ASKED && holder->is_late;
}

/* Of the late, those in whose place nobody else is asked. */
static uint32_t unhedged(uint32_t late)
{
    return late > HOLDER_HEDGES_MAX ? late - HOLDER_HEDGES_MAX : 0;
}

bool holders_step(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_put *put = &op->put;
    uint32_t good = 0, asked = 0, late = 0;
    for (uint32_t i = 0; i < put->holder_count; i++) {
        struct put_holder *holder = &put->holders[i];
        if (holder->state == HOLDER_SPARE && good + unhedged(late) < put->wanted)
            holder->state = HOLDER_ASKED;
        bool is_due = holder->state == HOLDER_ASKED && holder->tries == 0;
        if (is_due && send_to(node, now, op, i, out))
            holder->tries = 1;
        else if (is_due)
            holder->state = HOLDER_SILENT;
        asked += holder->state == HOLDER_ASKED;
        late += is_late(holder);
        good += holder->state != HOLDER_SPARE && !is_lost(holder) && !is_late(holder);
    }
    return asked == late && (late == 0 || good >= put->wanted);
}

void holders_stored(struct op *op, uint32_t tag)
{
    struct put_holder *holder = find_holder(op, tag);
    if (holder != NULL)
        holder->state = HOLDER_STORED;
}

void holders_rejected(struct op *op, uint32_t tag, int64_t code)
{
    struct put_holder *holder = find_holder(op, tag);
    if (holder == NULL || holder->state == HOLDER_STORED)
        return;
    holder->state = HOLDER_REJECTED;
    holder->code = code;
}

void holders_late(struct node *node, struct now now, struct op *op, uint32_t tag,
                  struct outbox *out)
{
    struct put_holder *holder = find_holder(op, tag);
    if (holder == NULL || holder->state != HOLDER_ASKED)
        return;
    uint32_t index = (uint32_t)(holder - op->put.holders);
    holder->is_late = true;
    if (holder->tries < HOLDER_TRIES && send_to(node, now, op, index, out))
        holder->tries++;
    else
        holder->state = HOLDER_SILENT;
}

uint32_t holders_count(const struct op *op, enum holder_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < op->put.holder_count; i++)
        count += op->put.holders[i].state == state;
    return count;
}

bool holders_has_conflict(const struct op *op, int64_t *code)
{
    for (uint32_t i = 0; i < op->put.holder_count; i++) {
        const struct put_holder *holder = &op->put.holders[i];
        if (holder->state == HOLDER_REJECTED && (holder->code == 301 || holder->code == 302)) {
            *code = holder->code;
            return true;
        }
    }
    return false;
}

bool holders_has_rejection(const struct op *op, int64_t *code)
{
    for (uint32_t i = 0; i < op->put.holder_count; i++) {
        if (op->put.holders[i].state == HOLDER_REJECTED) {
            *code = op->put.holders[i].code;
            return true;
        }
    }
    return false;
}
