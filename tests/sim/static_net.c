#include "tests/sim/static_net.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/process.h"

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

void static_net_init(struct static_net *net, uint32_t count, uint64_t seed)
{
    struct rng rng;
    *net = (struct static_net){.count = count, .seed = seed};
    net->ids = malloc(count * sizeof *net->ids);
    assert(net->ids != NULL);
    rng_init_number(&rng, seed);
    for (uint32_t i = 0; i < count; i++)
        id_random(&net->ids[i], &rng);
    qsort(net->ids, count, sizeof *net->ids, compare_ids);
}

void static_net_clear(struct static_net *net)
{
    free(net->ids);
}

/* The first place whose id is not before `id`. */
static uint32_t place_of(const struct static_net *net, const struct id *id)
{
    uint32_t low = 0, high = net->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_ids(&net->ids[middle], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The places of all ids that share `bits` bits with `id`: from *first up to, not with, *end. */
static void find_range(const struct static_net *net, const struct id *id, unsigned bits,
                       uint32_t *first, uint32_t *end)
{
    struct id low = *id, high = *id;
    for (unsigned bit = bits; bit < ID_BITS; bit++) {
        low.b[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
        high.b[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
    }
    *first = place_of(net, &low);
    *end = place_of(net, &high);
    *end += *end < net->count && id_equal(&net->ids[*end], &high);
}

static void fill_bucket(const struct static_net *net, uint32_t node, unsigned prefix,
                        struct routing *table)
{
    struct id other = net->ids[node];
    uint32_t first, end;
    struct rng rng;
    other.b[prefix / 8] ^= (uint8_t)(0x80u >> (prefix % 8));
    find_range(net, &other, prefix + 1, &first, &end);
    rng_init_number(&rng, net->seed ^ ((uint64_t)node << 8 | prefix) * 0x9e3779b97f4a7c15u);
    uint32_t wanted = end - first < ROUTING_K ? end - first : ROUTING_K;
    for (uint32_t i = 0; i < wanted; i++) {
        /* The same one twice leaves a bucket short by one: tables are not perfect either. */
        uint32_t at = wanted < ROUTING_K ? first + i : first + rng_below(&rng, end - first);
        const struct contact contact = {net->ids[at], process_addr(at)};
        routing_answered(table, &contact, true, 50, 1);
    }
}

size_t static_net_closest(const struct static_net *net, uint32_t node, const struct id *target,
                          struct contact *out, size_t max)
{
    struct routing table;
    uint32_t first = 0, end = net->count;
    routing_init(&table, &net->ids[node], ADDR_V4);
    for (unsigned prefix = 0; prefix < ID_BITS && end - first > 1; prefix++) {
        fill_bucket(net, node, prefix, &table);
        find_range(net, &net->ids[node], prefix + 1, &first, &end);
    }
    size_t count = routing_closest(&table, target, false, out, max);
    routing_clear(&table);
    return count;
}

/* All that share enough bits with the target that there are `max` of them, in order of distance. */
void static_net_true_closest(const struct static_net *net, const struct id *target, struct id *out,
                             size_t max)
{
    uint32_t first = 0, end = net->count;
    size_t count = 0;
    for (unsigned bits = ID_BITS; bits-- > 0;) {
        find_range(net, target, bits, &first, &end);
        if (end - first >= max)
            break;
    }
    assert(max <= end - first);
    for (uint32_t i = first; i < end; i++) {
        size_t at = count < max ? count++ : max - 1;
        if (at == max - 1 && count == max && i - first >= max &&
            id_compare_distance(target, &net->ids[i], &out[at]) >= 0)
            continue;
        for (; at > 0 && id_compare_distance(target, &net->ids[i], &out[at - 1]) < 0; at--)
            out[at] = out[at - 1];
        out[at] = net->ids[i];
    }
}
