/* The load generator of the UDP figures: a closed loop with a window of queries in flight on one
 * socket, in batches both ways. The same code asks the echo and the daemon, so that figures can be
 * divided. Only answers that belong to a query in flight and that the plan accepts are counted. */
#ifndef XORD_BENCH_LOAD_H
#define XORD_BENCH_LOAD_H

#include <sys/types.h>

#include "common/bytes.h"

#define LOAD_WINDOW_MAX 512
#define LOAD_PACKET_MAX 1500

struct load_plan {
    void *context;
    size_t window;    /* queries in flight, at most LOAD_WINDOW_MAX */
    bool is_spinning; /* never sleeps: for a core of its own */
    uint64_t duration_ns;
    pid_t server;   /* whose processor time is read; 0: nobody's */
    uint64_t count; /* ends after so many answers too; 0: by time alone */
    /* Writes the next query of this slot without its tail (`t` and `y`, which the generator
     * appends); its size, or 0 when there are no more. */
    size_t (*query)(void *context, size_t slot, uint8_t packet[LOAD_PACKET_MAX]);
    /* Called for each answer; false: not what was asked for. `y` is its message type. */
    bool (*accept)(void *context, size_t slot, struct bytes packet, char y);
};

struct load_result {
    uint64_t answered;
    uint64_t refused; /* answers that the plan did not accept */
    uint64_t resent;  /* queries sent again, because no answer came */
    double seconds;
    double rate; /* answered per second */
    double busy; /* share of the time that the server had a processor */
};

struct load;

/* A socket of 127.0.0.1, connected to this port there. As a node it answers when the daemon asks
 * who it is, and so becomes one of the daemon's nodes; else it stays unknown. */
struct load *load_new(uint16_t server_port, bool is_node);
void load_free(struct load *load);
/* Runs the plan; at its end waits for what is in flight, so that the next begins with nothing. */
void load_run(struct load *load, const struct load_plan *plan, struct load_result *out);

#endif
