/* Fake nodes that fill a daemon's table: each has a loopback address of its own and an id at a
 * chosen distance, makes itself known by a ping, and answers the daemon's queries. They live in a
 * process of their own, which dies with the caller. */
#ifndef XORD_BENCH_FAKES_H
#define XORD_BENCH_FAKES_H

#include <sys/types.h>

#include "daemon/dht/wire/id.h"

#define FAKES_DEPTHS 20 /* buckets that are filled: a table of a large network has as many */
#define FAKES_EACH   10 /* nodes offered a bucket: more than it holds */
#define FAKES_COUNT  (FAKES_DEPTHS * FAKES_EACH)

pid_t fakes_start(const struct id *daemon_id, uint16_t daemon_port, int core);
void fakes_stop(pid_t pid);

#endif
