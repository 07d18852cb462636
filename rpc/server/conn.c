#include "rpc/server/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/server/http.h"
#include "rpc/server/peer.h"

static struct conn *conn_of(void *client)
{
    return client; /* the client is its first member */
}

static bool is_reader(const struct conn *conn)
{
    return conn->client.access == RPC_ACCESS_READ;
}

static void mark_dirty(struct conn *conn)
{
    if (!conn->is_closing)
        conn_lists_mark(&conn->set->lists, conn);
}

static void on_output(struct rpc_client *client)
{
    mark_dirty(conn_of(client));
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    if (--conn->handles > 0)
        return;
    if (conn->hangup_fd >= 0)
        close(conn->hangup_fd);
    conn->set->count--;
    json_text_clear(&conn->sent);
    free(conn);
}

static void close_conn(struct conn *conn)
{
    if (conn->is_closing)
        return;
    conn->is_closing = true;
    conn_lists_remove(&conn->set->lists, conn);
    dispatch_client_clear(&conn->client);
    lines_clear(&conn->lines);
    uv_close((uv_handle_t *)&conn->pipe, on_closed);
    if (conn->hangup_fd >= 0)
        uv_close((uv_handle_t *)&conn->hangup, on_closed);
}

/* ---- lines ---- */

static void note(struct conn *conn)
{
    conn->client.unended = lines_kept(&conn->lines);
    unread_note(&conn->client);
}

static size_t queued(const struct conn *conn)
{
    return conn->client.out.size + conn->client.sending;
}

static bool is_full(const struct conn *conn)
{
    return queued(conn) > unread_limit(&conn->client, RPC_OUTPUT_MAX);
}

static void refuse_long_line(struct conn *conn)
{
    char text[64];

    metrics_refused(&conn->set->dispatch->metrics, METRICS_LINE_BYTES);
    snprintf(text, sizeof text, "a line longer than %u bytes", RPC_LINE_MAX);
    dispatch_refuse(&conn->client, ERR_PARSE, text);
}

/* The next line may be handled now. */
static bool may_take(const struct conn *conn)
{
    return !is_full(conn) && !conn->is_last && !conn->client.out.failed &&
           conn->client.unfinished == NULL && !turn_is_spent(&conn->set->dispatch->turn);
}

static bool take_line(void *context, struct bytes line)
{
    struct conn *conn = context;

    if (line.data == NULL)
        refuse_long_line(conn);
    else
        dispatch_line(&conn->client, line);
    return may_take(conn);
}

/* It says more than there is room for, as long as others leave so much unread. */
static void refuse_input(struct conn *conn)
{
    metrics_refused(&conn->set->dispatch->metrics, METRICS_UNREAD);
    dispatch_refuse(&conn->client, ERR_BUSY,
                    "the daemon holds too much for its clients; try again later");
    lines_clear(&conn->lines);
    conn->is_last = true;
}

static void on_data(struct conn *conn, struct bytes data)
{
    if (conn->is_last)
        return;
    if (may_take(conn))
        lines_add(&conn->lines, data, take_line, conn);
    else
        lines_keep(&conn->lines, data);
    if (lines_kept(&conn->lines) > unread_limit(&conn->client, SIZE_MAX))
        refuse_input(conn);
    note(conn);
    conn->client.out.failed = conn->client.out.failed || conn->lines.kept.failed;
}

/* ---- reading ---- */

static bool is_http(struct conn *conn)
{
    bool is_known;

    if (!conn->is_first || conn->set->http == NULL)
        return false;
    bool is_http = peer_speaks_http(&conn->pipe, &is_known);
    conn->is_first = !is_known;
    return is_http;
}

/* Called when there is something to read. Without a chunk libuv reads nothing. */
static void give_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct conn *conn = handle->data;

    (void)suggested;
    if (is_http(conn)) {
        *buffer = uv_buf_init(NULL, 0);
        return;
    }
    *buffer = uv_buf_init(conn->set->chunk, CONN_CHUNK_SIZE);
}

static void on_hangup(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    close_conn(poll->data);
}

/* libuv looks at a half-closed pipe no more. A copy of the descriptor that asks for nothing is
 * still told of a hang-up, so a client that then vanishes has its calls cancelled. */
