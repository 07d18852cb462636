/* handle, unhandle and respond: the commands that programs here answer for the network. */
#include "daemon/dht/ops/command.h"
#include "rpc/methods/method_files.h"
#include "rpc/streams/handler.h"
#include "rpc/values/command_value.h"

static struct rpc_result refuse_name(struct rpc_call *call)
{
    return rpc_fail(call, ERR_INVALID_PARAMS,
                    "command: must be 1 to %d characters of a-z, 0-9, . _ and -", COMMAND_NAME_MAX);
}

struct rpc_result method_handle(struct rpc_call *call)
{
    const char *command = rpc_string(call, "command");
    if (!command_name_is_valid(bytes_of_string(command))) {
        return refuse_name(call);
    }
    return handler_offer(call, command);
}

struct rpc_result method_unhandle(struct rpc_call *call)
{
    const char *command = rpc_string(call, "command");
    if (!handler_withdraw(call, command)) {
        return rpc_fail(call, ERR_NO_SUCH_ID, "this connection does not handle %s", command);
    }
    return rpc_reply(call, json_true());
}

struct rpc_result method_respond(struct rpc_call *call)
{
    struct rpc_result refusal;
    struct value value;
    if (!command_value_of_call(call, &value, &refusal)) {
        return refusal;
    }
    uint32_t error = (uint32_t)rpc_int(call, "error");
    if (error != 0 && value.data != NULL) {
        value_clear(&value);
        return rpc_fail(call, ERR_INVALID_PARAMS, "error: give a value or an error, not both");
    }
    enum err err = handler_respond(call, (uint64_t)rpc_int(call, "request"), error,
                                   command_value_bytes(&value));
    value_clear(&value);
    if (err == ERR_NO_SUCH_ID) {
        return rpc_fail(call, err,
                        "no such request waits: it is answered already, or its time has passed");
    }
    return err == ERR_OK ? rpc_reply(call, json_true()) : rpc_fail(call, err, NULL);
}
