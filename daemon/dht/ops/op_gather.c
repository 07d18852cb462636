/* Gathers: the entries of a multi, from our own store and from all nodes near the target that say
 * they hold some, each verified. */
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

struct op_gather {
    struct gather gather;
    uint32_t min_entries, quiet_ms;
    uint64_t final_ms;  /* the deadline; there may be an earlier one, to see whether it is quiet */
    uint64_t last_ms;   /* when the last entry came; 0: none has */
    bool is_unasked;    /* what is here was enough: nobody was asked */
    bool is_unanswered; /* there are others, and none answers */
};

void gather_op_clear(struct op *op)
{
    if (op->gather == NULL)
        return;
    gather_clear(&op->gather->gather);
    free(op->gather);
}

static bool is_expired(const struct record *entry, struct now now)
{
    uint64_t expiry_unix_s;
    return record_expiry(entry, now.unix_s, now.unix_s, &expiry_unix_s) != ERR_OK;
}

/* What is here was verified when it was written. */
static void look_at_home(struct node *node, struct now now, struct op *op, const struct id *target)
{
    const struct store_reader *store = &node->store;
    for (unsigned space = 0; space < STORE_SPACE_COUNT; space++) {
        struct stored stored;
        struct store_position position;
        const struct store_position *after = NULL;
        for (uint32_t i = 0; i < MULTI_ENTRIES_MAX; i++) {
            if (store->entry(store->context, (enum store_space)space, target, after, &stored) !=
                ERR_OK)
                break;
            multi_position_of(&stored.record, &position);
            after = &position;
            if (!is_expired(&stored.record, now) && !get_is_behind(node, &stored.record) &&
                claims_take(&op->gather->gather.claims, &stored.record))
                op->gather->last_ms = now.ms;
        }
    }
}

static void send_ask(struct node *node, struct now now, const struct op *op, struct gather *gather,
                     const struct gather_ask *ask, struct outbox *out)
{
    uint8_t keys[MULTI_KEYS_MAX * ID_SIZE], position[MULTI_POSITION_SIZE];
    struct wire_writer w;
    struct krpc message = {
        .method = KRPC_XGET,
        .has_target = true,
        .target = op->search.target,
        .token = ask->token,
    };
    if (ask->is_fetch) {
        wire_writer_init(&w, keys, sizeof keys);
        for (size_t i = 0; i < ask->key_count; i++)
            wire_write(&w, ask->keys[i].b, ID_SIZE);
        message.keys = wire_written(&w);
    } else {
        wire_writer_init(&w, position, sizeof position);
        if (ask->has_position)
            multi_write_position(&w, &ask->position);
        message.after = wire_written(&w);
    }
    const struct query query = {
        .purpose = QUERY_GATHER,
        .contact = ask->to,
        .has_id = true,
        .is_xord = true,
        .owner = op->number,
        .owner_index = ask->tag,
        .message = &message,
    };
    if (!query_send(node, now, &query, out))
        gather_refused(gather, ask->tag);
}

void gather_ask_all(struct node *node, struct now now, const struct op *op, struct gather *gather,
                    struct outbox *out)
{
    struct gather_ask ask;
    while (gather_next(gather, &ask))
        send_ask(node, now, op, gather, &ask, out);
}

/* One that has ended since it came is not. */
static bool is_shown(const struct claim_place *place, struct now now)
{
    return place->is_live && !get_has_ended(&place->entry, now);
}

static uint32_t count_shown(const struct claims *claims, struct now now)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < claims->place_count; i++)
        count += is_shown(&claims->places[i], now);
    return count;
}

static bool has_enough(const struct op_gather *gather, struct now now)
{
    const struct claims *claims = &gather->gather.claims;
    return gather->min_entries > 0 && claims->live >= gather->min_entries &&
           count_shown(claims, now) >= gather->min_entries;
}

/* While answers may still come in time, or nothing has come at all, it is not quiet. */
static void set_deadline(struct node *node, struct op *op)
{
    struct op_gather *gather = op->gather;
    bool is_waiting =
        gather_is_waiting(&gather->gather) || (op->is_searching && search_is_waiting(&op->search));
    uint64_t quiet_ms = gather->last_ms + gather->quiet_ms;
    uint64_t at_ms = gather->final_ms;
    if (!is_waiting && gather->gather.claims.live > 0 && quiet_ms < gather->final_ms)
        at_ms = quiet_ms;
    op_set_deadline(node, op, at_ms);
}

