#include "rpc/transfer/put_call.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/transfer/large.h"

/* {"code":count}; nodes that did not answer count as time-outs. */
static json_t *show_rejected(const struct event *event)
{
    json_t *rejected = json_object();
    for (uint32_t i = 0; i < event->put.rejected_count && i < EVENT_REJECTED_MAX; i++) {
        char code[24];
        int64_t number = event->put.rejected[i].code;
        snprintf(code, sizeof code, "%" PRId64, number != 0 ? number : err_code(ERR_TIMEOUT));
        json_int_t before = json_integer_value(json_object_get(rejected, code));
        json_object_set_new(rejected, code,
                            json_integer(before + (json_int_t)event->put.rejected[i].count));
    }
    return rejected;
}

json_t *put_call_show(const struct event *event, bool is_waiting)
{
    char target[2 * ID_SIZE + 1];
    hex_encode(id_bytes(&event->put.target), target);
    if (!is_waiting) {
        return json_pack("{s:s, s:I, s:b}", "target", target, "seq", (json_int_t)event->put.seq,
                         "kept", (int)event->put.is_kept);
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:b, s:o}", "target", target, "seq",
                     (json_int_t)event->put.seq, "stored", (json_int_t)event->put.stored, "tried",
                     (json_int_t)event->put.tried, "kept", (int)event->put.is_kept, "rejected",
                     show_rejected(event));
}

/* 301 and 302 say which seq was seen, so the caller can go on from there. */
static struct rpc_result fail_seq(struct rpc_call *call, const struct event *event)
{
    json_t *data = json_pack("{s:I}", "seq", (json_int_t)event->put.seq);
    if (event->err == ERR_CAS_MISMATCH) {
        return rpc_fail_data(call, event->err, data,
                             "cas does not match: seq %" PRId64 " is stored; read it, then put "
                             "with its seq as cas",
                             event->put.seq);
    }
    return rpc_fail_data(call, event->err, data,
                         "seq %" PRId64 " is stored already; a put needs a higher one, or none to "
                         "let the daemon choose",
                         event->put.seq);
}

json_t *put_call_refusals(const struct event *event)
{
    return json_pack("{s:I, s:o}", "tried", (json_int_t)event->put.tried, "rejected",
                     show_rejected(event));
}

struct rpc_result put_call_fail(struct rpc_call *call, const struct event *event)
{
    if (event->err == ERR_CAS_MISMATCH || event->err == ERR_STALE_SEQ) {
        return fail_seq(call, event);
    }
    enum err err = event->err;
    if (err == ERR_OK) {
        err = event->put.tried == 0 ? ERR_OFFLINE : ERR_TIMEOUT;
    }
    json_t *data = put_call_refusals(event);
    if (err == ERR_OFFLINE) {
        return rpc_fail_data(call, err, data, "nothing stored: no node answers");
    }
    if (err == ERR_TIMEOUT) {
        return rpc_fail_data(call, err, data, "nothing stored: none of %u nodes took it in time",
                             event->put.tried);
    }
    return rpc_fail_data(call, err, data, NULL);
}

bool put_call_is_taken(const struct event *event)
{
    bool is_somewhere = event->put.stored > 0 || event->put.is_kept;
    return is_somewhere &&
           (event->err == ERR_OK || event->err == ERR_TIMEOUT || event->err == ERR_OFFLINE);
}

/* What was kept before and is kept no more gives its chunks back. */
static struct rpc_result on_put(struct rpc_call *call, void *state, const struct event *event)
{
    if (!put_call_is_taken(event)) {
        return put_call_fail(call, event);
    }
    if (event->put.is_kept) {
        large_drop_chunks(call, state);
    }
    return rpc_reply(call, put_call_show(event, rpc_bool(call, "wait")));
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

struct rpc_result put_call_start(struct rpc_call *call, struct put_request *request,
                                 const struct rpc_pending_on *then)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_pending_on on = {.on_event = on_put};
    struct rpc_result refusal;
    if (then != NULL) {
        on = *then;
    } else {
        on.state = chunks_before(call, request);
    }
    if (!put_call_options(call, &request->is_kept, &request->is_quick, &refusal)) {
        free(on.state);
        return refusal;
    }
    enum err err = node_put(host->node, host->now(host->context), request, &on.op, host->outbox);
    if (err != ERR_OK) {
        free(on.state);
        return rpc_fail(call, err, NULL);
    }
    return rpc_pending(call, &on);
}
