#include "daemon/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hex.h"
#include "daemon/file.h"

#define ID_FILE_MAX 128 /* far more than the one line in it */

static const char id_heading[] = "xord node 1 ";

#define ID_LINE_SIZE (sizeof(id_heading) + 2 * ID_SIZE + 2)

bool datadir_parent(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (length >= size)
        return false;
    memcpy(out, slash == NULL ? "." : path, length);
    out[length] = '\0';
    return true;
}

bool datadir_make(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(part)) {
        errno = size == 0 ? ENOENT : ENAMETOOLONG;
        return false;
    }
    memcpy(part, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char end = part[i];
        part[i] = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return false;
        part[i] = end;
    }
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(status.st_mode);
}

static bool is_ours_alone(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || ((status.st_uid == geteuid() || status.st_uid == 0) &&
                                        (status.st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

bool datadir_is_ours_alone(const struct datadir *d)
{
    static const char *const names[] = {".", "keys", "contacts"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (datadir_path(d, names[i], path, sizeof(path)) && !is_ours_alone(path))
            return false;
    }
    return true;
}

bool datadir_path(const struct datadir *d, const char *name, char *out, size_t size)
{
    int written = snprintf(out, size, "%s/%s", d->path, name);
    return written > 0 && (size_t)written < size;
}

/* The process id, for whoever finds the lock taken. A full disk has no room for it, and is no
 * reason not to start. */
static void note_owner(const struct datadir *d)
{
    char owner[32];
    int size = snprintf(owner, sizeof(owner), "%ld\n", (long)getpid());
    bool is_noted = ftruncate(d->lock_fd, 0) == 0 && write(d->lock_fd, owner, (size_t)size) == size;
    (void)is_noted;
}

static enum err take_lock(struct datadir *d, const char *path, char *detail)
{
    char owner[32] = "";
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0) {
        snprintf(detail, DATADIR_DETAIL_SIZE, "cannot open %.300s: %s", path, strerror(errno));
        return ERR_IO;
    }
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t size = read(d->lock_fd, owner, sizeof(owner) - 1);
        owner[size > 0 ? strcspn(owner, "\n") : 0] = '\0';
        snprintf(detail, DATADIR_DETAIL_SIZE,
                 "data directory %.300s is in use by another xord (process %s); stop it, or choose "
                 "another --datadir",
                 d->path, owner[0] != '\0' ? owner : "unknown");
        return ERR_IN_USE;
    }
    note_owner(d);
    return ERR_OK;
}

enum err datadir_open(struct datadir *d, const char *path, char *detail)
{
    char lock[PATH_MAX];
    d->lock_fd = -1;
    bool is_made = datadir_make(path, 0700) && realpath(path, d->path) != NULL;
    if (!is_made && errno != ENAMETOOLONG) {
        snprintf(detail, DATADIR_DETAIL_SIZE,
                 "cannot make data directory %.300s: %s; choose another --datadir", path,
                 strerror(errno));
        return ERR_IO;
    }
    if (!is_made || !datadir_path(d, "lock", lock, sizeof(lock))) {
        snprintf(detail, DATADIR_DETAIL_SIZE, "the data directory's path is too long");
        return ERR_TOO_BIG;
    }
    enum err err = take_lock(d, lock, detail);
    if (err != ERR_OK)
        datadir_close(d);
    return err;
}

void datadir_close(struct datadir *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    d->lock_fd = -1;
}

/* One line: the heading and 40 hex digits. */
static bool parse_id(const uint8_t *text, size_t size, struct id *out)
{
    const size_t heading = sizeof(id_heading) - 1;
    const char *digits = (const char *)text + heading;
    return size == heading + 2 * ID_SIZE + 1 && memcmp(text, id_heading, heading) == 0 &&
           digits[2 * ID_SIZE] == '\n' && hex_decode(digits, 2 * ID_SIZE, out->b, ID_SIZE);
}

static size_t write_id(const struct id *id, char line[ID_LINE_SIZE])
{
    char hex[2 * ID_SIZE + 1];
    return (size_t)snprintf(line, ID_LINE_SIZE, "%s%s\n", id_heading,
                            hex_encode(id_bytes(id), hex));
}

enum err datadir_save_id(const struct datadir *d, const struct id *id)
{
    char path[PATH_MAX], line[ID_LINE_SIZE];
    if (!datadir_path(d, "node", path, sizeof(path)))
        return ERR_TOO_BIG;
    return file_save_atomically(path, line, write_id(id, line), 0600);
}

/* Its directory is synced with the store's, a moment later. Until then nobody has heard of it:
 * should a crash of the machine take the file, another one is made. */
static enum err make_id(const char *path, const uint8_t seed[RNG_SEED_SIZE], struct id *out,
                        char *detail)
{
    char line[ID_LINE_SIZE];
    struct rng rng;
    rng_init(&rng, seed);
    id_random(out, &rng);
    enum err err = file_save_whole(path, line, write_id(out, line), 0600);
    if (err != ERR_OK)
        snprintf(detail, DATADIR_DETAIL_SIZE, "cannot save %.300s: %s", path, strerror(errno));
    return err;
}

enum err datadir_id(const struct datadir *d, const uint8_t seed[RNG_SEED_SIZE], struct id *out,
                    char *detail)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t size = 0;
    if (!datadir_path(d, "node", path, sizeof(path)))
        return ERR_TOO_BIG;
    enum err err = file_read(path, ID_FILE_MAX, &text, &size);
    if (err == ERR_NOT_FOUND)
        return make_id(path, seed, out, detail);
    if (err == ERR_TOO_BIG || (err == ERR_OK && !parse_id(text, size, out))) {
        snprintf(detail, DATADIR_DETAIL_SIZE,
                 "%.300s is damaged; restore it, or move it away to start with a new node id",
                 path);
        err = ERR_CORRUPT;
    } else if (err != ERR_OK) {
        snprintf(detail, DATADIR_DETAIL_SIZE, "cannot read %.300s: %s", path, strerror(errno));
    }
    free(text);
    return err;
}
