#include "daemon/dht/serve.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/query.h"
#include "daemon/dht/serve_put.h"

/* What one reply is built from; lives on the stack of serve_query. */
struct reply_memory {
    uint8_t ip[ADDR_COMPACT_V6];
    uint8_t token[TOKEN_SIZE];
    uint8_t nodes[KRPC_NODES_MAX * KRPC_COMPACT_V4];
    uint8_t nodes6[KRPC_NODES_MAX * KRPC_COMPACT_V6];
    uint8_t values[KRPC_PACKET_SOFT_MAX];
};

static void reply_init(const struct node *node, const struct addr *from, const struct krpc *query,
                       struct krpc *reply, uint8_t ip[ADDR_COMPACT_V6])
{
    *reply = (struct krpc){
        .type = KRPC_RESPONSE,
        .t = query->t,
        .has_id = true,
        .id = node->id,
    };
    reply->ip = bytes_of(ip, addr_to_compact(from, ip));
}

static void reply_error(struct node *node, const struct addr *to, struct bytes t, enum err err,
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

/* The asker knows itself: it takes no place in the list. */
static struct bytes list_nodes(const struct node *node, enum addr_family family,
                               const struct krpc *query, uint8_t *buffer, size_t size)
{
    struct contact closest[KRPC_NODES_MAX + 1];
    struct wire_writer w;
    size_t count = 0, listed = 0;
    wire_writer_init(&w, buffer, size);
    if (node->has_family[family_index(family)])
        count =
            node_closest(node, family_index(family), &query->target, closest, KRPC_NODES_MAX + 1);
    for (size_t i = 0; i < count && listed < KRPC_NODES_MAX; i++) {
        if (id_equal(&closest[i].id, &query->id))
            continue;
        krpc_write_contact(&w, &closest[i].id, &closest[i].addr);
        listed++;
    }
    return wire_written(&w);
}

/* BEP 32: what `want` says, else the family that the query came by. */
static void add_nodes(const struct node *node, const struct addr *from, const struct krpc *query,
                      struct krpc *reply, struct reply_memory *memory)
{
    bool has_want = query->want_v4 || query->want_v6;
    if (has_want ? query->want_v4 : from->family == ADDR_V4)
        reply->nodes = list_nodes(node, ADDR_V4, query, memory->nodes, sizeof memory->nodes);
    if (has_want ? query->want_v6 : from->family == ADDR_V6)
        reply->nodes6 = list_nodes(node, ADDR_V6, query, memory->nodes6, sizeof memory->nodes6);
}

static void add_token(const struct node *node, struct now now, const struct addr *from,
                      const struct krpc *query, struct krpc *reply, struct reply_memory *memory)
{
    token_make(&node->token_secret, from, &query->target, now.ms, memory->token);
    reply->token = bytes_of(memory->token, TOKEN_SIZE);
}

/* BEP 44's get: a mutable item goes without k, sig and v when the asker has seen its seq. */
static void add_record(struct node *node, struct now now, const struct addr *from,
                       const struct krpc *query, struct krpc *reply)
{
    struct stored stored;
    const struct store_reader *store = &node->store;
    if (store->get(store->context, STORE_HELD, RECORD_SINGLE, &query->target, &stored) == ERR_OK) {
        reply->has_seq = true;
        reply->seq = stored.record.seq;
        if (query->has_seq && stored.record.seq == query->seq)
            repair_noticed(node, now, &query->target,
                           &(struct contact){.id = query->id, .addr = *from});
        if (query->has_seq && stored.record.seq <= query->seq)
            return;
        reply->k = bytes_of(stored.record.k, KEYS_PUBLIC_SIZE);
        reply->sig = bytes_of(stored.record.sig, KEYS_SIGNATURE_SIZE);
        reply->v = stored.record.v;
    } else if (store->get(store->context, STORE_HELD, RECORD_IMMUTABLE, &query->target, &stored) ==
               ERR_OK) {
        reply->v = stored.record.v;
    }
}

/* The size of a reply but for its node lists and peers, never less than it will be. */
static size_t size_without_lists(const struct krpc *reply)
{
    size_t head = 160;  /* the frame, id, token, v, ip, nw, and the heads of lists and of t */
    size_t keyed = 136; /* k, sig and a seq of 19 digits, with their heads */
    return head + reply->t.size + reply->v.size + (reply->has_seq ? keyed : 0);
}

/* The value comes first: nodes are dropped when all would not fit in the soft size. The second
 * family goes before the one that the asker came by. */
static void fit(struct krpc *reply, const struct addr *from)
{
    size_t size = size_without_lists(reply);
    struct bytes *own = from->family == ADDR_V4 ? &reply->nodes : &reply->nodes6;
    struct bytes *other = from->family == ADDR_V4 ? &reply->nodes6 : &reply->nodes;
    size_t contact = from->family == ADDR_V4 ? KRPC_COMPACT_V4 : KRPC_COMPACT_V6;
    if (size + own->size + other->size > KRPC_PACKET_SOFT_MAX)
        *other = (struct bytes){0};
    while (own->size > 0 && size + own->size > KRPC_PACKET_SOFT_MAX)
        own->size -= contact;
}

static void add_peers(struct node *node, struct now now, const struct addr *from,
                      const struct krpc *query, struct krpc *reply, struct reply_memory *memory)
{
    struct wire_writer w;
    size_t used = size_without_lists(reply) + reply->nodes.size + reply->nodes6.size;
    size_t room = used < KRPC_PACKET_SOFT_MAX ? KRPC_PACKET_SOFT_MAX - used : 0;
    wire_writer_init(&w, memory->values, sizeof memory->values);
    if (peers_write_values(node->peers, &query->target, (enum addr_family)from->family, now.ms,
                           &node->rng, room, &w) > 0)
        reply->values = wire_written(&w);
}

static void serve_lookup(struct node *node, struct now now, const struct addr *from,
                         const struct krpc *query, struct outbox *out)
{
    struct reply_memory memory;
    struct krpc reply;
    reply_init(node, from, query, &reply, memory.ip);
    add_nodes(node, from, query, &reply, &memory);
    if (query->method != KRPC_FIND_NODE)
        add_token(node, now, from, query, &reply, &memory);
    if (query->method == KRPC_GET)
        add_record(node, now, from, query, &reply);
    fit(&reply, from);
    if (query->method == KRPC_GET_PEERS)
        add_peers(node, now, from, query, &reply, &memory);
    query_reply(node, from, &reply, out);
}

static void serve_plain(struct node *node, const struct addr *from, struct bytes t,
                        struct outbox *out)
{
    struct krpc reply;
    uint8_t ip[ADDR_COMPACT_V6];
    reply_init(node, from, &(struct krpc){.t = t}, &reply, ip);
    query_reply(node, from, &reply, out);
}

static void refuse(struct node *node, const struct addr *from, const struct krpc *query,
                   enum err err, const char *text, enum counter counter, struct outbox *out)
{
    node_count(node, counter);
    reply_error(node, from, query->t, err, text, out);
}

static bool has_valid_token(struct node *node, struct now now, const struct addr *from,
                            const struct krpc *query, struct outbox *out)
{
    if (token_is_valid(&node->token_secret, from, &query->target, now.ms, query->token))
        return true;
    refuse(node, from, query, ERR_BAD_TOKEN, NULL, COUNTER_QUERIES_REFUSED_TOKEN, out);
    return false;
}

static void serve_announce(struct node *node, struct now now, const struct addr *from,
                           const struct krpc *query, struct outbox *out)
{
    struct addr peer = *from;
    if (!query->implied_port)
        peer.port = query->port;
    if (!query->has_target || peer.port == 0 || (!query->has_port && !query->implied_port)) {
        refuse(node, from, query, ERR_MALFORMED, "info_hash or port missing",
               COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    if (!has_valid_token(node, now, from, query, out))
        return;
    peers_announce(node->peers, &query->target, &peer, now.ms);
    serve_plain(node, from, query->t, out);
}

static void serve_put(struct node *node, struct now now, const struct addr *from,
                      const struct krpc *query, struct outbox *out)
{
    struct put_verdict verdict = {.err = ERR_OK};
    serve_put_check(node, now, from, query, &verdict, out);
    if (verdict.err != ERR_OK) {
        refuse(node, from, query, verdict.err, verdict.text, verdict.counter, out);
    } else if (verdict.is_stored) {
        node_count(node, COUNTER_PUTS_ACCEPTED);
        serve_plain(node, from, query->t, out);
    }
}

void serve_stored(struct node *node, const struct pending_write *pending, enum err err,
                  struct outbox *out)
{
    struct bytes t = bytes_of(pending->t, pending->t_size);
    if (err == ERR_OK) {
        node_count(node, COUNTER_PUTS_ACCEPTED);
        serve_plain(node, &pending->from, t, out);
        return;
    }
    node_count(node, serve_put_counter(err));
    /* What BEP 44 has no number for is our own trouble. */
    if (err == ERR_BAD_SIGNATURE || err == ERR_STALE_SEQ || err == ERR_CAS_MISMATCH)
        reply_error(node, &pending->from, t, err, NULL, out);
    else
        reply_error(node, &pending->from, t, ERR_SERVER, err_text(err), out);
}

/* BEP 43: a read-only node is never met. */
static void note_sender(struct node *node, struct now now, const struct addr *from,
                        const struct krpc *query, struct outbox *out)
{
    const struct contact contact = {.id = query->id, .addr = *from};
    unsigned family = family_index(from->family);
    if (query->read_only || id_equal(&query->id, &node->id))
        return;
    if (!routing_queried_us(&node->tables[family], &contact, now.ms) ||
        neighbours_wants(&node->neighbours[family], &node->id, &contact))
        maintain_heard(node, now, &contact, out);
}

void serve_query(struct node *node, struct now now, const struct addr *from,
                 const struct krpc *query, struct outbox *out)
{
    bool is_lookup = query->method == KRPC_FIND_NODE || query->method == KRPC_GET_PEERS ||
                     query->method == KRPC_GET;
    if (node->role == NODE_CLIENT) {
        node_count(node, COUNTER_QUERIES_IGNORED_AS_CLIENT);
        return;
    }
    if (query->method == KRPC_BYE) {
        maintain_bye(node, now, &(struct contact){.id = query->id, .addr = *from}, out);
        return;
    }
    if (query->method == KRPC_UNKNOWN) {
        refuse(node, from, query, ERR_METHOD_UNKNOWN, "method unknown",
               COUNTER_QUERIES_REFUSED_UNKNOWN, out);
        return;
    }
    if (!query->has_id || (is_lookup && !query->has_target)) {
        refuse(node, from, query, ERR_MALFORMED, "id or target missing",
               COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    node_count(node, COUNTER_QUERIES_SERVED);
    if (is_lookup)
        serve_lookup(node, now, from, query, out);
    else if (query->method == KRPC_PING)
        serve_plain(node, from, query->t, out);
    else if (query->method == KRPC_ANNOUNCE_PEER)
        serve_announce(node, now, from, query, out);
    else
        serve_put(node, now, from, query, out);
    note_sender(node, now, from, query, out);
}

void serve_malformed(struct node *node, const struct addr *from, const struct krpc *query,
                     struct outbox *out)
{
    if (node->role == NODE_SERVER)
        refuse(node, from, query, ERR_MALFORMED, NULL, COUNTER_QUERIES_REFUSED_MALFORMED, out);
}
