/* What the files of the world share and nobody else sees. */
#ifndef XORD_TESTS_SIM_WORLD_PARTS_H
#define XORD_TESTS_SIM_WORLD_PARTS_H

#include "tests/sim/world.h"

/* Tells every watcher that listens to this. */
#define TELL(w, what, ...)                                                                         \
    do {                                                                                           \
        for (uint32_t watcher_ = 0; watcher_ < (w)->watcher_count; watcher_++)                     \
            if ((w)->watchers[watcher_].what != NULL)                                              \
                (w)->watchers[watcher_].what((w)->watchers[watcher_].context, (w), __VA_ARGS__);   \
    } while (0)

/* Plans the process's next tick when it is earlier than the one that is planned. */
void world_rearm(struct world *w, struct process *p);
/* Carries out a waiting write on the process's disk (not at all when `is_failed`) and frees its
 * bytes. */
enum err world_apply(struct world *w, struct process *p, uint32_t slot, bool is_failed,
                     int64_t *seq);
/* The process has handed over what it had to. */
void world_left(struct world *w, struct process *p);
void world_expire(struct world *w, struct process *p);

#endif
