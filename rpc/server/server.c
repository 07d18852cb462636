#include "rpc/server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/own.h"
#include "rpc/server/conn.h"
#include "rpc/server/http.h"
#include "rpc/server/socket.h"

#define LISTENERS_MAX  6     /* a full socket, a read-only one, and the four that may be passed */
#define LISTEN_BACKLOG 512   /* connections that wait for the loop; beyond it clients wait */
#define CLOSE_WAIT_MS  1000u /* for clients that are slow to read their last answers */

struct listener {
    uv_pipe_t pipe;
    struct rpc_server *server;
    struct socket_file file;
    enum rpc_access access;
};

struct rpc_server {
    struct dispatch dispatch;
    struct conn_set conns;
    struct http *http;
    struct listener listeners[LISTENERS_MAX];
    size_t listener_count;
    uv_timer_t timer;    /* the next deadline of a call; when closing, the end of patience */
    uv_idle_t turn;      /* runs while requests wait for their turn, so that the loop goes on */
    uv_prepare_t closer; /* runs rpc_server_flush while closing, whatever the shell does */
    uint64_t timer_ms;   /* what it is set to; UINT64_MAX: not */
    size_t open_handles; /* of listeners, the timer, the turn and the closer */
    bool is_closing;
};

static void on_timer(uv_timer_t *timer)
{
    struct rpc_server *server = timer->data;

    server->timer_ms = UINT64_MAX;
    if (server->is_closing) {
        conn_set_close(&server->conns);
        http_close(server->http);
    } else {
        dispatch_tick(&server->dispatch);
    }
}

/* Batches, lines that were left over, and what is read now have a turn each, so that none of them
 * keeps the others waiting: who says little is answered at once, whatever the others said. */
static void on_turn(uv_idle_t *idle)
{
    struct rpc_server *server = idle->data;
    struct turn *turn = &server->dispatch.turn;

    turn_renew(turn);
    dispatch_go_on(&server->dispatch);
    turn_renew(turn);
    conn_set_go_on(&server->conns);
    turn_renew(turn);
}

struct rpc_server *rpc_server_new(uv_loop_t *loop, const struct rpc_host *host)
{
    struct rpc_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return NULL;
    dispatch_init(&server->dispatch, host, server);
    server->http = http_new(loop, &server->dispatch, HTTP_LIBRARY);
    if (server->http == NULL) {
        free(server);
        return NULL;
    }
    uv_timer_init(loop, &server->timer); /* these three cannot fail */
    uv_idle_init(loop, &server->turn);
    uv_prepare_init(loop, &server->closer);
    /* A client that vanishes is an error of the write, not a signal to the process. */
    signal(SIGPIPE, SIG_IGN);
    server->timer.data = server;
    server->turn.data = server;
    server->closer.data = server;
    server->timer_ms = UINT64_MAX;
    server->open_handles = 3;
    server->conns.loop = loop;
    server->conns.dispatch = &server->dispatch;
    server->conns.http = server->http;
    return server;
}

/* ---- listening ---- */

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;

    if (status == 0 && !listener->server->is_closing)
        conn_accept(&listener->server->conns, stream, listener->access);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct rpc_server *server = handle->data;

    server->open_handles--;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    listener->server->open_handles--;
}

static enum err start_listener(struct rpc_server *server, struct listener *listener, int fd)
{
    if (uv_pipe_init(server->timer.loop, &listener->pipe, 0) != 0) {
        close(fd);
        return ERR_IO;
    }
    listener->pipe.data = listener;
    server->open_handles++;
    server->listener_count++;
    if (uv_pipe_open(&listener->pipe, fd) != 0) {
        close(fd);
        return ERR_IO;
    }
    int status = uv_listen((uv_stream_t *)&listener->pipe, LISTEN_BACKLOG, on_connection);
    return status == 0 ? ERR_OK : ERR_IO;
}

enum err rpc_server_listen(struct rpc_server *server, const char *path, mode_t mode,
                           enum rpc_access access, char detail[RPC_DETAIL_SIZE])
{
    struct listener *listener = &server->listeners[server->listener_count];
    int fd = -1;

    if (server->listener_count == LISTENERS_MAX) {
        snprintf(detail, RPC_DETAIL_SIZE, "more than %d sockets", LISTENERS_MAX);
        return ERR_IO;
    }
    *listener = (struct listener){.server = server, .access = access};
    enum err err = socket_bind(path, mode, &fd, &listener->file, detail);
    if (err != ERR_OK)
        return err;
    err = start_listener(server, listener, fd);
    if (err != ERR_OK)
        snprintf(detail, RPC_DETAIL_SIZE, "cannot listen on %s", path);
    return err;
}

