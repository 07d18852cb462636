#include "daemon/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/settings_paths.h"

/* FileDescriptorName= in the socket's unit. */
static const struct {
    const char *name;
    enum rpc_access access;
} names[] = {{"rpc", RPC_ACCESS_FULL}, {"rpc-readonly", RPC_ACCESS_READ}};

__attribute__((format(printf, 2, 3))) static enum err refuse(char detail[PASSED_DETAIL_SIZE],
                                                             const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(detail, PASSED_DETAIL_SIZE, format, list);
    va_end(list);
    return ERR_MALFORMED;
}

/* A number below `max` + 1, digits alone. */
static bool parse(const char *text, long max, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= max;
}

static bool find_access(const char *name, size_t length, enum rpc_access *out)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0) {
            *out = names[i].access;
            return true;
        }
    }
    return false;
}

static bool has_option(int fd, int option, int wanted)
{
    int value;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

static void read_path(struct passed_socket *s)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof address;
    s->path[0] = '\0';
    if (getsockname(s->fd, (struct sockaddr *)&address, &size) != 0 ||
        size <= offsetof(struct sockaddr_un, sun_path))
        return;
    size_t length = size - offsetof(struct sockaddr_un, sun_path);
    if (address.sun_path[0] == '\0')
        address.sun_path[0] = '@';
    if (length >= sizeof s->path)
        length = sizeof s->path - 1;
    memcpy(s->path, address.sun_path, length);
    s->path[length] = '\0';
}

/* `name` is one of the list in LISTEN_FDNAMES. */
static enum err take(struct passed *p, int fd, const char *name, size_t length,
                     char detail[PASSED_DETAIL_SIZE])
{
    struct passed_socket *s = &p->sockets[p->count];
    s->fd = fd;
    if (fcntl(s->fd, F_SETFD, FD_CLOEXEC) != 0)
        return refuse(detail, "the passed descriptor %d is not open", s->fd);
    p->count++;
    if (!find_access(name, length, &s->access))
        return refuse(detail,
                      "the passed socket \"%.*s\" (descriptor %d) is not known; name it rpc or "
                      "rpc-readonly (FileDescriptorName= in its unit)",
                      length < 64 ? (int)length : 64, name, s->fd);
    if (!has_option(s->fd, SO_DOMAIN, AF_UNIX) || !has_option(s->fd, SO_TYPE, SOCK_STREAM) ||
        !has_option(s->fd, SO_ACCEPTCONN, 1))
        return refuse(detail,
                      "the passed socket \"%.*s\" (descriptor %d) is no listening Unix stream "
                      "socket (ListenStream=/PATH and Accept=no in its unit)",
                      (int)length, name, s->fd);
    read_path(s);
    return ERR_OK;
}

enum err passed_find(struct passed *p, const struct settings_input *input, int first_fd,
                     char detail[PASSED_DETAIL_SIZE])
{
    const char *owner = settings_variable(input, "LISTEN_PID");
    const char *count = settings_variable(input, "LISTEN_FDS");
    const char *name = settings_variable(input, "LISTEN_FDNAMES");
    long pid, wanted;
    *p = (struct passed){.count = 0};
    if (owner == NULL || count == NULL || !parse(owner, INT32_MAX, &pid) || pid != getpid())
        return ERR_OK;
    if (!parse(count, PASSED_MAX, &wanted))
        return refuse(detail, "LISTEN_FDS=%.32s: at most %d sockets may be passed", count,
                      PASSED_MAX);
    if (name == NULL)
        name = "";
    for (long i = 0; i < wanted; i++) {
        size_t length = strcspn(name, ":");
        enum err err = take(p, first_fd + (int)i, name, length, detail);
        if (err != ERR_OK)
            return err;
        name += name[length] == ':' ? length + 1 : length;
    }
    return ERR_OK;
}

struct passed_socket *passed_next(struct passed *p, enum rpc_access access)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->sockets[i].fd >= 0 && p->sockets[i].access == access)
            return &p->sockets[i];
    }
    return NULL;
}

void passed_clear(struct passed *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->sockets[i].fd >= 0)
            close(p->sockets[i].fd);
    }
    p->count = 0;
}
