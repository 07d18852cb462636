/* A graceful stop: what would be lost with us is handed over, then the neighbours are told. */
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"

#define LEAVE_TOLD_MAX 16u /* nearest nodes that are told; others find out by asking us */

enum err node_leave(struct node *node, struct now now, uint32_t timeout_ms, uint64_t *number,
                    struct outbox *out)
{
    enum err err;
    if (node->repair.leave_op != 0)
        return ERR_EXISTS;
    struct op *op = op_new(node, now, OP_LEAVE, false, timeout_ms, &err);
    if (op == NULL)
        return err;
    *number = op->number;
    repair_leave(node, now, op->number);
    repair_tick(node, now, out);
    return ERR_OK;
}

/* `bye` is answered by nobody: who hears it looks for itself whether we are still there. */
static void say_bye(struct node *node, struct now now, struct outbox *out)
{
    const struct krpc message = {.method = KRPC_BYE};
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        struct contact nearest[LEAVE_TOLD_MAX];
        if (!node->has_family[i])
            continue;
        const struct routing *table = node_table(node, KRPC_BYE, i);
        size_t count = routing_closest(table, &node->id, false, nearest, LEAVE_TOLD_MAX);
        for (size_t n = 0; n < count; n++) {
            const struct routing_node *known = routing_find(table, &nearest[n]);
            const struct query query = {
                .purpose = QUERY_BYE, .contact = nearest[n], .has_id = true, .message = &message};
            if (known != NULL && known->is_xord)
                query_send(node, now, &query, out);
        }
    }
}

void leave_handed_over(struct node *node, struct now now, struct op *op, enum err err,
                       struct outbox *out)
{
    node->repair.leave_op = 0;
    node_set_role(node, NODE_CLIENT); /* from here on we answer nothing */
    say_bye(node, now, out);
    op_finish(node, now, op, err, out);
}
