/* A directory of small files, one a name, each holding 32 bytes as a line of hex: keys' seeds and
 * contacts' public keys. Reads them all at the start; each later change runs on a worker and is
 * told when it is on disk. Keeps nothing in memory but what is under way. */
#ifndef XORD_DAEMON_NAME_DIR_H
#define XORD_DAEMON_NAME_DIR_H

#include <limits.h>
#include <uv.h>

#include "common/err.h"
#include "rpc/host.h"

#define NAME_DIR_VALUE_SIZE  32
#define NAME_DIR_CHANGES_MAX 64 /* under way at once; a person makes one at a time */
#define NAME_DIR_DETAIL_SIZE 512

/* A change that is under way or done. `value` is NULL when the name was removed. */
struct name_change {
    const char *name;
    const uint8_t *value;
    uint64_t ticket;
};
/* On the loop, exactly once a change that was accepted. The change is borrowed for the call. */
typedef void name_dir_done(void *context, const struct name_change *change, enum err err);
/* One file at the start; false refuses it for want of memory or room. */
typedef bool name_dir_visit(void *context, const char *name, const uint8_t *value);

struct name_dir_job;

struct name_dir {
    uv_loop_t *loop;
    char path[PATH_MAX];
    name_dir_done *done;
    void *context;
    struct name_dir_job *jobs; /* under way */
    size_t job_count;
};

/* Makes the directory (0700) when missing and visits each file in it. ERR_CORRUPT: a file is
 * damaged, and left as it is; ERR_IO; ERR_BUSY: `visit` refused. `detail` says which. */
enum err name_dir_open(struct name_dir *d, uv_loop_t *loop, const char *path, name_dir_done *done,
                       name_dir_visit *visit, void *context, char *detail);
/* Starts saving (0600) or removing. ERR_BUSY: a change of this name, or too many, are under way;
 * ERR_INVALID_PARAMS: not a name; ERR_NO_MEMORY. */
enum err name_dir_save(struct name_dir *d, const char *name, const uint8_t *value, uint64_t ticket);
enum err name_dir_remove(struct name_dir *d, const char *name, uint64_t ticket);
bool name_dir_is_idle(const struct name_dir *d);

#endif
