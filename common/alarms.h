/* Times at which things are due, the earliest first: a heap of alarms that lie in the things they
 * belong to. The unit is the caller's: milliseconds, or seconds of a wall clock. Grows as it fills;
 * owns its array alone, never the alarms. */
#ifndef XORD_COMMON_ALARMS_H
#define XORD_COMMON_ALARMS_H

#include <stdbool.h>
#include <stdint.h>

#define ALARM_NEVER UINT64_MAX /* stays last, and is never due */

struct alarm { /* the first member of what it belongs to */
    uint64_t at;
    uint32_t place; /* in the heap */
};

struct alarms { /* zero: empty */
    struct alarm **heap;
    uint32_t count, capacity;
};

/* False without memory. The alarm must not move while it is in. */
bool alarms_add(struct alarms *a, struct alarm *alarm, uint64_t at);
/* It is in. With the last one the array is given back. */
void alarms_remove(struct alarms *a, struct alarm *alarm);
/* It is in, and is due at another time. */
void alarms_move(struct alarms *a, struct alarm *alarm, uint64_t at);
/* The earliest; NULL when there is none. */
struct alarm *alarms_first(const struct alarms *a);
/* When the earliest is due; ALARM_NEVER when there is none. */
uint64_t alarms_next(const struct alarms *a);

#endif
