#include "rpc/server/http.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "rpc/server/http_parts.h"

#define SWEEP_MS 1000u /* between looks at who has gone or takes too long */

static uint64_t now_ms(const struct http *http)
{
    return http->dispatch->host.now(http->dispatch->host.context).ms;
}

/* ---- running libmicrohttpd ---- */

static void on_timer(uv_timer_t *timer);

static uint64_t ms_until(uint64_t due_ms, uint64_t now)
{
    return due_ms > now ? due_ms - now : 0;
}

static void arm_timer(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    uint64_t now = now_ms(http), due_ms = UINT64_MAX;

    if (http->link_count > 0)
        due_ms = ms_until(http->sweep_ms, now);
    if (http->accept_ms != 0 && ms_until(http->accept_ms, now) < due_ms)
        due_ms = ms_until(http->accept_ms, now);
    if (http->mhd.get_timeout(http->daemon, &wait_ms) == MHD_YES && wait_ms < due_ms)
        due_ms = wait_ms;
    if (due_ms == UINT64_MAX)
        uv_timer_stop(&http->timer);
    else
        uv_timer_start(&http->timer, on_timer, due_ms, 0);
}

static void run(struct http *http)
{
    if (http->is_closing)
        return;
    http->mhd.run(http->daemon);
    arm_timer(http);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

/* A peer that reads no more: of a Unix socket both ends are closed, of TCP it has sent its last. */
static bool has_gone(const struct http_link *link)
{
    struct pollfd poll_fd = {.fd = link->fd, .events = link->is_local ? 0 : POLLRDHUP};

    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLHUP | POLLERR | POLLRDHUP)) != 0;
}

/* libmicrohttpd sees the end of the connection, and closes it. */
static void give_up(struct http_link *link)
{
    if (link->request != NULL)
        metrics_http(&link->http->dispatch->metrics, MHD_HTTP_REQUEST_TIMEOUT);
    link->waiting_ms = 0;
    shutdown(link->fd, SHUT_RDWR);
}

/* While a request is suspended libmicrohttpd does not look at its connection, and while one comes
 * in it only asks that something comes from time to time. */
static void sweep(struct http *http)
{
    uint64_t now = now_ms(http);

    if (now < http->sweep_ms)
        return;
    http->sweep_ms = now + SWEEP_MS;
    for (struct http_link *link = http->links; link != NULL; link = link->next) {
        struct http_request *request = link->request;
        if (request != NULL && request->is_suspended && has_gone(link))
            http_request_abandon(request);
        else if (request != NULL && http_events_is_open(&request->events))
            http_events_beat(&request->events, now);
        else if (link->waiting_ms != 0 && now - link->waiting_ms > HTTP_REQUEST_MS)
            give_up(link);
    }
}

static void on_accept(uv_poll_t *poll, int status, int events);

/* Who waits on the TCP socket stays there while no descriptor is left, and would wake the loop
 * again and again. */
static void pause_accepting(struct http *http)
{
    uv_poll_stop(&http->listener);
    http->accept_ms = now_ms(http) + SWEEP_MS;
    arm_timer(http);
}

static void resume_accepting(struct http *http)
{
    if (http->accept_ms == 0 || now_ms(http) < http->accept_ms)
        return;
    http->accept_ms = 0;
    uv_poll_start(&http->listener, UV_READABLE, on_accept);
}

static void on_timer(uv_timer_t *timer)
{
    struct http *http = timer->data;

    sweep(http);
    resume_accepting(http);
    run(http);
}

void http_flush(struct http *http)
{
    bool is_resumed = false;

    while (http->dirty != NULL) {
        struct http_request *request = http->dirty;
        http->dirty = request->next_dirty;
        request->is_dirty = false;
        is_resumed = http_request_resume(request) || is_resumed;
    }
    if (is_resumed)
        run(http);
    if (http->is_stopping && http->request_count == 0)
        http_close(http);
}

/* ---- connections ---- */

