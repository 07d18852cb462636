#include "tests/dht/net.h"

#include <assert.h>

#define JOIN_MS   100u /* between two that join */
#define SETTLE_MS 5000u

static void sign(struct net *net, struct process *p, const struct event *event)
{
    uint8_t sig[KEYS_SIGNATURE_SIZE];
    record_sign(net->secret_key, &event->sign, sig);
    node_put_signed(p->node, process_now(p), event->op, net->is_key_missing ? NULL : sig, net->out);
}

static void keep_views(struct net *net, const struct event *event)
{
    if (event->kind == EVENT_GET && event->get.is_found) {
        net->value_size = event->get.record.v.size;
        memcpy(net->value, event->get.record.v.data, net->value_size);
    }
    if (event->kind == EVENT_LOOKUP)
        memcpy(net->closest, event->lookup.closest,
               event->lookup.closest_count * sizeof net->closest[0]);
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct net *net = context;
    if (event->kind == EVENT_NEED_SIGNATURE) {
        sign(net, p, event);
        return;
    }
    if (event->kind == EVENT_REPLY || event->kind == EVENT_COMMAND)
        return; /* no completions: see programs.h */
    if (net->event_count == NET_EVENTS_MAX) {
        memmove(net->events, net->events + 1, sizeof net->events - sizeof net->events[0]);
        net->event_count--;
    }
    net->events[net->event_count++] = (struct net_event){p->number, *event};
    keep_views(net, event);
    if (p->number == net->awaited_node && event->op == net->awaited_op)
        w->is_stopped = true;
}

static void on_sent(void *context, struct world *w, struct process *p,
                    const struct out_packet *packet)
{
    struct net *net = context;
    const struct process *to = world_find(w, &packet->to);
    const struct net_packet sent = {
        packet->to.family == ADDR_V6 ? process_addr6(p->number) : p->addr,
        packet->to,
        packet->data,
    };
    if ((to == NULL || to->state == PROCESS_DOWN) && net->on_foreign != NULL)
        net->on_foreign(net, &sent);
}

void net_init(struct net *net, uint64_t seed)
{
    const struct world_config config = {
        .seed = seed,
        .sources = SOURCES_NONE,
        .wires = {.delay_min_ms = 1, .delay_median_ms = 7, .delay_max_ms = NET_DELAY_MAX_MS},
    };
    const struct watcher watcher = {.context = net, .event = on_event, .sent = on_sent};
    uint8_t key_seed[KEYS_SEED_SIZE];
    *net = (struct net){.awaited_node = NET_NODES_MAX};
    world_init(&net->world, &config);
    world_watch(&net->world, &watcher);
    net->out = &net->world.out;
    net->wires = &net->world.wires.config;
    rng_init_number(&net->rng, seed);
    rng_bytes(&net->rng, key_seed, sizeof key_seed);
    keys_from_seed(key_seed, net->public_key, net->secret_key);
}

void net_clear(struct net *net)
{
    world_clear(&net->world);
}

void net_build(struct net *net, size_t count, uint64_t seed)
{
    net_init(net, seed);
    for (size_t i = 0; i < count; i++) {
        net_add(net, i ? 0 : -1, NODE_SERVER);
        net_run(net, JOIN_MS);
    }
    net_run(net, SETTLE_MS);
}

static void start_from(struct net *net, size_t index, int bootstrap)
{
    if (bootstrap >= 0)
        node_bootstrap(net->nodes[index]->node, &net->nodes[bootstrap]->addr);
}

size_t net_add(struct net *net, int bootstrap, enum node_role role)
{
    assert(net->count < NET_NODES_MAX);
    size_t index = net->count++;
    net->nodes[index] = world_spawn(&net->world, false);
    net->nodes[index]->clock.wall_off_s = net->nodes[0]->clock.wall_off_s;
    node_set_role(net->nodes[index]->node, role);
    start_from(net, index, bootstrap);
    return index;
}

void net_kill(struct net *net, size_t index)
{
    world_crash(&net->world, net->nodes[index]);
}

void net_restart(struct net *net, size_t index, int bootstrap)
{
    struct process *p = net->nodes[index];
    net_kill(net, index);
    p->id = (struct id){{0}};
    p->saved_count = 0;
    world_restart(&net->world, p);
    start_from(net, index, bootstrap);
}

void net_away(struct net *net, size_t index)
{
    world_pause(&net->world, net->nodes[index]);
}

void net_back(struct net *net, size_t index)
{
    world_resume(&net->world, net->nodes[index]);
}

bool net_is_up(const struct net *net, size_t index)
{
    return net->nodes[index]->state == PROCESS_UP;
}

struct now net_now(const struct net *net)
{
    return process_now(net->nodes[0]);
}

void net_skip(struct net *net, uint64_t seconds)
{
    for (size_t i = 0; i < net->count; i++)
        net->nodes[i]->clock.wall_off_s += (int64_t)seconds;
}

void net_flush(struct net *net, size_t index)
{
    world_flush(&net->world, net->nodes[index]);
    world_run(&net->world, net->world.now_ms);
}

