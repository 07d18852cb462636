/* The TCP socket of the status page: made here, served by rpc/. */
#ifndef XORD_DAEMON_HTTP_SOCKET_H
#define XORD_DAEMON_HTTP_SOCKET_H

#include <stddef.h>

#include "common/addr.h"
#include "common/err.h"

/* Binds and listens, without blocking; port 0: a free one, which `addr` then shows. ERR_IN_USE when
 * the port is taken, else ERR_IO, with one line in `detail`. */
enum err http_socket_listen(struct addr *addr, int *fd, char *detail, size_t detail_size);

#endif
