/* `xord top`: a daemon on a terminal, as it is now, until q is pressed. Asks getinfo and listnodes
 * each second and follows the lookups by monitor, all over one connection. */
#ifndef XORD_RPC_CLIENT_TOP_H
#define XORD_RPC_CLIENT_TOP_H

#include "rpc/client/client.h"
#include "rpc/client/client_args.h"

/* CLIENT_OK when it was ended by a key or a signal, CLIENT_USAGE where it cannot draw,
 * CLIENT_NO_DAEMON with one line on standard error when there is none, or no more. */
enum client_exit client_top(const struct client_args *args);
const char *client_top_summary(void); /* one line without a full stop */
/* The page of help. */
const char *client_top_help(void);

#endif
