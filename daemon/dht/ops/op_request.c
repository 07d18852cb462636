/* Requests: a command to one node. By its id it is looked up first; on the public network a node
 * that is not known to be xord is pinged first, since its answer says what it is. */
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_command.h"
#include "daemon/dht/ops/query.h"

#define GREETINGS_MAX 3u

static bool is_known_xord(const struct node *node, const struct contact *contact)
{
    return node->overlay == NULL || overlay_has(node->overlay, contact);
}

/* The node with this id, as the tables know it. */
static bool find_known(const struct node *node, const struct id *id, struct contact *out)
{
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        if (node_closest(node, KRPC_COMMAND, i, id, out, 1) == 1 && id_equal(&out->id, id))
            return true;
    return false;
}

/* The one is found. */
static void begin(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct command_peer *peer = &op->command->peers[0];
    op->command->peer_count = 1;
    peer->is_xord = peer->is_xord || is_known_xord(node, &peer->contact);
    if (!peer->is_xord) {
        op_request_greet(node, now, op, out);
        return;
    }
    command_send(node, now, op, 0, out);
    if (command_is_done(op->command))
        op_request_done(node, now, op, out);
}

enum err node_request(struct node *node, struct now now, const struct command_request *request,
                      uint64_t *number, struct outbox *out)
{
    enum err err;
    bool is_by_id = request->to.family == ADDR_NONE;
    if (is_by_id ? id_equal(&request->to_id, &node->id)
                 : !addr_is_usable(&request->to) || !node_can_reach(node, &request->to))
        return ERR_INVALID_PARAMS;
    struct op *op = command_new(node, now, OP_REQUEST, request, &err);
    if (op == NULL)
        return err;
    *number = op->number;
    struct command_peer *peer = &op->command->peers[0];
    peer->contact = (struct contact){.id = request->to_id, .addr = request->to};
    peer->has_id = is_by_id;
    if (is_by_id && !find_known(node, &request->to_id, &peer->contact)) {
        peer->contact.id = request->to_id;
        op_search(node, now, op, node->overlay != NULL ? KRPC_XGET : KRPC_FIND_NODE,
                  &request->to_id, out);
    } else {
        begin(node, now, op, out);
    }
    return ERR_OK;
}

void op_request_answered(struct node *node, struct now now, struct op *op,
                         const struct inflight_query *query, const struct krpc *reply,
                         struct outbox *out)
{
    struct command_peer *peer = &op->command->peers[0];
    const struct lookup_candidate *from = search_answered(&op->search, now, query, reply);
    if (from == NULL || !id_equal(&from->contact.id, &op->search.target)) {
        op_step(node, now, op, out);
        return;
    }
    op_search_over(node, now, op, ERR_OK, out);
    peer->contact = from->contact;
    peer->is_xord = from->is_xord;
    begin(node, now, op, out);
}

void op_request_searched(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    enum err err = op_nothing_err(node, op, true);
    op_finish(node, now, op, err == ERR_OK ? ERR_NOT_FOUND : err, out);
}

void op_request_greet(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct command_peer *peer = &op->command->peers[0];
    if (peer->state != PEER_NEW)
        return;
    const struct krpc message = {.method = KRPC_PING};
    const struct query query = {
        .purpose = QUERY_GREETING,
        .contact = peer->contact,
        .has_id = peer->has_id,
        .owner = op->number,
        .message = &message,
    };
    if (op->command->greetings >= GREETINGS_MAX || !query_send(node, now, &query, out)) {
        op_finish(node, now, op, ERR_TIMEOUT, out);
        return;
    }
    op->command->greetings++;
}

void op_request_greeted(struct node *node, struct now now, struct op *op, const struct krpc *reply,
                        struct outbox *out)
{
    struct command_peer *peer = &op->command->peers[0];
    if (peer->state != PEER_NEW)
        return;
    if (!krpc_is_xord(reply)) {
        op_finish(node, now, op, ERR_METHOD_UNKNOWN, out);
        return;
    }
    peer->contact.id = reply->id;
    peer->has_id = peer->is_xord = true;
    begin(node, now, op, out);
}

void op_request_done(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    bool has_answer = op->command->peers[0].state == PEER_ANSWERED;
    op_finish(node, now, op, has_answer ? ERR_OK : ERR_TIMEOUT, out);
}

void op_request_fill_event(const struct op *op, struct event *event, struct outbox *out)
{
    if (op->command->peer_count > 0 && op->command->peers[0].state == PEER_ANSWERED)
        event->reply = command_tell(&op->command->peers[0].answer, out);
}