static void add_link(struct http_link *link)
{
    struct http *http = link->http;

    link->is_started = true;
    link->waiting_ms = now_ms(http);
    link->next = http->links;
    if (http->links != NULL)
        http->links->previous = link;
    http->links = link;
    if (http->link_count++ == 0)
        http->sweep_ms = link->waiting_ms + SWEEP_MS;
    http->read_count += link->access == RPC_ACCESS_READ;
}

static void remove_link(struct http_link *link)
{
    struct http *http = link->http;

    if (link->next != NULL)
        link->next->previous = link->previous;
    if (link->previous != NULL)
        link->previous->next = link->next;
    else
        http->links = link->next;
    http->link_count--;
    http->read_count -= link->access == RPC_ACCESS_READ;
    free(link);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;

    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *state = http->taking;
        add_link(http->taking);
    } else {
        remove_link(*state);
    }
}

/* ---- starting libmicrohttpd ---- */

static bool has_start(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* libmicrohttpd's own words are for who works on xord; on Unix sockets it complains with each reply
 * that TCP's options cannot be set. What it refuses by itself is counted here. */
__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format,
                                                         va_list args)
{
    struct http *http = context;
    char line[256];
    va_list copy;

    if (has_start(format, "Setting ") || has_start(format, "Failed to push "))
        return;
    if (has_start(format, "Error processing request (HTTP response code is %u")) {
        va_copy(copy, args);
        metrics_http(&http->dispatch->metrics, va_arg(copy, unsigned));
        va_end(copy);
    }
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug(LOG_RPC, "http: %s", line);
}

static struct MHD_Daemon *start_daemon(struct http *http)
{
    const struct http_library *mhd = &http->mhd;
    const unsigned flags =
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    return mhd->start_daemon(flags, 0, NULL, NULL, http_on_request, http, /* the logger first */
                             MHD_OPTION_EXTERNAL_LOGGER, on_log, http,    /* so that it hears all */
                             MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
                             MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, http,
                             MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX + 1u,
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY_MAX,
                             MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_S, MHD_OPTION_END);
}

static bool start(struct http *http)
{
    http->daemon = start_daemon(http);
    const union MHD_DaemonInfo *info =
        http->daemon != NULL ? http->mhd.get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)
                             : NULL;
    if (info == NULL || uv_poll_init(http->loop, &http->poll, info->epoll_fd) != 0) {
        if (http->daemon != NULL)
            http->mhd.stop_daemon(http->daemon);
        http->daemon = NULL;
        return false;
    }
    http->poll.data = http;
    http->open_handles++;
    uv_poll_start(&http->poll, UV_READABLE, on_ready);
    return true;
}

/* Once it has begun it stays so. */
static bool begin(struct http *http, char detail[RPC_DETAIL_SIZE])
{
    if (http->daemon != NULL)
        return true;
    if (http->mhd.handle == NULL && !http_library_load(&http->mhd, http->library, detail))
        return false;
    if (start(http))
        return true;
    snprintf(detail, RPC_DETAIL_SIZE, "HTTP needs more memory or descriptors; try again later");
    return false;
}

/* ---- who comes in ---- */

/* Said without libmicrohttpd, which takes no more or is not there. The client may not read it: then
 * it is lost. */
