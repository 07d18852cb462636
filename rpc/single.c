#include "rpc/single.h"

#include "rpc/name_lookup.h"

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

static bool check_resource(struct rpc_call *call, struct bytes resource, struct rpc_result *refusal)
{
    if (resource.size == 0) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "resource: must not be empty");
        return false;
    }
    if (resource.size > RECORD_SALT_MAX) {
        json_t *data =
            json_pack("{s:i, s:I}", "limit", RECORD_SALT_MAX, "size", (json_int_t)resource.size);
        *refusal =
            rpc_fail_data(call, ERR_SALT_TOO_LONG, data, "resource: %zu bytes, at most %d fit",
                          resource.size, RECORD_SALT_MAX);
        return false;
    }
    return true;
}

bool single_of_call(struct rpc_call *call, struct single *out, struct rpc_result *refusal)
{
    const char *type = rpc_string(call, "type");
    const char *username = rpc_string(call, "username");
    const char *resource = rpc_string(call, "resource");
    if (type == NULL || username == NULL || resource == NULL) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "username, resource and type go together");
        return false;
    }
    if (strcmp(type, "m") == 0) {
        *refusal = rpc_fail(call, ERR_NOT_YET,
                            "type m (many entries by many signers) is not built yet; use type s");
        return false;
    }
    out->salt = bytes_of_string(resource);
    if (!check_resource(call, out->salt, refusal) ||
        !single_resolve(call, "username", username, out->key, &out->is_local, refusal)) {
        return false;
    }
    record_single_target(out->key, out->salt, &out->target);
    return true;
}
