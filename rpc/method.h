/* One table row makes a method: name, typed parameters with defaults, help, access, handler. Help,
 * the command line's conversion, `check`, completion and pages derive from the row. A handler
 * returns what only rpc_reply, rpc_fail and rpc_pending make, so no path forgets to answer. */
#ifndef XORD_RPC_METHOD_H
#define XORD_RPC_METHOD_H

#include <jansson.h>

#include "rpc/host.h"
#include "rpc/limits.h"

enum param_type {
    PARAM_STRING, /* any text */
    PARAM_NAME,   /* [a-z0-9_-]{1,32} */
    PARAM_INT,    /* min to max */
    PARAM_BOOL,
    PARAM_JSON, /* any value */
    PARAM_KIND, /* "s" or "m" */
    PARAM_ID,   /* 40 hex digits */
    PARAM_KEY,  /* 64 hex digits */
    PARAM_HEX,  /* any even number of hex digits */
    PARAM_BASE64,
    PARAM_ADDR /* HOST:PORT */
};

enum param_need { PARAM_OPTIONAL, PARAM_REQUIRED };

struct param {
    const char *name; /* NULL ends the list */
    enum param_type type;
    enum param_need need;
    bool is_named_only;   /* after `*`: by name only */
    bool is_alone;        /* the first one: when more than one is given by position, it is not */
    const char *fallback; /* the default as shown in help: JSON text; other text is help's alone */
    int64_t min, max;     /* of PARAM_INT; both 0: any */
    const char *help;     /* one clause */
};

#define METHOD_PARAMS_MAX 16

struct rpc_call; /* one call under way; private to call.h */

/* Made by the three functions below alone. */
struct rpc_result {
    int made_by_rpc;
};

struct method {
    const char *name;
    const char *alias_of; /* NULL, or the method this is another name of (twister's) */
    enum rpc_access access;
    bool is_stream;             /* answers {sub}; what is subscribed to comes as notifications */
    const char *summary;        /* one line without a full stop */
    const char *details;        /* paragraphs, or NULL */
    const struct param *params; /* ended by a row without a name; never NULL */
    struct rpc_result (*handler)(struct rpc_call *call);
};

/* The whole table, sorted by name; `*count` rows. Aliases are rows. */
const struct method *method_table(size_t *count);
const struct method *method_find(const char *name); /* follows no alias; NULL when there is none */

/* Inside a handler. Parameters are already checked against the row; names must be of the row. */
/* Given by the caller. A null counts as not given, but for PARAM_JSON, where it is a value. */
bool rpc_has(const struct rpc_call *call, const char *param);
const char *rpc_string(const struct rpc_call *call, const char *param); /* fallback, or NULL */
int64_t rpc_int(const struct rpc_call *call, const char *param);        /* fallback, or 0 */
bool rpc_bool(const struct rpc_call *call, const char *param);
json_t *rpc_json(const struct rpc_call *call, const char *param); /* borrowed, or NULL */
const struct rpc_host *rpc_host_of(const struct rpc_call *call);
enum rpc_access rpc_access_of(const struct rpc_call *call);
uid_t rpc_peer_uid(const struct rpc_call *call); /* SO_PEERCRED of the connection */
struct rpc_server *rpc_server_of(const struct rpc_call *call);

/* Answers now. Takes the reference to `result` (NULL: out of memory, answered as such). */
struct rpc_result rpc_reply(struct rpc_call *call, json_t *result);
/* `format` may be NULL: the error's own text. `error.data.name` is added. rpc_fail_data also takes
 * the reference to `data`, an object whose keys are added to error.data. */
struct rpc_result rpc_fail(struct rpc_call *call, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct rpc_result rpc_fail_data(struct rpc_call *call, enum err err, json_t *data,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* One of several node operations that a call waits for. The caller sets `number`, 0 for none; the
 * rest is pending.c's. */
struct rpc_op {
    uint64_t number;
    struct rpc_call *call;
    struct rpc_op *next;
};

/* Answers later. The call lives on until one of its functions answers it with rpc_reply or
 * rpc_fail. `state` is freed with free(), or handed to `on_end` where there is one, when the call
 * ends, however it ends. A client that vanishes cancels its node operations (node_cancel) and the
 * call. */
struct rpc_pending_on {
    uint64_t op;        /* wait for the event of this node operation; 0: not */
    struct rpc_op *ops; /* and for the first event of any of these, in the state; may be NULL */
    size_t op_count;
    bool is_ticket;       /* wait for rpc_server_done or _resolved with rpc_ticket(call) */
    bool is_ready;        /* wait until the node's state is no longer NODE_STARTING */
    uint64_t deadline_ms; /* monotonic; 0: none */
    struct rpc_result (*on_event)(struct rpc_call *call, void *state, const struct event *event);
    struct rpc_result (*on_done)(struct rpc_call *call, void *state, enum err err,
                                 const char *detail);
    struct rpc_result (*on_resolved)(struct rpc_call *call, void *state, enum err err,
                                     const struct addr *addrs, size_t count);
    struct rpc_result (*on_ready)(struct rpc_call *call, void *state);
    /* The deadline has passed; the operations go on. NULL: they are given up, ERR_TIMEOUT. */
    struct rpc_result (*on_late)(struct rpc_call *call, void *state);
    /* The call was answered or given up, and no operation of it is waited for. */
    void (*on_end)(struct rpc_call *call, void *state);
    void *state;
};
/* May be called again from inside one of its functions, to wait for the next thing; the state of
 * before is then not freed when it is passed on. */
struct rpc_result rpc_pending(struct rpc_call *call, const struct rpc_pending_on *on);
bool rpc_is_pending(const struct rpc_call *call);
/* Sends a notification that belongs to this call, ahead of its result: `method`, and `params`, an
 * object that is given the call's id as `call`. Takes the reference. */
void rpc_notify(struct rpc_call *call, const char *method, json_t *params);
/* False: the client does not read what it is sent, and notifications had better be left out. */
bool rpc_has_room(const struct rpc_call *call);
/* What becomes of this call of the daemon's own is not worth a line in the log. */
void rpc_hush(struct rpc_call *own);
/* Runs `start` with a call of the daemon's own, which has no parameters and whose answer goes
 * nowhere; it answers or waits as a handler does, and owns `state`. False, and nothing is run,
 * while the daemon stops and without memory. */
bool rpc_start_own(const struct rpc_call *call,
                   struct rpc_result (*start)(struct rpc_call *own, void *state), void *state);
/* Calls the method's handler again from its beginning, from inside one of those functions: what it
 * lacked has come. */
struct rpc_result rpc_again(struct rpc_call *call);
/* When the call first waited for something, monotonic. UINT64_MAX when it has not yet: what was
 * known before, be it in this very millisecond, is not what it asked for. */
uint64_t rpc_since_ms(const struct rpc_call *call);
/* What is left of its `timeout_ms` since then (NODE_TIMEOUT_MS where it has none), at least 1. */
uint32_t rpc_left_ms(const struct rpc_call *call);
uint64_t rpc_ticket(const struct rpc_call *call); /* this call's ticket for host functions */

#endif
