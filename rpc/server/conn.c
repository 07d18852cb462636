#include "rpc/server/conn.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/server/http.h"

#define INPUT_KEPT_MAX  (16u * 1024u) /* of an idle connection's buffers; larger ones are freed */
#define HTTP_START_SIZE 8             /* enough of a request to know it by */

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
    if (conn->is_dirty || conn->is_closing)
        return;
    conn->is_dirty = true;
    conn->next_dirty = conn->set->dirty;
    conn->set->dirty = conn;
}

static void on_output(struct rpc_client *client)
{
    mark_dirty(conn_of(client));
}

/* ---- closing ---- */

static void unlink_conn(struct conn *conn)
{
    struct conn_set *set = conn->set;

    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    if (conn->previous != NULL)
        conn->previous->next = conn->next;
    else
        set->all = conn->next;
}

static void unlink_dirty(struct conn *conn)
{
    if (!conn->is_dirty)
        return;
    struct conn **at = &conn->set->dirty;
    while (*at != conn)
        at = &(*at)->next_dirty;
    *at = conn->next_dirty;
    conn->is_dirty = false;
}

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
    unlink_dirty(conn);
    conn->is_closing = true;
    conn->set->read_count -= is_reader(conn);
    unlink_conn(conn);
    dispatch_client_clear(&conn->client);
    json_text_clear(&conn->input);
    uv_close((uv_handle_t *)&conn->pipe, on_closed);
    if (conn->hangup_fd >= 0)
        uv_close((uv_handle_t *)&conn->hangup, on_closed);
}

/* ---- lines ---- */

static size_t queued(const struct conn *conn)
{
    return conn->client.out.size + conn->client.sending;
}

static bool is_full(const struct conn *conn)
{
    return queued(conn) > RPC_OUTPUT_MAX;
}

static void refuse_long_line(struct conn *conn)
{
    char text[64];

    metrics_refused(&conn->set->dispatch->metrics, METRICS_LINE_BYTES);
    snprintf(text, sizeof text, "a line longer than %u bytes", RPC_LINE_MAX);
    dispatch_refuse(&conn->client, ERR_PARSE, text);
}

static void take_line(struct conn *conn, const char *line, size_t size)
{
    if (conn->is_skipping)
        conn->is_skipping = false; /* this was the rest of it */
    else if (size > RPC_LINE_MAX)
        refuse_long_line(conn);
    else
        dispatch_line(&conn->client, bytes_of(line, size));
}

/* Handles the whole lines in `data`, of which the first `scanned` bytes hold no line feed, until
 * the output is full; returns how many bytes are done with. */
static size_t take_lines(struct conn *conn, const char *data, size_t size, size_t scanned)
{
    size_t done = 0;

    while (done < size && !is_full(conn) && !conn->client.out.failed) {
        const char *from = data + done + scanned;
        const char *feed = memchr(from, '\n', (size_t)(data + size - from));
        if (feed == NULL)
            break;
        take_line(conn, data + done, (size_t)(feed - data) - done);
        done = (size_t)(feed - data) + 1;
        scanned = 0;
    }
    return done;
}

/* Keeps what is not yet a whole line, or not yet handled because the output is full. */
static void keep_rest(struct conn *conn, const char *rest, size_t size)
{
    struct json_text *input = &conn->input;

    if (size == 0 && input->capacity > INPUT_KEPT_MAX)
        json_text_clear(input);
    else if (size > 0 && rest >= input->data && input->size > 0)
        memmove(input->data, rest, size);
    input->size = size;
}

/* The first line in `input` is too long, or is the rest of such a line: nothing of it is kept. */
static void drop_long_line(struct conn *conn)
{
    if (!conn->is_skipping)
        refuse_long_line(conn);
    conn->is_skipping = true;
    json_text_clear(&conn->input);
    conn->scanned = 0;
}

static void handle_input(struct conn *conn)
{
    struct json_text *input = &conn->input;

    size_t done = take_lines(conn, input->data, input->size, conn->scanned);
    keep_rest(conn, input->data + done, input->size - done);
    conn->scanned = is_full(conn) ? 0 : input->size;
    if (!is_full(conn) && (input->size > RPC_LINE_MAX || (conn->is_skipping && input->size > 0)))
        drop_long_line(conn);
    if (input->failed)
        conn->client.out.failed = true;
}

static void on_data(struct conn *conn, const char *data, size_t size)
{
    size_t done = 0;

    if (conn->is_last)
        return;
    if (conn->input.size == 0) {
        done = take_lines(conn, data, size, 0);
        if (done == size)
            return;
    }
    json_text_append(&conn->input, data + done, size - done);
    handle_input(conn);
}

