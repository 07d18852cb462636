#include "tests/sim/prober.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/bencode.h"
#include "daemon/dht/records/envelope.h"
#include "daemon/dht/wire/krpc.h"
#include "tests/sim/chance.h"

#define PROBER_STREAM 0x70726f62u
#define NETWORK       7
#define SEQ           10        /* of the put that is in order */
#define SEQ_LATE      (SEQ + 2) /* of two puts at once the older one */
#define CAS_WRONG     5
#define T_SIZE        4
#define TRAP_BITS     60u /* the trap is nearer to what is looked for than anybody */
#define FAR_AHEAD_S   (2u * RECORD_TTL_S_MAX)

enum { STEP_TOKEN, STEP_GOOD, STEP_BAD }; /* and from there on one fault after the other */

static const char *fault_says(enum probe_fault fault)
{
#define PROBER_TEXT(symbol, text) text,
    static const char *const texts[] = {PROBER_TABLE(PROBER_TEXT)};
#undef PROBER_TEXT
    return texts[fault];
}

static void send(struct prober *b, const struct addr *as, const struct addr *to,
                 struct krpc *message)
{
    uint8_t buffer[KRPC_PACKET_MAX];
    struct wire_writer w;
    message->has_network = true;
    message->network = NETWORK;
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, message);
    assert(!w.failed);
    const struct out_packet packet = {.to = *to, .data = wire_written(&w)};
    world_post(b->world, b->world->processes[b->process], as, &packet);
}

/* What a query of the present step is recognised by when its answer comes. */
static void make_t(const struct prober *b, uint8_t t[T_SIZE])
{
    t[0] = 'P';
    t[1] = (uint8_t)(b->now.number >> 8);
    t[2] = (uint8_t)b->now.number;
    t[3] = (uint8_t)b->now.step;
}

/* A value as others write it, without an expiry; or one that ends when `expiry_unix_s` says. */
static struct bytes make_value(uint64_t expiry_unix_s, bool is_other, uint8_t *v, size_t size)
{
    struct wire_writer w;
    wire_writer_init(&w, v, size);
    const struct envelope envelope = {
        .content = ENVELOPE_JSON,
        .body = bytes_of_string("1"),
        .has_time = true,
        .time_unix_s = 1,
        .has_expiry = true,
        .expiry_unix_s = expiry_unix_s,
    };
    if (expiry_unix_s > 0)
        envelope_write(&w, &envelope);
    else
        bencode_write_string(&w, is_other ? "other" : "probe");
    return wire_written(&w);
}

struct probe_put {
    int64_t seq;
    bool has_fault;
    enum probe_fault fault;
};

static bool is_fault(const struct probe_put *put, enum probe_fault fault)
{
    return put->has_fault && put->fault == fault;
}

static void spoil(struct prober *b, const struct probe_put *put, struct krpc *query, uint8_t *token,
                  uint8_t *sig)
{
    if (is_fault(put, PROBE_NO_TOKEN))
        rng_bytes(&b->rng, token, query->token.size);
    if (is_fault(put, PROBE_OTHER_TOKEN))
        query->token = bytes_of(b->now.last, b->now.last_size);
    if (is_fault(put, PROBE_BAD_SIGNATURE))
        sig[rng_below(&b->rng, KEYS_SIGNATURE_SIZE)] ^= 1;
    if (is_fault(put, PROBE_OTHER_TARGET))
        id_random(&query->target, &b->rng);
    if (is_fault(put, PROBE_UNSIGNED))
        query->sig = (struct bytes){0};
    query->has_cas = is_fault(put, PROBE_BAD_CAS);
    query->cas = CAS_WRONG;
}

