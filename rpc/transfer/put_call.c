#include "rpc/transfer/put_call.h"

#include <stdlib.h>

#include "rpc/transfer/large.h"
#include "rpc/transfer/put_answer.h"
#include "rpc/values/slot.h"

/* What is remembered of a record until its put has ended. */
struct putting {
    struct large_chunks *before; /* of what was kept in its place; owned */
    struct slot slot;            /* of an entry */
};

static void on_end(struct rpc_call *call, void *state)
{
    struct putting *putting = state;
    (void)call;
    free(putting->before);
    free(putting);
}

/* What was kept before and is kept no more gives its chunks back. */
static struct rpc_result on_put(struct rpc_call *call, void *state, const struct event *event)
{
    const struct putting *putting = state;
    const struct slot *slot = &putting->slot;
    if (!put_answer_is_taken(event)) {
        return put_answer_fail(call, event);
    }
    if (event->put.is_kept) {
        large_drop_chunks(call, putting->before);
    }
    return rpc_reply(call,
                     put_answer_show(event, rpc_bool(call, "wait"),
                                     bytes_of(slot->size > 0 ? slot->data : NULL, slot->size)));
}

static struct large_chunks *chunks_before(struct rpc_call *call, const struct put_request *request)
{
    struct id key;
    if (request->kind == RECORD_IMMUTABLE) {
        return NULL;
    }
    large_key(request, &key);
    return large_kept_chunks(rpc_host_of(call), request->kind, &key);
}

bool put_call_options(struct rpc_call *call, bool *is_kept, bool *is_quick,
                      struct rpc_result *refusal)
{
    *is_kept = rpc_bool(call, "keep");
    *is_quick = !rpc_bool(call, "wait");
    if (*is_quick && !*is_kept) {
        *refusal =
            rpc_fail(call, ERR_INVALID_PARAMS,
                     "wait: false needs keep=true, since only what is kept can be answered for");
        return false;
    }
    return true;
}

static struct putting *make_putting(struct rpc_call *call, const struct put_request *request)
{
    struct putting *putting = calloc(1, sizeof *putting);
    if (putting == NULL) {
        return NULL;
    }
    putting->before = chunks_before(call, request);
    if (request->kind == RECORD_MULTI) {
        putting->slot.size = request->salt.size;
        memcpy(putting->slot.data, request->salt.data, request->salt.size);
    }
    return putting;
}

/* `on` says what becomes of it; its state ends here when the put does not begin. */
static struct rpc_result start(struct rpc_call *call, struct put_request *request,
                               struct rpc_pending_on *on)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_result refusal;
    if (!put_call_options(call, &request->is_kept, &request->is_quick, &refusal)) {
        return refusal;
    }
    enum err err = node_put(host->node, host->now(host->context), request, &on->op, host->outbox);
    return err == ERR_OK ? rpc_pending(call, on) : rpc_fail(call, err, NULL);
}

struct rpc_result put_call_start(struct rpc_call *call, struct put_request *request,
                                 const struct rpc_pending_on *then)
{
    struct rpc_pending_on on = *then;
    struct rpc_result result = start(call, request, &on);
    if (!rpc_is_pending(call)) {
        free(on.state);
    }
    return result;
}

struct rpc_result put_call_record(struct rpc_call *call, struct put_request *request)
{
    struct putting *putting = make_putting(call, request);
    struct rpc_pending_on on = {.on_event = on_put, .on_end = on_end, .state = putting};
    if (putting == NULL) {
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    struct rpc_result result = start(call, request, &on);
    if (!rpc_is_pending(call)) {
        on_end(call, putting);
    }
    return result;
}
