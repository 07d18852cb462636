#include "tests/sim/adversary.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/sim/chance.h"

#define ADVERSARY_STREAM  0x61647665u
#define PUSH_MS           2000u /* between their queries to honest nodes: to be met, and kept */
#define FLOOD_MS          100u
#define CLUSTER_KEY       0u
#define CLUSTER_BITS      24u  /* shared with the key: nearer than any honest node */
#define STRANGER_PERMILLE 300u /* of forged records */
#define FORGED_T          "FORG"
#define TOKEN             "token"
#define NETWORK           7

static struct adversary *find(struct adversaries *a, const struct process *p)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (a->all[i].process == p->number)
            return &a->all[i];
    return NULL;
}

static void send(struct adversaries *a, struct process *p, const struct addr *as,
                 const struct addr *to, struct krpc *message)
{
    uint8_t buffer[KRPC_PACKET_MAX];
    struct wire_writer w;
    message->has_network = true;
    message->network = NETWORK;
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, message);
    if (w.failed)
        return;
    const struct out_packet packet = {.to = *to, .data = wire_written(&w)};
    world_post(a->world, p, as, &packet);
}

/* Names of colluders, as near to the target as anybody could be: their ids are made up on the
 * spot, the addresses are real. */
static struct bytes list_colluders(struct adversaries *a, const struct id *target, uint8_t *nodes,
                                   size_t size)
{
    struct wire_writer w;
    wire_writer_init(&w, nodes, size);
    for (unsigned i = 0; i < KRPC_NODES_MAX; i++) {
        const struct adversary *other = &a->all[rng_below(&a->rng, a->count)];
        const struct addr addr = process_addr(other->process);
        struct id id;
        id_random_at(&id, target, 30 + i, &a->rng);
        krpc_write_contact(&w, &id, &addr);
    }
    return wire_written(&w);
}

/* A record of the right shape, signed by nobody, or by an owner whose key it is not. */
static void forge(struct adversaries *a, uint32_t key, struct krpc *reply, uint8_t sig[])
{
    const struct ledger_key *k = &a->ledger->keys[key];
    rng_bytes(&a->rng, sig, KEYS_SIGNATURE_SIZE);
    reply->k = bytes_of(a->ledger->owners[k->owner].public_key, KEYS_PUBLIC_SIZE);
    reply->sig = bytes_of(sig, KEYS_SIGNATURE_SIZE);
    reply->has_seq = true;
    reply->seq = k->signed_seq + 1; /* it would win over all there is */
    reply->v = bytes_of_string("6:forged");
    if (!chance_permille(&a->rng, STRANGER_PERMILLE))
        return;
    const struct ledger_owner *stranger =
        &a->ledger->owners[(k->owner + 1) % a->ledger->owner_count];
    reply->k = bytes_of(stranger->public_key, KEYS_PUBLIC_SIZE);
    record_sign(stranger->secret_key,
                &(struct record){.kind = RECORD_SINGLE,
                                 .salt = bytes_of(k->salt, k->salt_size),
                                 .seq = reply->seq,
                                 .v = reply->v},
                sig);
}

static void replay(const struct blob *blob, struct krpc *reply)
{
    reply->k = bytes_of(blob->record.k, KEYS_PUBLIC_SIZE);
    reply->sig = bytes_of(blob->record.sig, KEYS_SIGNATURE_SIZE);
    reply->has_seq = true;
    reply->seq = blob->record.seq;
    reply->v = blob->record.v;
}

static void keep_oldest(struct adversaries *a, const struct krpc *query)
{
    if (query->k.size != KEYS_PUBLIC_SIZE || query->sig.size != KEYS_SIGNATURE_SIZE)
        return;
    struct record record = {.kind = RECORD_SINGLE,
                            .k = query->k.data,
                            .sig = query->sig.data,
                            .salt = query->salt,
                            .seq = query->seq,
                            .v = query->v};
    record_single_target(record.k, record.salt, &record.target);
    uint32_t key = ledger_find(a->ledger, &record.target);
    if (key != LEDGER_NO_KEY && a->oldest[key] == NULL && record_check(&record) == ERR_OK)
        a->oldest[key] = blobs_take(&a->world->blobs, &record);
}

static void answer(struct adversaries *a, struct process *p, const struct adversary *self,
                   const struct addr *from, const struct krpc *query)
{
    uint8_t nodes[KRPC_NODES_MAX * KRPC_COMPACT_V4], sig[KEYS_SIGNATURE_SIZE];
    struct krpc reply = {.type = KRPC_RESPONSE, .t = query->t, .has_id = true, .id = self->id};
    if (query->method == KRPC_PUT)
        keep_oldest(a, query); /* and says that it stored it */
    bool is_lookup = query->has_target && query->method != KRPC_PUT;
    if (self->kind == ADVERSARY_SILENT && is_lookup)
        return;
    if (is_lookup) {
        uint32_t key = ledger_find(a->ledger, &query->target);
        bool is_get = query->method == KRPC_GET && key != LEDGER_NO_KEY;
        reply.token = bytes_of_string(TOKEN);
        if (self->kind == ADVERSARY_LIAR || self->kind == ADVERSARY_FLOODER)
            reply.nodes = list_colluders(a, &query->target, nodes, sizeof nodes);
        if (self->kind == ADVERSARY_LIAR && is_get)
            forge(a, key, &reply, sig);
        if (self->kind == ADVERSARY_REPLAYER && is_get && a->oldest[key] != NULL)
            replay(a->oldest[key], &reply);
    }
    send(a, p, &p->addr, from, &reply);
}