enum err rpc_server_adopt(struct rpc_server *server, int fd, enum rpc_access access)
{
    struct listener *listener = &server->listeners[server->listener_count];

    if (server->listener_count == LISTENERS_MAX) {
        close(fd);
        return ERR_BUSY;
    }
    *listener = (struct listener){.server = server, .access = access};
    return start_listener(server, listener, fd);
}

enum err rpc_server_listen_http(struct rpc_server *server, int fd, const struct http_hosts *hosts,
                                char detail[RPC_DETAIL_SIZE])
{
    return http_listen(server->http, fd, hosts, detail);
}

struct addr rpc_server_http_bound(const struct rpc_server *server)
{
    return http_bound(server->http);
}

/* ---- what comes in ---- */

void rpc_server_event(struct rpc_server *server, const struct event *event)
{
    dispatch_event(&server->dispatch, event);
}

bool rpc_server_renew(struct rpc_server *server, const struct record *record)
{
    return large_renew(&server->dispatch, record);
}

void rpc_server_done(struct rpc_server *server, uint64_t ticket, enum err err, const char *detail)
{
    dispatch_done(&server->dispatch, ticket, err, detail);
}

void rpc_server_resolved(struct rpc_server *server, uint64_t ticket, enum err err,
                         const struct addr *addrs, size_t count)
{
    dispatch_resolved(&server->dispatch, ticket, err, addrs, count);
}

static void arm_timer(struct rpc_server *server)
{
    uint64_t next_ms = dispatch_next_ms(&server->dispatch);

    if (next_ms == server->timer_ms)
        return;
    server->timer_ms = next_ms;
    if (next_ms == UINT64_MAX) {
        uv_timer_stop(&server->timer);
        return;
    }
    uint64_t now_ms = server->dispatch.host.now(server->dispatch.host.context).ms;
    uv_timer_start(&server->timer, on_timer, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

static void arm_turn(struct rpc_server *server)
{
    if (dispatch_is_unfinished(&server->dispatch) || server->conns.lists.resting_first != NULL)
        uv_idle_start(&server->turn, on_turn);
    else
        uv_idle_stop(&server->turn);
}

void rpc_server_flush(struct rpc_server *server)
{
    if (!server->is_closing)
        dispatch_tick(&server->dispatch);
    conn_set_flush(&server->conns);
    http_flush(server->http);
    arm_turn(server);
    if (!server->is_closing)
        arm_timer(server);
    else if (server->conns.lists.all == NULL && http_is_closed(server->http) &&
             !uv_is_closing((uv_handle_t *)&server->timer)) {
        uv_close((uv_handle_t *)&server->timer, on_handle_closed);
        uv_close((uv_handle_t *)&server->turn, on_handle_closed);
        uv_close((uv_handle_t *)&server->closer, on_handle_closed);
    }
}

/* ---- the end ---- */

static void on_prepare(uv_prepare_t *closer)
{
    rpc_server_flush(closer->data);
}

void rpc_server_close(struct rpc_server *server)
{
    if (server->is_closing)
        return;
    server->is_closing = true;
    server->dispatch.is_stopping = true;
    for (size_t i = 0; i < server->listener_count; i++) {
        socket_remove(&server->listeners[i].file);
        uv_close((uv_handle_t *)&server->listeners[i].pipe, on_listener_closed);
    }
    conn_set_stop(&server->conns);
    http_stop(server->http);
    own_stop(&server->dispatch);
    uv_timer_start(&server->timer, on_timer, CLOSE_WAIT_MS, 0);
    uv_prepare_start(&server->closer, on_prepare);
    rpc_server_flush(server);
}

bool rpc_server_is_closed(const struct rpc_server *server)
{
    return server->is_closing && server->open_handles == 0 && server->conns.count == 0;
}

void rpc_server_free(struct rpc_server *server)
{
    if (server == NULL)
        return;
    http_free(server->http);
    dispatch_clear(&server->dispatch);
    free(server);
}

size_t rpc_server_clients(const struct rpc_server *server)
{
    return server->dispatch.client_count;
}

char *rpc_server_metrics(const struct rpc_server *server, size_t *size)
{
    struct json_text text = {0};

    dispatch_write_metrics(&server->dispatch, &text);
    if (text.failed)
        json_text_clear(&text);
    *size = text.size;
    return text.data;
}
