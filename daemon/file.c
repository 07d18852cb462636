#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err err_from_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* The mode is set on the open file too: an old one may have another, and the umask cuts. */
static bool write_file(const char *path, const void *data, size_t size, mode_t mode, bool is_synced)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = open(path, flags, mode); /* a pipe that nobody reads is not waited for */
    if (fd < 0)
        return false;
    bool is_written =
        fchmod(fd, mode) == 0 && write_all(fd, data, size) && (!is_synced || fsync(fd) == 0);
    int error = errno;
    close(fd);
    errno = error;
    return is_written;
}

static bool sync_parent(const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : (int)(slash - path) + 1;
    snprintf(parent, sizeof(parent), "%.*s", length, slash == NULL ? "." : path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_synced = fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return is_synced;
}

static enum err replace(const char *path, const void *data, size_t size, mode_t mode,
                        bool is_synced)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return ERR_IO;
    }
    if (!write_file(temporary, data, size, mode, is_synced) || rename(temporary, path) != 0) {
        enum err err = err_from_errno();
        int error = errno;
        unlink(temporary);
        errno = error;
        return err;
    }
    return ERR_OK;
}

enum err file_replace(const char *path, const void *data, size_t size, mode_t mode)
{
    struct stat there;
    if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode)) {
        errno = S_ISDIR(there.st_mode) ? EISDIR : ENOTSUP;
        return ERR_IO;
    }
    return replace(path, data, size, mode, false);
}

enum err file_save_whole(const char *path, const void *data, size_t size, mode_t mode)
{
    return replace(path, data, size, mode, true);
}

enum err file_save_atomically(const char *path, const void *data, size_t size, mode_t mode)
{
    enum err err = file_save_whole(path, data, size, mode);
    if (err != ERR_OK)
        return err;
    return sync_parent(path) ? ERR_OK : err_from_errno();
}

static enum err read_all(int fd, size_t size_max, uint8_t **data, size_t *size)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode))
        return ERR_IO;
    if ((uint64_t)file.st_size > size_max)
        return ERR_TOO_BIG;
    size_t expected = (size_t)file.st_size, used = 0;
    uint8_t *buffer = malloc(expected + 1);
    if (buffer == NULL)
        return ERR_NO_MEMORY;
    while (used < expected) {
        ssize_t got = read(fd, buffer + used, expected - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(buffer);
            return ERR_IO;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    buffer[used] = 0;
    *data = buffer;
    *size = used;
    return ERR_OK;
}

enum err file_read(const char *path, size_t size_max, uint8_t **data, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    enum err err = read_all(fd, size_max, data, size);
    close(fd);
    return err;
}
