#include "daemon/dht/ops/op_command.h"

#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/command.h"
#include "daemon/dht/ops/query.h"

#define COMMAND_TRIES    3u   /* without a sign of life */
#define COMMAND_AGAIN_MS 300u /* a peer that works on its answer is asked again after */

static enum err check(const struct command_request *request)
{
    if (!command_name_is_valid(request->command) || request->k > NODE_COMMAND_K_MAX ||
        request->concurrency > NODE_CONCURRENCY_MAX)
        return ERR_INVALID_PARAMS;
    return request->v.size > COMMAND_V_MAX ? ERR_TOO_BIG : ERR_OK;
}

/* The name and the value in one allocation of the operation's own. */
static bool copy_words(struct op *op, const struct command_request *request)
{
    struct op_command *command = op->command;
    size_t name_size = request->command.size;
    op->memory = malloc(name_size + request->v.size + 1);
    if (op->memory == NULL)
        return false;
    memcpy(op->memory, request->command.data, name_size);
    command->name = bytes_of(op->memory, name_size);
    if (request->v.data == NULL)
        return true;
    memcpy(op->memory + name_size, request->v.data, request->v.size);
    command->v = bytes_of(op->memory + name_size, request->v.size);
    return true;
}

struct op *command_new(struct node *node, struct now now, enum op_kind kind,
                       const struct command_request *request, enum err *err)
{
    *err = check(request);
    if (*err != ERR_OK)
        return NULL;
    struct op *op = op_new(node, now, kind, false, request->timeout_ms, err);
    if (op == NULL)
        return NULL;
    op->command = calloc(1, sizeof *op->command);
    if (op->command == NULL || !copy_words(op, request)) {
        op_discard(node, op);
        *err = ERR_NO_MEMORY;
        return NULL;
    }
    op->command->has_target = request->has_target;
    op->command->target = request->target;
    op->command->is_commit = request->is_commit;
    op->command->k = request->k > 0 ? request->k : LOOKUP_K;
    return op;
}

void command_clear(struct op *op)
{
    if (op->command == NULL)
        return;
    for (unsigned i = 0; i < op->command->peer_count; i++) {
        command_forget(&op->command->peers[i].found);
        command_forget(&op->command->peers[i].answer);
    }
    free(op->command);
}

bool command_keep(struct command_answer *answer, const struct command_reply *reply)
{
    *answer = (struct command_answer){.reply = *reply};
    if (reply->v.data == NULL)
        return true;
    answer->memory = malloc(reply->v.size + 1);
    if (answer->memory == NULL)
        return false;
    memcpy(answer->memory, reply->v.data, reply->v.size);
    answer->reply.v = bytes_of(answer->memory, reply->v.size);
    return true;
}

void command_forget(struct command_answer *answer)
{
    free(answer->memory);
    *answer = (struct command_answer){0};
}

struct command_reply command_tell(const struct command_answer *answer, struct outbox *out)
{
    struct command_reply reply = answer->reply;
    reply.v = outbox_copy(out, answer->reply.v);
    return reply;
}

/* A query names its peer. */
static struct command_peer *find_peer(struct op *op, uint32_t index)
{
    return index < op->command->peer_count ? &op->command->peers[index] : NULL;
}

static struct krpc message_to(const struct op *op, const struct command_peer *peer)
{
    return (struct krpc){
        .method = KRPC_COMMAND,
        .command = op->command->name,
        .v = op->command->v,
        .has_target = op->command->has_target,
        .target = op->command->target,
        .token = bytes_of(peer->token_size > 0 ? peer->token : NULL, peer->token_size),
    };
}

void command_send(struct node *node, struct now now, struct op *op, uint32_t index,
                  struct outbox *out)
{
    struct command_peer *peer = &op->command->peers[index];
    const struct krpc message = message_to(op, peer);
    const struct query query = {
        .purpose = QUERY_COMMAND,
        .contact = peer->contact,
        .has_id = peer->has_id,
        .is_xord = peer->is_xord,
        .owner = op->number,
        .owner_index = index,
        .message = &message,
    };
    bool is_sent = query_send(node, now, &query, out);
    peer->is_tried = is_sent;
    peer->state = is_sent ? PEER_ASKED : PEER_SILENT;
}

/* The same packet again, so that the program is not run again. */
static bool send_again(struct node *node, struct now now, struct op *op, struct command_peer *peer,
                       uint32_t patience_ms, struct outbox *out)
{
    const struct krpc message = message_to(op, peer);
    bool is_sent = query_again(node, now, peer->t, &message, patience_ms, out);
    if (is_sent)
        peer->state = PEER_ASKED;
    return is_sent;
}

/* Pings whoever is late with the answer to `late`; the probe is named by its t. */
static bool probe(struct node *node, struct now now, const struct inflight_query *late,
                  struct outbox *out)
{
    const struct krpc message = {.method = KRPC_PING};
    const struct query query = {
        .purpose = QUERY_PROBE,
        .contact = late->contact,
        .has_id = late->has_id,
        .owner = late->owner,
        .owner_index = late->t,
        .message = &message,
    };
    return query_send(node, now, &query, out);
}

static struct command_peer *find_probed(struct op *op, uint32_t t)
{
    for (unsigned i = 0; i < op->command->peer_count; i++)
        if (op->command->peers[i].state == PEER_PROBED && op->command->peers[i].t == t)
            return &op->command->peers[i];
    return NULL;
}

bool command_is_done(const struct op_command *command)
{
    for (unsigned i = 0; i < command->peer_count; i++)
        if (command->peers[i].state != PEER_ANSWERED && command->peers[i].state != PEER_SILENT)
            return false;
    return true;
}

