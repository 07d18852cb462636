/* Whether the service manager's watchdog is fed (sd_watchdog_enabled(3)): looked at twice an
 * interval, by the loop, which so proves itself; the store's worker proves itself by progress, or
 * by having nothing to do. Pure: the time and the proof are arguments. */
#ifndef XORD_DAEMON_WATCHDOG_H
#define XORD_DAEMON_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct watchdog {
    uint64_t interval_ms; /* 0: there is none to feed */
    uint64_t proof;       /* the worker's, as last seen */
    uint64_t proved_ms;   /* when it was last seen to change, or not to be needed */
};

/* From WATCHDOG_USEC and WATCHDOG_PID, each NULL when unset; without a pid it is for whoever reads
 * it. `self` is our own pid. False when a text is no number: then there is no watchdog. */
bool watchdog_init(struct watchdog *w, const char *usec, const char *pid, pid_t self,
                   uint64_t now_ms);
/* Between two looks; 0 when there is no watchdog. */
uint64_t watchdog_period_ms(const struct watchdog *w);
/* True: feed it. False: the worker is busy and `proof` has stood still for over an interval. */
bool watchdog_look(struct watchdog *w, uint64_t now_ms, bool is_idle, uint64_t proof);

#endif
