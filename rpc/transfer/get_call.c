#include "rpc/transfer/get_call.h"

#include <stdlib.h>

#include "rpc/transfer/large.h"
#include "rpc/values/value.h"

static json_t *show_raw(const struct record *record, const struct value_target *target)
{
    const struct record_name name = {.name = bytes_of_string(target->username),
                                     .resource = bytes_of_string(target->resource)};
    return value_hexdata(record, record->kind == RECORD_MULTI ? &name : NULL);
}

json_t *get_call_show(const struct rpc_call *call, struct opener *opener,
                      const struct record *record, struct bytes v)
{
    struct value_target target = {.username = rpc_string(call, "username"),
                                  .resource = rpc_string(call, "resource"),
                                  .type = rpc_string(call, "type")};
    struct record whole = *record;
    whole.v = v;
    json_t *value = value_show(opener, &whole, &target);
    if (value != NULL && rpc_bool(call, "raw") &&
        json_object_set_new(value, "hexdata", show_raw(record, &target)) != 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static json_t *show_lookup(const struct lookup_stats *stats)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "queried", (json_int_t)stats->queried, "replied",
                     (json_int_t)stats->replied, "ms", (json_int_t)stats->ms, "hops",
                     (json_int_t)stats->hops);
}

struct rpc_result get_call_answer(struct rpc_call *call, json_t *values,
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

static struct rpc_result answer_one(struct rpc_call *call, const struct record *record,
                                    struct bytes v, const struct lookup_stats *stats)
{
    struct opener opener;
    opener_of_call(call, &opener);
    json_t *value = get_call_show(call, &opener, record, v);
    return get_call_answer(call, value != NULL ? json_pack("[o]", value) : NULL, stats);
}

static struct rpc_result on_large(struct rpc_call *call, void *state, struct bytes v)
{
    struct got *got = state;
    struct rpc_result result = answer_one(call, &got->record, v, &got->stats);
    free(got);
    return result;
}

struct rpc_result get_call_one(struct rpc_call *call, const struct record *record,
                               const struct lookup_stats *stats)
{
    if (!value_is_manifest(record->v)) {
        return answer_one(call, record, record->v, stats);
    }
    struct got *got = malloc(sizeof *got);
    if (got == NULL) {
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    struct wire_writer writer;
    wire_writer_init(&writer, got->packed, sizeof got->packed);
    record_pack(&writer, record);
    record_unpack(wire_written(&writer), &got->record);
    got->stats = *stats;
    struct large_get_request request = {.record = &got->record,
                                        .timeout_ms = rpc_left_ms(call),
                                        .has_progress = rpc_bool(call, "progress"),
                                        .then = on_large,
                                        .state = got};
    return large_get_start(call, &request);
}

struct rpc_result get_call_fail(struct rpc_call *call, enum err err,
                                const struct lookup_stats *stats)
{
    if (err == ERR_TIMEOUT) {
        return rpc_fail(call, ERR_TIMEOUT,
                        "no value in %u ms, and only %u of %u questions were answered", stats->ms,
                        stats->replied, stats->queried);
    }
    if (err == ERR_OFFLINE) {
        return rpc_fail(call, ERR_OFFLINE,
                        "no node answers; addnode HOST:PORT adds one to start from");
    }
    return rpc_fail(call, err, NULL);
}