static void watch_hangup(struct conn *conn)
{
    conn->hangup_fd = peer_copy(&conn->pipe);
    if (conn->hangup_fd < 0)
        return;
    if (uv_poll_init(conn->set->loop, &conn->hangup, conn->hangup_fd) != 0) {
        close(conn->hangup_fd);
        conn->hangup_fd = -1;
        return;
    }
    conn->hangup.data = conn;
    conn->handles++;
    uv_poll_start(&conn->hangup, UV_PRIORITIZED, on_hangup);
}

static void on_end(struct conn *conn)
{
    conn->is_ended = true;
    conn->is_reading = false;
    if (peer_has_hung_up(&conn->pipe)) {
        close_conn(conn);
        return;
    }
    if (!conn->is_last)
        lines_end(&conn->lines, take_line, conn);
    dispatch_client_half_closed(&conn->client);
    if (conn->client.call_count > 0)
        watch_hangup(conn);
    mark_dirty(conn);
}

/* A copy of the descriptor goes on; this connection ends. */
static void hand_over(struct conn *conn)
{
    int fd = peer_copy(&conn->pipe);
    enum rpc_access access = conn->client.access;
    uid_t uid = conn->client.uid;
    struct http *http = conn->set->http;

    close_conn(conn);
    if (fd >= 0)
        http_take(http, fd, access, uid);
}

/* Until what keeps the next line from being handled has passed: the output is read, the batch is
 * done, or it is the next turn. */
static void stop_reading(struct conn *conn)
{
    if (conn->is_reading)
        uv_read_stop((uv_stream_t *)&conn->pipe);
    conn->is_reading = false;
    if (!is_full(conn) && conn->client.unfinished == NULL)
        conn_lists_rest(&conn->set->lists, conn);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;

    if (size == UV_ENOBUFS)
        hand_over(conn);
    else if (size == UV_EOF)
        on_end(conn);
    else if (size < 0)
        close_conn(conn);
    else if (size > 0)
        on_data(conn, bytes_of(buffer->base, (size_t)size));
    if (conn->is_closing || conn->is_ended)
        return;
    if (conn->client.out.failed)
        close_conn(conn); /* without memory for its answers it cannot go on */
    else if (!may_take(conn))
        stop_reading(conn);
}

/* Goes on with the lines that are kept; false when some must wait. */
static bool handle_kept(struct conn *conn)
{
    if (lines_kept(&conn->lines) == 0)
        return true;
    if (may_take(conn))
        lines_go_on(&conn->lines, take_line, conn);
    if (conn->client.out.failed)
        mark_dirty(conn);
    else if (!may_take(conn))
        stop_reading(conn);
    return may_take(conn);
}

static void resume_reading(struct conn *conn)
{
    if (conn->is_reading || conn->is_ended || conn->is_last || conn->is_closing ||
        conn->links.is_resting || conn->client.unfinished != NULL ||
        queued(conn) > unread_limit(&conn->client, RPC_OUTPUT_MAX) / 2)
        return;
    if (!handle_kept(conn))
        return;
    conn->is_reading = uv_read_start((uv_stream_t *)&conn->pipe, give_chunk, on_read) == 0;
    if (!conn->is_reading)
        close_conn(conn);
}

void conn_set_go_on(struct conn_set *set)
{
    struct conn_lists *lists = &set->lists;
    const struct conn *last = lists->resting_last;
    struct conn *conn;
    bool was_last = false;

    while (!was_last && (conn = lists->resting_first) != NULL &&
           !turn_is_spent(&set->dispatch->turn)) {
        was_last = conn == last;
        conn_lists_wake(lists, conn);
        resume_reading(conn);
    }
}

/* ---- writing ---- */

static void on_written(uv_write_t *write, int status)
{
    struct conn *conn = write->handle->data;

    conn->is_writing = false;
    conn->client.sending = 0;
    json_text_clear(&conn->sent);
    if (status < 0)
        close_conn(conn);
    else
        mark_dirty(conn);
}

/* Hands the rest of the output to libuv, and starts a new one. */
static void write_rest(struct conn *conn, size_t from)
{
    conn->sent = conn->client.out;
    conn->client.sending = conn->sent.size - from;
    conn->client.out = (struct json_text){0};
    uv_buf_t rest = uv_buf_init(conn->sent.data + from, (unsigned)conn->client.sending);
    conn->is_writing =
        uv_write(&conn->write, (uv_stream_t *)&conn->pipe, &rest, 1, on_written) == 0;
    if (!conn->is_writing)
        close_conn(conn);
}