/* Nothing to show is an answer only where all that somebody is said to have has come: deletions, or
 * nothing, and then nobody was silent either. */
static enum err end_err(const struct node *node, struct now now, const struct op *op)
{
    const struct gather *gather = &op->gather->gather;
    if (count_shown(&gather->claims, now) > 0)
        return ERR_OK;
    if (!gather_is_whole(gather))
        return ERR_TIMEOUT;
    return op->gather->last_ms > 0 ? op_nothing_err(node, op, true) : op_miss_err(node, op);
}

/* Asks what can be asked, or ends. */
void gather_go_on(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_gather *gather = op->gather;
    if (has_enough(gather, now)) {
        op_finish(node, now, op, ERR_OK, out);
        return;
    }
    gather_ask_all(node, now, op, &gather->gather, out);
    if (op->is_searching || !gather_is_done(&gather->gather)) {
        set_deadline(node, op);
        return;
    }
    gather->is_unanswered = op_nothing_err(node, op, true) != ERR_OK;
    op_finish(node, now, op, end_err(node, now, op), out);
}

enum err node_gather(struct node *node, struct now now, const struct gather_request *request,
                     uint64_t *number, struct outbox *out)
{
    enum err err;
    uint8_t hash_key[HASH_KEY_SIZE];
    struct op *op = op_new(node, now, OP_GATHER, false, request->timeout_ms, &err);
    if (op == NULL)
        return err;
    op->gather = calloc(1, sizeof *op->gather);
    if (op->gather == NULL) {
        op_discard(node, op);
        return ERR_NO_MEMORY;
    }
    rng_bytes(&node->rng, hash_key, sizeof hash_key);
    gather_init(&op->gather->gather, hash_key, &node->claims_pool);
    op->gather->min_entries = request->min_entries;
    op->gather->quiet_ms = request->quiet_ms ? request->quiet_ms : NODE_QUIET_MS;
    op->gather->final_ms = op->deadline.at;
    *number = op->number;
    look_at_home(node, now, op, &request->target);
    if (has_enough(op->gather, now)) {
        op->search.target = request->target;
        op->gather->is_unasked = true;
        op_finish(node, now, op, ERR_OK, out);
        return ERR_OK;
    }
    op_search(node, now, op, KRPC_XGET, &request->target, out);
    return ERR_OK;
}

void gather_found(struct op *op, const struct contact *from, const struct krpc *reply)
{
    if (reply->has_count && reply->count > 0)
        gather_add_holder(&op->gather->gather, from, reply->token);
}

static bool take_entry(struct node *node, struct now now, struct op *op, const struct record *entry,
                       struct outbox *out)
{
    struct claims *claims = &op->gather->gather.claims;
    struct id key;
    (void)out;
    if (get_is_behind(node, entry)) { /* it was brought, and is no answer */
        record_key(entry, &key);
        return claims_know(claims, &key, entry->seq);
    }
    if (!claims_take(claims, entry))
        return false;
    op->gather->last_ms = now.ms;
    return true;
}

/* A holder has verified what it holds: after one that does not verify the rest is not worth the
 * time. That it has ended by our clock alone is no lie. */
size_t gather_read_entries(struct node *node, struct now now, struct op *op, struct gather *gather,
                           const struct krpc *reply, gather_take_fn *take, struct outbox *out)
{
    struct bencode_reader list;
    struct record entry;
    size_t taken = 0;
    if (reply->entries.data == NULL)
        return 0;
    bencode_reader_init(&list, reply->entries);
    bencode_read_list(&list);
    for (size_t i = 0; i < MULTI_KEYS_MAX && bencode_more(&list) &&
                       multi_read_entry(&list, &op->search.target, &entry);
         i++) {
        if (!claims_wants(&gather->claims, &entry))
            continue;
        bool is_late = is_expired(&entry, now);
        if (!is_late && get_is_genuine(node, now, &entry)) {
            taken += take(node, now, op, &entry, out);
            continue;
        }
        node_count(node, COUNTER_REPLIES_UNVERIFIED);
        if (!is_late)
            break;
    }
    return taken;
}

