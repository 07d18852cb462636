/* Custom commands: other programs' own queries, carried between nodes for them. What a command is
 * called, and what an answer to one says. Sends nothing. */
#ifndef XORD_DHT_COMMAND_H
#define XORD_DHT_COMMAND_H

#include "daemon/dht/event.h"
#include "daemon/dht/wire/krpc.h"

/* 1 to COMMAND_NAME_MAX characters of a-z, 0-9, '.', '_' and '-'. */
bool command_name_is_valid(struct bytes name);
/* "unknown_command", "busy", "timeout", "failed", static; NULL for one of a handler's own. */
const char *command_error_name(int64_t error);
/* What a response says: `error` and `v` of `out` are set, a view. False when it holds a value over
 * COMMAND_V_MAX or an error that there is none of. */
bool command_read_reply(const struct krpc *response, struct command_reply *out);

#endif
