#include "rpc/client/client_socket.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "rpc/json/json.h"

#define SERVICE_SOCKET  "/run/xord/rpc.sock"
#define PLACES_MAX      3     /* the user's two, and the service's */
#define RETRY_MS        50u   /* between two tries of -w: below what a person notices */
#define READ_SIZE       65536 /* one read: what a socket's buffer holds */
#define REPLY_DEPTH_MAX 64    /* a value as deep as a call's, and what is around it */

/* Where the daemon may be. A place named by the caller is the only one. */
struct places {
    char path[PLACES_MAX][PATH_MAX];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void add_place(struct places *p, const char *format,
                                                            ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(p->path[p->count++], PATH_MAX, format, list);
    va_end(list);
}

/* The value of an environment variable; NULL also when it is empty. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void find_users_places(struct places *p)
{
    const char *runtime = environment("XDG_RUNTIME_DIR");
    const char *state = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");
    if (runtime != NULL) {
        add_place(p, "%s/xord/rpc.sock", runtime);
    }
    if (state != NULL) {
        add_place(p, "%s/xord/rpc.sock", state);
    } else if (home != NULL) {
        add_place(p, "%s/.local/state/xord/rpc.sock", home);
    }
}

static void find_places(struct places *p, const struct client_args *args)
{
    const char *named = environment("XORD_RPC_SOCKET");
    if (args->rpc_socket != NULL) {
        add_place(p, "%s", args->rpc_socket);
    } else if (named != NULL) {
        add_place(p, "%s", named);
    } else if (args->data_dir != NULL) {
        add_place(p, "%s/rpc.sock", args->data_dir);
    } else {
        find_users_places(p);
        add_place(p, "%s", SERVICE_SOCKET);
    }
}

/* 0 and the descriptor, or the reason as an errno. */
static int try_connect(const char *path, int *out)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path) {
        return ENAMETOOLONG;
    }
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        int reason = errno;
        close(fd);
        return reason;
    }
    *out = fd;
    return 0;
}

static void path_beside(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int folder = slash != NULL ? (int)(slash + 1 - path) : 0;
    snprintf(out, PATH_MAX, "%.*sro.sock", folder, path);
}

/* Who may open a socket that we may not. Nobody is told to join root's group. */
static void say_group(const char *path, char error[CLIENT_ERROR_SIZE])
{
    struct stat info;
    const struct group *group = stat(path, &info) == 0 ? getgrgid(info.st_gid) : NULL;
    if (group == NULL) {
        snprintf(error, CLIENT_ERROR_SIZE,
                 "may not open %s: its folder is closed to you; ask its owner, or join its group",
                 path);
    } else if (strcmp(group->gr_name, "root") == 0) {
        snprintf(error, CLIENT_ERROR_SIZE,
                 "may not open %s: it is for its owner and the group root; use sudo", path);
    } else {
        snprintf(error, CLIENT_ERROR_SIZE,
                 "may not open %s: join its group (sudo usermod -aG %s USER, then log in again)",
                 path, group->gr_name);
    }
}

/* One place: its socket, or for a reading method the one beside it. */
static int try_place(const char *path, bool is_reading, int *fd)
{
    int reason = try_connect(path, fd);
    if (reason == EACCES && is_reading) {
        char beside[PATH_MAX];
        path_beside(path, beside);
        return try_connect(beside, fd) == 0 ? 0 : reason;
    }
    return reason;
}

static bool is_absent(int reason)
{
    return reason == ENOENT || reason == ECONNREFUSED || reason == ENOTDIR;
}

static void say_absent(const struct places *p, char error[CLIENT_ERROR_SIZE])
{
    size_t used = (size_t)snprintf(error, CLIENT_ERROR_SIZE, "no daemon listens at");
    for (size_t i = 0; i < p->count && used < CLIENT_ERROR_SIZE; i++) {
        used += (size_t)snprintf(error + used, CLIENT_ERROR_SIZE - used, "%s %s", i > 0 ? "," : "",
                                 p->path[i]);
    }
    if (used < CLIENT_ERROR_SIZE) {
        snprintf(error + used, CLIENT_ERROR_SIZE - used,
                 "; start one with: xord (or say where with --rpc-socket)");
    }
}

/* The first place where somebody listens. *is_final: another try would not help. */
static bool try_places(const struct places *p, bool is_reading, int *fd, bool *is_final,
                       char error[CLIENT_ERROR_SIZE])
{
    for (size_t i = 0; i < p->count; i++) {
        int reason = try_place(p->path[i], is_reading, fd);
        if (reason == 0) {
            return true;
        }
        if (is_absent(reason)) {
            continue;
        }
        *is_final = true;
        if (reason == EACCES) {
            say_group(p->path[i], error);
        } else {
            snprintf(error, CLIENT_ERROR_SIZE, "%s: %s", p->path[i], strerror(reason));
        }
        return false;
    }
    say_absent(p, error);
    return false;
}

