/* Passing a multi on to one node: asks how many entries it has and their digest; where those are
 * not ours, lists what it has, takes what it has newer, and gives what it lacks or has older. This
 * is how all of a target's holders come to the same, deletions included. */
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

#define SYNC_TIMEOUT_MS  60000u /* 512 entries over a slow way; what is left is the next one's */
#define SYNC_ASKS        3u     /* until it counts as gone */
#define SYNC_TRIES       3u     /* to give one entry */
#define SYNC_GIVES_MAX   8u     /* entries being given: as many disk writes as a put makes */
#define SYNC_FAILURES    8u     /* in a row, to give: it is gone, or has no room */
#define SYNC_PATIENCE_MS 250u   /* beyond the measured RTT, as for any put: a disk is waited for */
#define SYNC_ASK_TAG     0u     /* owner_index of the first question; gives have higher ones */

enum sync_phase { SYNC_ASKING, SYNC_LISTING, SYNC_GIVING };

struct sync_give { /* an entry on its way */
    struct id key;
    uint32_t tag; /* 0: none */
    uint8_t tries;
};

struct op_sync {
    enum sync_phase phase;
    struct contact to;
    uint8_t token_size;
    uint8_t token[LOOKUP_TOKEN_MAX];
    uint8_t asks, failures;
    bool is_full;         /* it is: what it has no place for, it would only push others out for */
    struct gather gather; /* what we have is known there, what it has is claimed */
    uint32_t cursor;      /* where giving goes on */
    uint32_t tag;         /* the last */
    struct sync_give gives[SYNC_GIVES_MAX];
};

void sync_clear(struct op *op)
{
    if (op->sync == NULL)
        return;
    gather_clear(&op->sync->gather);
    free(op->sync);
}

static bool read_summary(const struct node *node, const struct op *op, struct store_summary *out)
{
    return node->store.summary(node->store.context, STORE_HELD, &op->search.target, out) == ERR_OK;
}

static void ask(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    uint8_t digest[MULTI_DIGEST_SIZE];
    struct store_summary summary;
    struct wire_writer w;
    if (op->sync->asks == SYNC_ASKS) /* silent, as to any other question */
        maintain_failed(node, now, &op->sync->to);
    if (op->sync->asks == SYNC_ASKS || !read_summary(node, op, &summary)) {
        op_finish(node, now, op, ERR_TIMEOUT, out);
        return;
    }
    wire_writer_init(&w, digest, sizeof digest);
    wire_write_u64(&w, summary.digest);
    const struct krpc message = {
        .method = KRPC_XGET,
        .has_target = true,
        .target = op->search.target,
        .digest = wire_written(&w),
    };
    const struct query query = {
        .purpose = QUERY_SYNC,
        .contact = op->sync->to,
        .has_id = true,
        .owner = op->number,
        .owner_index = SYNC_ASK_TAG,
        .message = &message,
    };
    op->sync->asks++;
    if (query_send(node, now, &query, out))
        node_count(node, COUNTER_SYNCS_ASKED);
    else
        op_finish(node, now, op, ERR_TIMEOUT, out);
}

static bool is_under_way(const struct node *node, const struct repair_push *what)
{
    for (uint32_t i = 0; i < node->ops.capacity; i++) {
        const struct op *op = node->ops.slots[i];
        if (op != NULL && op->kind == OP_SYNC && id_equal(&op->search.target, &what->target) &&
            id_equal(&op->sync->to.id, &what->to.id))
            return true;
    }
    return false;
}

void sync_start(struct node *node, struct now now, const struct repair_push *what,
                struct outbox *out)
{
    enum err err;
    struct op_sync *sync = is_under_way(node, what) ? NULL : calloc(1, sizeof *sync);
    struct op *op = sync ? op_new(node, now, OP_SYNC, true, SYNC_TIMEOUT_MS, &err) : NULL;
    if (op == NULL) {
        free(sync);
        repair_push_finished(node);
        return;
    }
    op->sync = sync;
    op->search.target = what->target;
    sync->to = what->to;
    ask(node, now, op, out);
}

static struct sync_give *find_give(struct op_sync *sync, uint32_t tag)
{
    for (unsigned i = 0; i < SYNC_GIVES_MAX; i++)
        if (sync->gives[i].tag == tag)
            return &sync->gives[i];
    return NULL;
}

/* The entry that is being given by this query; NULL when that is over, or it is about another
 * thing. */
static struct sync_give *given_by(struct op_sync *sync, const struct inflight_query *query)
{
    if (query->purpose != QUERY_SYNC || query->owner_index == SYNC_ASK_TAG)
        return NULL;
    return find_give(sync, query->owner_index);
}

