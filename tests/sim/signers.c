#include "tests/sim/signers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/dht/records/envelope.h"
#include "daemon/dht/records/multi.h"
#include "tests/sim/chance.h"
#include "tests/sim/closest.h"
#include "tests/sim/signers_judge.h"

#define SIGNERS_STREAM 0x63726f77u
#define OPS_START      64u
#define TRIES          3u    /* of a first put */
#define QUIET_MS       5000u /* of a gather, so that it ends when all is there */
#define GREEDY         UINT32_MAX
#define VALUE_MAX      800u
#define WATCH_MS       10000u
#define OVERDUE_MS     (NODE_TIMEOUT_MS + 50000u)

static int compare_places(const void *a, const void *b)
{
    const struct signers_place *first = a, *second = b;
    return memcmp(first->key.b, second->key.b, ID_SIZE);
}

struct signers_place *signers_find(const struct signers *c, const struct id *key)
{
    const struct signers_place wanted = {.key = *key};
    if (c->place_count == 0)
        return NULL;
    return bsearch(&wanted, c->places, c->place_count, sizeof *c->places, compare_places);
}

bool signers_is_deletion(int64_t seq)
{
    return seq % SIGNERS_DELETES_EVERY == 0;
}

static struct signers_op *find_op(const struct signers *c, uint32_t process, uint64_t op)
{
    for (uint32_t i = 0; i < c->op_count; i++)
        if (c->ops[i].op == op && c->ops[i].process == process)
            return &c->ops[i];
    return NULL;
}

bool signers_has(const struct signers *c, const struct process *p, uint64_t op)
{
    return find_op(c, p->number, op) != NULL;
}

static void add_op(struct signers *c, const struct process *p, const struct signers_op *op)
{
    if (c->op_count == c->op_capacity) {
        c->op_capacity = c->op_capacity ? c->op_capacity * 2 : OPS_START;
        c->ops = realloc(c->ops, c->op_capacity * sizeof *c->ops);
        assert(c->ops != NULL);
    }
    world_note(c->world, TRACE_REQUEST, p, op->subject, op->is_put, op->op);
    c->ops[c->op_count] = *op;
    c->ops[c->op_count].started_ms = c->world->now_ms;
    c->ops[c->op_count].process = p->number;
    c->ops[c->op_count++].incarnation = p->incarnation;
}

static void forget_op(struct signers *c, struct signers_op *op)
{
    if (op->is_put && !op->is_flood)
        c->places[op->subject].is_busy = false;
    free(op->floors);
    *op = c->ops[--c->op_count];
}

static void put_ended(struct signers *c, const struct signers_op *op, const struct event *event)
{
    struct signers_place *place = &c->places[op->subject];
    c->figures.puts++;
    if (event->err != ERR_OK || event->put.stored == 0) {
        if (c->oracle->is_strict)
            oracle_fail(c->oracle, c->world->processes[op->process],
                        "all is well, and a put of entry %u was refused: %d", op->subject,
                        (int)err_code(event->err));
        return;
    }
    c->figures.acked++;
    if (op->seq > place->acked_seq)
        place->acked_seq = op->seq;
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct signers *c = context;
    struct signers_op *op = find_op(c, p->number, event->op);
    (void)w;
    if (op == NULL || event->kind == EVENT_NEED_SIGNATURE)
        return;
    if (op->is_put && !op->is_flood)
        put_ended(c, op, event);
    else if (!op->is_put)
        signers_judge(c, p, op, event);
    forget_op(c, op);
}

static void on_stopped(void *context, struct world *w, struct process *p)
{
    struct signers *c = context;
    (void)w;
    for (uint32_t i = 0; i < c->op_count;) {
        if (c->ops[i].process == p->number)
            forget_op(c, &c->ops[i]);
        else
            i++;
    }
}

static void count(struct signers *c, const struct process *p, enum store_space space,
                  const struct blob *blob, int by)
{
    if (p->is_adversary || space != STORE_HELD || blob->record.kind != RECORD_MULTI)
        return;
    struct signers_place *place = signers_find(c, &blob->position.key);
    if (place == NULL)
        return;
    if (by > 0 && blob->record.seq > place->top_seq) {
        place->top_seq = blob->record.seq;
        place->holders = 0;
    }
    if (blob->record.seq == place->top_seq)
        place->holders += (uint32_t)by;
}

static void on_placed(void *context, struct world *w, struct process *p, enum store_space space,
                      struct blob *blob)
{
    (void)w;
    count(context, p, space, blob, 1);
}

static void on_removed(void *context, struct world *w, struct process *p, enum store_space space,
                       struct blob *blob)
{
    (void)w;
    count(context, p, space, blob, -1);
}

