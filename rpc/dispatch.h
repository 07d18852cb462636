/* From a line to its answer: reads requests and batches, finds the method, checks parameters, runs
 * the handler, keeps the calls that answer later, and appends replies to the client's output.
 * Touches no socket and no loop: the server (or a test) hands lines in and sends the output. */
#ifndef XORD_RPC_DISPATCH_H
#define XORD_RPC_DISPATCH_H

#include "rpc/host.h"
#include "rpc/json/json.h"
#include "rpc/limits.h"
#include "rpc/metrics/metrics.h"
#include "rpc/pending.h"
#include "rpc/streams/feed.h"
#include "rpc/streams/handler.h"
#include "rpc/streams/stream.h"
#include "rpc/streams/tap.h"
#include "rpc/transfer/large.h"
#include "rpc/turn.h"
#include "rpc/unread.h"

#define DISPATCH_SPARE_MAX 64 /* calls kept for reuse, so that a busy socket allocates none */

struct rpc_batch;
struct rpc_call;
struct dispatch;

/* Whoever sends lines and gets replies; embedded in its connection. */
struct rpc_client {
    struct dispatch *dispatch;
    enum rpc_access access;
    uid_t uid;
    struct json_text out;         /* what is not yet sent; its owner takes from it */
    size_t sending;               /* bytes that its owner took and the client has not read */
    size_t unended;               /* bytes of lines that its owner keeps and has not handed over */
    size_t noted;                 /* of all these, in dispatch->unread */
    struct rpc_call *calls;       /* pending */
    size_t call_count;            /* of these, and an unfinished batch */
    struct rpc_batch *unfinished; /* not all of its requests are begun; NULL: none */
    struct stream_set streams;
    bool is_gone;   /* its answers are thrown away */
    bool takes_one; /* an answer is all that it takes: no notifications before it */
    /* Output was appended, perhaps by an event; may be NULL. */
    void (*on_output)(struct rpc_client *client);
};

struct dispatch {
    struct rpc_host host;
    struct rpc_server *server; /* NULL where there is none */
    struct pending pending;
    struct rpc_call *spare;
    size_t spare_count;
    uint64_t next_ticket;
    size_t client_count;
    struct stream_count streams;
    struct handlers handlers;
    struct feed_set feeds;
    struct large_set large;
    struct metrics metrics;
    struct taps taps;
    struct turn turn;
    struct unread unread;
    struct rpc_batch *unfinished_first, *unfinished_last; /* the longest waiting first */
    struct rpc_client own; /* makes the daemon's own calls; is not counted, reads no answers */
    bool is_stopping;      /* new calls are refused with ERR_STOPPING */
};

void dispatch_init(struct dispatch *d, const struct rpc_host *host, struct rpc_server *server);
/* All clients must have been cleared before. */
void dispatch_clear(struct dispatch *d);
void dispatch_client_init(struct dispatch *d, struct rpc_client *client, enum rpc_access access,
                          uid_t uid);
/* The client vanished: cancels what it waits for and frees its output. */
void dispatch_client_clear(struct rpc_client *client);
/* The client will send no more: its streams end, its calls go on. */
void dispatch_client_half_closed(struct rpc_client *client);
/* The client reads what it is sent: streams that waited for it may go on. */
void dispatch_client_room(struct rpc_client *client);
/* Answers what the client waits for with ERR_STOPPING, and so ends its streams. */
void dispatch_client_stop(struct rpc_client *client);

/* One line, without its line feed: a request, a batch, blank, or rubbish. Not while the client has
 * an unfinished batch, which waits for dispatch_go_on. */
void dispatch_line(struct rpc_client *client, struct bytes line);
/* Goes on with batches until the turn is spent. */
void dispatch_go_on(struct dispatch *d);
/* A batch waits for its next turn: the loop must not sleep before that. */
bool dispatch_is_unfinished(const struct dispatch *d);
/* Appends an error reply with id null, for what is no request at all. */
void dispatch_refuse(struct rpc_client *client, enum err err, const char *text);

void dispatch_event(struct dispatch *d, const struct event *event);
void dispatch_done(struct dispatch *d, uint64_t ticket, enum err err, const char *detail);
void dispatch_resolved(struct dispatch *d, uint64_t ticket, enum err err, const struct addr *addrs,
                       size_t count);
/* Answers calls that wait for readiness when the node is ready, and those that are late. */
void dispatch_tick(struct dispatch *d);
/* When to tick next for a deadline, in monotonic ms; UINT64_MAX: not. */
uint64_t dispatch_next_ms(const struct dispatch *d);

struct dispatch *dispatch_of(const struct rpc_call *call);
/* Appends the metrics text of all that this serves. */
void dispatch_write_metrics(const struct dispatch *d, struct json_text *out);

/* How many clients there are; for getinfo. */
size_t dispatch_clients(const struct rpc_call *call);

#endif
