#include "daemon/dht/serve/serve.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/serve/reply.h"
#include "daemon/dht/serve/serve_command.h"
#include "daemon/dht/serve/serve_listen.h"
#include "daemon/dht/serve/serve_multi.h"
#include "daemon/dht/serve/serve_push.h"
#include "daemon/dht/serve/serve_put.h"

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
            repair_noticed(node, now, RECORD_SINGLE, &query->target,
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

static void add_peers(struct node *node, struct now now, const struct addr *from,
                      const struct krpc *query, struct krpc *reply, uint8_t *buffer, size_t size)
{
    struct wire_writer w;
    size_t used = reply_size_without_lists(reply) + REPLY_LIST_HEADS_SIZE + reply->nodes.size +
                  reply->nodes6.size;
    size_t room = used < KRPC_PACKET_SOFT_MAX ? KRPC_PACKET_SOFT_MAX - used : 0;
    wire_writer_init(&w, buffer, size);
    if (peers_write_values(node->peers, &query->target, (enum addr_family)from->family, now.ms,
                           &node->rng, room, &w) > 0)
        reply->values = wire_written(&w);
}

static void serve_lookup(struct node *node, struct now now, const struct addr *from,
                         const struct krpc *query, struct outbox *out)
{
    struct reply_memory memory;
    uint8_t values[KRPC_PACKET_SOFT_MAX];
    struct krpc reply;
    reply_init(node, from, query, &reply, &memory);
    reply_add_nodes(node, from, query, &reply, &memory);
    if (query->method != KRPC_FIND_NODE)
        reply_add_token(node, now, from, query, &reply, &memory);
    if (query->method == KRPC_GET)
        add_record(node, now, from, query, &reply);
    reply_pay(node, now, from, &reply);
    reply_fit(&reply, from, KRPC_PACKET_SOFT_MAX);
    if (query->method == KRPC_GET_PEERS)
        add_peers(node, now, from, query, &reply, values, sizeof values);
    if (reply.values.data != NULL)
        reply_pay(node, now, from, &reply);
    query_reply(node, from, &reply, out);
}

static bool has_valid_token(struct node *node, struct now now, const struct addr *from,
                            const struct krpc *query, struct outbox *out)
{
    if (reply_has_token(node, now, from, &query->target, query->token))
        return true;
    reply_refuse(node, from, query, ERR_BAD_TOKEN, NULL, COUNTER_QUERIES_REFUSED_TOKEN, out);
    return false;
}

static void serve_announce(struct node *node, struct now now, const struct addr *from,
                           const struct krpc *query, struct outbox *out)
{
    struct addr peer = *from;
    if (!query->implied_port)
        peer.port = query->port;
    if (!query->has_target || peer.port == 0 || (!query->has_port && !query->implied_port)) {
        reply_refuse(node, from, query, ERR_MALFORMED, "info_hash or port missing",
                     COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    if (!has_valid_token(node, now, from, query, out))
        return;
    peers_announce(node->peers, &query->target, &peer, now.ms);
    reply_plain(node, from, query->t, out);
}

static void serve_put(struct node *node, struct now now, const struct addr *from,
                      const struct krpc *query, struct outbox *out)
{
    struct put_verdict verdict = {.err = ERR_OK};
    serve_put_check(node, now, from, query, &verdict, out);
    if (verdict.err != ERR_OK) {
        if (watch_is_on(node, WATCH_STORE))
            watch_turned_away(node, from, query, &verdict, out);
        reply_refuse(node, from, query, verdict.err, verdict.text, verdict.counter, out);
    } else if (verdict.is_stored) {
        node_count(node, COUNTER_PUTS_ACCEPTED);
        reply_plain(node, from, query->t, out);
    }
}

void serve_stored(struct node *node, const struct pending_write *pending, enum err err,
                  struct outbox *out)
{
    struct bytes t = bytes_of(pending->t, pending->t_size);
    if (err == ERR_OK) {
        node_count(node, COUNTER_PUTS_ACCEPTED);
        reply_plain(node, &pending->from, t, out);
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
    bool is_wanted = !routing_queried_us(&node->tables[family], &contact, now.ms) ||
                     neighbours_wants(&node->neighbours[family], &node->id, &contact);
    bool is_wanted_xord = krpc_is_xord(query) && overlay_queried_us(node, now, &contact);
    if (is_wanted || is_wanted_xord)
        maintain_heard(node, now, &contact, out);
}

void serve_query(struct node *node, struct now now, const struct addr *from,
                 const struct krpc *query, struct outbox *out)
{
    bool is_lookup = query->method == KRPC_FIND_NODE || query->method == KRPC_GET_PEERS ||
                     query->method == KRPC_GET || query->method == KRPC_XGET;
    if (query->method == KRPC_PUSH) {
        serve_push(node, now, from, query, out);
        return;
    }
    if (node->role == NODE_CLIENT) {
        node_count(node, COUNTER_QUERIES_IGNORED_AS_CLIENT);
        return;
    }
    if (query->method == KRPC_BYE) {
        maintain_bye(node, now, &(struct contact){.id = query->id, .addr = *from}, out);
        return;
    }
    if (query->method == KRPC_UNKNOWN) {
        reply_refuse(node, from, query, ERR_METHOD_UNKNOWN, "method unknown",
                     COUNTER_QUERIES_REFUSED_UNKNOWN, out);
        return;
    }
    if (!query->has_id || (is_lookup && !query->has_target)) {
        reply_refuse(node, from, query, ERR_MALFORMED, "id or target missing",
                     COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    node_count(node, COUNTER_QUERIES_SERVED);
    if (query->method == KRPC_XGET)
        serve_multi(node, now, from, query, out);
    else if (query->method == KRPC_LISTEN)
        serve_listen(node, now, from, query, out);
    else if (is_lookup)
        serve_lookup(node, now, from, query, out);
    else if (query->method == KRPC_PING)
        reply_plain(node, from, query->t, out);
    else if (query->method == KRPC_COMMAND)
        serve_command(node, now, from, query, out);
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
        reply_refuse(node, from, query, ERR_MALFORMED, NULL, COUNTER_QUERIES_REFUSED_MALFORMED,
                     out);
}