static void arrived(void *context, struct world *w, struct process *p, const struct addr *from,
                    struct bytes packet)
{
    struct adversaries *a = context;
    struct krpc message;
    (void)w;
    if (!p->is_adversary || krpc_parse(packet, &message) != ERR_OK)
        return;
    const struct adversary *self = find(a, p);
    if (self != NULL && message.type == KRPC_QUERY)
        answer(a, p, self, from, &message);
    else if (message.type == KRPC_RESPONSE && bytes_is_string(message.t, FORGED_T)) {
        const struct process *honest = world_find(w, from);
        if (honest != NULL && !honest->is_adversary)
            oracle_fail(a->oracle, honest, "a put with a forged token was taken");
    }
}

/* A put that no owner asked for: a genuine record where there is one, under a token made up; now
 * and then in the name of another node. */
static void put_forged(struct adversaries *a, struct process *p, const struct addr *to)
{
    uint32_t key = rng_below(&a->rng, a->ledger->key_count);
    const struct ledger_key *k = &a->ledger->keys[key];
    struct process *other = world_pick(a->world, &a->rng);
    uint8_t sig[KEYS_SIGNATURE_SIZE];
    struct krpc query = {.type = KRPC_QUERY,
                         .method = KRPC_PUT,
                         .t = bytes_of_string(FORGED_T),
                         .has_id = true,
                         .id = find(a, p)->id,
                         .has_target = true,
                         .target = k->target,
                         .salt = bytes_of(k->salt, k->salt_size),
                         .token = bytes_of_string("forgedtk")};
    if (a->oldest[key] != NULL)
        replay(a->oldest[key], &query);
    else
        forge(a, key, &query, sig);
    bool is_spoofed = other != NULL && chance_permille(&a->rng, 300);
    a->forged_puts++;
    send(a, p, is_spoofed ? &other->addr : &p->addr, to, &query);
}

static void send_garbage(struct adversaries *a, struct process *p, const struct addr *to)
{
    uint8_t garbage[200];
    size_t size = rng_below(&a->rng, sizeof garbage);
    rng_bytes(&a->rng, garbage, size);
    const struct out_packet packet = {.to = *to, .data = bytes_of(garbage, size)};
    world_post(a->world, p, &p->addr, &packet);
}

/* Queries an honest node, to be met by it; a flooder sends what it has beside. */
static void push(struct world *w, void *context, uint64_t argument)
{
    struct adversaries *a = context;
    const struct adversary *self = &a->all[argument];
    struct process *p = w->processes[self->process];
    struct process *to = world_pick(w, &a->rng);
    bool is_flooder = self->kind == ADVERSARY_FLOODER;
    world_at(w, w->now_ms + (is_flooder ? FLOOD_MS : PUSH_MS), push, a, argument);
    if (to == NULL)
        return;
    struct krpc query = {.type = KRPC_QUERY,
                         .method = KRPC_PING,
                         .t = bytes_of_string("ping"),
                         .has_id = true,
                         .id = self->id};
    send(a, p, &p->addr, &to->addr, &query);
    if (!is_flooder)
        return;
    send_garbage(a, p, &to->addr);
    if (a->ledger->key_count > 0)
        put_forged(a, p, &to->addr);
}

static void place(struct adversaries *a, struct adversary *self)
{
    if (self->kind == ADVERSARY_CLUSTER && a->ledger->key_count > 0)
        id_random_at(&self->id, &a->ledger->keys[CLUSTER_KEY].target, CLUSTER_BITS, &a->rng);
    else
        id_random(&self->id, &a->rng);
    struct process *p = world_spawn(a->world, true);
    p->id = self->id;
    self->process = p->number;
}

void adversaries_init(struct adversaries *a, struct world *w, const struct ledger *ledger,
                      struct oracle *oracle, uint32_t count, uint32_t kinds)
{
    *a = (struct adversaries){.world = w, .ledger = ledger, .oracle = oracle, .count = count};
    rng_init_number(&a->rng, w->config.seed ^ ADVERSARY_STREAM);
    a->all = calloc(count + 1, sizeof *a->all);
    a->oldest = calloc(ledger->key_count + 1, sizeof(struct blob *));
    assert(a->all != NULL && a->oldest != NULL);
    const struct watcher watcher = {.context = a, .arrived = arrived};
    world_watch(w, &watcher);
    unsigned kind = ADVERSARY_KIND_COUNT - 1;
    for (uint32_t i = 0; i < count; i++) {
        do {
            kind = (kind + 1) % ADVERSARY_KIND_COUNT;
        } while ((kinds >> kind & 1) == 0);
        a->all[i].kind = (enum adversary_kind)kind;
        place(a, &a->all[i]);
        world_at(w, w->now_ms + rng_below(&a->rng, PUSH_MS), push, a, i);
    }
}

void adversaries_clear(struct adversaries *a)
{
    for (uint32_t i = 0; i < a->ledger->key_count; i++)
        if (a->oldest[i] != NULL)
            blobs_drop(&a->world->blobs, a->oldest[i]);
    free(a->all);
    free(a->oldest);
}
