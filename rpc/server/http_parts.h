/* What the files of HTTP share: http.c moves connections, http_request.c answers what comes over
 * them. Private to these. */
#ifndef XORD_RPC_HTTP_PARTS_H
#define XORD_RPC_HTTP_PARTS_H

#include "rpc/server/http.h"
#include "rpc/server/http_events.h"
#include "rpc/server/http_library.h"

struct http_request;

struct http_link { /* one connection */
    struct http *http;
    int fd; /* libmicrohttpd's */
    enum rpc_access access;
    bool is_local; /* a Unix socket; else TCP */
    uid_t uid;
    bool is_started;              /* libmicrohttpd knows it */
    uint64_t waiting_ms;          /* since when no whole request has come */
    struct http_request *request; /* under way, or NULL */
    struct http_link *previous, *next;
};

struct http {
    uv_loop_t *loop;
    struct dispatch *dispatch;
    const char *library; /* its name */
    struct http_library mhd;
    struct MHD_Daemon *daemon; /* NULL: HTTP has not been spoken yet */
    uv_poll_t poll;            /* libmicrohttpd's epoll descriptor, when there is a daemon */
    uv_timer_t timer;          /* its next timeout, and the next sweep */
    uv_poll_t listener;        /* on listen_fd */
    int listen_fd;             /* -1: none */
    uint64_t accept_ms;        /* when it is looked at again, if no descriptor is left; else 0 */
    struct http_hosts hosts;
    struct http_link *links, *taking; /* taking: being handed to libmicrohttpd */
    size_t link_count, read_count;    /* read_count: of these, who may only read */
    struct http_request *dirty;       /* whose client has new output */
    size_t request_count;             /* under way */
    size_t events_count;              /* of these, streams of events */
    size_t open_handles;
    uint64_t sweep_ms; /* when the connections are looked through next */
    bool is_stopping, is_closing;
    bool has_warned; /* that it cannot be spoken */
};

struct http_route;

struct http_request {
    struct http_link *link;
    struct MHD_Connection *connection;
    const struct http_route *route; /* NULL: it is refused, */
    unsigned status;                /* with this status, once its body has come */
    const char *why, *allow;        /* allow: the methods of a page that does not take this one */
    struct json_text body;
    struct rpc_client client; /* makes its call, where it has one */
    bool has_client, is_too_big;
    struct http_events events; /* of a stream of them */
    bool is_suspended;         /* waits for what its calls answer, or for the next event */
    bool is_dirty, is_gone;
    struct http_request *next_dirty;
};

/* http_request.c, for libmicrohttpd. */
enum MHD_Result http_on_request(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **state);
void http_on_completed(void *context, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code);
/* Resumes the request when what it waits for has come; true when it was waiting. */
bool http_request_resume(struct http_request *request);
/* The daemon stops: its calls are answered so, its stream of events ends. */
void http_request_stop(struct http_request *request);
/* Nobody reads the answer any more: its calls are cancelled. */
void http_request_abandon(struct http_request *request);

#endif