static void watch(struct world *w, void *context, uint64_t argument)
{
    struct signers *c = context;
    (void)argument;
    for (uint32_t i = 0; i < c->op_count; i++) {
        const struct process *p = w->processes[c->ops[i].process];
        if (c->ops[i].started_ms + OVERDUE_MS < w->now_ms && p->state == PROCESS_UP &&
            p->up_ms + OVERDUE_MS < w->now_ms)
            oracle_fail(c->oracle, p, "operation %llx of a multi never ended",
                        (unsigned long long)c->ops[i].op);
    }
    world_at(w, w->now_ms + WATCH_MS, watch, c, 0);
}

/* Places are drawn up target by target and kept in the order of their keys. */
static void make_places(struct signers *c)
{
    for (uint32_t t = 0; t < c->config.targets; t++) {
        rng_bytes(&c->rng, c->targets[t].b, ID_SIZE);
        for (uint32_t i = 0; i < c->config.entries; i++) {
            struct signers_place *place = &c->places[c->place_count++];
            place->target = t;
            place->owner = i % c->ledger->owner_count;
            snprintf(place->slot, sizeof place->slot, "e%u", i);
            const struct record record = {.kind = RECORD_MULTI,
                                          .target = c->targets[t],
                                          .k = c->ledger->owners[place->owner].public_key,
                                          .salt = bytes_of_string(place->slot)};
            record_key(&record, &place->key);
        }
    }
    if (c->place_count > 0)
        qsort(c->places, c->place_count, sizeof *c->places, compare_places);
}

void signers_init(struct signers *c, struct world *w, const struct ledger *ledger,
                  struct oracle *oracle, const struct signers_config *config)
{
    uint8_t seed[KEYS_SEED_SIZE];
    *c = (struct signers){.world = w, .ledger = ledger, .oracle = oracle, .config = *config};
    if (config->targets == 0)
        return;
    rng_init_number(&c->rng, w->config.seed ^ SIGNERS_STREAM);
    rng_bytes(&c->rng, seed, sizeof seed);
    keys_from_seed(seed, c->greedy.public_key, c->greedy.secret_key);
    c->targets = calloc(config->targets, sizeof *c->targets);
    c->places = calloc((size_t)config->targets * config->entries + 1, sizeof *c->places);
    assert(c->targets != NULL && c->places != NULL);
    make_places(c);
    const struct watcher watcher = {.context = c,
                                    .event = on_event,
                                    .placed = on_placed,
                                    .removed = on_removed,
                                    .stopped = on_stopped};
    world_watch(w, &watcher);
    world_at(w, w->now_ms + WATCH_MS, watch, c, 0);
}

void signers_clear(struct signers *c)
{
    for (uint32_t i = 0; i < c->op_count; i++)
        free(c->ops[i].floors);
    free(c->ops);
    free(c->targets);
    free(c->places);
}

static struct bytes write_value(const struct signers *c, uint64_t now_unix_s, bool is_deletion,
                                struct wire_writer *w)
{
    char text[VALUE_MAX + 64];
    uint32_t size = c->config.value_size < VALUE_MAX ? c->config.value_size : VALUE_MAX;
    snprintf(text, sizeof text, "\"put %" PRIu64 " %0*u\"", c->world->now_ms, (int)size, 0u);
    const struct envelope envelope = {
        .content = is_deletion ? ENVELOPE_DELETED : ENVELOPE_JSON,
        .body = bytes_of_string(is_deletion ? "" : text),
        .has_time = true,
        .has_expiry = true,
        .time_unix_s = now_unix_s,
        .expiry_unix_s = now_unix_s + c->config.ttl_s,
    };
    envelope_write(w, &envelope);
    return wire_written(w);
}

/* An entry, signed before it is put: by whom, where, and with which seq is not the node's choice.
 */
static bool put(struct signers *c, struct process *p, const struct ledger_owner *owner,
                struct record *record, uint64_t *op)
{
    uint8_t v[RECORD_V_MAX], sig[KEYS_SIGNATURE_SIZE];
    struct wire_writer w;
    struct now now = process_now(p);
    bool is_deletion = signers_is_deletion(record->seq);
    wire_writer_init(&w, v, sizeof v);
    record->kind = RECORD_MULTI;
    record->k = owner->public_key;
    record->v = write_value(c, now.unix_s, is_deletion, &w);
    record_sign(owner->secret_key, record, sig);
    const struct put_request request = {
        .kind = RECORD_MULTI,
        .target = record->target,
        .k = record->k,
        .salt = record->salt,
        .v = record->v,
        .sig = sig,
        .has_seq = true,
        .seq = record->seq,
    };
    return node_put(p->node, now, &request, op, &c->world->out) == ERR_OK;
}

static void put_place(struct signers *c, struct process *p, uint32_t index)
{
    struct signers_place *place = &c->places[index];
    struct signers_op op = {.subject = index, .is_put = true, .seq = place->signed_seq + 1};
    struct record record = {
        .target = c->targets[place->target], .salt = bytes_of_string(place->slot), .seq = op.seq};
    if (put(c, p, &c->ledger->owners[place->owner], &record, &op.op)) {
        place->is_busy = true;
        place->signed_seq = op.seq;
        add_op(c, p, &op);
    }
    world_flush(c->world, p);
}