static void send_put(struct prober *b, const struct process *holder, const struct probe_put *put)
{
    uint8_t t[T_SIZE], v[RECORD_V_MAX], sig[KEYS_SIGNATURE_SIZE], token[KRPC_TOKEN_MAX];
    char salt[16];
    uint64_t now_unix_s = process_now(holder).unix_s, expiry_unix_s = 0;
    int salt_size = snprintf(salt, sizeof salt, "p%" PRIu32, b->now.number);
    if (is_fault(put, PROBE_ENDED))
        expiry_unix_s = now_unix_s - 1;
    if (is_fault(put, PROBE_FAR_AHEAD))
        expiry_unix_s = now_unix_s + FAR_AHEAD_S;
    make_t(b, t);
    if (put->seq == SEQ_LATE)
        t[0] = 'L'; /* it is under way together with another */
    memcpy(token, b->now.token, sizeof token);
    struct krpc query = {
        .type = KRPC_QUERY,
        .method = KRPC_PUT,
        .read_only = true,
        .t = bytes_of(t, sizeof t),
        .has_id = true,
        .id = b->world->processes[b->process]->id,
        .has_target = true,
        .token = bytes_of(token, b->now.token_size),
        .k = bytes_of(b->public_key, KEYS_PUBLIC_SIZE),
        .salt = bytes_of(salt, (size_t)salt_size),
        .sig = bytes_of(sig, sizeof sig),
        .has_seq = true,
        .seq = put->seq,
        .v = make_value(expiry_unix_s, is_fault(put, PROBE_OTHER_CONTENT), v, sizeof v),
    };
    record_single_target(b->public_key, query.salt, &query.target);
    record_sign(
        b->secret_key,
        &(struct record){.kind = RECORD_SINGLE, .salt = query.salt, .seq = query.seq, .v = query.v},
        sig);
    spoil(b, put, &query, token, sig);
    send(b, &b->world->processes[b->process]->addr, &holder->addr, &query);
}

static void ask_token(struct prober *b, const struct process *holder)
{
    uint8_t t[T_SIZE];
    char salt[16];
    int salt_size = snprintf(salt, sizeof salt, "p%" PRIu32, b->now.number);
    make_t(b, t);
    struct krpc query = {
        .type = KRPC_QUERY,
        .method = KRPC_GET,
        .read_only = true,
        .t = bytes_of(t, sizeof t),
        .has_id = true,
        .id = b->world->processes[b->process]->id,
        .has_target = true,
    };
    record_single_target(b->public_key, bytes_of(salt, (size_t)salt_size), &query.target);
    send(b, &b->world->processes[b->process]->addr, &holder->addr, &query);
}

/* After all that is refused: two puts at once, the older one behind. Whichever order they come in,
 * the holder's disk must end with the newer. */
static void race(struct prober *b, const struct process *holder)
{
    send_put(b, holder, &(struct probe_put){.seq = SEQ + 3});
    send_put(b, holder, &(struct probe_put){.seq = SEQ_LATE});
}

static void send_step(struct prober *b, const struct process *holder)
{
    struct probe_put put = {.seq = SEQ, .has_fault = true};
    if (b->now.step == STEP_TOKEN) {
        ask_token(b, holder);
        return;
    }
    if (b->now.step == STEP_GOOD) {
        send_put(b, holder, &(struct probe_put){.seq = SEQ});
        return;
    }
    put.fault = (enum probe_fault)(b->now.step - STEP_BAD);
    if (put.fault == PROBE_OTHER_TOKEN && b->now.last_size == 0)
        put.fault = PROBE_NO_TOKEN;
    if (put.fault == PROBE_FAULT_COUNT) {
        race(b, holder);
        return;
    }
    if (put.fault == PROBE_OLD_SEQ)
        put.seq = SEQ - 1;
    else if (put.fault != PROBE_OTHER_CONTENT)
        put.seq = SEQ + 1;
    send_put(b, holder, &put);
}

static void answered(struct prober *b, const struct process *holder, const struct krpc *reply)
{
    bool is_taken = reply->type == KRPC_RESPONSE;
    if (b->now.step == STEP_TOKEN) {
        if (!is_taken || reply->token.data == NULL || reply->token.size > sizeof b->now.token)
            return;
        b->now.token_size = (uint8_t)reply->token.size;
        memcpy(b->now.token, reply->token.data, reply->token.size);
    } else if (b->now.step == STEP_GOOD) {
        if (!is_taken)
            return; /* its disk may be full: nothing to be learnt here */
    } else if (b->now.step < STEP_BAD + PROBE_FAULT_COUNT) {
        b->refused += !is_taken;
        if (is_taken)
            oracle_fail(b->oracle, holder, "a holder took a put with %s",
                        fault_says((enum probe_fault)(b->now.step - STEP_BAD)));
    } else {
        return;
    }
    b->now.step++;
    send_step(b, holder);
}