void gather_answered(struct node *node, struct now now, struct op *op,
                     const struct inflight_query *query, const struct krpc *reply,
                     struct outbox *out)
{
    struct gather *gather = &op->gather->gather;
    gather_heard(gather, &query->contact.id);
    if (gather_tag_is_fetch(query->owner_index))
        gather_fetched(gather, query->owner_index, reply,
                       gather_read_entries(node, now, op, gather, reply, take_entry, out));
    else
        gather_listed(gather, query->owner_index, reply);
    gather_go_on(node, now, op, out);
}

void gather_op_late(struct node *node, struct now now, struct op *op, uint32_t tag,
                    struct outbox *out)
{
    gather_late(&op->gather->gather, tag);
    gather_go_on(node, now, op, out);
}

void gather_op_refused(struct node *node, struct now now, struct op *op, uint32_t tag,
                       struct outbox *out)
{
    gather_refused(&op->gather->gather, tag);
    gather_go_on(node, now, op, out);
}

bool gather_is_empty(const struct op *op)
{
    const struct gather *gather = &op->gather->gather;
    return gather->holder_count == 0 && gather->claims.place_count == 0;
}

/* Either the end of all patience, or it has been quiet long enough. */
void gather_deadline(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    bool is_quiet = now.ms < op->gather->final_ms;
    op_finish(node, now, op, is_quiet ? end_err(node, now, op) : op_nothing_err(node, op, false),
              out);
}

static int compare_places(const void *a, const void *b)
{
    const struct claim_place *const *first = a, *const *second = b;
    const struct store_position x = {(*first)->time_unix_s, (*first)->key};
    const struct store_position y = {(*second)->time_unix_s, (*second)->key};
    return multi_position_compare(&x, &y);
}

/* The places that are shown, newest first; owned by the caller. NULL without memory. */
static const struct claim_place **sort_places(const struct claims *claims, struct now now,
                                              size_t *count)
{
    const struct claim_place **sorted = malloc((claims->place_count + 1) * sizeof(*sorted));
    *count = 0;
    for (uint32_t i = 0; i < claims->place_count && sorted != NULL; i++)
        if (is_shown(&claims->places[i], now))
            sorted[(*count)++] = &claims->places[i];
    if (sorted != NULL)
        qsort(sorted, *count, sizeof(*sorted), compare_places);
    return sorted;
}

static struct event_entry *copy_entry(const struct record *entry, struct outbox *out)
{
    struct event_entry *copy = outbox_alloc(out, sizeof *copy);
    if (copy == NULL)
        return NULL;
    struct record *record = &copy->record;
    *record = *entry;
    record->k = outbox_copy(out, bytes_of(entry->k, KEYS_PUBLIC_SIZE)).data;
    record->sig = outbox_copy(out, bytes_of(entry->sig, KEYS_SIGNATURE_SIZE)).data;
    record->salt = outbox_copy(out, entry->salt);
    record->v = outbox_copy(out, entry->v);
    bool is_whole = record->k != NULL && record->sig != NULL && record->salt.data != NULL &&
                    record->v.data != NULL;
    return is_whole ? copy : NULL;
}

void gather_fill_event(const struct op *op, struct now now, struct event *event, struct outbox *out)
{
    struct gather *gather = &op->gather->gather;
    const struct event_entry **end = &event->gather.first;
    size_t count;
    const struct claim_place **sorted = sort_places(&gather->claims, now, &count);
    for (size_t i = 0; i < count && sorted != NULL; i++) {
        struct event_entry *copy = copy_entry(&sorted[i]->entry, out);
        if (copy == NULL)
            break;
        *end = copy;
        end = &copy->next;
        event->gather.count++;
    }
    bool is_all_told = sorted != NULL && event->gather.count == count;
    free(sorted);
    event->stats.is_complete = event->stats.is_complete && event->err == ERR_OK &&
                               !op->gather->is_unasked && !op->gather->is_unanswered &&
                               gather_is_done(gather) && gather_is_whole(gather) && is_all_told;
}
