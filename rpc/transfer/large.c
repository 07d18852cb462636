#include "rpc/transfer/large.h"

#include <stdio.h>

#include "common/hex.h"

static bool is_reader(const struct rpc_call *call)
{
    return rpc_access_of(call) == RPC_ACCESS_READ;
}

bool large_enter(struct rpc_call *call, struct rpc_result *refusal)
{
    struct large_set *set = rpc_large_set(call);
    bool is_full = set->count == LARGE_CALLS_MAX;
    if (is_full || (is_reader(call) && set->read_count == LARGE_READ_MAX)) {
        *refusal = rpc_fail(
            call, ERR_BUSY, "%u large values are under way in this daemon%s; wait for some of them",
            is_full ? LARGE_CALLS_MAX : LARGE_READ_MAX, is_full ? "" : " for its read-only socket");
        return false;
    }
    set->count++;
    set->read_count += is_reader(call);
    return true;
}

void large_leave(const struct rpc_call *call)
{
    struct large_set *set = rpc_large_set(call);
    set->count--;
    set->read_count -= is_reader(call);
}

struct rpc_result large_fail_chunk(struct rpc_call *call, enum err err, size_t index, size_t count,
                                   const struct id *target, const char *why, json_t *more)
{
    char text[2 * ID_SIZE + 1];
    hex_encode(id_bytes(target), text);
    json_t *data = json_pack("{s:I, s:I, s:s}", "chunk", (json_int_t)index, "of", (json_int_t)count,
                             "target", text);
    json_object_update(data, more);
    json_decref(more);
    return rpc_fail_data(call, err, data, "chunk %zu of %zu (%s): %s", index, count, text, why);
}

struct bytes large_write_v(struct bytes v, enum envelope_content content, struct bytes whole,
                           uint8_t *buffer)
{
    struct envelope envelope;
    struct wire_writer w;
    envelope_parse(v, &envelope);
    envelope.content = content;
    envelope.body = whole;
    wire_writer_init(&w, buffer, whole.size + LARGE_ENVELOPE_MAX);
    envelope_write(&w, &envelope);
    return wire_written(&w);
}

void large_key(const struct put_request *request, struct id *out)
{
    struct record record = {
        .kind = request->kind, .target = request->target, .k = request->k, .salt = request->salt};
    if (request->kind == RECORD_SINGLE) {
        record_single_target(request->k, request->salt, &record.target);
    }
    record_key(&record, out);
}
