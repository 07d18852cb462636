/* `xord handle COMMAND --exec CMD`: runs CMD for each request of the network, several at once, and
 * answers with what it prints and how it exits. What could not begin in its time is left: whoever
 * asked has been told. */
#ifndef XORD_RPC_CLIENT_HANDLE_H
#define XORD_RPC_CLIENT_HANDLE_H

#include "common/bytes.h"
#include "rpc/client/client_stream.h"
#include "rpc/json/json.h"

#define CLIENT_HANDLE_MAX       8     /* run at once */
#define CLIENT_HANDLE_QUEUE_MAX 64    /* wait for that; as many as the daemon has unanswered */
#define CLIENT_HANDLE_PRINT_MAX 65536 /* bytes of one's output: far above what can be sent */

struct client_waiting {
    json_t *params; /* owned */
    uint64_t deadline_ms;
};

struct client_handling {
    const struct client_args *args;
    unsigned running;
    size_t count;
    struct client_waiting queue[CLIENT_HANDLE_QUEUE_MAX]; /* oldest first */
};

/* The stream's events are requests, each of which is run from now on. Borrows both. */
void client_handle_begin(struct client_handling *handling, struct client_stream *stream,
                         const struct client_args *args);
/* Waits for those that still run, and, unless the daemon is gone, for those that wait. */
void client_handle_end(struct client_handling *handling, bool is_daemon_gone);

/* What a request's value is on standard input: a bare string bare, bytes exactly, other JSON as
 * JSON, nothing for null. To be cleared. */
struct json_text client_handle_input(const json_t *params);
/* The parameters of `respond` for what was printed: JSON if it is that, else a string without its
 * last line feed, else bytes; nothing is null. With an exit status other than 0 its error: from 16
 * on the status itself, else 16. A new reference; NULL without memory. */
json_t *client_handle_answer(const struct client_args *args, json_int_t request, int status,
                             struct bytes printed);

#endif
