/* One node listens to every key at once: what that costs it while nothing happens, and that it
 * hears of what does. */
#include "tests/sim/life_scenarios.h"

#define SECOND_MS    1000u
#define READ_S       600u /* all has been read by then */
#define QUIET_S      600u /* in which nothing is put, and what it sends and is sent is counted */
#define PUTS         200u
#define PUT_EVERY_MS 100u
#define HEARD_MS     90000u /* with a refresh's time */
#define PACKETS_A_S  9999u  /* tens: below a hundred, in hundredths */

struct hearing {
    uint64_t synced, values, heard_late; /* heard_late: of those put while it listened */
    uint32_t number;                     /* of who listens */
};

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct hearing *h = context;
    (void)w;
    if (event->kind != EVENT_LISTEN || p->number != h->number)
        return;
    h->synced += event->listen.what == LISTEN_SYNCED && event->err == ERR_OK;
    h->values += event->listen.what == LISTEN_VALUE;
    h->heard_late += event->listen.what == LISTEN_VALUE && !event->listen.is_replay;
}

static void run_ms(struct life *l, uint64_t ms)
{
    world_run(&l->session.world, l->session.world.now_ms + ms);
}

/* How many were begun. */
static uint64_t listen_to_all(struct life *l, struct process *p)
{
    const struct ledger *ledger = &l->session.ledger;
    uint64_t begun = 0, op;
    for (uint32_t i = 0; i < ledger->key_count; i++) {
        const struct ledger_key *key = &ledger->keys[i];
        const struct listen_request request = {
            .kind = RECORD_SINGLE,
            .target = key->target,
            .k = ledger->owners[key->owner].public_key,
            .salt = bytes_of(key->salt, key->salt_size),
            .timeout_ms = READ_S * SECOND_MS,
        };
        begun +=
            node_listen(p->node, process_now(p), &request, &op, &l->session.world.out) == ERR_OK;
        world_flush(&l->session.world, p);
    }
    return begun;
}

static uint64_t packets_of(const struct process *p)
{
    return node_counter(p->node, COUNTER_PACKETS_OUT) + node_counter(p->node, COUNTER_PACKETS_IN);
}

static void put_some(struct life *l)
{
    for (uint32_t i = 0; i < PUTS; i++) {
        struct process *p = world_pick(&l->session.world, &l->session.client.rng);
        client_put(&l->session.client, p, i % l->session.ledger.key_count);
        run_ms(l, PUT_EVERY_MS);
    }
    run_ms(l, HEARD_MS);
}

void life_listen(struct life *l)
{
    struct hearing h = {0};
    struct process *p = world_pick(&l->session.world, &l->session.client.rng);
    const struct watcher watcher = {.context = &h, .event = on_event};
    h.number = p->number;
    world_watch(&l->session.world, &watcher);
    uint64_t idle = packets_of(p);
    run_ms(l, QUIET_S * SECOND_MS);
    idle = packets_of(p) - idle;
    uint64_t begun = listen_to_all(l, p), read_s = 0;
    for (; h.synced < begun && read_s < READ_S; read_s++)
        run_ms(l, SECOND_MS);
    uint64_t before = packets_of(p), renewals = node_counter(p->node, COUNTER_LEASE_RENEWALS);
    run_ms(l, QUIET_S * SECOND_MS);
    uint64_t after = packets_of(p), acked = l->session.oracle.figures.acked;
    renewals = node_counter(p->node, COUNTER_LEASE_RENEWALS) - renewals;
    put_some(l);
    acked = l->session.oracle.figures.acked - acked;
    life_result(l, "keys listened to", LIFE_COUNT, LIFE_AT_LEAST, l->session.options.keys, begun);
    life_result(l, "of them read to the end", LIFE_SHARE, LIFE_AT_LEAST, 100000,
                life_share(h.synced, begun));
    life_result(l, "seconds until then", LIFE_COUNT, LIFE_TOLD, 0, read_s);
    life_result(l, "packets a second before, both ways", LIFE_TIMES, LIFE_TOLD, 0,
                idle * 100 / QUIET_S);
    life_result(l, "packets a second while it listens, both ways", LIFE_TIMES, LIFE_AT_MOST,
                PACKETS_A_S, (after - before) * 100 / QUIET_S);
    life_result(l, "refreshes a second of them", LIFE_TIMES, LIFE_TOLD, 0,
                renewals * 100 / QUIET_S);
    life_result(l, "values put then, acknowledged", LIFE_COUNT, LIFE_AT_LEAST, PUTS, acked);
    life_result(l, "of them heard", LIFE_SHARE, LIFE_AT_LEAST, 100000,
                life_share(h.heard_late, acked));
}
