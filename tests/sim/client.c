#include "tests/sim/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/dht/records/envelope.h"
#include "tests/sim/chance.h"

#define CLIENT_STREAM 0x636c6965u
#define OPS_START     64u
#define WATCH_MS      10000u /* how often overdue operations are looked for */
/* Beyond its deadline an operation may wait for a disk, which always answers. */
#define OVERDUE_MS     (NODE_TIMEOUT_MS + 50000u)
#define VALUE_TEXT_MAX 900
#define TRIES_PER_KEY  3u

static void add_op(struct client *c, const struct process *p, uint64_t op, bool is_put,
                   uint32_t key)
{
    const struct ledger_key *k = &c->ledger->keys[key];
    if (c->op_count == c->op_capacity) {
        c->op_capacity = c->op_capacity ? c->op_capacity * 2 : OPS_START;
        c->ops = realloc(c->ops, c->op_capacity * sizeof *c->ops);
        assert(c->ops != NULL);
    }
    world_note(c->world, TRACE_REQUEST, p, key, is_put, op);
    c->ops[c->op_count++] = (struct client_op){
        .op = op,
        .started_ms = c->world->now_ms,
        .process = p->number,
        .incarnation = p->incarnation,
        .is_put = is_put,
        .get = {.key = key,
                .floor_seq = k->acked_seq,
                .floor_kept = k->top_seq >= k->acked_seq ? k->holders + k->keepers : 0,
                .floor_keepers = k->top_seq >= k->acked_seq ? k->keepers : 0,
                .started_ms = c->world->now_ms},
    };
}

static struct client_op *find_op(struct client *c, uint32_t process, uint64_t op)
{
    for (uint32_t i = 0; i < c->op_count; i++)
        if (c->ops[i].op == op && c->ops[i].process == process)
            return &c->ops[i];
    return NULL;
}

static void sign(struct client *c, struct world *w, struct process *p, const struct event *event)
{
    uint8_t sig[KEYS_SIGNATURE_SIZE];
    uint32_t index = ledger_find(c->ledger, &event->sign.target);
    assert(index != LEDGER_NO_KEY);
    struct ledger_key *key = &c->ledger->keys[index];
    record_sign(c->ledger->owners[key->owner].secret_key, &event->sign, sig);
    if (event->sign.seq > key->signed_seq)
        key->signed_seq = event->sign.seq;
    node_put_signed(p->node, process_now(p), event->op, sig, &w->out);
}

/* Who is said to have stored it has done so; and in calm nobody refuses. */
static void check_put(struct client *c, const struct client_op *op, const struct event *event)
{
    const struct ledger_key *key = &c->ledger->keys[op->get.key];
    const struct process *p = c->world->processes[op->process];
    if (event->put.seq == key->top_seq && event->put.stored > key->placed + c->config.liars)
        oracle_fail(c->oracle, p, "a put of key %u says that %u holders have it, and %u do",
                    op->get.key, event->put.stored, key->placed);
    if (c->oracle->is_strict && event->err != ERR_OK)
        oracle_fail(c->oracle, p, "all is well, and a put of key %u was refused: %d", op->get.key,
                    (int)err_code(event->err));
}

static void put_ended(struct client *c, const struct client_op *op, const struct event *event)
{
    struct ledger_key *key = &c->ledger->keys[op->get.key];
    struct oracle_figures *figures = &c->oracle->figures;
    key->is_busy = false;
    figures->puts++;
    check_put(c, op, event);
    if (event->err != ERR_OK || event->put.stored == 0) {
        figures->refused++;
        return;
    }
    figures->acked++;
    if (event->put.seq <= key->acked_seq)
        return;
    key->acked_seq = event->put.seq;
    key->acked_ms = c->world->now_ms;
    key->acked_by = event->put.stored;
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct client *c = context;
    if (event->kind == EVENT_NEED_SIGNATURE) {
        sign(c, w, p, event);
        return;
    }
    if (event->kind == EVENT_LOOKUP || event->kind == EVENT_LISTEN ||
        signers_has(c->signers, p, event->op))
        return; /* no request of ours */
    struct client_op *found = find_op(c, p->number, event->op);
    if (found == NULL) {
        oracle_fail(c->oracle, p, "operation %llx ended twice, or was none",
                    (unsigned long long)event->op);
        return;
    }
    const struct client_op op = *found;
    *found = c->ops[--c->op_count];
    if (op.is_put)
        put_ended(c, &op, event);
    else
        oracle_got(c->oracle, p, &op.get, event);
}

/* What a process had under way ends with it. */
static void on_stopped(void *context, struct world *w, struct process *p)
{
    struct client *c = context;
    (void)w;
    for (uint32_t i = 0; i < c->op_count;) {
        if (c->ops[i].process != p->number) {
            i++;
            continue;
        }
        if (c->ops[i].is_put)
            c->ledger->keys[c->ops[i].get.key].is_busy = false;
        c->cut_off++;
        c->ops[i] = c->ops[--c->op_count];
    }
}

