/* The data directory: made when missing, owned by one daemon at a time, and the node's id in it.
 * Synchronous: used before the loop runs, but for datadir_save_id. */
#ifndef XORD_DAEMON_DATADIR_H
#define XORD_DAEMON_DATADIR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "daemon/dht/wire/id.h"

#define DATADIR_DETAIL_SIZE 512

struct datadir {
    char path[PATH_MAX]; /* absolute */
    int lock_fd;         /* -1: not held */
};

/* Makes the directory (0700, and its parents) and takes its lock. ERR_IN_USE: another process has
 * it; ERR_IO, ERR_TOO_BIG (the path). `detail` (DATADIR_DETAIL_SIZE) says in one line what. */
enum err datadir_open(struct datadir *d, const char *path, char *detail);
void datadir_close(struct datadir *d);
/* False when others can put files into it, or into the keys or contacts in it: then they say which
 * key a name stands for. */
bool datadir_is_ours_alone(const struct datadir *d);

/* Writes the path of `name` inside it; false when it is too long for `size`. */
bool datadir_path(const struct datadir *d, const char *name, char *out, size_t size);

/* This node's id: read from its file, or made from `seed` and saved there at the first start.
 * ERR_CORRUPT: the file is there and damaged; it is left as it is. ERR_IO, ERR_STORAGE_FULL. */
enum err datadir_id(const struct datadir *d, const uint8_t seed[RNG_SEED_SIZE], struct id *out,
                    char *detail);

/* Replaces the id in its file. On a worker once the loop runs. ERR_IO, ERR_STORAGE_FULL. */
enum err datadir_save_id(const struct datadir *d, const struct id *id);

/* Makes a directory and the parents that are missing; an existing one is left as it is. False with
 * errno. */
bool datadir_make(const char *path, mode_t mode);
/* The directory that a file lies in; "." for a bare name. False when it does not fit. */
bool datadir_parent(const char *path, char *out, size_t size);

#endif
