#include "tests/sim/net.h"

#include <assert.h>
#include <stdlib.h>

void net_init(struct net *net, uint64_t seed)
{
    *net = (struct net){
        .now = {.ms = 1000000, .unix_s = 1700000000}, .delay_min_ms = 1, .delay_max_ms = 20};
    rng_init_number(&net->rng, seed);
    rng_bytes(&net->rng, net->seed, sizeof net->seed);
    outbox_init(&net->out);
}

void net_clear(struct net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        node_free(net->nodes[i].node);
        free(net->nodes[i].records);
    }
    for (size_t i = 0; i < net->packet_count; i++)
        free(net->packets[i].data);
    free(net->packets);
    outbox_clear(&net->out);
}

static enum err store_get(void *context, enum store_space space, enum record_kind kind,
                          const struct id *target, struct stored *out)
{
    struct net_node *node = context;
    for (size_t i = 0; i < NET_RECORDS_MAX; i++) {
        struct net_record *r = &node->records[i];
        if (!r->is_used || r->space != space || r->expiry_unix_s <= node->net->now.unix_s)
            continue;
        bool is_sound = record_unpack(bytes_of(r->packed, r->size), &out->record);
        assert(is_sound);
        if (out->record.kind != kind || !id_equal(&out->record.target, target))
            continue;
        out->put_unix_s = r->put_unix_s;
        out->expiry_unix_s = r->expiry_unix_s;
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

static bool is_after(const struct record *r, enum record_kind kind, const struct id *target)
{
    if (target == NULL)
        return true;
    if (r->kind != kind)
        return r->kind > kind;
    return memcmp(r->target.b, target->b, ID_SIZE) > 0;
}

static enum err store_next(void *context, enum store_space space, enum record_kind kind,
                           const struct id *target, struct stored *out)
{
    struct net_node *node = context;
    bool is_found = false;
    for (size_t i = 0; i < NET_RECORDS_MAX; i++) {
        struct net_record *r = &node->records[i];
        struct record record;
        if (!r->is_used || r->space != space ||
            !record_unpack(bytes_of(r->packed, r->size), &record) ||
            !is_after(&record, kind, target))
            continue;
        if (is_found && !is_after(&out->record, record.kind, &record.target))
            continue;
        *out = (struct stored){record, r->put_unix_s, r->expiry_unix_s};
        is_found = true;
    }
    return is_found ? ERR_OK : ERR_NOT_FOUND;
}

static struct net_record *find_slot(struct net_node *node, const struct store_write *write)
{
    struct net_record *unused = NULL;
    for (size_t i = 0; i < NET_RECORDS_MAX; i++) {
        struct net_record *r = &node->records[i];
        struct record record;
        if (!r->is_used) {
            unused = unused ? unused : r;
            continue;
        }
        if (r->space == write->space && record_unpack(bytes_of(r->packed, r->size), &record) &&
            record.kind == write->record.kind && id_equal(&record.target, &write->record.target))
            return r;
    }
    return unused;
}

static enum err apply_put(struct net_record *slot, const struct store_write *write, int64_t *seq)
{
    struct record old;
    if (!write->is_verified && !record_verify(&write->record))
        return ERR_BAD_SIGNATURE;
    if (slot->is_used && record_unpack(bytes_of(slot->packed, slot->size), &old)) {
        *seq = old.seq;
        if (write->has_cas && write->cas != old.seq)
            return ERR_CAS_MISMATCH;
        if (write->record.seq < old.seq ||
            (write->record.seq == old.seq && !record_equal(&write->record, &old)))
            return ERR_STALE_SEQ;
    }
    struct wire_writer w;
    wire_writer_init(&w, slot->packed, sizeof slot->packed);
    record_pack(&w, &write->record);
    assert(!w.failed);
    slot->size = w.used;
    slot->is_used = true;
    slot->space = write->space;
    slot->put_unix_s = write->put_unix_s;
    slot->expiry_unix_s = write->expiry_unix_s;
    return ERR_OK;
}

static enum err apply(struct net_node *node, const struct store_write *write, int64_t *seq)
{
    struct net_record *slot = find_slot(node, write);
    if (node->is_store_broken)
        return ERR_IO;
    if (slot == NULL)
        return ERR_STORAGE_FULL;
    if (write->action == STORE_PUT)
        return apply_put(slot, write, seq);
    if (!slot->is_used)
        return ERR_NOT_FOUND;
    slot->is_used = false;
    return ERR_OK;
}

void net_post(struct net *net, const struct addr *from, const struct addr *to, struct bytes packet)
{
    if (net->packet_count == net->packet_capacity) {
        net->packet_capacity = net->packet_capacity ? net->packet_capacity * 2 : 64;
        net->packets = realloc(net->packets, net->packet_capacity * sizeof *net->packets);
        assert(net->packets != NULL);
    }
    uint32_t spread = net->delay_max_ms - net->delay_min_ms + 1;
    struct net_packet *p = &net->packets[net->packet_count++];
    *p = (struct net_packet){
        .at_ms = net->now.ms + net->delay_min_ms + rng_below(&net->rng, spread),
        .order = net->order++,
        .from = *from,
        .to = *to,
        .size = packet.size,
        .data = malloc(packet.size + 1),
    };
    assert(p->data != NULL);
    memcpy(p->data, packet.data, p->size);
}

static void post(struct net *net, const struct net_node *from, const struct out_packet *packet)
{
    const struct addr *own = packet->to.family == ADDR_V6 ? &from->addr6 : &from->addr;
    net_post(net, own, &packet->to, packet->data);
}

static void note_event(struct net *net, struct net_node *node, const struct event *event)
{
    if (event->kind == EVENT_NEED_SIGNATURE) {
        uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE],
            sig[KEYS_SIGNATURE_SIZE];
        keys_from_seed(net->seed, public_key, secret_key);
        record_sign(secret_key, &event->sign, sig);
        node_put_signed(node->node, net->now, event->op, net->is_key_missing ? NULL : sig,
                        &net->out);
        return;
    }
    if (net->event_count == sizeof net->events / sizeof net->events[0]) {
        memmove(net->events, net->events + 1, sizeof net->events - sizeof net->events[0]);
        net->event_count--;
    }
    net->events[net->event_count++] = (struct net_event){(size_t)(node - net->nodes), *event};
    if (event->kind == EVENT_GET && event->get.is_found) {
        net->value_size = event->get.record.v.size;
        memcpy(net->value, event->get.record.v.data, net->value_size);
    }
    if (event->kind == EVENT_LOOKUP)
        memcpy(net->closest, event->lookup.closest,
               event->lookup.closest_count * sizeof net->closest[0]);
}

void net_flush(struct net *net, size_t index)
{
    struct net_node *node = &net->nodes[index];
    size_t packets = 0, writes = 0, events = 0;
    while (packets < net->out.packet_count || writes < net->out.write_count ||
           events < net->out.event_count) {
        while (packets < net->out.packet_count)
            post(net, node, &net->out.packets[packets++]);
        if (writes < net->out.write_count) {
            const struct store_write write = net->out.writes[writes++];
            int64_t seq = 0;
            enum err err = apply(node, &write, &seq);
            node_stored(node->node, net->now, write.write, err, seq, &net->out);
        } else if (events < net->out.event_count) {
            const struct event event = net->out.events[events++];
            note_event(net, node, &event);
        }
    }
    outbox_reset(&net->out);
}

static void start_node(struct net *net, struct net_node *node, int bootstrap, enum node_role role)
{
    struct node_config config = {
        .role = role,
        .has_v4 = true,
        .has_v6 = net->has_v6,
        .has_network = !net->is_public,
        .network = 7,
        .version = {'X', 'O', 0, 1},
        .store = {.context = node, .get = store_get, .next = store_next},
    };
    rng_bytes(&net->rng, config.seed, sizeof config.seed);
    node->is_alive = true;
    node->node = node_new(&config, net->now);
    assert(node->node != NULL);
    if (bootstrap >= 0)
        node_bootstrap(node->node, &net->nodes[bootstrap].addr);
}

size_t net_add(struct net *net, int bootstrap, enum node_role role)
{
    assert(net->count < NET_NODES_MAX);
    size_t index = net->count++;
    struct net_node *node = &net->nodes[index];
    const uint8_t ip[4] = {10, 0, (uint8_t)(index >> 8), (uint8_t)(index & 255)};
    const uint8_t public_ip[4] = {80, ip[2], ip[3], 1};
    node->net = net;
    node->addr = addr_v4(net->is_public ? public_ip : ip, 4001);
    if (net->has_v6) {
        const uint8_t ip6[16] = {0xfd, [14] = ip[2], [15] = ip[3]};
        node->addr6 = addr_v6(ip6, 4001);
    }
    node->records = calloc(NET_RECORDS_MAX, sizeof *node->records);
    assert(node->records != NULL);
    start_node(net, node, bootstrap, role);
    return index;
}

void net_restart(struct net *net, size_t index, int bootstrap)
{
    node_free(net->nodes[index].node);
    start_node(net, &net->nodes[index], bootstrap, NODE_SERVER);
}

void net_kill(struct net *net, size_t index)
{
    net->nodes[index].is_alive = false;
}

static struct net_node *find_node(struct net *net, const struct addr *addr)
{
    for (size_t i = 0; i < net->count; i++)
        if (addr_equal(&net->nodes[i].addr, addr) || addr_equal(&net->nodes[i].addr6, addr))
            return &net->nodes[i];
    return NULL;
}

static void deliver(struct net *net, const struct net_packet *packet)
{
    struct net_node *to = find_node(net, &packet->to);
    if (to == NULL) {
        if (net->on_foreign != NULL)
            net->on_foreign(net, packet);
        return;
    }
    if (!to->is_alive || rng_below(&net->rng, 100) < net->loss_percent)
        return;
    node_recv(to->node, net->now, &packet->from, packet->data, packet->size, &net->out);
    net_flush(net, (size_t)(to - net->nodes));
}

/* The packet that arrives first, by time and then by order; false when none is in flight. */
static bool first_packet(const struct net *net, size_t *first)
{
    for (size_t i = 0; i < net->packet_count; i++)
        if (i == 0 || net->packets[i].at_ms < net->packets[*first].at_ms ||
            (net->packets[i].at_ms == net->packets[*first].at_ms &&
             net->packets[i].order < net->packets[*first].order))
            *first = i;
    return net->packet_count > 0;
}

static uint64_t first_tick(const struct net *net, size_t *first)
{
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < net->count; i++) {
        if (!net->nodes[i].is_alive || node_next_ms(net->nodes[i].node) >= next_ms)
            continue;
        next_ms = node_next_ms(net->nodes[i].node);
        *first = i;
    }
    return next_ms;
}

