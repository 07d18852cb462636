/* One client's connection: cuts what comes in into lines for the dispatcher, sends what it answers,
 * stops reading while the client does not, and ends when the client has gone or, after its
 * half-close, when all is answered; one that begins as HTTP does is handed over unread. Owned by
 * the server's list; frees itself once closed. */
#ifndef XORD_RPC_CONN_H
#define XORD_RPC_CONN_H

#include <uv.h>

#include "rpc/dispatch.h"

struct http;

#define CONN_CHUNK_SIZE (64u * 1024u) /* read at once: many small calls, one system call */

/* What the connections of a server share. */
struct conn_set {
    uv_loop_t *loop;
    struct dispatch *dispatch;
    struct http *http; /* takes over the connections that speak it */
    struct conn *all;
    struct conn *dirty; /* with something to do in the next conn_set_flush */
    size_t count;
    size_t read_count;           /* of it on the read-only socket, and not yet closing */
    char chunk[CONN_CHUNK_SIZE]; /* what was just read; handled before the next read */
};

struct conn {
    struct rpc_client client; /* first: the dispatcher hands it back */
    struct conn_set *set;
    uv_pipe_t pipe;
    uv_poll_t hangup; /* on a copy of the descriptor, while half-closed with calls pending */
    uv_write_t write;
    int hangup_fd;
    unsigned handles;      /* not yet closed */
    struct json_text sent; /* being written by libuv; client.out gathers behind it */
    struct json_text input;
    size_t scanned; /* of `input`, known to hold no line feed */
    bool is_reading, is_writing, is_closing, is_dirty;
    bool is_first;    /* nothing read yet: it may be HTTP */
    bool is_skipping; /* the rest of a line that was too long */
    bool is_ended;    /* the client will send no more */
    bool is_last;     /* close when all is sent, whatever is pending */
    struct conn *previous, *next, *next_dirty;
};

/* Takes the connection that waits on `listener`. Beyond RPC_CLIENTS_MAX, or RPC_CLIENTS_READ_MAX of
 * this access, it is told so and closed. */
void conn_accept(struct conn_set *set, uv_stream_t *listener, enum rpc_access access);
/* As conn_accept, with a connected socket; for tests. It is closed on failure. */
bool conn_open(struct conn_set *set, int fd, enum rpc_access access);
/* Sends what is queued and acts on what has ended since. */
void conn_set_flush(struct conn_set *set);
/* Answers what is pending with ERR_STOPPING and lets every connection close when all is sent. */
void conn_set_stop(struct conn_set *set);
/* Closes all at once, sent or not. */
void conn_set_close(struct conn_set *set);

#endif
