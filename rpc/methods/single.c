#include "rpc/methods/single.h"

#include "rpc/names/name_lookup.h"

bool single_resolve(struct rpc_call *call, const char *param, const char *name,
                    uint8_t key[KEYS_PUBLIC_SIZE], bool *is_local, struct rpc_result *refusal)
{
    struct name_path path;
    if (!name_lookup(call, param, name, 0, &path, refusal)) {
        return false;
    }
    memcpy(key, path.key, KEYS_PUBLIC_SIZE);
    *is_local = path.is_local;
    return true;
}

bool single_check_text(struct rpc_call *call, const char *param, struct bytes text,
                       struct rpc_result *refusal)
{
    if (text.size == 0) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "%s: must not be empty", param);
        return false;
    }
    if (text.size > RECORD_SALT_MAX) {
        json_t *data =
            json_pack("{s:i, s:I}", "limit", RECORD_SALT_MAX, "size", (json_int_t)text.size);
        *refusal = rpc_fail_data(call, ERR_SALT_TOO_LONG, data, "%s: %zu bytes, at most %d fit",
                                 param, text.size, RECORD_SALT_MAX);
        return false;
    }
    return true;
}

bool single_of_call(struct rpc_call *call, struct single *out, struct rpc_result *refusal)
{
    out->salt = bytes_of_string(rpc_string(call, "resource"));
    if (!single_check_text(call, "resource", out->salt, refusal) ||
        !single_resolve(call, "username", rpc_string(call, "username"), out->key, &out->is_local,
                        refusal)) {
        return false;
    }
    record_single_target(out->key, out->salt, &out->target);
    return true;
}