static void watch(struct world *w, void *context, uint64_t argument)
{
    struct client *c = context;
    (void)argument;
    for (uint32_t i = 0; i < c->op_count; i++) {
        const struct process *p = w->processes[c->ops[i].process];
        if (c->ops[i].started_ms + OVERDUE_MS < w->now_ms && p->state == PROCESS_UP &&
            p->up_ms + OVERDUE_MS < w->now_ms)
            oracle_fail(c->oracle, p, "operation %llx never ended",
                        (unsigned long long)c->ops[i].op);
    }
    world_at(w, w->now_ms + WATCH_MS, watch, c, 0);
}

void client_init(struct client *c, struct world *w, struct ledger *ledger, struct oracle *oracle,
                 const struct signers *signers, const struct client_config *config)
{
    *c = (struct client){
        .world = w, .ledger = ledger, .oracle = oracle, .signers = signers, .config = *config};
    rng_init_number(&c->rng, w->config.seed ^ CLIENT_STREAM);
    const struct watcher watcher = {.context = c, .event = on_event, .stopped = on_stopped};
    world_watch(w, &watcher);
    world_at(w, w->now_ms + WATCH_MS, watch, c, 0);
}

void client_clear(struct client *c)
{
    free(c->ops);
}

void client_put(struct client *c, struct process *p, uint32_t index)
{
    struct ledger_key *key = &c->ledger->keys[index];
    char text[VALUE_TEXT_MAX + 32];
    uint8_t v[RECORD_V_MAX];
    struct wire_writer w;
    struct now now = process_now(p);
    uint32_t size = c->config.value_size < VALUE_TEXT_MAX ? c->config.value_size : VALUE_TEXT_MAX;
    int used = snprintf(text, sizeof text, "\"key %u put %llu %0*u\"", index,
                        (unsigned long long)c->world->now_ms, (int)size, 0u);
    assert(used > 0 && (size_t)used < sizeof text + VALUE_TEXT_MAX);
    const struct envelope envelope = {
        .content = ENVELOPE_JSON,
        .body = bytes_of_string(text),
        .has_time = true,
        .has_expiry = true,
        .time_unix_s = now.unix_s,
        .expiry_unix_s = now.unix_s + c->config.ttl_s,
    };
    wire_writer_init(&w, v, sizeof v);
    envelope_write(&w, &envelope);
    const struct put_request request = {
        .kind = RECORD_SINGLE,
        .k = c->ledger->owners[key->owner].public_key,
        .salt = bytes_of(key->salt, key->salt_size),
        .v = wire_written(&w),
        .is_kept = chance_permille(&c->rng, c->config.keep_permille),
    };
    uint64_t op;
    if (node_put(p->node, now, &request, &op, &c->world->out) == ERR_OK) {
        key->is_busy = true;
        add_op(c, p, op, true, index);
    }
    world_flush(c->world, p);
}

void client_get(struct client *c, struct process *p, uint32_t index)
{
    const struct ledger_key *key = &c->ledger->keys[index];
    const struct get_request request = {
        .kind = RECORD_SINGLE,
        .target = key->target,
        .k = c->ledger->owners[key->owner].public_key,
        .salt = bytes_of(key->salt, key->salt_size),
    };
    uint64_t op;
    if (node_get(p->node, process_now(p), &request, &op, &c->world->out) == ERR_OK)
        add_op(c, p, op, false, index);
    world_flush(c->world, p);
}

/* The next key's first put: again when it was not acknowledged the first time. */
static void put_first(struct world *w, void *context, uint64_t argument)
{
    struct client *c = context;
    uint32_t index = (uint32_t)argument;
    struct process *p = world_pick(w, &c->rng);
    if (p != NULL && c->ledger->keys[index].acked_seq == 0 && !c->ledger->keys[index].is_busy)
        client_put(c, p, index);
}

static void put_again(struct world *w, void *context, uint64_t argument)
{
    struct client *c = context;
    (void)argument;
    if (c->config.put_every_ms == 0)
        return;
    uint32_t index = rng_below(&c->rng, c->ledger->key_count);
    struct process *p = world_pick(w, &c->rng);
    if (p != NULL && !c->ledger->keys[index].is_busy)
        client_put(c, p, index);
    world_at(w, w->now_ms + 1 + chance_exponential(&c->rng, c->config.put_every_ms), put_again, c,
             0);
}

static void get_some(struct world *w, void *context, uint64_t argument)
{
    struct client *c = context;
    (void)argument;
    if (c->config.get_every_ms == 0)
        return;
    uint32_t index = rng_below(&c->rng, c->ledger->key_count);
    struct process *p = world_pick(w, &c->rng);
    if (p != NULL)
        client_get(c, p, index);
    world_at(w, w->now_ms + 1 + chance_exponential(&c->rng, c->config.get_every_ms), get_some, c,
             0);
}

void client_begin(struct client *c, uint64_t ms)
{
    uint32_t count = c->ledger->key_count;
    uint64_t now_ms = c->world->now_ms;
    for (uint32_t try = 0; try < TRIES_PER_KEY; try++)
        for (uint32_t i = 0; i < count; i++)
            world_at(c->world, now_ms + ms / TRIES_PER_KEY * try + ms / TRIES_PER_KEY * i / count,
                     put_first, c, i);
    if (count == 0)
        return;
    world_at(c->world, now_ms + ms, put_again, c, 0);
    world_at(c->world, now_ms + ms, get_some, c, 0);
}

void client_end(struct client *c)
{
    c->config.get_every_ms = c->config.put_every_ms = 0;
}
