/* A set of targets: what daemons say that they hold (liststored, page after page). */
#ifndef XORD_BENCH_TARGETS_H
#define XORD_BENCH_TARGETS_H

#include "daemon/dht/wire/id.h"
#include "tests/bench/call.h"

struct targets {
    struct id *all;
    size_t count, capacity;
    bool is_sorted;
};

/* Adds all that the daemon holds. */
void targets_read(struct targets *targets, struct call_connection *connection);
bool targets_has(struct targets *targets, const struct id *target);
void targets_clear(struct targets *targets);

#endif
