/* Following a stream on the command line: a method that answers {"sub":N}, then what its
 * notifications bring, until -C events have come, -W seconds have passed, or the daemon ends it. */
#ifndef XORD_RPC_CLIENT_STREAM_H
#define XORD_RPC_CLIENT_STREAM_H

#include <jansson.h>

#include "rpc/client/client.h"
#include "rpc/client/client_args.h"
#include "rpc/client/client_socket.h"

#define CLIENT_STREAM_SECONDS_MAX 1000000000u /* about 30 years */

struct client_stream {
    uint64_t count; /* -C: so many events; 0: any number */
    uint64_t
        deadline_ms; /* -W: no event after that, by client_socket_now_ms; UINT64_MAX: for ever */
    /* The `params` of a notification. *is_counted is true before, to be set false when it is none
     * of those that -C counts. False ends the stream, with `code`. */
    bool (*on_event)(struct client_stream *stream, const json_t *params, bool *is_counted);
    /* Called between lines, and when the time comes that it answered last, by client_socket_now_ms;
     * UINT64_MAX: not before the next line. May be NULL. */
    uint64_t (*on_turn)(struct client_stream *stream);
    bool is_printing;      /* it ends, by SIGPIPE, when nobody reads standard output any more */
    enum client_exit code; /* how it ended */
    bool is_daemon_gone;   /* and that was because the daemon stops, or is not there any more */
    void *context;
};

/* Reads -C and -W; the time begins now. False with one line in `error`. */
bool client_stream_init(struct client_stream *stream, const struct client_args *args,
                        char error[CLIENT_ERROR_SIZE]);
/* Sends the request and follows the stream. CLIENT_OK at one of its ends, also when the daemon
 * stops and says so; the error's exit when the request is refused; CLIENT_NO_DAEMON with one line
 * on standard error when the daemon is gone. */
enum client_exit client_stream_run(struct client_stream *stream, struct client_socket *socket,
                                   const char *method, const json_t *request);
/* An on_event that prints each as one JSON line on standard output, at once; `gap` and `end` are
 * not counted. */
bool client_stream_print(struct client_stream *stream, const json_t *params, bool *is_counted);

#endif
