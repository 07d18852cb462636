#include "daemon/dht/serve/serve_command.h"

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/command.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/serve/reply.h"

static void shorten(struct bytes *nodes, size_t contact_size)
{
    if (nodes->size > KRPC_NODES_MAX * contact_size)
        nodes->size = KRPC_NODES_MAX * contact_size;
}

/* An answer that the asker's share does not pay for (budget.h) can't be told as one without a
 * value: that would be another answer. */
static void pay(struct node *node, struct now now, const struct addr *from, struct krpc *reply)
{
    if (budget_pay(&node->budget, now, from,
                   reply->v.size + reply->nodes.size + reply->nodes6.size))
        return;
    node_count(node, COUNTER_QUERIES_CUT_SHORT);
    if (reply->v.data != NULL)
        reply->command_error = COMMAND_BUSY;
    reply->v = (struct bytes){0};
    shorten(&reply->nodes, KRPC_COMPACT_V4);
    shorten(&reply->nodes6, KRPC_COMPACT_V6);
}

/* `query` is what was asked, as far as the reply depends on it. */
static void reply_to(struct node *node, struct now now, const struct addr *from,
                     const struct krpc *query, uint32_t error, struct bytes v, struct outbox *out)
{
    struct reply_memory memory;
    struct krpc reply;
    reply_init(node, from, query, &reply, &memory);
    reply.command_error = error;
    reply.v = v;
    if (query->has_target) {
        reply_add_token(node, now, from, query, &reply, &memory);
        reply_add_nodes(node, from, query, &reply, &memory);
        reply_fit(&reply, from, KRPC_PACKET_MAX);
    }
    pay(node, now, from, &reply);
    query_reply(node, from, &reply, out);
}

static void respond(struct node *node, struct now now, const struct request *request,
                    uint32_t error, struct bytes v, struct outbox *out)
{
    const struct krpc query = {
        .method = KRPC_COMMAND,
        .t = bytes_of(request->t, request->t_size),
        .has_id = true,
        .id = request->from.id,
        .has_target = request->has_target,
        .target = request->target,
        .want_v4 = request->want_v4,
        .want_v6 = request->want_v6,
    };
    reply_to(node, now, &request->from.addr, &query, error, v, out);
    /* Where no program ran, to ask once more does no harm, and to remember it would cost others
     * their place. */
    if (error != COMMAND_UNKNOWN && error != COMMAND_BUSY)
        answers_add(&node->answers, now.ms, &request->from.addr, query.t, error, v);
}

/* False without memory: then it waits in vain. */
static bool hand_over(struct node *node, struct now now, const struct addr *from,
                      const struct krpc *query, uint64_t number, struct outbox *out)
{
    const struct bytes command = outbox_copy(out, query->command);
    const struct bytes v = outbox_copy(out, query->v);
    if (command.data == NULL || (v.data == NULL && query->v.data != NULL))
        return false;
    struct event *event = outbox_event(out);
    if (event == NULL)
        return false;
    event->kind = EVENT_COMMAND;
    event->command.request = number;
    event->command.command = command;
    event->command.has_target = query->has_target;
    event->command.target = query->target;
    event->command.has_token =
        query->has_target && reply_has_token(node, now, from, &query->target, query->token);
    event->command.v = v;
    event->command.from = (struct contact){.id = query->id, .addr = *from};
    return true;
}

/* The packet of a command that is being worked on waits with it; that of one that was answered gets
 * the same answer. */
static bool has_come_before(struct node *node, struct now now, const struct addr *from,
                            const struct krpc *query, struct outbox *out)
{
    const struct answer *answer = answers_find(&node->answers, from, query->t);
    if (answer == NULL && !requests_has(&node->requests, from, query->t))
        return false;
    node_count(node, COUNTER_COMMANDS_REPEATED);
    if (answer != NULL)
        reply_to(node, now, from, query, answer->error, bytes_of(answer->v, answer->v_size), out);
    return true;
}

void serve_command(struct node *node, struct now now, const struct addr *from,
                   const struct krpc *query, struct outbox *out)
{
    if (!command_name_is_valid(query->command)) {
        reply_refuse(node, from, query, ERR_MALFORMED, "cmd is not 1 to 32 of a-z, 0-9, . _ -",
                     COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    if (query->v.size > COMMAND_V_MAX) {
        reply_refuse(node, from, query, ERR_TOO_BIG, "v is over 1000 bytes",
                     COUNTER_QUERIES_REFUSED_MALFORMED, out);
        return;
    }
    if (has_come_before(node, now, from, query, out))
        return;
    if (id_equal(&query->id, &node->id)) { /* by whatever address of ours */
        reply_to(node, now, from, query, COMMAND_UNKNOWN, (struct bytes){0}, out);
        return;
    }
    node_count(node, COUNTER_COMMANDS);
    uint64_t number = requests_add(&node->requests, now.ms, from, query);
    if (number == 0) {
        node_count(node, COUNTER_COMMANDS_REFUSED_BUSY);
        reply_to(node, now, from, query, COMMAND_BUSY, (struct bytes){0}, out);
    } else if (!hand_over(node, now, from, query, number, out)) {
        node_count(node, COUNTER_EFFECTS_LOST);
    }
}

enum err node_respond(struct node *node, struct now now, uint64_t number, uint32_t error,
                      struct bytes v, struct outbox *out)
{
    struct request request;
    if (error > COMMAND_ERROR_MAX)
        return ERR_INVALID_PARAMS;
    if (v.size > COMMAND_V_MAX)
        return ERR_TOO_BIG;
    if (!requests_take(&node->requests, number, &request)) {
        node_count(node, COUNTER_COMMANDS_LATE);
        return ERR_NOT_FOUND;
    }
    node_count(node, COUNTER_COMMANDS_ANSWERED);
    respond(node, now, &request, error, v, out);
    return ERR_OK;
}

void serve_command_tick(struct node *node, struct now now, struct outbox *out)
{
    struct request request;
    while (requests_next_due(&node->requests, now.ms, &request)) {
        node_count(node, COUNTER_COMMANDS_TIMED_OUT);
        respond(node, now, &request, COMMAND_TIMEOUT, (struct bytes){0}, out);
    }
    answers_tick(&node->answers, now.ms);
}

uint64_t serve_command_next_ms(const struct node *node)
{
    uint64_t requests_ms = requests_next_ms(&node->requests);
    uint64_t answers_ms = answers_next_ms(&node->answers);
    return requests_ms < answers_ms ? requests_ms : answers_ms;
}
