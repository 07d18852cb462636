#include "rpc/metrics/histogram.h"

#define US UINT64_C(1000)
#define MS (1000 * US)
#define S  (1000 * MS)

const struct histogram_scale histogram_calls = {
    .count = 15,
    .bounds_ns = {10 * US, 25 * US, 50 * US, 100 * US, 250 * US, 1 * MS, 2500 * US, 5 * MS, 10 * MS,
                  25 * MS, 100 * MS, 250 * MS, 1 * S, 2500 * MS, 10 * S}};

const struct histogram_scale histogram_lookups = {
    .count = 14,
    .bounds_ns = {1 * MS, 2500 * US, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS,
                  500 * MS, 1 * S, 2500 * MS, 5 * S, 10 * S, 60 * S}};

void histogram_add(struct histogram *h, const struct histogram_scale *scale, uint64_t took_ns)
{
    size_t i = 0;

    while (i < scale->count && took_ns > scale->bounds_ns[i])
        i++;
    h->counts[i]++;
    h->sum_ns += took_ns;
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
        count += h->counts[i];
    return count;
}
