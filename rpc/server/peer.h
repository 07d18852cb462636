/* What a client's socket tells of who is at its other end. */
#ifndef XORD_RPC_PEER_H
#define XORD_RPC_PEER_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

/* SO_PEERCRED; (uid_t)-1 where there is none. */
uid_t peer_uid(const uv_pipe_t *pipe);
/* Both directions are closed: not a half-close, the client has gone. */
bool peer_has_hung_up(const uv_pipe_t *pipe);
/* Looks at the first bytes without taking them: libmicrohttpd must find them unread. *is_known is
 * false while there are none. */
bool peer_speaks_http(const uv_pipe_t *pipe, bool *is_known);
/* A copy of the descriptor, which outlives the pipe; -1 when there is no room for it. */
int peer_copy(const uv_pipe_t *pipe);

#endif
