#include <time.h>

#include "daemon/daemon_parts.h"

/* Unix seconds from the coarse clock: seconds are all that is asked, and it costs nothing. */
static uint64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (uint64_t)now.tv_sec;
}

struct now daemon_now(struct daemon *d)
{
    struct now now = {.ms = uv_now(&d->loop), .unix_s = wall_clock()};
    if (now.unix_s != d->unix_s) {
        d->unix_s = now.unix_s;
        store_set_now(d->store, now.unix_s);
    }
    return now;
}
