/* Time as an argument: nothing below the shell reads a clock. */
#ifndef XORD_COMMON_NOW_H
#define XORD_COMMON_NOW_H

#include <stdint.h>

struct now {
    uint64_t ms;     /* monotonic milliseconds */
    uint64_t unix_s; /* wall clock, seconds since 1970 */
};

#endif