static void advance(struct net *net, uint64_t ms)
{
    if (ms <= net->now.ms)
        return;
    net->now.unix_s += ms / 1000 - net->now.ms / 1000;
    net->now.ms = ms;
}

/* One packet or one tick; false when nothing is due by `until_ms`. */
static bool step(struct net *net, uint64_t until_ms)
{
    size_t packet = 0, node = 0;
    bool has_packet = first_packet(net, &packet);
    uint64_t tick_ms = first_tick(net, &node);
    if (has_packet && net->packets[packet].at_ms <= tick_ms) {
        struct net_packet next = net->packets[packet];
        if (next.at_ms > until_ms)
            return false;
        net->packets[packet] = net->packets[--net->packet_count];
        advance(net, next.at_ms);
        deliver(net, &next);
        free(next.data);
        return true;
    }
    if (tick_ms > until_ms)
        return false;
    advance(net, tick_ms);
    node_tick(net->nodes[node].node, net->now, &net->out);
    net_flush(net, node);
    return true;
}

void net_run(struct net *net, uint64_t ms)
{
    uint64_t until_ms = net->now.ms + ms;
    while (step(net, until_ms))
        continue;
    advance(net, until_ms);
}

static const struct event *find_event(const struct net *net, size_t index, uint64_t op)
{
    for (size_t i = 0; i < net->event_count; i++)
        if (net->events[i].node == index && net->events[i].event.op == op)
            return &net->events[i].event;
    return NULL;
}