static void send_output(struct conn *conn)
{
    struct json_text *out = &conn->client.out;

    if (out->size == 0 || conn->is_writing)
        return;
    uv_buf_t all = uv_buf_init(out->data, (unsigned)out->size);
    int sent = uv_try_write((uv_stream_t *)&conn->pipe, &all, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        close_conn(conn);
    else if (sent >= 0 && (size_t)sent == out->size)
        out->size = 0;
    else
        write_rest(conn, sent > 0 ? (size_t)sent : 0);
    if (!conn->is_closing && out->size == 0 && out->capacity > LINES_KEPT_MAX)
        json_text_clear(out);
}

/* What streams kept back follows when all else is out, and is handed over whole: that it is sent is
 * told in the loop's next turn, so a client that reads fast takes its turns with the others. */
static void send_streams(struct conn *conn)
{
    if (conn->is_writing || conn->client.streams.wait_first == NULL)
        return;
    dispatch_client_room(&conn->client);
    if (conn->client.out.size > 0 && !conn->client.out.failed)
        write_rest(conn, 0);
}

static bool is_finished(const struct conn *conn)
{
    if (queued(conn) > 0)
        return false;
    return conn->is_last || (conn->is_ended && conn->client.call_count == 0);
}

static void flush_conn(struct conn *conn)
{
    if (conn->client.out.failed) {
        close_conn(conn);
        return;
    }
    send_output(conn);
    if (!conn->is_closing)
        send_streams(conn);
    if (conn->is_closing)
        return;
    if (is_finished(conn)) {
        close_conn(conn);
        return;
    }
    resume_reading(conn);
    if (!conn->is_closing)
        note(conn);
}

void conn_set_flush(struct conn_set *set)
{
    /* Reading on may answer more: those connections are dirty again and come next. */
    struct conn *conn;
    while ((conn = conn_lists_take(&set->lists)) != NULL)
        flush_conn(conn);
}

/* ---- beginning and end ---- */

static struct conn *new_conn(struct conn_set *set)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL)
        return NULL;
    conn->set = set;
    conn->hangup_fd = -1;
    conn->is_first = true;
    if (uv_pipe_init(set->loop, &conn->pipe, 0) != 0) {
        free(conn);
        return NULL;
    }
    conn->pipe.data = conn;
    conn->handles = 1;
    set->count++;
    return conn;
}

/* The pipe is connected: from here on it is a client. */
static void start_conn(struct conn *conn, enum rpc_access access)
{
    struct conn_set *set = conn->set;

    dispatch_client_init(set->dispatch, &conn->client, access, peer_uid(&conn->pipe));
    conn->client.on_output = on_output;
    conn_lists_add(&set->lists, conn);
    if (set->count > RPC_CLIENTS_MAX ||
        (is_reader(conn) && set->lists.read_count > RPC_CLIENTS_READ_MAX)) {
        dispatch_refuse(&conn->client, ERR_BUSY, "too many clients; try again later");
        conn->is_last = true;
        return;
    }
    resume_reading(conn);
}

void conn_accept(struct conn_set *set, uv_stream_t *listener, enum rpc_access access)
{
    struct conn *conn = new_conn(set);

    if (conn == NULL)
        return;
    if (uv_accept(listener, (uv_stream_t *)&conn->pipe) != 0)
        uv_close((uv_handle_t *)&conn->pipe, on_closed);
    else
        start_conn(conn, access);
}

bool conn_open(struct conn_set *set, int fd, enum rpc_access access)
{
    struct conn *conn = new_conn(set);

    if (conn == NULL || uv_pipe_open(&conn->pipe, fd) != 0) {
        if (conn != NULL)
            uv_close((uv_handle_t *)&conn->pipe, on_closed);
        close(fd);
        return false;
    }
    start_conn(conn, access);
    return true;
}

void conn_set_stop(struct conn_set *set)
{
    for (struct conn *conn = set->lists.all; conn != NULL; conn = conn->links.next) {
        dispatch_client_stop(&conn->client);
        conn->is_last = true;
        conn_lists_wake(&set->lists, conn);
        mark_dirty(conn);
    }
}

void conn_set_close(struct conn_set *set)
{
    while (set->lists.all != NULL)
        close_conn(set->lists.all);
}
