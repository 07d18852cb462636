#include "rpc/large.h"

#include <stdio.h>

#include "common/hex.h"

bool large_enter(struct rpc_call *call, struct rpc_result *refusal)
{
    struct large_set *set = rpc_large_set(call);
    if (set->count == LARGE_CALLS_MAX) {
        *refusal = rpc_fail(call, ERR_BUSY,
                            "%u large values are under way in this daemon; wait for some of them",
                            LARGE_CALLS_MAX);
        return false;
    }
    set->count++;
    return true;
}

void large_leave(const struct rpc_call *call)
{
    rpc_large_set(call)->count--;
}

struct rpc_result large_fail_chunk(struct rpc_call *call, enum err err, size_t index, size_t count,
                                   const struct id *target, const char *why)
{
    char text[2 * ID_SIZE + 1];
    hex_encode(id_bytes(target), text);
    json_t *data = json_pack("{s:I, s:I, s:s}", "chunk", (json_int_t)index, "of", (json_int_t)count,
                             "target", text);
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
