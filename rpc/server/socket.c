#include "rpc/server/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) ==
                   sizeof(((struct socket_file *)0)->path),
               "a path that fits one fits the other");

static enum err failed(const char *what, const char *path, char detail[RPC_DETAIL_SIZE])
{
    snprintf(detail, RPC_DETAIL_SIZE, "cannot %s %s: %s", what, path, strerror(errno));
    return ERR_IO;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

/* 0 when nobody listens there. */
static int probe(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return errno;
    int failure = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? EISCONN : errno;
    close(fd);
    return failure == ECONNREFUSED ? 0 : failure;
}

/* Makes room at the path: a socket that nobody listens on is removed. */
static enum err clear_path(const char *path, char detail[RPC_DETAIL_SIZE])
{
    struct stat found;

    if (lstat(path, &found) != 0)
        return errno == ENOENT ? ERR_OK : failed("look at", path, detail);
    if (!S_ISSOCK(found.st_mode)) {
        snprintf(detail, RPC_DETAIL_SIZE,
                 "%s exists and is no socket; move it away or choose another path", path);
        return ERR_IO;
    }
    int failure = probe(path);
    if (failure == EISCONN || failure == EAGAIN) {
        snprintf(detail, RPC_DETAIL_SIZE,
                 "another process listens on %s; stop it, or choose another"
                 " path with --rpc-socket",
                 path);
        return ERR_IN_USE;
    }
    errno = failure;
    if (failure != 0)
        return failed("probe", path, detail);
    return unlink(path) == 0 ? ERR_OK : failed("replace", path, detail);
}

static enum err bind_with_mode(int fd, const char *path, mode_t mode, struct socket_file *file,
                               char detail[RPC_DETAIL_SIZE])
{
    struct sockaddr_un address = address_of(path);
    struct stat made;

    /* Linux makes the file with at most the mode of the socket itself; the umask may still have
     * taken bits away, so it is set again before the caller listens. */
    if (fchmod(fd, mode) != 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return failed("bind", path, detail);
    if (chmod(path, mode) != 0 || lstat(path, &made) != 0) {
        enum err err = failed("set the mode of", path, detail);
        unlink(path);
        return err;
    }
    *file = (struct socket_file){.device = made.st_dev, .inode = made.st_ino};
    memcpy(file->path, path, strlen(path) + 1);
    return ERR_OK;
}

enum err socket_bind(const char *path, mode_t mode, int *fd, struct socket_file *file,
                     char detail[RPC_DETAIL_SIZE])
{
    if (strlen(path) >= sizeof file->path) {
        snprintf(detail, RPC_DETAIL_SIZE,
                 "the socket path has %zu bytes, at most %zu are possible: %.200s", strlen(path),
                 sizeof file->path - 1, path);
        return ERR_TOO_BIG;
    }
    enum err err = clear_path(path, detail);
    if (err != ERR_OK)
        return err;
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return failed("make a socket for", path, detail);
    err = bind_with_mode(*fd, path, mode, file, detail);
    if (err != ERR_OK)
        close(*fd);
    return err;
}

void socket_remove(const struct socket_file *file)
{
    struct stat found;

    if (file->path[0] != '\0' && lstat(file->path, &found) == 0 && found.st_dev == file->device &&
        found.st_ino == file->inode)
        unlink(file->path);
}
