/* One call under way, and whose it is. Private to the dispatcher's files, here and in streams/;
 * method files see method.h alone, the server dispatch.h. What a handler asks of its call and what
 * it answers (method.h) is in call.c, reply.c, waiting.c and own.c. A call
 * is taken when a request is read and dropped when it has been answered; one that is pending holds
 * a reference to its request. Touches no socket. */
#ifndef XORD_RPC_CALL_H
#define XORD_RPC_CALL_H

#include "rpc/dispatch.h"
#include "rpc/method.h"

/* One batch, and its replies, gathered until the last call of it is answered. */
struct rpc_batch {
    struct rpc_client *client;
    json_t *requests; /* until all are begun; a reference while the batch is unfinished */
    size_t next;      /* of them, not yet begun */
    struct rpc_batch *next_unfinished;
    struct json_text text;
    size_t left;      /* requests not yet answered */
    bool has_streams; /* that wait for the replies */
};

struct rpc_call {
    struct dispatch *dispatch;
    struct rpc_client *client;
    struct rpc_batch *batch; /* NULL outside of one */
    const struct method *method;
    json_t *request; /* borrowed until the call is pending, then a reference */
    json_t *id;      /* borrowed from the request; NULL is answered as null */
    bool is_old;     /* without "jsonrpc":"2.0": answered with both result and error */
    bool is_quiet;   /* a notification: nobody waits for the answer */
    bool is_answered;
    enum err err; /* that it was answered with */
    bool is_pending;
    json_t *values[METHOD_PARAMS_MAX];    /* borrowed from the request */
    json_t *fallbacks[METHOD_PARAMS_MAX]; /* defaults that were asked for, parsed */
    uint64_t ticket;
    uint64_t since_ms; /* when it was first pending; 0: never */
    uint64_t read_ns;  /* when it was read, by the host's clock_ns */
    struct rpc_pending_on on;
    struct rpc_call *client_previous, *client_next; /* in client->calls while pending */
    struct rpc_op op;                               /* for on.op */
    struct rpc_call *ticket_next;                   /* in its bucket of struct pending */
    struct rpc_call *ready_previous, *ready_next;
    struct rpc_call *deadline_previous, *deadline_next;
};

/* From the dispatcher's spare ones or the heap; NULL without memory. */
struct rpc_call *call_take(struct rpc_client *client, struct rpc_batch *batch, json_t *request);
/* After an answer: lets go of all it holds, and ends its batch when it was the last one. */
void call_drop(struct rpc_call *call);
/* One request of the batch is done with; after the last, hands its replies to the client. */
void call_batch_answered(struct rpc_client *client, struct rpc_batch *batch);
/* Output was appended. */
void reply_tell(struct rpc_client *client);
/* Ends a pending call early: cancels its node operation and answers `err`. */
void call_abort(struct rpc_call *call, enum err err);
/* What a pending call waited for has come. */
void call_on_event(struct rpc_call *call, const struct event *event);
void call_on_done(struct rpc_call *call, enum err err, const char *detail);
void call_on_resolved(struct rpc_call *call, enum err err, const struct addr *addrs, size_t count);
void call_on_ready(struct rpc_call *call);
void call_on_late(struct rpc_call *call);

#endif
