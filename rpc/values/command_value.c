#include "rpc/values/command_value.h"

#include <stdlib.h>

#include "rpc/values/base64.h"

static bool make(const struct value_source *source, struct rpc_call *call, struct value *out,
                 struct rpc_result *refusal)
{
    if (!value_make_envelope(source, out)) {
        *refusal = rpc_fail(call, ERR_NO_MEMORY, NULL);
        return false;
    }
    if (out->size <= COMMAND_V_MAX) {
        return true;
    }
    json_t *data =
        json_pack("{s:I, s:I}", "size", (json_int_t)out->size, "limit", (json_int_t)COMMAND_V_MAX);
    *refusal = rpc_fail_data(call, ERR_TOO_BIG, data,
                             "the value makes %zu bytes; at most %d fit in one packet", out->size,
                             COMMAND_V_MAX);
    value_clear(out);
    return false;
}

bool command_value_of_call(struct rpc_call *call, struct value *out, struct rpc_result *refusal)
{
    const json_t *json = rpc_json(call, "value");
    bool has_json = json != NULL && !json_is_null(json);
    *out = (struct value){0};
    if (!rpc_has(call, "value_base64")) {
        const struct value_source source = {.json = json};
        return !has_json || make(&source, call, out, refusal);
    }
    if (has_json) {
        *refusal =
            rpc_fail(call, ERR_INVALID_PARAMS, "value: give value or value_base64, not both");
        return false;
    }
    size_t size;
    uint8_t *decoded = base64_decode(rpc_string(call, "value_base64"), &size);
    if (decoded == NULL) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "value_base64: not base64");
        return false;
    }
    const struct value_source source = {.bytes = bytes_of(decoded, size)};
    bool is_made = make(&source, call, out, refusal);
    free(decoded);
    return is_made;
}

struct bytes command_value_bytes(const struct value *value)
{
    return bytes_of(value->data, value->size);
}

bool command_value_show(json_t *object, struct bytes v)
{
    json_t *shown = json_object();
    bool is_shown = shown != NULL && (v.data == NULL || value_show_content(shown, v));
    json_t *value = json_object_get(shown, "v"), *base64 = json_object_get(shown, "v_base64");
    if (is_shown && base64 != NULL) {
        is_shown = json_object_set(object, "value_base64", base64) == 0;
    } else if (is_shown) {
        is_shown = json_object_set(object, "value", value != NULL ? value : json_null()) == 0;
    }
    json_decref(shown);
    return is_shown;
}