/* ---- reading ---- */

/* Looks at the first bytes without taking them: libmicrohttpd must find them unread. */
static bool is_http(struct conn *conn)
{
    char start[HTTP_START_SIZE];
    int fd = -1;

    if (!conn->is_first || conn->set->http == NULL)
        return false;
    uv_fileno((uv_handle_t *)&conn->pipe, &fd);
    ssize_t size = recv(fd, start, sizeof start, MSG_PEEK | MSG_DONTWAIT);
    conn->is_first = size < 0;
    return size > 0 && http_is_begun(start, (size_t)size);
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

/* Both directions are closed: not a half-close, the client has gone. */
static bool has_hung_up(const struct conn *conn)
{
    struct pollfd poll_fd = {.fd = -1};

    uv_fileno((const uv_handle_t *)&conn->pipe, &poll_fd.fd);
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLHUP | POLLERR)) != 0;
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
    int fd = -1;

    uv_fileno((uv_handle_t *)&conn->pipe, &fd);
    conn->hangup_fd = dup(fd);
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
    if (has_hung_up(conn)) {
        close_conn(conn);
        return;
    }
    /* The last line may lack its line feed. */
    if (conn->input.size > 0 && !conn->is_skipping && !conn->is_last) {
        struct json_text line = conn->input;
        conn->input = (struct json_text){0};
        dispatch_line(&conn->client, bytes_of(line.data, line.size));
        json_text_clear(&line);
    }
    dispatch_client_half_closed(&conn->client);
    if (conn->client.call_count > 0)
        watch_hangup(conn);
    mark_dirty(conn);
}

/* A copy of the descriptor goes on; this connection ends. */
static void hand_over(struct conn *conn)
{
    int fd = -1;
    enum rpc_access access = conn->client.access;
    uid_t uid = conn->client.uid;
    struct http *http = conn->set->http;

    uv_fileno((uv_handle_t *)&conn->pipe, &fd);
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    close_conn(conn);
    if (fd >= 0)
        http_take(http, fd, access, uid);
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
        on_data(conn, buffer->base, (size_t)size);
    if (conn->is_closing || conn->is_ended)
        return;
    if (conn->client.out.failed)
        close_conn(conn); /* without memory for its answers it cannot go on */
    else if (is_full(conn) && conn->is_reading) {
        uv_read_stop(stream);
        conn->is_reading = false;
    }
}

static void resume_reading(struct conn *conn)
{
    if (conn->is_reading || conn->is_ended || conn->is_last || conn->is_closing ||
        queued(conn) > RPC_OUTPUT_MAX / 2)
        return;
    if (conn->input.size > 0)
        handle_input(conn);
    if (is_full(conn))
        return;
    conn->is_reading = uv_read_start((uv_stream_t *)&conn->pipe, give_chunk, on_read) == 0;
    if (!conn->is_reading)
        close_conn(conn);
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
    if (!conn->is_closing && out->size == 0 && out->capacity > INPUT_KEPT_MAX)
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
    if (is_finished(conn))
        close_conn(conn);
    else
        resume_reading(conn);
}

void conn_set_flush(struct conn_set *set)
{
    /* Reading on may answer more: those connections are dirty again and come next. */
    while (set->dirty != NULL) {
        struct conn *conn = set->dirty;
        set->dirty = conn->next_dirty;
        conn->is_dirty = false;
        flush_conn(conn);
    }
}

/* ---- beginning and end ---- */

static uid_t peer_uid(const struct conn *conn)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;
    int fd = -1;

    if (uv_fileno((const uv_handle_t *)&conn->pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return (uid_t)-1;
    return peer.uid;
}

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

    dispatch_client_init(set->dispatch, &conn->client, access, peer_uid(conn));
    conn->client.on_output = on_output;
    conn->next = set->all;
    if (set->all != NULL)
        set->all->previous = conn;
    set->all = conn;
    set->read_count += is_reader(conn);
    if (set->count > RPC_CLIENTS_MAX ||
        (is_reader(conn) && set->read_count > RPC_CLIENTS_READ_MAX)) {
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
    for (struct conn *conn = set->all; conn != NULL; conn = conn->next) {
        dispatch_client_stop(&conn->client);
        conn->is_last = true;
        mark_dirty(conn);
    }
}

void conn_set_close(struct conn_set *set)
{
    while (set->all != NULL)
        close_conn(set->all);
}
