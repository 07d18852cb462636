/* A command of the user's, run by `sh -c` with what happened on its standard input and in its
 * environment. Blocking: one at a time. It is the first of a process group of its own, and has a
 * minder, a process between it and the client. When the client ends before the command, however
 * that is, the minder ends the whole group: by SIGTERM, and after a while by SIGKILL. */
#ifndef XORD_RPC_CLIENT_EXEC_H
#define XORD_RPC_CLIENT_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"

#define CLIENT_VARIABLES_MAX 16
#define CLIENT_EXEC_GRACE_MS 500u /* between SIGTERM and SIGKILL: to remove a file or two */
#define CLIENT_EXEC_LATE                                                                           \
    124 /* the status of what was ended at its deadline, as timeout(1) has it */

struct client_variables { /* of its environment, beside the client's own */
    struct {
        const char *name, *value; /* borrowed */
    } list[CLIENT_VARIABLES_MAX];
    size_t count;
};

/* A value that is NULL is left out. */
void client_variables_add(struct client_variables *variables, const char *name, const char *value);
/* Runs it to its end, or to `deadline_ms` of client_socket_now_ms, when it is ended with its group;
 * its output goes where the client's goes. Its exit status, 128 and the signal's number when one
 * ended it, CLIENT_EXEC_LATE, 126 when it could not be started, or -1 with errno where not even its
 * minder could be. It need not read its input. */
int client_exec(const char *command, const struct client_variables *variables, struct bytes input,
                uint64_t deadline_ms);

/* fork(2) of a minder, which has standard input, output and error alone. It can be waited for, also
 * where who started us had SIGCHLD ignored, and gets SIGTERM when the client is gone. */
pid_t client_exec_fork(void);

struct client_printed { /* what a command printed */
    size_t size_max;
    char *data;    /* to be freed */
    size_t size;   /* over size_max: it printed more than that, and was ended */
    bool is_late;  /* it was ended at the deadline */
    bool is_ended; /* it was ended since a signal told us to end */
};

/* For a minder: runs it and takes its output, until it has ended and let go of that. At
 * `deadline_ms` of client_socket_now_ms it is ended, with all in its group. Its exit status as
 * above, or -1 with errno when it could not be started; `printed` is set up with its size_max
 * alone. */
int client_exec_read(const char *command, const struct client_variables *variables,
                     struct bytes input, uint64_t deadline_ms, struct client_printed *printed);

#endif
