#include "rpc/methods/multi_name.h"

#include "rpc/methods/single.h"

bool multi_name_is_meant(const struct rpc_call *call)
{
    const char *type = rpc_string(call, "type");
    return type != NULL && strcmp(type, "m") == 0;
}

bool multi_name_of_call(struct rpc_call *call, struct multi_name *out, struct rpc_result *refusal)
{
    out->name.name = bytes_of_string(rpc_string(call, "username"));
    out->name.resource = bytes_of_string(rpc_string(call, "resource"));
    if (!single_check_text(call, "username", out->name.name, refusal) ||
        !single_check_text(call, "resource", out->name.resource, refusal)) {
        return false;
    }
    record_multi_target(out->name.name, out->name.resource, &out->target);
    return true;
}
