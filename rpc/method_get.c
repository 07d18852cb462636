/* dhtget and getimmutable: a value of the network, verified by the node before it comes here. */
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/large.h"
#include "rpc/method_files.h"
#include "rpc/single.h"
#include "rpc/value.h"

/* A miss, a time-out and being offline are three different answers; what was found is given even
 * when the lookup did not get to its end. True when it is an answer. */
static bool is_answer(const struct event *event)
{
    return event->err == ERR_OK || event->get.is_found;
}

static struct rpc_result fail_get(struct rpc_call *call, const struct event *event)
{
    if (event->err == ERR_TIMEOUT) {
        return rpc_fail(call, ERR_TIMEOUT,
                        "no value within %u ms: %u of %u nodes asked had answered", event->stats.ms,
                        event->stats.replied, event->stats.queried);
    }
    if (event->err == ERR_OFFLINE) {
        return rpc_fail(call, ERR_OFFLINE,
                        "no node answers; addnode HOST:PORT adds one to start from");
    }
    return rpc_fail(call, event->err, NULL);
}

static json_t *show_lookup(const struct lookup_stats *stats)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "queried", (json_int_t)stats->queried, "replied",
                     (json_int_t)stats->replied, "ms", (json_int_t)stats->ms, "hops",
                     (json_int_t)stats->hops);
}

static json_t *show_value(struct rpc_call *call, const struct record *record, bool with_raw)
{
    struct value_target target = {.username = rpc_string(call, "username"),
                                  .resource = rpc_string(call, "resource"),
                                  .type = rpc_string(call, "type")};
    struct opener opener;
    opener_of_call(call, &opener);
    return value_show(&opener, record, &target, with_raw);
}

static struct rpc_result answer(struct rpc_call *call, json_t *values,
                                const struct lookup_stats *stats)
{
    if (!rpc_bool(call, "verbose")) {
        return rpc_reply(call, values);
    }
    return rpc_reply(call, json_pack("{s:o, s:b, s:o}", "values", values, "complete",
                                     (int)stats->is_complete, "lookup", show_lookup(stats)));
}

/* The record of a large value, while its chunks are fetched. */
struct got {
    struct lookup_stats stats;
    struct record record; /* points into `packed` */
    uint8_t packed[RECORD_PACKED_MAX];
};

static struct rpc_result on_large(struct rpc_call *call, void *state, struct bytes v)
{
    struct got *got = state;
    struct record record = got->record;
    record.v = v;
    json_t *value = show_value(call, &record, false);
    if (value != NULL && rpc_bool(call, "raw")) {
        json_object_set_new(value, "hexdata", value_hexdata(&got->record));
    }
    struct rpc_result result =
        answer(call, value != NULL ? json_pack("[o]", value) : NULL, &got->stats);
    free(got);
    return result;
}

static struct rpc_result get_large(struct rpc_call *call, const struct event *event)
{
    struct got *got = malloc(sizeof *got);
    if (got == NULL) {
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    struct wire_writer writer;
    wire_writer_init(&writer, got->packed, sizeof got->packed);
    record_pack(&writer, &event->get.record);
    record_unpack(wire_written(&writer), &got->record);
    got->stats = event->stats;
    struct large_get_request request = {.record = &got->record,
                                        .timeout_ms = rpc_left_ms(call),
                                        .has_progress = rpc_bool(call, "progress"),
                                        .then = on_large,
                                        .state = got};
    return large_get_start(call, &request);
}

static struct rpc_result on_get(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    if (!is_answer(event)) {
        return fail_get(call, event);
    }
    bool is_value = event->get.is_found && !value_is_deleted(event->get.record.v);
    if (is_value && value_is_manifest(event->get.record.v)) {
        return get_large(call, event);
    }
    json_t *values = json_array();
    if (is_value && json_array_append_new(
                        values, show_value(call, &event->get.record, rpc_bool(call, "raw"))) != 0) {
        json_decref(values);
        values = NULL;
    }
    return answer(call, values, &event->stats);
}

struct rpc_result method_dhtget(struct rpc_call *call)
{
    struct single single;
    struct rpc_result refusal;
    if (!single_of_call(call, &single, &refusal)) {
        return refusal;
    }
    if (rpc_has(call, "by") || rpc_has(call, "since") || rpc_has(call, "limit")) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "by, since and limit are for type m");
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

static struct rpc_result on_immutable(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    if (!is_answer(event)) {
        return fail_get(call, event);
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
