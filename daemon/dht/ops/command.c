#include "daemon/dht/ops/command.h"

#include "daemon/dht/node.h"

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool command_name_is_valid(struct bytes name)
{
    if (name.size == 0 || name.size > COMMAND_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!is_name_byte(name.data[i]))
            return false;
    return true;
}

const char *command_error_name(int64_t error)
{
    static const char *const names[COMMAND_ERROR_OWN] = {
        [COMMAND_UNKNOWN] = "unknown_command",
        [COMMAND_BUSY] = "busy",
        [COMMAND_TIMEOUT] = "timeout",
        [COMMAND_FAILED] = "failed",
    };
    return error > 0 && error < COMMAND_ERROR_OWN ? names[error] : NULL;
}

bool command_read_reply(const struct krpc *response, struct command_reply *out)
{
    if (response->v.size > COMMAND_V_MAX || response->command_error < 0 ||
        response->command_error > COMMAND_ERROR_MAX)
        return false;
    out->error = response->command_error;
    out->v = response->v;
    return true;
}
