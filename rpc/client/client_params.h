/* From the client's words to a call's parameters, by the method's row: what a word means is decided
 * by the type of the parameter it is for. Reads the files and the standard input that words name.
 */
#ifndef XORD_RPC_CLIENT_PARAMS_H
#define XORD_RPC_CLIENT_PARAMS_H

#include <jansson.h>

#include "rpc/client/client_args.h"
#include "rpc/method.h"

#define CLIENT_INPUT_MAX                                                                           \
    (1280u *                                                                                       \
     1024u) /* of a file or standard input: above what the daemon takes, so that it says so */

/* An object with each parameter by its name: a new reference. NULL with one line in `error` that
 * names the parameter. */
json_t *client_params(const struct client_args *args, const struct method *row,
                      char error[CLIENT_ERROR_SIZE]);

#endif
