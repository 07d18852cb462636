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

#define DISPATCH_SPARE_MAX 64 /* calls kept for reuse, so that a busy socket allocates none */

struct method;
struct rpc_call;
struct rpc_result;
struct dispatch;

/* Whoever sends lines and gets replies; embedded in its connection. */
struct rpc_client {
    struct dispatch *dispatch;
    enum rpc_access access;
    uid_t uid;
    struct json_text out;   /* what is not yet sent; its owner takes from it */
    size_t sending;         /* bytes that its owner took and the client has not read */
    struct rpc_call *calls; /* pending */
    size_t call_count;
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
    struct rpc_client own; /* makes the daemon's own calls; is not counted, reads no answers */
    bool is_stopping;      /* new calls are refused with ERR_STOPPING */
};

void dispatch_init(struct dispatch *d, const struct rpc_host *host, struct rpc_server *server);
/* All clients must have been cleared before. */
void dispatch_clear(struct dispatch *d);
/* Ends the daemon's own calls with ERR_STOPPING, after is_stopping was set. */
void dispatch_stop_own(struct dispatch *d);
/* As rpc_start_own. */
bool dispatch_start_own(struct dispatch *d,
                        struct rpc_result (*start)(struct rpc_call *own, void *state), void *state);
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

/* One line, without its line feed: a request, a batch, blank, or rubbish. */
void dispatch_line(struct rpc_client *client, struct bytes line);
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
/* How many calls of the daemon's own are under way. */
size_t dispatch_own_calls(const struct rpc_call *call);
/* What stops a caller with this access from calling `method` with these parameters: ERR_READ_ONLY,
 * ERR_INVALID_PARAMS; one line in `detail`. */
enum err dispatch_check(const struct method *method, enum rpc_access access, json_t *given,
                        json_t *values[], char detail[RPC_DETAIL_SIZE]);

#endif
