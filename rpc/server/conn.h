/* One client's connection: hands the lines that come in to the dispatcher, as many in a turn of the
 * loop as it may, sends what it answers, stops reading while the client does not, and ends when the
 * client has gone or, after its half-close, when all is answered; one that begins as HTTP does is
 * handed over unread. Owned by the server's list; frees itself once closed. */
#ifndef XORD_RPC_CONN_H
#define XORD_RPC_CONN_H

#include <uv.h>

#include "rpc/dispatch.h"
#include "rpc/server/conn_lists.h"
#include "rpc/server/lines.h"

struct http;

#define CONN_CHUNK_SIZE (64u * 1024u) /* read at once: many small calls, one system call */

/* What the connections of a server share. */
struct conn_set {
    uv_loop_t *loop;
    struct dispatch *dispatch;
    struct http *http; /* takes over the connections that speak it */
    struct conn_lists lists;
    size_t count;                /* of all that are not yet closed, closing ones too */
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
    struct lines lines;
    bool is_reading, is_writing, is_closing;
    bool is_first; /* nothing read yet: it may be HTTP */
    bool is_ended; /* the client will send no more */
    bool is_last;  /* close when all is sent, whatever is pending */
    struct conn_links links;
};

/* Takes the connection that waits on `listener`. Beyond RPC_CLIENTS_MAX, or RPC_CLIENTS_READ_MAX of
 * this access, it is told so and closed. */
void conn_accept(struct conn_set *set, uv_stream_t *listener, enum rpc_access access);
/* As conn_accept, with a connected socket; for tests. It is closed on failure. */
bool conn_open(struct conn_set *set, int fd, enum rpc_access access);
/* Sends what is queued and acts on what has ended since. */
void conn_set_flush(struct conn_set *set);
/* A new turn: goes on with lines that waited for it. */
void conn_set_go_on(struct conn_set *set);
/* Answers what is pending with ERR_STOPPING and lets every connection close when all is sent. */
void conn_set_stop(struct conn_set *set);
/* Closes all at once, sent or not. */
void conn_set_close(struct conn_set *set);

#endif