static void arrived(void *context, struct world *w, struct process *p, const struct addr *from,
                    struct bytes packet)
{
    struct prober *b = context;
    struct krpc reply;
    uint8_t t[T_SIZE];
    if (p->number != b->process || krpc_parse(packet, &reply) != ERR_OK)
        return;
    const struct process *holder = world_find(w, from);
    make_t(b, t);
    if (holder != NULL && holder->number == b->now.holder && reply.type != KRPC_QUERY &&
        bytes_equal(reply.t, bytes_of(t, sizeof t)))
        answered(b, holder, &reply);
}

/* A new probe; whatever became of the last one. Two in a row go to one holder. */
static void begin(struct world *w, void *context, uint64_t argument)
{
    struct prober *b = context;
    struct process *holder = NULL;
    (void)argument;
    world_at(w, w->now_ms + b->every_ms, begin, b, 0);
    b->now.last_size = 0;
    if (b->now.number % 2 == 1 && b->now.step > STEP_TOKEN) {
        holder = w->processes[b->now.holder];
        b->now.last_size = b->now.token_size;
        memcpy(b->now.last, b->now.token, b->now.token_size);
    }
    if (holder == NULL || holder->state != PROCESS_UP)
        holder = world_pick(w, &b->rng);
    if (holder == NULL)
        return;
    if (holder->number != b->now.holder)
        b->now.last_size = 0;
    b->now.number++;
    b->now.step = STEP_TOKEN;
    b->now.holder = holder->number;
    b->probes++;
    send_step(b, holder);
}

/* The right t from the wrong address, and the right address with a wrong t. */
static void forge(struct prober *b, const struct process *asker, const struct process *asked,
                  const struct krpc *query)
{
    uint8_t nodes[KRPC_COMPACT_V4], t[KRPC_T_SIZE];
    struct wire_writer w;
    struct id id;
    const struct process *self = b->world->processes[b->process];
    const struct process *trap = b->world->processes[b->trap];
    id_random_at(&id, query->has_target ? &query->target : &asker->id, TRAP_BITS, &b->rng);
    wire_writer_init(&w, nodes, sizeof nodes);
    krpc_write_contact(&w, &id, &trap->addr);
    struct krpc reply = {
        .type = KRPC_RESPONSE,
        .t = query->t,
        .has_id = true,
        .id = asked->id,
        .nodes = wire_written(&w),
    };
    b->forged++;
    send(b, &self->addr, &asker->addr, &reply);
    rng_bytes(&b->rng, t, sizeof t);
    reply.t = bytes_of(t, sizeof t);
    send(b, &asked->addr, &asker->addr, &reply);
}

static void sent(void *context, struct world *w, struct process *p, const struct out_packet *packet)
{
    struct prober *b = context;
    struct krpc query;
    uint32_t to = process_number(&packet->to);
    if (to == b->trap)
        oracle_fail(b->oracle, p, "a node asked whom only a forged reply had named");
    if (!chance_permille(&b->rng, b->forged_permille) || to >= w->process_count ||
        w->processes[to] == NULL || krpc_parse(packet->data, &query) != ERR_OK ||
        query.type != KRPC_QUERY)
        return;
    forge(b, p, w->processes[to], &query);
}

void prober_init(struct prober *b, struct world *w, struct oracle *o, uint64_t every_ms,
                 uint32_t forged_permille)
{
    uint8_t seed[KEYS_SEED_SIZE];
    *b = (struct prober){
        .world = w, .oracle = o, .every_ms = every_ms, .forged_permille = forged_permille};
    if (every_ms == 0)
        return;
    rng_init_number(&b->rng, w->config.seed ^ PROBER_STREAM);
    rng_bytes(&b->rng, seed, sizeof seed);
    keys_from_seed(seed, b->public_key, b->secret_key);
    struct process *self = world_spawn(w, true);
    id_random(&self->id, &b->rng);
    b->process = self->number;
    b->trap = world_spawn(w, true)->number;
    b->now.holder = PROCESS_NONE;
    const struct watcher watcher = {.context = b, .arrived = arrived, .sent = sent};
    world_watch(w, &watcher);
    world_at(w, w->now_ms + every_ms, begin, b, 0);
}
