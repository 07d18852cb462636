/* Listening sockets that the service manager has opened and passes on (sd_listen_fds(3)): which
 * they are is said by their names, LISTEN_FDNAMES. Checks each and owns it until it is taken; never
 * binds, removes or changes the mode of one. */
#ifndef XORD_DAEMON_PASSED_H
#define XORD_DAEMON_PASSED_H

#include "daemon/settings.h"
#include "rpc/server/server.h"

#define PASSED_MAX         4 /* as many as the RPC server listens on */
#define PASSED_FIRST_FD    3 /* SD_LISTEN_FDS_START: behind standard error */
#define PASSED_DETAIL_SIZE 512

struct passed_socket {
    int fd; /* -1: taken */
    enum rpc_access access;
    char path[108]; /* for a person; "@" before an abstract name */
};

struct passed {
    struct passed_socket sockets[PASSED_MAX];
    size_t count;
};

/* Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; the descriptors begin at `first_fd`. ERR_OK,
 * with none when none was passed to this process; ERR_MALFORMED, with one line in `detail`, for a
 * socket that we cannot serve. */
enum err passed_find(struct passed *p, const struct settings_input *input, int first_fd,
                     char detail[PASSED_DETAIL_SIZE]);
/* The next socket of this access; NULL when there is none left. The caller takes its descriptor. */
struct passed_socket *passed_next(struct passed *p, enum rpc_access access);
/* Closes what was not taken. */
void passed_clear(struct passed *p);

#endif
