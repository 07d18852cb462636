/* `xord listen`: each event as one JSON line at once, or as -q shows it, or handed to a command;
 * with --reconnect also over restarts of the daemon, where nothing is shown twice. */
#ifndef XORD_RPC_CLIENT_LISTEN_H
#define XORD_RPC_CLIENT_LISTEN_H

#include <jansson.h>

#include "rpc/client/client.h"
#include "rpc/client/client_args.h"

/* Listens with these parameters to the end. CLIENT_OK when -C events have come, -W seconds have
 * passed or the daemon stops; CLIENT_TIMEOUT when the seconds passed before the -C events came;
 * CLIENT_NO_DAEMON when the daemon has gone without a word. */
enum client_exit client_listen(const struct client_args *args, json_t *params);

#endif
