#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static void warn(const char *name, const char *why)
{
    log_warn(LOG_DAEMON, "cannot tell the service manager at NOTIFY_SOCKET=%.108s: %s", name, why);
}

/* An abstract name is told by its length, a path ends with its terminator. */
static bool parse(struct notify *n, const char *name)
{
    size_t length = strlen(name);
    bool is_abstract = name[0] == '@';
    if ((!is_abstract && name[0] != '/') || length < 2 || length >= sizeof n->address.sun_path)
        return false;
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, name, length + 1);
    if (is_abstract)
        n->address.sun_path[0] = '\0';
    n->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_abstract);
    return true;
}

void notify_open(struct notify *n, const char *name)
{
    *n = (struct notify){.fd = -1, .name = name};
    if (name == NULL)
        return;
    if (!parse(n, name)) {
        warn(name, "it is neither a path nor an abstract name");
        return;
    }
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd < 0)
        warn(name, strerror(errno));
}

bool notify_send(struct notify *n, const char *lines)
{
    if (n->fd < 0)
        return true;
    const struct sockaddr *to = (const struct sockaddr *)&n->address;
    if (sendto(n->fd, lines, strlen(lines), MSG_NOSIGNAL, to, n->size) >= 0)
        return true;
    if (errno == EAGAIN)
        return false;
    if (!n->has_failed)
        warn(n->name, strerror(errno));
    n->has_failed = true;
    return true;
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}