const struct event *net_wait(struct net *net, size_t index, uint64_t op)
{
    uint64_t until_ms = net->now.ms + 60000;
    const struct event *event = find_event(net, index, op);
    while (event == NULL && step(net, until_ms))
        event = find_event(net, index, op);
    return event;
}

void net_inject(struct net *net, size_t index, const struct addr *from, struct bytes packet)
{
    node_recv(net->nodes[index].node, net->now, from, packet.data, packet.size, &net->out);
    net_flush(net, index);
    net_run(net, net->delay_max_ms);
}

bool net_seq(const struct net *net, size_t index, enum record_kind kind, const struct id *target,
             int64_t *seq)
{
    struct stored stored;
    if (store_get((void *)(uintptr_t)&net->nodes[index], STORE_HELD, kind, target, &stored) !=
        ERR_OK)
        return false;
    *seq = stored.record.seq;
    return true;
}

bool net_holds(const struct net *net, size_t index, enum record_kind kind, const struct id *target)
{
    int64_t seq;
    return net_seq(net, index, kind, target, &seq);
}

size_t net_holders(const struct net *net, enum record_kind kind, const struct id *target)
{
    size_t holders = 0;
    for (size_t i = 0; i < net->count; i++)
        holders += net->nodes[i].is_alive && net_holds(net, i, kind, target);
    return holders;
}
