/* dhtget and getimmutable: a value of the network, verified by the node before it comes here. */
#include "common/hex.h"
#include "rpc/methods/method_files.h"
#include "rpc/methods/multi_get.h"
#include "rpc/methods/multi_name.h"
#include "rpc/methods/single.h"
#include "rpc/transfer/get_call.h"
#include "rpc/values/value.h"

/* A miss, a time-out and being offline are three different answers; what was found is given even
 * when the lookup did not get to its end. True when it is an answer. */
static bool is_answer(const struct event *event)
{
    return event->err == ERR_OK || event->get.is_found;
}

static struct rpc_result on_get(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    if (!is_answer(event)) {
        return get_call_fail(call, event->err, &event->stats);
    }
    bool is_value = event->get.is_found && !value_is_deleted(event->get.record.v);
    return is_value ? get_call_one(call, &event->get.record, &event->stats)
                    : get_call_answer(call, json_array(), &event->stats);
}

static struct rpc_result get_single(struct rpc_call *call)
{
    struct single single;
    struct rpc_result refusal;
    if (!single_of_call(call, &single, &refusal)) {
        return refusal;
    }
    if (rpc_has(call, "by") || rpc_has(call, "since") || rpc_has(call, "limit") ||
        rpc_has(call, "slot") || rpc_has(call, "slot_hex")) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "by, slot, since and limit are for type m");
    }
    const struct rpc_host *host = rpc_host_of(call);
    struct get_request request = {.kind = RECORD_SINGLE,
                                  .target = single.target,
                                  .k = single.key,
                                  .salt = single.salt,
                                  .has_min_seq = rpc_has(call, "min_seq"),
                                  .min_seq = rpc_int(call, "min_seq"),
                                  .timeout_ms = rpc_left_ms(call)};
    struct rpc_pending_on on = {.on_event = on_get};
    enum err err = node_get(host->node, host->now(host->context), &request, &on.op, host->outbox);
    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}

struct rpc_result method_dhtget(struct rpc_call *call)
{
    return multi_name_is_meant(call) ? multi_get_start(call) : get_single(call);
}

static struct rpc_result on_immutable(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    if (!is_answer(event)) {
        return get_call_fail(call, event->err, &event->stats);
    }
    if (!event->get.is_found) {
        return rpc_reply(call, json_null());
    }
    json_t *result = json_object();
    if (!value_show_content(result, event->get.record.v)) {
        json_decref(result);
        result = NULL;
    }
    return rpc_reply(call, result);
}

struct rpc_result method_getimmutable(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *target = rpc_string(call, "target");
    struct get_request request = {.kind = RECORD_IMMUTABLE};
    if (!hex_decode(target, strlen(target), request.target.b, ID_SIZE)) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "target: must be 40 hex digits");
    }
    struct rpc_pending_on on = {.on_event = on_immutable};
    enum err err = node_get(host->node, host->now(host->context), &request, &on.op, host->outbox);
    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}
