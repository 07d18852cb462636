/* Which nodes of a table are nearest to an id, and what their density says of the whole network. */
#include <assert.h>

#include "daemon/dht/routing/bucket.h"

#define ESTIMATE_NODES 16u /* as many nodes around us as the estimate goes by: within 25 % */

static bool differs_at(const struct id *a, const struct id *b, size_t bit)
{
    return ((a->b[bit / 8] ^ b->b[bit / 8]) & (0x80 >> (bit % 8))) != 0;
}

/* Buckets as a whole stand in an order of nearness to any target, so only as many are looked at as
 * are needed, and nodes are put in order only within one.
 *
 * Bucket i holds the nodes that share exactly i bits with us: they differ from us in bit i. The
 * nodes of deeper buckets (and we) agree with us there. Up to bit i all of these are the same, so
 * bit i decides which are nearer. Where the target differs from us in bit i, it agrees with the
 * nodes of bucket i: all of them are nearer than any deeper node. Where it agrees with us, all of
 * them are farther. So, the nearest first: the buckets of the bits in which the target differs from
 * us, going deeper; then the last bucket; then those of the other bits, coming back. The first of
 * them is the bucket that the target itself belongs to. */
static size_t collect(const struct routing *r, const struct id *target, bool is_failed,
                      struct contact *out, size_t max)
{
    size_t last = r->bucket_count - 1;
    size_t first = routing_bucket_of(r, target);
    size_t count = bucket_closest(&r->buckets[first], target, is_failed, out, max);

    for (size_t i = first + 1; i < last && count < max; i++) {
        if (differs_at(&r->self, target, i))
            count += bucket_closest(&r->buckets[i], target, is_failed, out + count, max - count);
    }
    if (first < last && count < max)
        count += bucket_closest(&r->buckets[last], target, is_failed, out + count, max - count);
    for (size_t i = last; i > 0 && count < max; i--) {
        if (!differs_at(&r->self, target, i - 1))
            count +=
                bucket_closest(&r->buckets[i - 1], target, is_failed, out + count, max - count);
    }
    return count;
}

size_t routing_closest(const struct routing *r, const struct id *target, bool with_failed,
                       struct contact *out, size_t max)
{
    assert(max <= ROUTING_K * 4);
    if (r->bucket_count == 0)
        return 0;
    size_t count = collect(r, target, false, out, max);
    if (with_failed && count < max)
        count += collect(r, target, true, out + count, max - count);
    return count;
}

size_t routing_spares(const struct routing *r, const struct id *target, struct contact *out,
                      size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < r->bucket_count; i++)
        for (size_t c = 0; c < r->buckets[i].cache_count; c++)
            count = contact_insert(out, count, max, target, &r->buckets[i].cache[c].contact);
    return count;
}

/* Of n nodes spread evenly, the m-th nearest to us lies at about m / n of the whole distance. */
uint64_t routing_estimate(const struct routing *r)
{
    struct contact nearest[ESTIMATE_NODES];
    size_t count = routing_closest(r, &r->self, false, nearest, ESTIMATE_NODES);

    if (r->bucket_count <= 1 || count < 2) /* never full: we know all of them */
        return r->node_count + 1;
    uint64_t spacing = id_distance_head(&r->self, &nearest[count - 1].id) / (count - 1);
    uint64_t estimate = UINT64_MAX / (spacing > 0 ? spacing : 1);
    return estimate > r->node_count ? estimate : r->node_count + 1;
}
