/* A command of the user's, run by `sh -c` with what happened on its standard input and in its
 * environment. Its own output goes where the client's goes. Blocking: one at a time. */
#ifndef XORD_RPC_CLIENT_EXEC_H
#define XORD_RPC_CLIENT_EXEC_H

#include <stdbool.h>

#include "common/bytes.h"

#define CLIENT_VARIABLES_MAX 16

struct client_variables { /* of its environment, beside the client's own */
    struct {
        const char *name, *value; /* borrowed */
    } list[CLIENT_VARIABLES_MAX];
    size_t count;
};

/* A value that is NULL is left out. */
void client_variables_add(struct client_variables *variables, const char *name, const char *value);
/* Runs it to its end. Its exit status, 128 and the signal's number when one ended it, or -1 with
 * errno when it could not be started. It need not read its input. */
int client_exec(const char *command, const struct client_variables *variables, struct bytes input);

#endif
