/* The JSON-RPC server: two kinds of Unix socket on the loop, one JSON value a line both ways, many
 * calls in flight, nothing waiting for anything. With dispatch.h the only room that touches sockets
 * in rpc/; clients that begin with HTTP are http.h's. Limits (limits.h): RPC_CLIENTS_MAX clients,
 * RPC_CLIENTS_READ_MAX of them on the read-only socket, which all may open, and for each
 * RPC_LINE_MAX a line, RPC_CALLS_MAX calls in flight, RPC_OUTPUT_MAX unread output (beyond it the
 * client is not read from). */
#ifndef XORD_RPC_SERVER_H
#define XORD_RPC_SERVER_H

#include <sys/types.h>
#include <uv.h>

#include "rpc/host.h"
#include "rpc/limits.h"

struct rpc_server;
struct http_hosts;

/* The host is copied; what it points to must outlive the server. NULL without memory. */
struct rpc_server *rpc_server_new(uv_loop_t *loop, const struct rpc_host *host);
/* Binds and listens. A live socket at `path` is ERR_IN_USE, a dead one is replaced, a path longer
 * than sun_path ERR_TOO_BIG, any other failure ERR_IO. The mode is right before the first
 * connection can be accepted. `detail` gets one line for a person. */
enum err rpc_server_listen(struct rpc_server *server, const char *path, mode_t mode,
                           enum rpc_access access, char detail[RPC_DETAIL_SIZE]);
/* Serves a listening Unix stream socket that somebody else has made: its file is neither touched
 * nor removed. Takes the descriptor in each case. ERR_BUSY: more sockets than there is room for. */
enum err rpc_server_adopt(struct rpc_server *server, int fd, enum rpc_access access);
/* Serves HTTP on this listening TCP socket, which is taken, also on failure (rpc/server/http.h):
 * reading methods alone, and Hosts of ours alone. At most once. ERR_IO, and `detail` may get one
 * line for a person. */
enum err rpc_server_listen_http(struct rpc_server *server, int fd, const struct http_hosts *hosts,
                                char detail[RPC_DETAIL_SIZE]);
/* The address of that socket; ADDR_NONE: there is none. */
struct addr rpc_server_http_bound(const struct rpc_server *server);
/* A completion event of the node (daemon_flush hands over all but EVENT_NEED_SIGNATURE). */
void rpc_server_event(struct rpc_server *server, const struct event *event);
/* EVENT_NEED_SIGNATURE for `record` has come. True: it is a large value's renewal that would
 * outlive its chunks, the whole is put anew, and this record is to be answered with no signature.
 */
bool rpc_server_renew(struct rpc_server *server, const struct record *record);
/* A host function's answer. `detail` may be NULL. */
void rpc_server_done(struct rpc_server *server, uint64_t ticket, enum err err, const char *detail);
void rpc_server_resolved(struct rpc_server *server, uint64_t ticket, enum err err,
                         const struct addr *addrs, size_t count);
/* Run before the loop sleeps: answers waitready when the node's state allows, writes what is
 * queued. */
void rpc_server_flush(struct rpc_server *server);
/* Refuses new calls with ERR_STOPPING, answers those under way with it, writes what is queued,
 * closes all and removes the socket files. Idempotent. */
void rpc_server_close(struct rpc_server *server);
/* True when all its handles are closed, and it can be freed. */
bool rpc_server_is_closed(const struct rpc_server *server);
void rpc_server_free(struct rpc_server *server);
size_t rpc_server_clients(const struct rpc_server *server);
/* The metrics text, as getmetrics answers it, in memory of its own (free); NULL without memory. */
char *rpc_server_metrics(const struct rpc_server *server, size_t *size);

#endif
