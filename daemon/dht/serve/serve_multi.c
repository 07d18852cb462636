#include "daemon/dht/serve/serve_multi.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/records/multi.h"
#include "daemon/dht/serve/reply.h"

#define TEXT_HEADS_SIZE 26 /* of briefs and next, or of entries */
/* The first, however long, and one that is written before it is seen that it does not fit. */
#define ENTRIES_SIZE (2 * MULTI_ENTRY_MAX + 2)

struct multi_memory {
    uint8_t digest[MULTI_DIGEST_SIZE];
    uint8_t briefs[MULTI_BRIEFS_MAX * MULTI_BRIEF_SIZE];
    uint8_t next[MULTI_POSITION_SIZE];
    uint8_t entries[ENTRIES_SIZE];
};

/* What is wrong with the form of the question; NULL: nothing. */
static const char *find_fault(const struct krpc *query)
{
    const struct bytes keys = query->keys, after = query->after;
    if (keys.data != NULL &&
        (keys.size == 0 || keys.size % ID_SIZE != 0 || keys.size / ID_SIZE > MULTI_KEYS_MAX))
        return "keys are not 1 to 16 of 20 bytes";
    if (after.data != NULL && after.size != 0 && after.size != MULTI_POSITION_SIZE)
        return "after is neither empty nor of 28 bytes";
    if (keys.data != NULL && after.data != NULL)
        return "keys and after in one query";
    return NULL;
}

static void add_summary(const struct node *node, const struct krpc *query, struct krpc *reply,
                        struct multi_memory *memory)
{
    struct store_summary summary = {0};
    struct wire_writer w;
    reply->has_count = true;
    if (node->store.summary(node->store.context, STORE_HELD, &query->target, &summary) != ERR_OK)
        return;
    reply->count = summary.count;
    wire_writer_init(&w, memory->digest, sizeof memory->digest);
    wire_write_u64(&w, summary.digest);
    reply->digest = wire_written(&w);
}

/* What the soft size leaves beside all that the reply has. */
static size_t room_in(const struct krpc *reply)
{
    return KRPC_PACKET_SOFT_MAX - TEXT_HEADS_SIZE - reply_size_without_lists(reply);
}

static void add_briefs(const struct node *node, const struct krpc *query, struct krpc *reply,
                       struct multi_memory *memory)
{
    struct store_position position;
    const struct store_position *after =
        multi_read_position(query->after, &position) ? &position : NULL;
    size_t max = (room_in(reply) - MULTI_POSITION_SIZE) / MULTI_BRIEF_SIZE;
    struct wire_writer briefs, next;
    struct stored stored;
    wire_writer_init(&briefs, memory->briefs, sizeof memory->briefs);
    wire_writer_init(&next, memory->next, sizeof memory->next);
    max = max < MULTI_BRIEFS_MAX ? max : MULTI_BRIEFS_MAX;
    for (size_t i = 0; node->store.entry(node->store.context, STORE_HELD, &query->target, after,
                                         &stored) == ERR_OK;
         i++) {
        if (i == max) {
            multi_write_position(&next, after);
            reply->next = wire_written(&next);
            break;
        }
        struct multi_brief brief;
        multi_brief_of(&stored.record, &brief);
        multi_write_brief(&briefs, &brief);
        multi_position_of(&stored.record, &position);
        after = &position;
    }
    reply->briefs = wire_written(&briefs);
}

/* An entry of another multi is none of this one: the token was for this target. */
static bool find_entry(const struct node *node, const struct krpc *query, size_t index,
                       struct stored *out)
{
    struct id key;
    return multi_read_key(query->keys, index, &key) &&
           node->store.get(node->store.context, STORE_HELD, RECORD_MULTI, &key, out) == ERR_OK &&
           id_equal(&out->record.target, &query->target);
}

/* A question for one place is answered as BEP 44's get is: with the seq there, and without the
 * entry when the asker has seen that. */
static bool is_wanted(const struct krpc *query, const struct record *entry, struct krpc *reply)
{
    if (query->keys.size > ID_SIZE)
        return true;
    reply->has_seq = true;
    reply->seq = entry->seq;
    return !query->has_seq || entry->seq > query->seq;
}

static void add_entries(const struct node *node, const struct krpc *query, struct krpc *reply,
                        struct multi_memory *memory)
{
    struct wire_writer w;
    struct stored stored;
    size_t room = room_in(reply) - REPLY_LIST_HEADS_SIZE, count = query->keys.size / ID_SIZE;
    wire_writer_init(&w, memory->entries, sizeof memory->entries);
    bencode_write_list(&w);
    const size_t empty = w.used;
    for (size_t i = 0; i < count; i++) {
        if (!find_entry(node, query, i, &stored) || !is_wanted(query, &stored.record, reply))
            continue;
        size_t before = w.used;
        multi_write_entry(&w, &stored.record);
        if (before > empty && w.used >= room)
            w.used = before;
    }
    bencode_write_end(&w);
    reply->entries = wire_written(&w);
}

/* The longest entry leaves no room for what says how much else there is. */
static void add_rest(const struct node *node, const struct addr *from, const struct krpc *query,
                     struct krpc *reply, struct reply_memory *memory)
{
    if (reply->entries.size > KRPC_PACKET_SOFT_MAX) {
        reply->has_count = false;
        reply->digest = (struct bytes){0};
        return;
    }
    if (reply->briefs.data == NULL)
        reply_add_nodes(node, from, query, reply, memory);
    reply_fit(reply, from, KRPC_PACKET_SOFT_MAX);
}

void serve_multi(struct node *node, struct now now, const struct addr *from,
                 const struct krpc *query, struct outbox *out)
{
    struct reply_memory memory;
    struct multi_memory multi;
    struct krpc reply;
    const char *fault = find_fault(query);
    if (fault != NULL) {
        reply_refuse(node, from, query, ERR_MALFORMED, fault, COUNTER_QUERIES_REFUSED_MALFORMED,
                     out);
        return;
    }
    reply_init(node, from, query, &reply, &memory);
    reply_add_token(node, now, from, query, &reply, &memory);
    add_summary(node, query, &reply, &multi);
    if (query->digest.data != NULL && bytes_equal(query->digest, reply.digest))
        repair_noticed(node, now, RECORD_MULTI, &query->target,
                       &(struct contact){.id = query->id, .addr = *from});
    bool needs_token = query->after.data != NULL || query->keys.size > ID_SIZE;
    bool is_proved = reply_has_token(node, now, from, &query->target, query->token);
    if (needs_token && !is_proved)
        node_count(node, COUNTER_QUERIES_CUT_SHORT);
    else if (query->after.data != NULL)
        add_briefs(node, query, &reply, &multi);
    else if (query->keys.data != NULL)
        add_entries(node, query, &reply, &multi);
    reply_pay(node, now, from, &reply);
    add_rest(node, from, query, &reply, &memory);
    query_reply(node, from, &reply, out);
}
