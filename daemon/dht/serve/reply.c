#include "daemon/dht/serve/reply.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"

/* Sizes on the wire, heads and all. */
#define FRAME_SIZE      72 /* what all responses have: t and ip empty */
#define TOKEN_FULL_SIZE 17
#define V_HEAD_SIZE     3
#define KEYED_SIZE      110 /* k and sig */
#define SEQ_SIZE        26
#define COUNT_SIZE      13 /* of at most 4 digits */
#define DIGEST_SIZE     18
#define ERROR_SIZE      14 /* of a command: at most COMMAND_ERROR_MAX */
#define TEXT_HEAD_SIZE  13 /* of briefs, next and entries at most */

void reply_init(const struct node *node, const struct addr *from, const struct krpc *query,
                struct krpc *reply, struct reply_memory *memory)
{
    *reply = (struct krpc){
        .type = KRPC_RESPONSE,
        .t = query->t,
        .has_id = true,
        .id = node->id,
    };
    reply->ip = bytes_of(memory->ip, addr_to_compact(from, memory->ip));
}

/* A command may be for the 20 closest, who would all list the same 8. */
static bool is_wide(const struct krpc *query)
{
    return query->method == KRPC_COMMAND && !(query->want_v4 && query->want_v6);
}

/* The asker knows itself: it takes no place in the list. */
static struct bytes list_nodes(const struct node *node, enum addr_family family,
                               const struct krpc *query, uint8_t *buffer, size_t size)
{
    struct contact closest[KRPC_NODES_WIDE + 1];
    struct wire_writer w;
    size_t count = 0, listed = 0, max = is_wide(query) ? KRPC_NODES_WIDE : KRPC_NODES_MAX;
    wire_writer_init(&w, buffer, size);
    if (node->has_family[family_index(family)])
        count = node_closest(node, query->method, family_index(family), &query->target, closest,
                             max + 1);
    for (size_t i = 0; i < count && listed < max; i++) {
        if (id_equal(&closest[i].id, &query->id))
            continue;
        krpc_write_contact(&w, &closest[i].id, &closest[i].addr);
        listed++;
    }
    return wire_written(&w);
}

/* BEP 32: what `want` says, else the family that the query came by. */
void reply_add_nodes(const struct node *node, const struct addr *from, const struct krpc *query,
                     struct krpc *reply, struct reply_memory *memory)
{
    bool has_want = query->want_v4 || query->want_v6;
    if (has_want ? query->want_v4 : from->family == ADDR_V4)
        reply->nodes = list_nodes(node, ADDR_V4, query, memory->nodes, sizeof memory->nodes);
    if (has_want ? query->want_v6 : from->family == ADDR_V6)
        reply->nodes6 = list_nodes(node, ADDR_V6, query, memory->nodes6, sizeof memory->nodes6);
}

void reply_add_token(const struct node *node, struct now now, const struct addr *from,
                     const struct krpc *query, struct krpc *reply, struct reply_memory *memory)
{
    token_make(&node->token_secret, from, &query->target, now.ms, memory->token);
    reply->token = bytes_of(memory->token, TOKEN_SIZE);
}

bool reply_has_token(struct node *node, struct now now, const struct addr *from,
                     const struct id *target, struct bytes token)
{
    if (!token_is_valid(&node->token_secret, from, target, now.ms, token))
        return false;
    budget_prove(&node->budget, now, from);
    return true;
}

void reply_pay(struct node *node, struct now now, const struct addr *from, struct krpc *reply)
{
    size_t size = reply->k.size + reply->sig.size + reply->v.size + reply->values.size +
                  reply->briefs.size + reply->next.size + reply->entries.size;
    if (size == 0 || budget_pay(&node->budget, now, from, size))
        return;
    node_count(node, COUNTER_QUERIES_CUT_SHORT);
    reply->k = reply->sig = reply->v = reply->values = (struct bytes){0};
    reply->briefs = reply->next = reply->entries = (struct bytes){0};
}

static size_t text_size(struct bytes text)
{
    return text.data != NULL ? TEXT_HEAD_SIZE + text.size : 0;
}

size_t reply_size_without_lists(const struct krpc *reply)
{
    size_t size = FRAME_SIZE + reply->t.size + reply->ip.size;
    size += reply->token.data != NULL ? TOKEN_FULL_SIZE : 0;
    size += reply->v.data != NULL ? V_HEAD_SIZE + reply->v.size : 0;
    size += reply->k.data != NULL ? KEYED_SIZE : 0;
    size += reply->has_seq ? SEQ_SIZE : 0;
    size += reply->has_count ? COUNT_SIZE : 0;
    size += reply->digest.data != NULL ? DIGEST_SIZE : 0;
    size += reply->command_error != 0 ? ERROR_SIZE : 0;
    return size + text_size(reply->briefs) + text_size(reply->next) + text_size(reply->entries);
}

void reply_fit(struct krpc *reply, const struct addr *from, size_t size_max)
{
    size_t size = reply_size_without_lists(reply) + REPLY_LIST_HEADS_SIZE;
    struct bytes *own = from->family == ADDR_V4 ? &reply->nodes : &reply->nodes6;
    struct bytes *other = from->family == ADDR_V4 ? &reply->nodes6 : &reply->nodes;
    size_t contact = from->family == ADDR_V4 ? KRPC_COMPACT_V4 : KRPC_COMPACT_V6;
    if (size + own->size + other->size > size_max)
        *other = (struct bytes){0};
    while (own->size > 0 && size + own->size > size_max)
        own->size -= contact;
}

void reply_plain(struct node *node, const struct addr *to, struct bytes t, struct outbox *out)
{
    struct krpc reply;
    struct reply_memory memory;
    reply_init(node, to, &(struct krpc){.t = t}, &reply, &memory);
    query_reply(node, to, &reply, out);
}

void reply_error(struct node *node, const struct addr *to, struct bytes t, enum err err,
                 const char *text, struct outbox *out)
{
    uint8_t ip[ADDR_COMPACT_V6];
    struct krpc reply = {
        .type = KRPC_ERROR,
        .t = t,
        .ip = bytes_of(ip, addr_to_compact(to, ip)),
        .error_code = err_code(err),
        .error_text = bytes_of_string(text ? text : err_text(err)),
    };
    query_reply(node, to, &reply, out);
}

void reply_refuse(struct node *node, const struct addr *from, const struct krpc *query,
                  enum err err, const char *text, enum counter counter, struct outbox *out)
{
    node_count(node, counter);
    reply_error(node, from, query->t, err, text, out);
}
