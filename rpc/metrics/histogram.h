/* How many of a run of durations fell below each of a few fixed bounds, and their sum: a Prometheus
 * histogram. Nanoseconds inside, so that nothing is rounded; seconds only when it is written. */
#ifndef XORD_RPC_HISTOGRAM_H
#define XORD_RPC_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 16

struct histogram_scale {
    size_t count;                             /* at most HISTOGRAM_BOUNDS_MAX */
    uint64_t bounds_ns[HISTOGRAM_BOUNDS_MAX]; /* inclusive, rising */
};

/* Of calls, most of which take microseconds, and of lookups, measured in milliseconds. */
extern const struct histogram_scale histogram_calls, histogram_lookups;

struct histogram {                             /* zeroed it is empty */
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* each bound's own; the last is beyond them all */
    uint64_t sum_ns;
};

void histogram_add(struct histogram *h, const struct histogram_scale *scale, uint64_t took_ns);
/* How many durations there were. */
uint64_t histogram_count(const struct histogram *h);

#endif
