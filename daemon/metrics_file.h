/* The metrics in a file, for collectors that read files: replaced by rename, on a worker, so that
 * readers see one whole text and the loop never waits for a disk. A path that cannot be written
 * costs one line in the log, and is tried again each time. */
#ifndef XORD_DAEMON_METRICS_FILE_H
#define XORD_DAEMON_METRICS_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <uv.h>

#include "common/err.h"

#define METRICS_FILE_MS 15000u /* between writes: as often as Prometheus asks by itself */

struct metrics_file {
    uv_loop_t *loop;
    char path[PATH_MAX]; /* of what is being written */
    char *text;          /* being written; NULL when idle */
    size_t size;
    int failure; /* of the last write: an errno; 0 when it was written */
    int error;   /* the worker's */
};

void metrics_file_init(struct metrics_file *m, uv_loop_t *loop);
/* Starts writing `text` (malloc), which is taken. Nothing while a write is under way. */
void metrics_file_write(struct metrics_file *m, const char *path, char *text, size_t size);
bool metrics_file_is_idle(const struct metrics_file *m);

#endif
