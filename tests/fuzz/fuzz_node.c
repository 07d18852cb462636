/* Any packets at a whole node, in any order, between ticks, operations of its own and writes that
 * finish: it must not break, must say only what can be parsed, and must not say much for little.
 * The input is steps: a source byte, a 2-byte length and that many bytes of packet; length 0 is a
 * command instead. Random parts that no input can guess (transaction ids, tokens, signatures) are
 * put into the packet where the source byte asks for it. */
#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "tests/sim/ram.h"

#define RECORDS         8
#define ENTRIES         4 /* of one multi */
#define PEERS           4
#define QUERIES         16  /* of the node, remembered to be answered */
#define STEPS_MAX       64  /* an input of many small steps says no more than one of few */
#define PACKETS_MAX     160 /* a tick's own: 16 pings, refreshes, republishes */
#define OP_PACKETS_MAX  24  /* and an operation's: a put's holders */
#define ANSWER_MAX      2   /* to a stranger's packet: an answer, and a ping to meet it */
#define TICKS_MAX       100 /* at one moment */
#define PACKET_SIZE_MAX 4096

enum source_flag { PATCH_T = 0x80, PATCH_TOKEN = 0x40, PATCH_SIG = 0x20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
    struct addr to;
    uint8_t t[KRPC_T_SIZE];
};

struct world {
    struct node *node;
    struct now now;
    struct outbox out;
    struct ram store;
    struct asked asked[QUERIES];
    unsigned asked_count;
    unsigned commands; /* carried out */
    uint64_t listen;   /* the last one begun */
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
};