static bool send_give(struct node *node, struct now now, const struct op *op,
                      struct sync_give *give, struct outbox *out)
{
    struct stored stored;
    struct krpc message;
    if (give->tries == SYNC_TRIES || node->store.get(node->store.context, STORE_HELD, RECORD_MULTI,
                                                     &give->key, &stored) != ERR_OK)
        return false;
    query_put(&stored.record, &message);
    message.token = bytes_of(op->sync->token, op->sync->token_size);
    const struct query query = {
        .purpose = QUERY_SYNC,
        .contact = op->sync->to,
        .has_id = true,
        .owner = op->number,
        .owner_index = give->tag,
        .patience_ms = SYNC_PATIENCE_MS,
        .message = &message,
    };
    give->tries++;
    return query_send(node, now, &query, out);
}

/* The next entry that it lacks and that may be passed on. */
static bool next_to_give(const struct node *node, struct op_sync *sync, struct id *key)
{
    struct stored stored;
    bool is_claimed;
    while (claims_next_ahead(&sync->gather.claims, &sync->cursor, key, &is_claimed)) {
        if (sync->is_full && !is_claimed)
            continue;
        if (node->store.get(node->store.context, STORE_HELD, RECORD_MULTI, key, &stored) ==
                ERR_OK &&
            repair_is_passed_on(&stored.record))
            return true;
    }
    return false;
}

static void end_give(struct op_sync *sync, struct sync_give *give, bool is_given)
{
    give->tag = 0;
    sync->failures = is_given ? 0 : (uint8_t)(sync->failures + 1);
}

/* True when nothing is under way and nothing is left to give. */
static bool give(struct node *node, struct now now, const struct op *op, struct outbox *out)
{
    struct op_sync *sync = op->sync;
    struct sync_give *free_place;
    struct id key;
    while (sync->failures < SYNC_FAILURES && (free_place = find_give(sync, 0)) != NULL) {
        if (!next_to_give(node, sync, &key))
            break;
        *free_place = (struct sync_give){.key = key, .tag = ++sync->tag};
        if (!send_give(node, now, op, free_place, out))
            end_give(sync, free_place, false);
    }
    for (unsigned i = 0; i < SYNC_GIVES_MAX; i++)
        if (sync->gives[i].tag != 0)
            return false;
    return true;
}

static void go_on(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_sync *sync = op->sync;
    struct gather *gather = &sync->gather;
    gather_ask_all(node, now, op, gather, out);
    if (sync->phase == SYNC_LISTING && gather_is_listed(gather))
        sync->phase = SYNC_GIVING;
    if (sync->failures >= SYNC_FAILURES)
        op_finish(node, now, op, ERR_TIMEOUT, out);
    else if (sync->phase == SYNC_GIVING ? give(node, now, op, out) && gather_is_done(gather)
                                        : gather_is_done(gather))
        op_finish(node, now, op, ERR_OK, out);
}

/* What is here is given or left; what is not, is fetched. */
static void know_ours(const struct node *node, const struct op *op)
{
    const struct store_reader *store = &node->store;
    const struct store_position *after = NULL;
    struct store_position position;
    struct stored stored;
    for (uint32_t i = 0; i < MULTI_ENTRIES_MAX; i++) {
        if (store->entry(store->context, STORE_HELD, &op->search.target, after, &stored) != ERR_OK)
            return;
        multi_position_of(&stored.record, &position);
        after = &position;
        claims_know(&op->sync->gather.claims, &position.key, stored.record.seq);
    }
}

/* Of two that are full each has what pushed out some of the other's: that is left so, else they
 * would go on pushing for ever. The other's caps are not known: they are ours, or the usual. */
static void leave_the_full(struct op_sync *sync, const struct store_summary *ours, int64_t other)
{
    bool is_fuller = other >= ours->count;
    sync->is_full = is_fuller && (ours->is_full || other >= MULTI_ENTRIES_DEFAULT);
    sync->gather.claims.is_known_only = ours->is_full && ours->count >= other;
}

static void begin(struct node *node, const struct op *op, const struct krpc *reply,
                  const struct store_summary *ours)
{
    struct op_sync *sync = op->sync;
    struct gather *gather = &sync->gather;
    uint8_t hash_key[HASH_KEY_SIZE];
    node_count(node, COUNTER_SYNCS_LISTED);
    sync->token_size = (uint8_t)reply->token.size;
    memcpy(sync->token, reply->token.data, reply->token.size);
    rng_bytes(&node->rng, hash_key, sizeof hash_key);
    gather_init(gather, hash_key, &node->claims_pool);
    know_ours(node, op);
    leave_the_full(sync, ours, reply->count);
    gather->claims.is_known_only |= repair_is_leaving(node);
    if (reply->count > 0)
        gather_add_holder(gather, &sync->to, reply->token);
    sync->phase = SYNC_LISTING;
}