/* A test may have called into any of them since: their next ticks are planned anew. */
static void rearm(struct net *net)
{
    assert(outbox_is_empty(net->out));
    for (size_t i = 0; i < net->count; i++)
        world_flush(&net->world, net->nodes[i]);
}

void net_run(struct net *net, uint64_t ms)
{
    rearm(net);
    world_run(&net->world, net->world.now_ms + ms);
}

static const struct event *find_event(const struct net *net, size_t index, uint64_t op)
{
    for (size_t i = net->event_count; i-- > 0;)
        if (net->events[i].node == index && net->events[i].event.op == op)
            return &net->events[i].event;
    return NULL;
}

const struct event *net_wait(struct net *net, size_t index, uint64_t op)
{
    if (find_event(net, index, op) != NULL)
        return find_event(net, index, op);
    net->awaited_node = index;
    net->awaited_op = op;
    net_run(net, NET_WAIT_MS);
    net->awaited_node = NET_NODES_MAX;
    net->world.is_stopped = false;
    return find_event(net, index, op);
}

/* The completion of what the node has just accepted. */
static const struct event *complete(struct net *net, size_t index, enum err err, uint64_t op)
{
    assert(err == ERR_OK);
    net_flush(net, index);
    const struct event *event = net_wait(net, index, op);
    assert(event != NULL);
    return event;
}

const struct event *net_put(struct net *net, size_t index, const struct put_request *request)
{
    uint64_t op = 0;
    enum err err = node_put(net->nodes[index]->node, net_now(net), request, &op, net->out);
    return complete(net, index, err, op);
}

const struct event *net_get(struct net *net, size_t index, const struct get_request *request)
{
    uint64_t op = 0;
    enum err err = node_get(net->nodes[index]->node, net_now(net), request, &op, net->out);
    return complete(net, index, err, op);
}

enum err net_drop_kept(struct net *net, size_t index, enum record_kind kind,
                       const struct id *target)
{
    uint64_t op = 0;
    enum err err =
        node_drop_kept(net->nodes[index]->node, net_now(net), kind, target, &op, net->out);
    return complete(net, index, err, op)->err;
}

struct node_info net_info(const struct net *net, size_t index)
{
    struct node_info info;
    node_get_info(net->nodes[index]->node, &info);
    return info;
}

uint64_t net_counter(const struct net *net, size_t index, enum counter counter)
{
    return node_counter(net->nodes[index]->node, counter);
}

void net_inject(struct net *net, size_t index, const struct addr *from, struct bytes packet)
{
    struct process *p = net->nodes[index];
    node_recv(p->node, process_now(p), from, packet.data, packet.size, net->out);
    net_flush(net, index);
    net_run(net, net->wires->delay_max_ms);
}

void net_post(struct net *net, const struct addr *from, const struct addr *to, struct bytes packet)
{
    world_answer(&net->world, from, world_find(&net->world, to), packet);
}

bool net_stored(const struct net *net, size_t index, enum store_space space, enum record_kind kind,
                const struct id *target, struct stored *out)
{
    const struct process *p = net->nodes[index];
    return disk_get(&p->disk, process_now(p).unix_s, space, kind, target, out) == ERR_OK;
}

bool net_holds(const struct net *net, size_t index, enum record_kind kind, const struct id *target)
{
    struct stored stored;
    return net_stored(net, index, STORE_HELD, kind, target, &stored);
}

size_t net_holders(const struct net *net, enum record_kind kind, const struct id *target)
{
    size_t holders = 0;
    for (size_t i = 0; i < net->count; i++)
        holders += net_is_up(net, i) && net_holds(net, i, kind, target);
    return holders;
}

static void apply(struct net *net, size_t index, const struct disk_write *item)
{
    struct process *p = net->nodes[index];
    struct disk_gone gone;
    int64_t seq;
    enum err err = disk_apply(&p->disk, process_now(p).unix_s, item, &seq, &gone);
    assert(err == ERR_OK);
    for (unsigned i = 0; i < gone.count; i++)
        blobs_drop(&net->world.blobs, gone.blobs[i]);
}

void net_place(struct net *net, size_t index, enum store_space space, const struct record *record)
{
    struct blob *blob = blobs_take(&net->world.blobs, record);
    const struct disk_write item = {
        .write = {.action = STORE_PUT,
                  .space = space,
                  .put_unix_s = net_now(net).unix_s,
                  .expiry_unix_s = STORE_EXPIRY_NEVER,
                  .record = blob->record},
        .blob = blob,
    };
    apply(net, index, &item);
    blobs_drop(&net->world.blobs, blob);
}

void net_wipe(struct net *net, size_t index, enum store_space space)
{
    const struct disk *disk = &net->nodes[index]->disk;
    struct disk_write item = {.write = {.action = STORE_DROP, .space = space}};
    struct stored stored;
    /* At the beginning of time nothing has ended. */
    while (disk_next(disk, 0, space, 0, NULL, &stored) == ERR_OK) {
        item.write.record.kind = stored.record.kind;
        record_key(&stored.record, &item.write.record.target);
        apply(net, index, &item);
    }
}
