/* BEP 5's torrent peers: node_peers collects who announced, node_announce tells the closest nodes.
 */
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"

#define PEERS_FOUND_MAX 1000u /* addresses one call returns; popular torrents have many more */

static enum err start(struct node *node, struct now now, enum op_kind kind, bool is_internal,
                      const struct id *info_hash, uint32_t timeout_ms, struct op **out)
{
    enum err err;
    *out = op_new(node, now, kind, is_internal, timeout_ms, &err);
    if (*out == NULL)
        return err;
    (*out)->search.target = *info_hash;
    if (kind == OP_ANNOUNCE) {
        (*out)->put.is_announce = true;
        (*out)->put.phase = PUT_SEARCHING;
    }
    return ERR_OK;
}

enum err node_peers(struct node *node, struct now now, const struct id *info_hash,
                    uint32_t timeout_ms, uint64_t *number, struct outbox *out)
{
    struct op *op;
    enum err err = start(node, now, OP_PEERS, false, info_hash, timeout_ms, &op);
    if (err != ERR_OK)
        return err;
    *number = op->number;
    op_search(node, now, op, KRPC_GET_PEERS, info_hash, out);
    return ERR_OK;
}

enum err node_announce(struct node *node, struct now now, const struct id *info_hash, uint16_t port,
                       uint32_t timeout_ms, uint64_t *number, struct outbox *out)
{
    struct op *op;
    enum err err = start(node, now, OP_ANNOUNCE, false, info_hash, timeout_ms, &op);
    if (err != ERR_OK)
        return err;
    op->put.port = port;
    *number = op->number;
    op_search(node, now, op, KRPC_GET_PEERS, info_hash, out);
    return ERR_OK;
}

bool peers_seek(struct node *node, struct now now, const struct id *info_hash, bool is_announced,
                struct outbox *out)
{
    struct op *op;
    if (start(node, now, is_announced ? OP_ANNOUNCE : OP_PEERS, true, info_hash, 0, &op) != ERR_OK)
        return false;
    op_search(node, now, op, KRPC_GET_PEERS, info_hash, out);
    return true;
}

void peers_clear(struct op *op)
{
    free(op->peers.addrs);
}

static void add_peer(struct op_peers *peers, const struct addr *addr)
{
    for (size_t i = 0; i < peers->count; i++)
        if (addr_equal(&peers->addrs[i], addr))
            return;
    if (peers->count == PEERS_FOUND_MAX)
        return;
    if (peers->addrs == NULL)
        peers->addrs = malloc(PEERS_FOUND_MAX * sizeof *peers->addrs);
    if (peers->addrs != NULL)
        peers->addrs[peers->count++] = *addr;
}

static void add_list(struct op_peers *peers, struct bytes values)
{
    struct addr addrs[PEERS_VALUES_MAX];
    size_t count = peers_read_values(values, addrs, PEERS_VALUES_MAX);
    for (size_t i = 0; i < count; i++)
        add_peer(peers, &addrs[i]);
}

void peers_answered(struct node *node, struct now now, struct op *op, const struct krpc *reply)
{
    if (op->is_internal)
        overlay_told(node, now, reply->values);
    else if (op->kind == OP_PEERS)
        add_list(&op->peers, reply->values);
}

/* What was announced to this node itself belongs to the answer as well. */
static void add_own(struct node *node, struct now now, struct op_peers *peers,
                    const struct id *info_hash)
{
    uint8_t buffer[KRPC_PACKET_MAX];
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        struct wire_writer w;
        wire_writer_init(&w, buffer, sizeof buffer);
        if (peers_write_values(node->peers, info_hash, family_at(family), now.ms, &node->rng,
                               sizeof buffer, &w) > 0)
            add_list(peers, wire_written(&w));
    }
}

void peers_fill_event(struct node *node, struct now now, const struct op *op, struct event *event,
                      struct outbox *out)
{
    struct op_peers found = op->peers;
    /* The operation ends here: its list may grow a last time, and is freed with it. */
    add_own(node, now, &found, &op->search.target);
    struct bytes copy = outbox_copy(out, bytes_of(found.addrs, found.count * sizeof(struct addr)));
    if (found.addrs != op->peers.addrs)
        free(found.addrs);
    if (copy.data == NULL)
        return;
    event->peers.addrs = (const struct addr *)(const void *)copy.data;
    event->peers.count = found.count;
}