static struct addr peer_addr(unsigned index)
{
    if (index % PEERS == PEERS - 1)
        return addr_v6((const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 6881);
    return addr_v4((const uint8_t[4]){80, 0, (uint8_t)(index % PEERS), 1}, 4001);
}

/* What is said to be verified must verify. */
static enum err apply(struct world *world, const struct store_write *write, int64_t *seq)
{
    assert(write->action != STORE_PUT || !write->is_verified || record_verify(&write->record));
    return ram_write(&world->store, write, seq);
}

static void check_packet(struct world *world, const struct out_packet *packet)
{
    struct krpc message;
    assert(packet->data.size <= KRPC_PACKET_MAX && addr_is_usable(&packet->to));
    assert(krpc_parse(packet->data, &message) == ERR_OK);
    if (message.type != KRPC_QUERY)
        return;
    struct asked *asked = &world->asked[world->asked_count++ % QUERIES];
    asked->to = packet->to;
    memcpy(asked->t, message.t.data, KRPC_T_SIZE);
}

static void sign(struct world *world, const struct event *event)
{
    uint8_t sig[KEYS_SIGNATURE_SIZE];
    record_sign(world->secret_key, &event->sign, sig);
    node_put_signed(world->node, world->now, event->op, sig, &world->out);
}

static void flush(struct world *world)
{
    size_t packets = 0, writes = 0, events = 0;
    while (packets < world->out.packet_count || writes < world->out.write_count ||
           events < world->out.event_count) {
        if (packets < world->out.packet_count) {
            check_packet(world, &world->out.packets[packets++]);
        } else if (writes < world->out.write_count) {
            const struct store_write write = world->out.writes[writes++];
            int64_t seq = 0;
            enum err err = apply(world, &write, &seq);
            node_stored(world->node, world->now, write.write, err, seq, &world->out);
        } else {
            const struct event event = world->out.events[events++];
            if (event.kind == EVENT_NEED_SIGNATURE)
                sign(world, &event);
            else if (event.kind == EVENT_COMMAND && !event.command.has_token)
                node_respond(world->node, world->now, event.command.request,
                             event.command.has_target ? 0 : COMMAND_ERROR_OWN, event.command.v,
                             &world->out);
        }
    }
    assert(packets <= PACKETS_MAX + world->commands * OP_PACKETS_MAX);
    outbox_reset(&world->out);
}

static void put_own(struct world *world, bool is_quick)
{
    uint64_t op;
    const struct put_request request = {
        .kind = RECORD_SINGLE,
        .k = world->public_key,
        .salt = bytes_of_string("s"),
        .v = bytes_of_string("5:value"),
        .is_kept = true,
        .is_quick = is_quick,
    };
    node_put(world->node, world->now, &request, &op, &world->out);
}

static void get_own(struct world *world)
{
    uint64_t op;
    struct get_request request = {
        .kind = RECORD_SINGLE, .k = world->public_key, .salt = bytes_of_string("s")};
    record_single_target(request.k, request.salt, &request.target);
    node_get(world->node, world->now, &request, &op, &world->out);
}

static void listen_own(struct world *world, bool is_multi)
{
    struct listen_request request = {
        .kind = RECORD_SINGLE, .k = world->public_key, .salt = bytes_of_string("s")};
    record_single_target(request.k, request.salt, &request.target);
    if (is_multi)
        request = (struct listen_request){.kind = RECORD_MULTI, .target = {{1, 2, 3}}};
    node_listen(world->node, world->now, &request, &world->listen, &world->out);
}

static void let_pass(struct world *world, uint64_t ms)
{
    world->now.ms += ms;
    world->now.unix_s += ms / 1000;
    node_tick(world->node, world->now, &world->out);
    flush(world);
    /* What wants to be ticked at once for ever would keep a processor busy. */
    unsigned ticks = 0;
    for (; node_next_ms(world->node) <= world->now.ms; ticks++) {
        assert(ticks < TICKS_MAX);
        node_tick(world->node, world->now, &world->out);
        flush(world);
    }
}

static void ask_command(struct world *world, const struct id *target, const struct addr *addr,
                        bool is_query)
{
    uint64_t op;
    const struct command_request request = {
        .command = bytes_of_string("get"),
        .has_target = true,
        .target = *target,
        .v = bytes_of_string("i1e"),
        .to = *addr,
        .is_commit = true,
        .k = 2,
    };
    if (is_query)
        node_query(world->node, world->now, &request, &op, &world->out);
    else
        node_request(world->node, world->now, &request, &op, &world->out);
}

static void command(struct world *world, uint8_t number)
{
    const struct id target = {{1, 2, 3}};
    const struct contact contact = {target, peer_addr(number >> 4)};
    uint64_t op;
    world->commands++;
    switch (number % 10) {
    case 0:
        let_pass(world, 50);
        break;
    case 1:
        let_pass(world, 4000);
        break;
    case 2:
        let_pass(world, 3700000);
        break;
    case 3:
        if (number & 0x10)
            listen_own(world, number & 0x20);
        else
            get_own(world);
        break;
    case 4:
        put_own(world, number & 0x10);
        break;
    case 5:
        if (number & 0x10)
            node_gather(world->node, world->now, &(struct gather_request){.target = target}, &op,
                        &world->out);
        else
            node_peers(world->node, world->now, &target, 0, &op, &world->out);
        break;
    case 6:
        if (number & 0x10)
            node_cancel(world->node, world->now, world->listen, &world->out);
        else
            node_announce(world->node, world->now, &target, 0, 0, &op, &world->out);
        break;
    case 7:
        node_restore(world->node, world->now, &contact);
        break;
    case 8:
        node_ping(world->node, world->now, &contact.addr, 0, &op, &world->out);
        break;
    case 9:
        if (number & 0x10)
            ask_command(world, &target, &contact.addr, number & 0x20);
        else
            node_lookup(world->node, world->now, &target, 0, &op, &world->out);
        break;
    }
}

/* Pushes come from a source of what is listened to, and name it. */
static void patch_push(struct world *world, const struct krpc *m, struct addr *from,
                       uint8_t *packet)
{
    const struct listening *l = listening_find(world->node, world->listen);
    if (l == NULL || m->sub.size != sizeof l->sub)
        return;
    memcpy(packet + (m->sub.data - packet), l->sub, sizeof l->sub);
    if (l->source_count > 0)
        *from = l->sources[0]->peer->contact.addr;
}

/* The views of a message lead into `packet`: what they show can be written over. */
static void patch(struct world *world, uint8_t source, struct addr *from, uint8_t *packet,
                  size_t size)
{
    struct krpc m;
    if (krpc_parse(bytes_of(packet, size), &m) != ERR_OK)
        return;
    if ((source & PATCH_T) && world->asked_count > 0 && m.t.size == KRPC_T_SIZE) {
        const struct asked *asked =
            &world->asked[(source & 0x1fu) %
                          (world->asked_count < QUERIES ? world->asked_count : QUERIES)];
        *from = asked->to;
        memcpy(packet + (m.t.data - packet), asked->t, KRPC_T_SIZE);
    }
    if ((source & PATCH_SIG) && m.v.data != NULL && m.v.size <= RECORD_V_MAX &&
        m.salt.size <= RECORD_SALT_MAX && m.slot.size <= RECORD_SLOT_MAX &&
        m.k.size == KEYS_PUBLIC_SIZE && m.sig.size == KEYS_SIGNATURE_SIZE) {
        bool is_entry = m.slot.data != NULL;
        const struct record record = {.kind = is_entry ? RECORD_MULTI : RECORD_SINGLE,
                                      .target = m.target,
                                      .salt = is_entry ? m.slot : m.salt,
                                      .seq = m.seq,
                                      .v = m.v};
        memcpy(packet + (m.k.data - packet), world->public_key, KEYS_PUBLIC_SIZE);
        record_sign(world->secret_key, &record, packet + (m.sig.data - packet));
    }
    if ((source & PATCH_TOKEN) && m.method == KRPC_PUSH)
        patch_push(world, &m, from, packet);
    if (!(source & PATCH_TOKEN) || m.token.size != TOKEN_SIZE)
        return;
    struct id target = m.target;
    if (m.method == KRPC_PUT && m.k.size == KEYS_PUBLIC_SIZE)
        record_single_target(m.k.data, m.salt, &target);
    else if (m.method == KRPC_PUT && m.v.data != NULL)
        record_immutable_target(m.v, &target);
    token_make(&world->node->token_secret, from, &target, world->now.ms,
               packet + (m.token.data - packet));
}

/* One step of the input; how many bytes it took. */
static size_t step(struct world *world, const uint8_t *data, size_t size)
{
    size_t length = (size_t)data[1] << 8 | data[2];
    struct addr from = peer_addr(data[0] & 3);
    if (length == 0) {
        command(world, data[0]);
        return 3;
    }
    length = length < size - 3 ? length : size - 3;
    length = length < PACKET_SIZE_MAX ? length : PACKET_SIZE_MAX;
    uint8_t *packet = malloc(length + 1);
    assert(packet != NULL);
    memcpy(packet, data + 3, length);
    patch(world, data[0], &from, packet, length);
    node_recv(world->node, world->now, &from, packet, length, &world->out);
    assert((data[0] & PATCH_T) || world->out.packet_count <= ANSWER_MAX);
    free(packet);
    return 3 + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[KEYS_SEED_SIZE] = {7};
    struct world world = {.now = {.ms = 1000000, .unix_s = 1700000000}};
    keys_from_seed(seed, world.public_key, world.secret_key);
    ram_init(&world.store, &world.now);
    world.store.disk.quota = RECORDS;
    world.store.disk.multi_entries = ENTRIES;
    const struct node_config config = {
        .role = size > 0 && (data[0] & 1) ? NODE_CLIENT : NODE_SERVER,
        .has_v4 = true,
        .has_v6 = true,
        .version = {'X', 'O', 0, 1},
        .store = ram_reader(&world.store),
    };
    world.node = node_new(&config, world.now);
    assert(world.node != NULL);
    outbox_init(&world.out);
    for (unsigned i = 0; i < PEERS; i++) {
        const struct addr addr = peer_addr(i);
        node_bootstrap(world.node, &addr);
    }
    node_tick(world.node, world.now, &world.out);
    flush(&world);
    size_t at = 1;
    for (unsigned i = 0; i < STEPS_MAX && at + 3 <= size; i++) {
        at += step(&world, data + at, size - at);
        flush(&world);
    }
    node_free(world.node);
    outbox_clear(&world.out);
    ram_clear(&world.store);
    return 0;
}
