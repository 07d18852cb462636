/* HTTP beside JSON-RPC, on the same loop, by libmicrohttpd without threads of its own: one call a
 * `POST /`, with the rights of the door that it came through, `GET /metrics`, and the status page.
 * Doors are the Unix sockets, whose connections are handed over before a byte of them is read, and
 * one TCP socket, where nothing can be changed and only Hosts of ours are answered. A browser may
 * read here, and call nothing: what bears an Origin is no POST, and is of our own page.
 *
 * libmicrohttpd is loaded when a TCP socket is listened on, else with the first connection that is
 * handed over, which stops the loop once (http_library.h). While it cannot be, connections are told
 * why (503) and closed, and the log has it once.
 *
 * Limits: HTTP_CONNECTIONS_MAX connections, HTTP_CONNECTIONS_READ_MAX of them for who may only read
 * (beyond it 503), HTTP_MEMORY_MAX of each for a request's head (431), RPC_LINE_MAX for its body
 * (413), HTTP_REQUEST_MS from a connection's beginning, or its last answer, until the next request
 * has come in whole, and HTTP_IDLE_S for one that does not read its answer. */
#ifndef XORD_RPC_HTTP_H
#define XORD_RPC_HTTP_H

#include <uv.h>

#include "rpc/dispatch.h"
#include "rpc/server/http_host.h"

#define HTTP_CONNECTIONS_MAX      128
#define HTTP_CONNECTIONS_READ_MAX 96 /* of these that may only read: the owner gets in always */
#define HTTP_MEMORY_MAX           (16u * 1024u) /* more than browsers send; 2 MiB for all of them */
#define HTTP_IDLE_S               30u           /* a slow reader takes some from time to time */
#define HTTP_REQUEST_MS           20000u /* whoever sends a byte a second is not waited for */

#define HTTP_LIBRARY "libmicrohttpd.so.12" /* whose interface is that of its header */

struct http;

/* `dispatch` must outlive it, and `library`, the name of libmicrohttpd: HTTP_LIBRARY but in tests.
 * NULL without memory. */
struct http *http_new(uv_loop_t *loop, struct dispatch *dispatch, const char *library);
/* True when a connection's first bytes may begin an HTTP request, which no JSON does. */
bool http_is_begun(const char *data, size_t size);
/* Takes over a connected Unix socket, of which nothing has been read, also when it is refused. */
void http_take(struct http *http, int fd, enum rpc_access access, uid_t uid);
/* Takes over a listening TCP socket, also on failure. Names of `hosts` are borrowed. ERR_IO, and
 * `detail` gets one line for a person where there is more to say. */
enum err http_listen(struct http *http, int fd, const struct http_hosts *hosts,
                     char detail[RPC_DETAIL_SIZE]);
/* What is listened on, with its port; ADDR_NONE: nothing. */
struct addr http_bound(const struct http *http);

/* Goes on with requests whose answers have come. Run before the loop sleeps. */
void http_flush(struct http *http);
/* Accepts no more, has the calls under way answered with ERR_STOPPING, and closes when these
 * answers are written. Idempotent. */
void http_stop(struct http *http);
/* Closes at once. Idempotent. */
void http_close(struct http *http);
bool http_is_closed(const struct http *http); /* and may be freed */
void http_free(struct http *http);            /* NULL is allowed */

#endif
