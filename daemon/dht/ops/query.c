#include "daemon/dht/ops/query.h"

#include "daemon/dht/node_state.h"

/* Only a put of the largest item, salt, token, seq and cas passes the limit, by less than the 31
 * bytes of its target, which BEP 44 does not ask for. */
static struct wire_writer write_packet(const struct krpc *message, struct outbox *out)
{
    struct wire_writer w = outbox_packet_begin(out);
    krpc_write(&w, message);
    if (!w.failed || message->method != KRPC_PUT)
        return w;
    struct krpc shorter = *message;
    shorter.has_target = false;
    w = outbox_packet_begin(out);
    krpc_write(&w, &shorter);
    return w;
}

static void send_packet(struct node *node, const struct addr *to, struct krpc *message,
                        struct outbox *out)
{
    message->version = bytes_of(node->version, sizeof node->version);
    message->has_network = node->has_network;
    message->network = node->network;
    const struct wire_writer w = write_packet(message, out);
    if (outbox_packet_end(out, &w, to)) {
        node_count(node, COUNTER_PACKETS_OUT);
        node->counters[COUNTER_BYTES_OUT] += w.used;
    } else {
        node_count(node, COUNTER_EFFECTS_LOST);
    }
}

void query_reply(struct node *node, const struct addr *to, struct krpc *message, struct outbox *out)
{
    send_packet(node, to, message, out);
}

static const struct routing_node *find_known(const struct node *node, const struct query *query)
{
    unsigned family = family_index(query->contact.addr.family);
    const struct routing_node *known = NULL;
    if (query->has_id)
        known = routing_find(&node->tables[family], &query->contact);
    if (query->has_id && known == NULL && node->overlay != NULL)
        known = routing_find(&node->overlay->tables[family], &query->contact);
    return known;
}

static uint32_t timeout_ms(const struct node *node, const struct query *query)
{
    const struct routing_node *known = find_known(node, query);
    return rtt_timeout_ms(known ? &known->rtt : NULL, &node->rtt) + query->patience_ms;
}

uint32_t query_timeout_ms(const struct node *node, const struct contact *contact, bool has_id)
{
    const struct query query = {.contact = *contact, .has_id = has_id};
    return timeout_ms(node, &query);
}

/* Foreign nodes are never sent what they would have no use for. */
static bool may_ask(const struct node *node, const struct query *query)
{
    const struct overlay *overlay = node_overlay(node, query->message->method);
    if (overlay == NULL || query->is_xord)
        return true;
    const struct routing_node *known = find_known(node, query);
    return (known != NULL && known->is_xord) ||
           (query->has_id && overlay_has(overlay, &query->contact));
}

static void send_query(struct node *node, const struct addr *to, uint32_t number,
                       const struct krpc *arguments, struct outbox *out)
{
    uint8_t t[KRPC_T_SIZE] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                              (uint8_t)(number >> 8), (uint8_t)number};
    struct krpc message = *arguments;
    message.type = KRPC_QUERY;
    message.t = bytes_of(t, sizeof t);
    message.has_id = true;
    message.id = node->id;
    unsigned family = family_index(to->family);
    message.read_only = node_is_read_only(node, family);
    if (node->is_role_auto)
        reach_sent(&node->reach[family], to);
    send_packet(node, to, &message, out);
    node_count(node, COUNTER_QUERIES_SENT);
}

bool query_send(struct node *node, struct now now, const struct query *query, struct outbox *out)
{
    if (!node_can_reach(node, &query->contact.addr) || !may_ask(node, query))
        return false;
    const struct inflight_query start = {
        .method = (uint8_t)query->message->method,
        .purpose = (uint8_t)query->purpose,
        .has_id = query->has_id,
        .contact = query->contact,
        .owner = query->owner,
        .owner_index = query->owner_index,
        .sent_ms = now.ms,
        .late_ms = now.ms + timeout_ms(node, query),
    };
    const struct inflight_query *sent = inflight_add(node->inflight, &start, &node->rng);
    if (sent == NULL)
        return false;
    send_query(node, &query->contact.addr, sent->t, query->message, out);
    op_count_query(node, query->owner, 1);
    return true;
}

bool query_again(struct node *node, struct now now, uint32_t t, const struct krpc *message,
                 uint32_t patience_ms, struct outbox *out)
{
    const struct inflight_query *sent = inflight_again(node->inflight, t, now.ms + patience_ms);
    if (sent == NULL)
        return false;
    send_query(node, &sent->contact.addr, t, message, out);
    return true;
}

void query_put(const struct record *record, struct krpc *message)
{
    bool is_entry = record->kind == RECORD_MULTI;
    *message = (struct krpc){
        .method = is_entry ? KRPC_XPUT : KRPC_PUT,
        .has_target = true,
        .target = record->target,
        .v = record->v,
    };
    if (record->kind == RECORD_IMMUTABLE)
        return;
    message->k = bytes_of(record->k, KEYS_PUBLIC_SIZE);
    message->sig = bytes_of(record->sig, KEYS_SIGNATURE_SIZE);
    message->has_seq = true;
    message->seq = record->seq;
    if (record->salt.size > 0)
        *(is_entry ? &message->slot : &message->salt) = record->salt;
}