void signers_gather(struct signers *c, struct process *p, uint32_t target)
{
    const struct gather_request request = {.target = c->targets[target], .quiet_ms = QUIET_MS};
    struct signers_op op = {.subject = target};
    op.floors = calloc(c->place_count, sizeof *op.floors);
    assert(op.floors != NULL);
    for (uint32_t i = 0; i < c->place_count; i++) {
        const struct signers_place *place = &c->places[i];
        bool is_held = place->top_seq >= place->acked_seq;
        op.floors[i] = (struct signers_floor){place->acked_seq, is_held ? place->holders : 0};
    }
    if (node_gather(p->node, process_now(p), &request, &op.op, &c->world->out) == ERR_OK)
        add_op(c, p, &op);
    else
        free(op.floors);
    world_flush(c->world, p);
}

static void put_first(struct world *w, void *context, uint64_t argument)
{
    struct signers *c = context;
    struct process *p = world_pick(w, &c->rng);
    const struct signers_place *place = &c->places[argument];
    if (p != NULL && place->acked_seq == 0 && !place->is_busy)
        put_place(c, p, (uint32_t)argument);
}

static void again(struct signers *c, uint64_t every_ms, world_action *run)
{
    world_at(c->world, c->world->now_ms + 1 + chance_exponential(&c->rng, every_ms), run, c, 0);
}

static void put_again(struct world *w, void *context, uint64_t argument)
{
    struct signers *c = context;
    (void)argument;
    if (c->config.put_every_ms == 0)
        return;
    uint32_t index = rng_below(&c->rng, c->place_count);
    struct process *p = world_pick(w, &c->rng);
    if (p != NULL && !c->places[index].is_busy)
        put_place(c, p, index);
    again(c, c->config.put_every_ms, put_again);
}

static void gather_some(struct world *w, void *context, uint64_t argument)
{
    struct signers *c = context;
    (void)argument;
    if (c->config.gather_every_ms == 0)
        return;
    struct process *p = world_pick(w, &c->rng);
    if (p != NULL)
        signers_gather(c, p, rng_below(&c->rng, c->config.targets));
    again(c, c->config.gather_every_ms, gather_some);
}

/* Entries that nobody misses, each in a place of its own. */
static void flood(struct world *w, void *context, uint64_t argument)
{
    struct signers *c = context;
    char slot[16];
    struct signers_op op = {.subject = GREEDY, .is_put = true, .is_flood = true};
    (void)argument;
    if (c->config.flood_every_ms == 0)
        return;
    struct process *p = world_pick(w, &c->rng);
    snprintf(slot, sizeof slot, "f%" PRIu64, c->flooded++);
    struct record record = {.target = c->targets[rng_below(&c->rng, c->config.targets)],
                            .salt = bytes_of_string(slot),
                            .seq = 1};
    if (p != NULL && put(c, p, &c->greedy, &record, &op.op))
        add_op(c, p, &op);
    if (p != NULL)
        world_flush(w, p);
    again(c, c->config.flood_every_ms, flood);
}

void signers_begin(struct signers *c, uint64_t ms)
{
    uint64_t now_ms = c->world->now_ms;
    if (c->place_count == 0)
        return;
    for (uint32_t try = 0; try < TRIES; try++)
        for (uint32_t i = 0; i < c->place_count; i++)
            world_at(c->world, now_ms + ms / TRIES * try + ms / TRIES * i / c->place_count,
                     put_first, c, i);
    world_at(c->world, now_ms + ms, put_again, c, 0);
    world_at(c->world, now_ms + ms, gather_some, c, 0);
    world_at(c->world, now_ms + ms, flood, c, 0);
}

void signers_end(struct signers *c)
{
    c->config.gather_every_ms = c->config.put_every_ms = c->config.flood_every_ms = 0;
}

void signers_count_copies(const struct signers *c, struct oracle_copies *out)
{
    for (uint32_t i = 0; i < c->place_count; i++) {
        const struct signers_place *place = &c->places[i];
        const struct process *nearest[CLOSEST_K];
        struct stored stored;
        uint32_t nearest_count;
        if (place->acked_seq == 0 || place->holders == 0)
            continue;
        closest_truth(c->world, &c->targets[place->target], nearest, &nearest_count);
        out->wanted += nearest_count;
        for (uint32_t n = 0; n < nearest_count; n++)
            out->there += disk_get(&nearest[n]->disk, process_now(nearest[n]).unix_s, STORE_HELD,
                                   RECORD_MULTI, &place->key, &stored) == ERR_OK &&
                          stored.record.seq >= place->top_seq;
    }
}

uint64_t signers_count_lost(const struct signers *c)
{
    uint64_t lost = 0;
    for (uint32_t i = 0; i < c->place_count; i++)
        lost += c->places[i].acked_seq > 0 &&
                (c->places[i].holders == 0 || c->places[i].top_seq < c->places[i].acked_seq);
    return lost;
}
