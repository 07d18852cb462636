/* The daemon, assembled: starts its parts in order, runs the loop until told to stop, and answers
 * the process's exit status. */
#ifndef XORD_DAEMON_DAEMON_H
#define XORD_DAEMON_DAEMON_H

#include "daemon/settings.h"

enum daemon_exit {
    DAEMON_STOPPED = 0,
    DAEMON_MAY_PASS = 1,     /* port or directory in use, input or output failed */
    DAEMON_NEEDS_PERSON = 2, /* configuration, newer or corrupt data */
    DAEMON_USAGE = 3
};

/* What to do with a command line that is no call: help, the version, a check, or the daemon.
 * `*is_urgent` is set when work is left on threads that must not be waited for: then the process
 * ends by _exit. */
enum daemon_exit daemon_main(const struct settings_input *input, bool *is_urgent);

#endif
