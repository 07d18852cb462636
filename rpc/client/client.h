/* The command line: `xord METHOD args…`. One call over the daemon's socket, its result on standard
 * output, all else on standard error, and an exit code that tells the truth. Blocking I/O: nothing
 * here runs inside the daemon. */
#ifndef XORD_RPC_CLIENT_H
#define XORD_RPC_CLIENT_H

#include <stdbool.h>

enum client_exit {
    CLIENT_OK = 0,
    CLIENT_ERROR_REPLY = 1, /* the daemon answered with an error */
    CLIENT_NO_DAEMON = 2,   /* cannot talk to the daemon */
    CLIENT_USAGE = 3,
    CLIENT_NO_VALUE = 4, /* nobody has it, or it is deleted; no node answered a query */
    CLIENT_TIMEOUT = 5,  /* also a put that is kept, but stored by nobody yet */
    CLIENT_OFFLINE = 6
};

/* True when these arguments are a call and not the daemon's own: a link's name (dhtget, dhtput,
 * dhtlisten), or a word that is neither an option nor the value of one. */
bool client_is_meant(int argc, char **argv);
/* Makes the call and answers the process's exit code (enum client_exit). argv[0] is the program's
 * name: called as dhtget, dhtput or dhtlisten, that is the method. */
int client_main(int argc, char **argv);

#endif
