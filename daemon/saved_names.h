/* What authorities said of names, on disk (rpc/names/name_cache.h): so that after a restart names
 * are known without the network, and it is still known which key a name had before. Saved on a
 * worker when it has changed. A damaged file costs a warning and what it held. */
#ifndef XORD_DAEMON_SAVED_NAMES_H
#define XORD_DAEMON_SAVED_NAMES_H

#include <limits.h>
#include <uv.h>

#include "rpc/names/name_cache.h"

struct saved_names {
    struct name_cache cache;
    uv_loop_t *loop;
    char path[PATH_MAX];
    uint8_t *data; /* what is being saved; NULL when idle */
    size_t size;
    bool has_failed;        /* the last time */
    uint64_t saving, saved; /* the cache's `changes` that are in `data` and on disk */
};

/* Reads the file when there is one. */
void saved_names_init(struct saved_names *s, uv_loop_t *loop, const char *path);
/* Starts saving; nothing when a save is under way, or nothing changed. */
void saved_names_save(struct saved_names *s);
/* True when there is something to save. */
bool saved_names_is_changed(const struct saved_names *s);
bool saved_names_is_idle(const struct saved_names *s);
void saved_names_clear(struct saved_names *s); /* when idle */

#endif
