/* Queries: a command on its way to a target. Each node that is met answers it; with a commit it
 * then goes again, with their tokens, to the nearest that answered without an error. */
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/command.h"
#include "daemon/dht/ops/op_command.h"

enum err node_query(struct node *node, struct now now, const struct command_request *request,
                    uint64_t *number, struct outbox *out)
{
    enum err err;
    if (!request->has_target)
        return ERR_INVALID_PARAMS;
    struct op *op = command_new(node, now, OP_QUERY, request, &err);
    if (op == NULL)
        return err;
    *number = op->number;
    search_start(&op->search, node, now, KRPC_COMMAND, &request->target, op->command->k);
    op->search.command = op->command->name;
    op->search.v = op->command->v;
    op->search.is_exact = true;
    for (unsigned i = 0; i < SEARCH_FAMILIES && request->concurrency > 0; i++)
        op->search.lookups[i].alpha = request->concurrency;
    op_search_begun(node, now, op, out);
    return ERR_OK;
}

/* The same node by both families is asked twice and counts once. */
static bool has_answered_elsewhere(const struct search *s, const struct contact *from)
{
    for (unsigned i = 0; i < SEARCH_FAMILIES; i++) {
        if (!s->is_used[i] || i == family_index(from->addr.family))
            continue;
        for (unsigned c = 0; c < s->lookups[i].count; c++) {
            const struct lookup_candidate *candidate = &s->lookups[i].candidates[c];
            if (candidate->state == LOOKUP_ANSWERED && id_equal(&candidate->contact.id, &from->id))
                return true;
        }
    }
    return false;
}

static void tell_reply(struct node *node, const struct op *op, const struct command_reply *reply,
                       struct outbox *out)
{
    const struct bytes v = outbox_copy(out, reply->v);
    struct event *event = outbox_event(out);
    if (event == NULL) {
        node_count(node, COUNTER_EFFECTS_LOST);
        return;
    }
    event->kind = EVENT_REPLY;
    event->op = op->number;
    event->reply = *reply;
    event->reply.v = v;
}

/* In its place among the nearest, of which there are at most k. */
static void keep_peer(struct op_command *command, const struct lookup_candidate *from,
                      const struct command_reply *reply)
{
    unsigned at = command->peer_count;
    while (at > 0 && id_compare_distance(&command->target, &from->contact.id,
                                         &command->peers[at - 1].contact.id) < 0)
        at--;
    struct command_answer found;
    if (at == command->k || !command_keep(&found, reply))
        return;
    if (command->peer_count == command->k)
        command_forget(&command->peers[--command->peer_count].found);
    memmove(&command->peers[at + 1], &command->peers[at],
            (command->peer_count - at) * sizeof command->peers[0]);
    command->peer_count++;
    struct command_peer *peer = &command->peers[at];
    *peer = (struct command_peer){
        .contact = from->contact,
        .has_id = true,
        .is_xord = from->is_xord,
        .token_size = from->token_size,
        .found = found,
    };
    memcpy(peer->token, from->token, from->token_size);
}

void op_query_answered(struct node *node, struct now now, struct op *op,
                       const struct inflight_query *query, const struct krpc *reply,
                       struct outbox *out)
{
    struct lookup_candidate *from = search_answered(&op->search, now, query, reply);
    if (from != NULL && !has_answered_elsewhere(&op->search, &from->contact)) {
        struct command_reply said = {.from = from->contact, .rtt_ms = from->rtt_ms};
        if (!command_read_reply(reply, &said)) {
            node_count(node, COUNTER_REPLIES_UNVERIFIED);
        } else {
            *(said.error != 0 ? &op->command->errors : &op->command->replied) += 1;
            tell_reply(node, op, &said, out);
            if (said.error == 0)
                keep_peer(op->command, from, &said);
        }
    }
    op_step(node, now, op, out);
}

/* Whoever gave no token could not tell a commit from what came before. */
static void start_commit(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    struct op_command *command = op->command;
    command->is_committing = true;
    for (unsigned i = 0; i < command->peer_count; i++) {
        if (command->peers[i].token_size > 0)
            command_send(node, now, op, i, out);
        else
            command->peers[i].state = PEER_SILENT;
    }
}

void op_query_searched(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    bool has_commit = op->command->is_commit && op->command->peer_count > 0;
    if (has_commit)
        start_commit(node, now, op, out);
    if (!has_commit || command_is_done(op->command))
        op_finish(node, now, op, op_nothing_err(node, op, true), out);
}

void op_query_deadline(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    enum err err = op->command->is_committing ? ERR_TIMEOUT : op_nothing_err(node, op, false);
    op_finish(node, now, op, err, out);
}

static void fill_commit(const struct op_command *command, struct event *event, struct outbox *out)
{
    struct command_reply *replies = outbox_alloc(out, (command->peer_count + 1u) * sizeof *replies);
    uint32_t count = 0;
    for (unsigned i = 0; i < command->peer_count; i++) {
        const struct command_peer *peer = &command->peers[i];
        event->query.commit.tried += peer->is_tried;
        if (peer->state != PEER_ANSWERED) {
            event->query.commit.silent += peer->is_tried;
            continue;
        }
        event->query.commit.accepted += peer->answer.reply.error == 0;
        event->query.commit.refused += peer->answer.reply.error != 0;
        if (replies != NULL)
            replies[count++] = command_tell(&peer->answer, out);
    }
    event->query.commit.replies = replies;
}

void op_query_fill_event(const struct op *op, struct event *event, struct outbox *out)
{
    const struct op_command *command = op->command;
    event->query.replied = command->replied;
    event->query.errors = command->errors;
    if (command->is_committing)
        fill_commit(command, event, out);
    struct command_reply *closest = outbox_alloc(out, (command->peer_count + 1u) * sizeof *closest);
    if (closest == NULL)
        return;
    for (unsigned i = 0; i < command->peer_count; i++)
        closest[i] = command_tell(&command->peers[i].found, out);
    event->query.closest = closest;
    event->query.closest_count = command->peer_count;
}