static void peers_done(struct node *node, struct now now, struct op *op, struct outbox *out)
{
    if (!command_is_done(op->command))
        return;
    if (op->kind == OP_REQUEST)
        op_request_done(node, now, op, out);
    else
        op_finish(node, now, op, ERR_OK, out);
}

/* A reply that breaks the rules, and an error of KRPC's, are a handler that failed. */
static void peer_answered(struct node *node, struct now now, struct op *op,
                          const struct inflight_query *query, const struct krpc *reply,
                          struct outbox *out)
{
    struct command_peer *peer = find_peer(op, query->owner_index);
    if (peer == NULL || peer->state == PEER_ANSWERED)
        return;
    struct command_reply said = {
        .from = peer->contact,
        .rtt_ms = (uint32_t)(now.ms - query->sent_ms),
        .error = COMMAND_FAILED,
    };
    if (reply != NULL) {
        said.from.id = reply->id;
        if (!command_read_reply(reply, &said))
            node_count(node, COUNTER_REPLIES_UNVERIFIED);
    }
    peer->state = command_keep(&peer->answer, &said) ? PEER_ANSWERED : PEER_SILENT;
    peers_done(node, now, op, out);
}

static void probe_answered(struct node *node, struct now now, struct op *op,
                           const struct inflight_query *query, struct outbox *out)
{
    uint32_t t = query->owner_index;
    if (op->is_searching) {
        search_alive(&op->search, node, now, &query->contact.addr, t, COMMAND_AGAIN_MS, out);
        op_step(node, now, op, out);
        return;
    }
    struct command_peer *peer = find_probed(op, t);
    if (peer == NULL)
        return;
    peer->missed = 0;
    send_again(node, now, op, peer, COMMAND_AGAIN_MS, out);
}

void command_answered(struct node *node, struct now now, struct op *op,
                      const struct inflight_query *query, const struct krpc *reply,
                      struct outbox *out)
{
    if (query->purpose == QUERY_GREETING)
        op_request_greeted(node, now, op, reply, out);
    else if (query->purpose == QUERY_PROBE)
        probe_answered(node, now, op, query, out);
    else if (query->purpose == QUERY_COMMAND)
        peer_answered(node, now, op, query, reply, out);
    else if (op->is_searching && op->kind == OP_QUERY)
        op_query_answered(node, now, op, query, reply, out);
    else if (op->is_searching)
        op_request_answered(node, now, op, query, reply, out);
}

/* No answer to the command and none to the ping after it: all may be lost. */
static void probe_late(struct node *node, struct now now, struct op *op,
                       const struct inflight_query *query, struct outbox *out)
{
    if (op->is_searching) {
        op_search_late(node, now, op, query, out);
        return;
    }
    struct command_peer *peer = find_probed(op, query->owner_index);
    if (peer == NULL)
        return;
    uint32_t patience_ms = query_timeout_ms(node, &peer->contact, peer->has_id);
    if (++peer->missed == COMMAND_TRIES || !send_again(node, now, op, peer, patience_ms, out))
        peer->state = PEER_SILENT;
    peers_done(node, now, op, out);
}

static void peer_late(struct node *node, struct now now, struct op *op,
                      const struct inflight_query *query, struct outbox *out)
{
    struct command_peer *peer = find_peer(op, query->owner_index);
    if (peer == NULL || peer->state != PEER_ASKED)
        return;
    peer->t = query->t;
    peer->state = probe(node, now, query, out) ? PEER_PROBED : PEER_SILENT;
    peers_done(node, now, op, out);
}

static void search_query_late(struct node *node, struct now now, struct op *op,
                              const struct inflight_query *query, struct outbox *out)
{
    if (op->kind != OP_QUERY || !probe(node, now, query, out)) {
        op_search_late(node, now, op, query, out);
        return;
    }
    search_probed(&op->search, query);
    op_step(node, now, op, out);
}

void command_late(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out)
{
    if (query->purpose == QUERY_GREETING)
        op_request_greet(node, now, op, out);
    else if (query->purpose == QUERY_PROBE)
        probe_late(node, now, op, query, out);
    else if (query->purpose == QUERY_COMMAND)
        peer_late(node, now, op, query, out);
    else if (op->is_searching)
        search_query_late(node, now, op, query, out);
}

/* Without an id by which it was asked for, only we can be the wrong one. */
static void wrong_answered(struct node *node, struct now now, struct op *op,
                           const struct inflight_query *query, struct outbox *out)
{
    struct command_peer *peer = find_peer(op, query->owner_index);
    if (!query->has_id && op->kind == OP_REQUEST) {
        op_finish(node, now, op, ERR_INVALID_PARAMS, out);
    } else if (peer != NULL && peer->state != PEER_ANSWERED) {
        peer->state = PEER_SILENT;
        peers_done(node, now, op, out);
    }
}

void command_refused(struct node *node, struct now now, struct op *op,
                     const struct inflight_query *query, int64_t code, struct outbox *out)
{
    if (query->purpose == QUERY_COMMAND && code == 0) {
        wrong_answered(node, now, op, query, out);
    } else if (query->purpose == QUERY_COMMAND) {
        peer_answered(node, now, op, query, NULL, out);
    } else if (query->purpose == QUERY_SEARCH && op->is_searching) {
        search_refused(&op->search, query);
        op_step(node, now, op, out);
    } else {
        command_late(node, now, op, query, out);
    }
}

void command_dead(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out)
{
    struct command_peer *peer = find_peer(op, query->owner_index);
    if (peer == NULL || peer->state == PEER_ANSWERED)
        return;
    peer->state = PEER_SILENT;
    peers_done(node, now, op, out);
}
