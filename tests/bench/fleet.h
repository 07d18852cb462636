/* A network of daemons on loopback, each with a connection to it and a user of its own. */
#ifndef XORD_BENCH_FLEET_H
#define XORD_BENCH_FLEET_H

#include "tests/bench/call.h"
#include "tests/bench/process.h"

#define FLEET_SIZE     32
#define FLEET_USER     "bench" /* the name of each daemon's own key */
#define FLEET_KEY_TEXT (2 * 32 + 1)

struct fleet {
    struct process daemons[FLEET_SIZE];
    struct call_connection connections[FLEET_SIZE];
    char keys[FLEET_SIZE][FLEET_KEY_TEXT]; /* the public key of each daemon's own user */
};

/* Starts them all in directories below `directory`, and waits until each is ready. */
void fleet_start(struct fleet *fleet, const char *binary, const char *directory);
void fleet_stop(struct fleet *fleet); /* their data is thrown away */

#endif