static void refuse(int fd, const char *why)
{
    char answer[RPC_DETAIL_SIZE + 128];
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
                        "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                        strlen(why) + 1, why);

    send(fd, answer, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static bool has_room(const struct http *http, enum rpc_access access)
{
    return http->link_count < HTTP_CONNECTIONS_MAX &&
           (access != RPC_ACCESS_READ || http->read_count < HTTP_CONNECTIONS_READ_MAX);
}

/* Who asks again and again does not fill the log. */
static bool can_take(struct http *http, char why[RPC_DETAIL_SIZE])
{
    bool has_begun = begin(http, why);

    if (!has_begun && !http->has_warned)
        log_warn(LOG_RPC, "%s", why);
    http->has_warned = !has_begun;
    return has_begun;
}

static void take(struct http *http, const struct http_link *made)
{
    const struct sockaddr peer = {.sa_family = made->is_local ? AF_UNIX : AF_INET};
    struct http_link *link = NULL;
    char why[RPC_DETAIL_SIZE] = "too many connections; try again later";

    if (!http->is_stopping && has_room(http, made->access) && can_take(http, why))
        link = malloc(sizeof *link);
    if (link == NULL) {
        metrics_http(&http->dispatch->metrics, MHD_HTTP_SERVICE_UNAVAILABLE);
        refuse(made->fd, why);
        return;
    }
    *link = *made;
    http->taking = link;
    bool is_added = http->mhd.add_connection(http->daemon, link->fd, &peer, sizeof peer) ==
                    MHD_YES; /* or it closed it */
    http->taking = NULL;
    assert(!is_added || link->is_started);
    if (!is_added && !link->is_started)
        free(link);
    run(http);
}

void http_take(struct http *http, int fd, enum rpc_access access, uid_t uid)
{
    take(http, &(struct http_link){
                   .http = http, .fd = fd, .access = access, .is_local = true, .uid = uid});
}

bool http_is_begun(const char *data, size_t size)
{
    static const char *const methods[] = {"GET ",    "POST ",    "HEAD ", "PUT ",
                                          "DELETE ", "OPTIONS ", "PATCH "};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        size_t whole = strlen(methods[i]);
        if (size > 0 && memcmp(data, methods[i], size < whole ? size : whole) == 0)
            return true;
    }
    return false;
}

/* ---- the TCP door ---- */

static void on_accept(uv_poll_t *poll, int status, int events)
{
    struct http *http = poll->data;

    (void)status;
    (void)events;
    int fd = accept4(http->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        take(http, &(struct http_link){
                       .http = http, .fd = fd, .access = RPC_ACCESS_READ, .uid = (uid_t)-1});
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(http);
}

enum err http_listen(struct http *http, int fd, const struct http_hosts *hosts,
                     char detail[RPC_DETAIL_SIZE])
{
    assert(http->listen_fd < 0);
    if (!begin(http, detail) || uv_poll_init(http->loop, &http->listener, fd) != 0) {
        close(fd);
        return ERR_IO;
    }
    http->listener.data = http;
    http->listen_fd = fd;
    http->hosts = *hosts;
    http->open_handles++;
    return uv_poll_start(&http->listener, UV_READABLE, on_accept) == 0 ? ERR_OK : ERR_IO;
}

struct addr http_bound(const struct http *http)
{
    return http->listen_fd >= 0 ? http->hosts.bound : (struct addr){.family = ADDR_NONE};
}

/* ---- beginning and end ---- */

struct http *http_new(uv_loop_t *loop, struct dispatch *dispatch, const char *library)
{
    struct http *http = calloc(1, sizeof *http);

    if (http == NULL)
        return NULL;
    http->loop = loop;
    http->dispatch = dispatch;
    http->library = library;
    http->listen_fd = -1;
    uv_timer_init(loop, &http->timer); /* cannot fail */
    http->timer.data = http;
    http->open_handles = 1;
    return http;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;

    http->open_handles--;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;

    close(http->listen_fd);
    http->listen_fd = -1;
    http->open_handles--;
}

void http_stop(struct http *http)
{
    if (http->is_stopping)
        return;
    http->is_stopping = true;
    http->accept_ms = 0;
    if (http->listen_fd >= 0)
        uv_close((uv_handle_t *)&http->listener, on_listener_closed);
    for (struct http_link *link = http->links; link != NULL; link = link->next)
        if (link->request != NULL)
            http_request_stop(link->request);
    http_flush(http);
}

void http_close(struct http *http)
{
    http_stop(http);
    if (http->is_closing)
        return;
    http->is_closing = true;
    for (struct http_link *link = http->links; link != NULL; link = link->next)
        if (link->request != NULL)
            http_request_abandon(link->request);
    uv_close((uv_handle_t *)&http->timer, on_handle_closed);
    if (http->daemon == NULL)
        return;
    uv_close((uv_handle_t *)&http->poll, on_handle_closed);
    http->mhd.stop_daemon(http->daemon); /* closes what is open, and tells of it as always */
}

bool http_is_closed(const struct http *http)
{
    return http->is_closing && http->open_handles == 0;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    http_library_unload(&http->mhd);
    free(http);
}
