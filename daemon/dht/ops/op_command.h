/* What queries and requests have in common: the command, and asking nodes. A program's answer takes
 * longer than a node's: a peer that is late is pinged. Then it is sent the same packet again, which
 * it knows by its t while the program works and after it has answered, until its answer would be
 * nobody's any more, or it has missed a few pings in a row. So the dead cost a few round-trips, and
 * no program is run twice, whatever is lost. */
#ifndef XORD_DHT_OP_COMMAND_H
#define XORD_DHT_OP_COMMAND_H

#include "daemon/dht/ops/op_queries.h"

enum peer_state { PEER_NEW, PEER_ASKED, PEER_PROBED, PEER_ANSWERED, PEER_SILENT };

struct command_answer {
    struct command_reply reply; /* v is a view into `memory` */
    uint8_t *memory;            /* owned */
};

struct command_peer {
    struct contact contact;
    bool has_id, is_xord;
    enum peer_state state;
    bool is_tried;  /* the command was sent to it */
    uint8_t missed; /* pings in a row */
    uint32_t t;     /* of the query that the probe is about */
    uint8_t token_size;
    uint8_t token[LOOKUP_TOKEN_MAX];
    struct command_answer found;  /* of a query: what it answered on the way */
    struct command_answer answer; /* to the command that was sent to it alone */
};

struct op_command {
    struct bytes name, v; /* into op->memory */
    bool has_target;
    struct id target;
    /* Of a query: those nearest to the target that answered without an error, nearest first; they
     * are who a commit goes to. Of a request: the one. */
    uint8_t peer_count;
    struct command_peer peers[NODE_COMMAND_K_MAX];
    bool is_commit, is_committing;
    uint8_t k;
    uint32_t replied, errors;
    uint8_t greetings; /* of a request: pings sent, to learn what the node is */
};

static inline bool op_is_command(const struct op *op)
{
    return op->kind == OP_QUERY || op->kind == OP_REQUEST;
}

/* An operation of this kind with its own copy of what `request` asks for; NULL with *err. */
struct op *command_new(struct node *node, struct now now, enum op_kind kind,
                       const struct command_request *request, enum err *err);
void command_clear(struct op *op);
/* Copies what a peer answered; false without memory. */
bool command_keep(struct command_answer *answer, const struct command_reply *reply);
void command_forget(struct command_answer *answer);
/* The same for an event: v is a view into the outbox. */
struct command_reply command_tell(const struct command_answer *answer, struct outbox *out);

/* Sends the command to the index-th peer, which becomes PEER_ASKED, or PEER_SILENT where it can't
 * be. */
void command_send(struct node *node, struct now now, struct op *op, uint32_t index,
                  struct outbox *out);
/* None of the peers is waited for. */
bool command_is_done(const struct op_command *command);

/* What came of a query of such an operation, whatever its purpose. */
void command_answered(struct node *node, struct now now, struct op *op,
                      const struct inflight_query *query, const struct krpc *reply,
                      struct outbox *out);
/* code 0: whoever answered is another node than the one that was asked, or we ourselves. */
void command_refused(struct node *node, struct now now, struct op *op,
                     const struct inflight_query *query, int64_t code, struct outbox *out);
void command_late(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out);
void command_dead(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out);

/* op_query.c */
void op_query_answered(struct node *node, struct now now, struct op *op,
                       const struct inflight_query *query, const struct krpc *reply,
                       struct outbox *out);
void op_query_searched(struct node *node, struct now now, struct op *op, struct outbox *out);
void op_query_deadline(struct node *node, struct now now, struct op *op, struct outbox *out);
void op_query_fill_event(const struct op *op, struct event *event, struct outbox *out);

/* op_request.c */
/* A node on the way to the one with the id that is looked for, or that one, answered. */
void op_request_answered(struct node *node, struct now now, struct op *op,
                         const struct inflight_query *query, const struct krpc *reply,
                         struct outbox *out);
void op_request_searched(struct node *node, struct now now, struct op *op, struct outbox *out);
/* The node answered a ping that asked what it is; or did not in time. */
void op_request_greeted(struct node *node, struct now now, struct op *op, const struct krpc *reply,
                        struct outbox *out);
void op_request_greet(struct node *node, struct now now, struct op *op, struct outbox *out);
void op_request_fill_event(const struct op *op, struct event *event, struct outbox *out);
/* The peers have answered, or are given up. */
void op_request_done(struct node *node, struct now now, struct op *op, struct outbox *out);

#endif
