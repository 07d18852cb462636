/* One function on a worker thread, and its end told on the loop: for file work that must not block
 * the loop. Jobs run in no set order, so who saves a file starts its next save when the last one
 * is done. */
#ifndef XORD_BACKGROUND_H
#define XORD_BACKGROUND_H

#include <uv.h>

#include "common/err.h"

typedef enum err background_run(void *argument);            /* on the worker */
typedef void background_done(void *argument, enum err err); /* on the loop, exactly once */

/* ERR_NO_MEMORY: neither is called. The argument is the caller's; it outlives `done`. */
enum err background_start(uv_loop_t *loop, background_run *run, background_done *done,
                          void *argument);

#endif
