/* What the RPC rooms count for the operator: how long calls of each method and lookups of each kind
 * took, and which errors were answered. Numbers alone: no key, name or address is ever among them.
 * Owns no memory beyond itself. */
#ifndef XORD_RPC_METRICS_H
#define XORD_RPC_METRICS_H

#include "common/err.h"
#include "daemon/dht/event.h"
#include "rpc/json/json.h"
#include "rpc/metrics/histogram.h"

#define METRICS_METHODS_MAX 96 /* rows of the method table, with room for more */

#define METRICS_HTTP_STATUSES 16 /* different ones that are counted; there are fewer */

struct rpc_host;

enum metrics_lookup {
    METRICS_GET,
    METRICS_GATHER,
    METRICS_PUT,
    METRICS_LOOKUP,
    METRICS_PEERS,
    METRICS_ANNOUNCE,
    METRICS_QUERY, /* of custom commands */
    METRICS_LOOKUP_COUNT
};

enum metrics_limit { /* what was refused because of a limit of rpc/limits.h */
                     METRICS_LINE_BYTES,
                     METRICS_ELEMENTS,
                     METRICS_UNREAD,
                     METRICS_LIMIT_COUNT
};

struct metrics {                                 /* zeroed it is empty */
    struct histogram calls[METRICS_METHODS_MAX]; /* as the rows of the method table */
    struct histogram lookups[METRICS_LOOKUP_COUNT];
    uint64_t errors[ERR_COUNT];
    uint64_t refused[METRICS_LIMIT_COUNT];
    struct {
        unsigned status; /* 0: no more */
        uint64_t count;
    } http[METRICS_HTTP_STATUSES];
};

/* A call of row `method` of the method table was answered, `took_ns` after it was read. */
void metrics_call(struct metrics *m, size_t method, uint64_t took_ns);
/* An error was answered to a client. */
void metrics_error(struct metrics *m, enum err err);
/* A line, or an answer, was beyond this limit. */
void metrics_refused(struct metrics *m, enum metrics_limit limit);
/* An HTTP request was answered with this status. */
void metrics_http(struct metrics *m, unsigned status);
/* A node operation has ended: counts the time of its lookup, if it had one and was not given up. */
void metrics_event(struct metrics *m, const struct event *event);

/* What else a metrics text shows, known by the server alone. */
struct metrics_load {
    size_t clients;      /* connected to the RPC sockets */
    size_t streams;      /* of them: listens and monitors */
    size_t large_values; /* under way */
    size_t unread_bytes; /* held for clients */
};
/* Appends all metrics of the daemon as text (exposition.h). */
void metrics_write(const struct metrics *m, const struct rpc_host *host,
                   const struct metrics_load *load, struct json_text *out);

#endif
