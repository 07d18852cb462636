#include "tests/dht/crowd.h"

#include <assert.h>

#include "common/bencode.h"
#include "daemon/dht/serve/peers.h"
#include "daemon/dht/wire/krpc.h"

#define FIRST_NUMBER 1000u /* of their addresses; the net's own nodes are below */

struct contact crowd_contact(const struct crowd *c, size_t index)
{
    return (struct contact){c->ids[index], process_addr(FIRST_NUMBER + (uint32_t)index)};
}

static size_t find_nearest(const struct crowd *c, const struct id *target, size_t nearest[])
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        size_t at = count < KRPC_NODES_MAX ? count++ : KRPC_NODES_MAX;
        while (at > 0 && id_compare_distance(target, &c->ids[i], &c->ids[nearest[at - 1]]) < 0) {
            if (at < KRPC_NODES_MAX)
                nearest[at] = nearest[at - 1];
            at--;
        }
        if (at < KRPC_NODES_MAX)
            nearest[at] = i;
    }
    return count;
}

static void write_nodes(const struct crowd *c, const struct id *target, struct wire_writer *w)
{
    size_t nearest[KRPC_NODES_MAX];
    size_t count = find_nearest(c, target, nearest);
    for (size_t i = 0; i < count; i++) {
        const struct contact contact = crowd_contact(c, nearest[i]);
        krpc_write_contact(w, &contact.id, &contact.addr);
    }
}

static bool write_values(const struct crowd *c, uint32_t to, const struct id *info_hash,
                         struct wire_writer *w)
{
    size_t written = 0;
    bencode_write_list(w);
    for (size_t i = 0; i < c->announced_count && written < PEERS_REPLY_MAX; i++) {
        uint8_t compact[ADDR_COMPACT_V6];
        if (c->announced[i].to != to || !id_equal(&c->announced[i].info_hash, info_hash))
            continue;
        bencode_write_bytes(w, bytes_of(compact, addr_to_compact(&c->announced[i].peer, compact)));
        written++;
    }
    bencode_write_end(w);
    return written > 0;
}

static void note_announce(struct crowd *c, uint32_t to, const struct addr *from,
                          const struct krpc *query)
{
    struct crowd_announce announce = {to, query->target, *from};
    if (!query->implied_port)
        announce.peer.port = query->port;
    c->announces++;
    for (size_t i = 0; i < c->announced_count; i++)
        if (c->announced[i].to == to && addr_equal(&c->announced[i].peer, &announce.peer))
            return;
    assert(c->announced_count < CROWD_ANNOUNCED_MAX);
    c->announced[c->announced_count++] = announce;
}

static struct krpc refusal(int64_t code)
{
    return (struct krpc){
        .type = KRPC_ERROR, .error_code = code, .error_text = bytes_of_string("not here")};
}

/* What a node of this index says; false: nothing. */
static bool answer(struct crowd *c, uint32_t index, const struct addr *from,
                   const struct krpc *query, struct krpc *reply, struct wire_writer *nodes,
                   struct wire_writer *values)
{
    bool is_known = !krpc_is_extension(query->method) && query->method != KRPC_UNKNOWN;
    c->extensions += krpc_is_extension(query->method) && index != c->impostor;
    if (query->method == KRPC_PUT)
        *reply = refusal(203);
    else if (!is_known && index != c->impostor)
        *reply = refusal(204);
    if (query->method == KRPC_ANNOUNCE_PEER)
        note_announce(c, index, from, query);
    c->seeks += query->method == KRPC_GET_PEERS;
    if (reply->type == KRPC_ERROR || !query->has_target || query->method == KRPC_ANNOUNCE_PEER)
        return query->method != KRPC_BYE;
    write_nodes(c, &query->target, nodes);
    reply->nodes = wire_written(nodes);
    reply->token = bytes_of_string("token");
    if (query->method == KRPC_GET_PEERS && write_values(c, index, &query->target, values))
        reply->values = wire_written(values);
    return true;
}

static void on_foreign(struct net *net, const struct net_packet *packet)
{
    struct crowd *c = net->foreign_context;
    uint8_t nodes[KRPC_NODES_MAX * KRPC_COMPACT_V4], values[KRPC_PACKET_SOFT_MAX],
        buffer[KRPC_PACKET_MAX];
    struct wire_writer node_list, value_list, w;
    struct krpc query, reply = {.type = KRPC_RESPONSE};
    uint32_t index = process_number(&packet->to) - FIRST_NUMBER;
    if (index >= c->count || krpc_parse(packet->data, &query) != ERR_OK || query.type != KRPC_QUERY)
        return;
    wire_writer_init(&node_list, nodes, sizeof nodes);
    wire_writer_init(&value_list, values, sizeof values);
    if (!answer(c, index, &packet->from, &query, &reply, &node_list, &value_list))
        return;
    bool is_posing = index == c->impostor && query.method != KRPC_XGET;
    reply.t = query.t;
    reply.has_id = reply.type == KRPC_RESPONSE;
    reply.id = c->ids[index];
    reply.version = bytes_of(is_posing ? "XO\0\1" : "LT\1\2", 4);
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, &reply);
    net_post(net, &packet->to, &packet->from, wire_written(&w));
}

void crowd_init(struct crowd *c, struct net *net, size_t count)
{
    assert(count <= CROWD_MAX);
    *c = (struct crowd){.net = net, .count = count, .impostor = CROWD_NOBODY};
    for (size_t i = 0; i < count; i++)
        id_random(&c->ids[i], &net->rng);
    net->world.config.is_mainline = true;
    net->on_foreign = on_foreign;
    net->foreign_context = c;
}

size_t crowd_add(struct crowd *c, enum node_role role)
{
    struct net *net = c->net;
    const struct contact first = crowd_contact(c, rng_below(&net->rng, (uint32_t)c->count));
    size_t index = net_add(net, -1, role);
    node_bootstrap(net->nodes[index]->node, &first.addr);
    return index;
}