static bool is_same(const struct store_summary *ours, const struct krpc *reply)
{
    uint8_t digest[MULTI_DIGEST_SIZE];
    struct wire_writer w;
    wire_writer_init(&w, digest, sizeof digest);
    wire_write_u64(&w, ours->digest);
    return reply->count == ours->count && bytes_equal(reply->digest, wire_written(&w));
}

static void take_summary(struct node *node, struct now now, struct op *op, const struct krpc *reply,
                         struct outbox *out)
{
    struct store_summary ours;
    if (op->sync->phase != SYNC_ASKING)
        return;
    if (!reply->has_count || reply->count < 0 || reply->token.data == NULL ||
        reply->token.size > LOOKUP_TOKEN_MAX || !read_summary(node, op, &ours) ||
        is_same(&ours, reply)) {
        op_finish(node, now, op, ERR_OK, out);
        return;
    }
    begin(node, op, reply, &ours);
    go_on(node, now, op, out);
}

/* Others may have brought it meanwhile. */
static bool is_newer(const struct node *node, const struct id *key, const struct record *entry)
{
    struct stored stored;
    return node->store.get(node->store.context, STORE_HELD, RECORD_MULTI, key, &stored) != ERR_OK ||
           stored.record.seq < entry->seq;
}

/* What is newer there is stored here, after the same checks as any reply's. What cannot be stored
 * now is left to the next sync. */
static bool take_entry(struct node *node, struct now now, struct op *op, const struct record *entry,
                       struct outbox *out)
{
    struct claims *claims = &op->sync->gather.claims;
    struct store_write write = {
        .action = STORE_PUT,
        .space = STORE_HELD,
        .is_verified = true,
        .putter = op->sync->to.addr,
        .put_unix_s = now.unix_s,
        .record = *entry,
    };
    struct id key;
    if (record_expiry(entry, now.unix_s, now.unix_s, &write.expiry_unix_s) != ERR_OK)
        return false;
    record_key(entry, &key);
    if (repair_is_passed_on(entry) && is_newer(node, &key, entry) &&
        op_write(node, op, &write, NULL, out))
        node_count(node, COUNTER_SYNCS_TOOK);
    return claims_know(claims, &key, entry->seq);
}

static void gave(struct node *node, struct op_sync *sync, const struct inflight_query *query)
{
    struct sync_give *given = given_by(sync, query);
    node_count(node, COUNTER_SYNCS_GAVE);
    if (given != NULL)
        end_give(sync, given, true);
}

static void take_lists(struct node *node, struct now now, struct op *op,
                       const struct inflight_query *query, const struct krpc *reply,
                       struct outbox *out)
{
    struct gather *gather = &op->sync->gather;
    const uint32_t tag = query->owner_index;
    gather_heard(gather, &query->contact.id);
    if (gather_tag_is_fetch(tag))
        gather_fetched(gather, tag, reply,
                       gather_read_entries(node, now, op, gather, reply, take_entry, out));
    else
        gather_listed(gather, tag, reply);
}

void sync_answered(struct node *node, struct now now, struct op *op,
                   const struct inflight_query *query, const struct krpc *reply, struct outbox *out)
{
    if (query->purpose == QUERY_SYNC && query->owner_index == SYNC_ASK_TAG) {
        take_summary(node, now, op, reply, out);
        return;
    }
    if (query->purpose == QUERY_SYNC)
        gave(node, op->sync, query);
    else
        take_lists(node, now, op, query, reply, out);
    go_on(node, now, op, out);
}

void sync_refused(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out)
{
    struct sync_give *given = given_by(op->sync, query);
    if (op->sync->phase == SYNC_ASKING) {
        op_finish(node, now, op, ERR_TIMEOUT, out);
        return;
    }
    if (query->purpose == QUERY_GATHER)
        gather_refused(&op->sync->gather, query->owner_index);
    else if (given != NULL)
        end_give(op->sync, given, false);
    go_on(node, now, op, out);
}

void sync_late(struct node *node, struct now now, struct op *op, const struct inflight_query *query,
               struct outbox *out)
{
    struct sync_give *given = given_by(op->sync, query);
    if (op->sync->phase == SYNC_ASKING) {
        ask(node, now, op, out);
        return;
    }
    if (query->purpose == QUERY_GATHER)
        gather_late(&op->sync->gather, query->owner_index);
    else if (given != NULL && !send_give(node, now, op, given, out))
        end_give(op->sync, given, false);
    go_on(node, now, op, out);
}
