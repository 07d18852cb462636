/* Measures lookups: hops, messages and time in networks of many sizes, and whether they found the
 * nodes that are nearest. One line a network, as README's table has them.
 *   lookups NODES [LOOKUPS [SEED]]      whole nodes that joined as nodes do
 *   lookups --static NODES [...]        one whole node in a network of tables (static_net.h) */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/sim/static_net.h"
#include "tests/sim/world.h"

#define JOIN_MS     4u /* between two that join, at least: a second is not for thousands */
#define JOIN_ALL_MS 60000u
#define SETTLE_MS   120000u
#define EACH_MS     200u /* between lookups */
#define LOOKUPS     1000u
#define CLOSEST     8u
#define ASKER_EVERY 50u /* lookups; then another whole node joins the static network and asks */

struct measure {
    struct world world;
    struct static_net net;
    bool is_static;
    struct rng rng;
    struct id target;
    uint64_t count, hops, most_hops, messages, ms, exact, found;
    uint32_t times_ms[100000];
};

/* The asker itself is near, too, and is not listed. */
static void note_closest(struct measure *m, const struct process *p, const struct event *event)
{
    struct id closest[CLOSEST];
    uint32_t right = 0;
    static_net_true_closest(&m->net, &m->target, closest, CLOSEST);
    for (size_t j = 0; j < CLOSEST; j++)
        right += id_equal(&p->id, &closest[j]);
    for (size_t i = 0; i < event->lookup.closest_count; i++)
        for (size_t j = 0; j < CLOSEST; j++)
            right += id_equal(&event->lookup.closest[i].id, &closest[j]);
    m->found += right;
    m->exact += right == CLOSEST;
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct measure *m = context;
    (void)w;
    m->times_ms[m->count++] = event->stats.ms;
    m->hops += event->stats.hops;
    if (event->stats.hops > m->most_hops)
        m->most_hops = event->stats.hops;
    m->messages += event->stats.queried;
    m->ms += event->stats.ms;
    note_closest(m, p, event);
}

/* Plays the whole static network: adversaries' packets are the player's to answer, and all its
 * nodes but the asker are such. */
static void on_sent(void *context, struct world *w, struct process *p,
                    const struct out_packet *packet)
{
    struct measure *m = context;
    struct krpc query;
    struct contact closest[KRPC_NODES_MAX];
    uint8_t nodes[KRPC_NODES_MAX * KRPC_COMPACT_V4], buffer[KRPC_PACKET_MAX];
    struct wire_writer list, reply;
    uint32_t number = process_number(&packet->to);
    if (number >= m->net.count || krpc_parse(packet->data, &query) != ERR_OK ||
        query.type != KRPC_QUERY)
        return;
    wire_writer_init(&list, nodes, sizeof nodes);
    size_t count = query.has_target
                       ? static_net_closest(&m->net, number, &query.target, closest, KRPC_NODES_MAX)
                       : 0;
    for (size_t i = 0; i < count; i++)
        krpc_write_contact(&list, &closest[i].id, &closest[i].addr);
    struct krpc answer = {
        .type = KRPC_RESPONSE,
        .t = query.t,
        .has_id = true,
        .id = m->net.ids[number],
        .has_network = query.has_network,
        .network = query.network,
        .nodes = count > 0 ? wire_written(&list) : (struct bytes){0},
    };
    wire_writer_init(&reply, buffer, sizeof buffer);
    krpc_write(&reply, &answer);
    world_answer(w, &packet->to, p, wire_written(&reply));
}

static struct process *join(struct measure *m)
{
    struct process *p = world_spawn(&m->world, false);
    if (!m->is_static)
        return p;
    const struct addr from = process_addr(rng_below(&m->rng, m->net.count));
    node_bootstrap(p->node, &from);
    world_flush(&m->world, p);
    return p;
}

static int compare_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

static void build(struct measure *m, uint32_t nodes, uint64_t seed)
{
    const struct world_config config = {
        .seed = seed,
        .wires = {.delay_min_ms = 10, .delay_median_ms = 20, .delay_max_ms = 400},
    };
    const struct watcher watcher = {
        .context = m, .event = on_event, .sent = m->is_static ? on_sent : NULL};
    world_init(&m->world, &config);
    world_watch(&m->world, &watcher);
    rng_init_number(&m->rng, seed);
    static_net_init(&m->net, nodes, seed + 1);
    if (m->is_static) {
        world_number_from(&m->world, nodes);
        return;
    }
    uint64_t gap_ms = JOIN_ALL_MS / nodes > JOIN_MS ? JOIN_ALL_MS / nodes : JOIN_MS;
    for (uint32_t i = 0; i < nodes; i++) {
        m->net.ids[i] = join(m)->id;
        world_run(&m->world, m->world.now_ms + gap_ms);
    }
    qsort(m->net.ids, nodes, sizeof *m->net.ids, compare_ids);
    world_run(&m->world, m->world.now_ms + SETTLE_MS);
}

static void look(struct measure *m, uint32_t lookups)
{
    struct process *p = NULL;
    for (uint32_t i = 0; i < lookups; i++) {
        uint64_t op, count = m->count;
        if (m->is_static && i % ASKER_EVERY == 0) {
            p = join(m);
            world_run(&m->world, m->world.now_ms + SETTLE_MS);
        } else if (!m->is_static) {
            p = world_pick(&m->world, &m->rng);
        }
        id_random(&m->target, &m->rng);
        if (node_lookup(p->node, process_now(p), &m->target, 0, &op, &m->world.out) == ERR_OK)
            world_flush(&m->world, p);
        while (m->count == count)
            world_run(&m->world, m->world.now_ms + EACH_MS);
    }
}

int main(int argc, char **argv)
{
    static struct measure m;
    int at = 1;
    m.is_static = argc > 1 && strcmp(argv[1], "--static") == 0;
    at += m.is_static;
    uint32_t nodes = argc > at ? (uint32_t)strtoul(argv[at], NULL, 10) : 1000;
    uint32_t lookups = argc > at + 1 ? (uint32_t)strtoul(argv[at + 1], NULL, 10) : LOOKUPS;
    uint64_t seed = argc > at + 2 ? strtoull(argv[at + 2], NULL, 10) : 1;
    if (nodes < CLOSEST + 1 || lookups == 0 || lookups > 100000 || keys_init() != ERR_OK)
        return 3;
    build(&m, nodes, seed);
    look(&m, lookups);
    qsort(m.times_ms, m.count, sizeof *m.times_ms, compare_number);
    printf("| %u%s | %.1f | %" PRIu64 ".%02" PRIu64 " (%" PRIu64 ") | %" PRIu64 ".%" PRIu64
           " | %" PRIu64 " / %u / %u | %" PRIu64 ".%" PRIu64 " %% |\n",
           nodes, m.is_static ? ", static" : "", log2(nodes), m.hops / m.count,
           m.hops * 100 / m.count % 100, m.most_hops, m.messages / m.count,
           m.messages * 10 / m.count % 10, m.ms / m.count, m.times_ms[m.count / 2],
           m.times_ms[m.count * 99 / 100], m.found * 100 / (CLOSEST * m.count),
           m.found * 1000 / (CLOSEST * m.count) % 10);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    fprintf(stderr, "%u nodes: %ld s of processor time, at most %ld MB\n", nodes,
            (long)used.ru_utime.tv_sec, used.ru_maxrss * 1024 / 1000000);
    static_net_clear(&m.net);
    world_clear(&m.world);
    return 0;
}