bool client_socket_open(struct client_socket *out, const struct client_args *args, bool is_reading,
                        char error[CLIENT_ERROR_SIZE])
{
    *out = (struct client_socket){.fd = -1};
    struct places places = {.count = 0};
    find_places(&places, args);
    unsigned waited_ms = 0;
    for (;;) {
        bool is_final = !args->is_waiting || waited_ms >= CLIENT_WAIT_MS_MAX;
        if (try_places(&places, is_reading, &out->fd, &is_final, error)) {
            return true;
        }
        if (is_final) {
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
        waited_ms += RETRY_MS;
    }
}

static bool send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return false;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Reads more into the buffer; false at the end, with errno 0, or on failure. */
static bool read_more(struct client_socket *s)
{
    if (s->size + READ_SIZE > s->capacity) {
        size_t capacity = s->capacity * 2 > READ_SIZE * 2 ? s->capacity * 2 : READ_SIZE * 2;
        char *buffer = s->size < CLIENT_REPLY_MAX ? realloc(s->buffer, capacity) : NULL;
        if (buffer == NULL) {
            errno = ENOMEM;
            return false;
        }
        s->buffer = buffer;
        s->capacity = capacity;
    }
    ssize_t got;
    do {
        errno = 0;
        got = read(s->fd, s->buffer + s->size, READ_SIZE);
    } while (got < 0 && errno == EINTR);
    s->size += got > 0 ? (size_t)got : 0;
    return got > 0;
}

uint64_t client_socket_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits until there is something to read; false with *why. Of standard output, of which no event is
 * asked, poll tells only that its reader is gone. */
static bool wait_readable(const struct client_socket *s, uint64_t deadline_ms,
                          enum client_wait *why)
{
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN},
                            {.fd = s->is_printing ? STDOUT_FILENO : -1}};
    int ready = 0;
    while (ready <= 0) {
        uint64_t now_ms = client_socket_now_ms();
        uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        ready = poll(fds, 2, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
        if (ready < 0 && errno != EINTR) {
            return true; /* the read will say why */
        }
        if (ready == 0 && left_ms == 0) {
            *why = CLIENT_WAIT_LATE;
            return false;
        }
    }
    *why = CLIENT_WAIT_UNREAD;
    return (fds[1].revents & (POLLERR | POLLHUP)) == 0;
}

json_t *client_socket_next(struct client_socket *s, uint64_t deadline_ms, enum client_wait *why,
                           char error[CLIENT_ERROR_SIZE])
{
    size_t searched = 0;
    char *feed;
    while ((feed = s->size > searched ? memchr(s->buffer + searched, '\n', s->size - searched)
                                      : NULL) == NULL) {
        searched = s->size;
        if (!wait_readable(s, deadline_ms, why)) {
            return NULL;
        }
        *why = CLIENT_WAIT_FAILED;
        if (!read_more(s)) {
            snprintf(error, CLIENT_ERROR_SIZE, "the daemon ended the connection%s%s",
                     errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
            return NULL;
        }
    }
    char fault[128] = "";
    size_t length = (size_t)(feed - s->buffer);
    json_t *line = json_read(bytes_of(s->buffer, length), REPLY_DEPTH_MAX, fault, sizeof fault);
    if (line == NULL) {
        snprintf(error, CLIENT_ERROR_SIZE, "the daemon's answer is not JSON: %s", fault);
        *why = CLIENT_WAIT_FAILED;
    }
    s->size -= length + 1;
    memmove(s->buffer, feed + 1, s->size);
    return line;
}

/* The next line, parsed; NULL with the reason. */
static json_t *read_line(struct client_socket *s, char error[CLIENT_ERROR_SIZE])
{
    enum client_wait why;
    return client_socket_next(s, UINT64_MAX, &why, error);
}

bool client_socket_send(struct client_socket *s, const json_t *request,
                        char error[CLIENT_ERROR_SIZE])
{
    struct json_text text = {0};
    json_write(&text, request, 0);
    json_text_append(&text, "\n", 1);
    errno = ENOMEM;
    bool is_sent = !text.failed && send_all(s->fd, text.data, text.size);
    if (!is_sent) {
        snprintf(error, CLIENT_ERROR_SIZE, "cannot send: %s", strerror(errno));
    }
    json_text_clear(&text);
    return is_sent;
}

json_t *client_socket_call(struct client_socket *s, const json_t *request,
                           char error[CLIENT_ERROR_SIZE])
{
    char unsent[CLIENT_ERROR_SIZE];
    bool is_sent = client_socket_send(s, request, unsent);
    /* Read in any case: a daemon that reads no further has said why. */
    json_t *reply = read_line(s, error);
    if (reply == NULL && !is_sent) {
        memcpy(error, unsent, sizeof unsent);
    }
    while (reply != NULL &&
           !json_equal(json_object_get(reply, "id"), json_object_get(request, "id")) &&
           !json_is_null(json_object_get(reply, "id"))) {
        if (s->on_notification != NULL && json_object_get(reply, "id") == NULL) {
            s->on_notification(s->context, reply);
        }
        json_decref(reply);
        reply = read_line(s, error);
    }
    return reply;
}

bool client_socket_wait_ready(struct client_socket *s, char error[CLIENT_ERROR_SIZE])
{
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "jsonrpc", "2.0", "id", "-w", "method", "waitready");
    json_t *reply = client_socket_call(s, request, error);
    bool is_answered = reply != NULL;
    json_decref(request);
    json_decref(reply);
    return is_answered;
}

void client_socket_close(struct client_socket *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->buffer);
    *s = (struct client_socket){.fd = -1};
}
