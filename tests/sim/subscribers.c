#include "tests/sim/subscribers.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/sim/chance.h"
#include "tests/sim/closest.h"
#include "tests/sim/subscribers_judge.h"

#define SUBSCRIBERS_STREAM 0x6c697374u
#define START              16u
#define JUDGE_MS           1000u
#define BACK_MS            5000u /* of those killed half come back so soon, with their data */

static struct subscriber *find(struct subscribers *l, const struct process *p, uint64_t op)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->all[i].op == op && l->all[i].process == p->number)
            return &l->all[i];
    return NULL;
}

static void forget(struct subscribers *l, struct subscriber *listener)
{
    free(listener->seen);
    *listener = l->all[--l->count];
}

static bool has_listener(const struct subscribers *l, const struct process *p)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->all[i].process == p->number)
            return true;
    return false;
}

static void on_event(void *context, struct world *w, struct process *p, const struct event *event)
{
    struct subscribers *l = context;
    (void)w;
    if (event->kind != EVENT_LISTEN)
        return;
    struct subscriber *listener = find(l, p, event->op);
    if (listener == NULL)
        oracle_fail(l->oracle, p, "somebody hears who does not listen, or no longer");
    else if (event->listen.what != LISTEN_END)
        subscribers_judge(l, listener, p, event);
    else if (!listener->is_cancelled || event->err != ERR_CANCELLED)
        oracle_fail(l->oracle, p, "a listening ended by itself: %d", (int)err_code(event->err));
    else
        forget(l, listener);
}

static void on_stopped(void *context, struct world *w, struct process *p)
{
    struct subscribers *l = context;
    (void)w;
    for (uint32_t i = 0; i < l->count;) {
        if (l->all[i].process == p->number)
            forget(l, &l->all[i]);
        else
            i++;
    }
}

static bool is_muted(void *context, struct bytes packet)
{
    struct subscribers *l = context;
    struct krpc message;
    return krpc_parse(packet, &message) == ERR_OK && message.type == KRPC_QUERY &&
           message.method == KRPC_PUSH && chance_permille(&l->rng, l->config.mute_permille);
}

void subscribers_init(struct subscribers *l, struct world *w, const struct ledger *ledger,
                      const struct signers *signers, struct oracle *oracle,
                      const struct subscribers_config *config)
{
    *l = (struct subscribers){
        .world = w, .ledger = ledger, .signers = signers, .oracle = oracle, .config = *config};
    if (config->count == 0)
        return;
    rng_init_number(&l->rng, w->config.seed ^ SUBSCRIBERS_STREAM);
    l->promises = calloc(ledger->key_count + signers->place_count, sizeof *l->promises);
    assert(l->promises != NULL);
    const struct watcher watcher = {.context = l, .event = on_event, .stopped = on_stopped};
    world_watch(w, &watcher);
    if (config->mute_permille == 0)
        return;
    w->is_dropped = is_muted;
    w->filter_context = l;
}

void subscribers_clear(struct subscribers *l)
{
    while (l->count > 0)
        forget(l, &l->all[0]);
    free(l->all);
    free(l->promises);
}

static struct subscriber *add(struct subscribers *l)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : START;
        l->all = realloc(l->all, l->capacity * sizeof *l->all);
        assert(l->all != NULL);
    }
    struct subscriber *listener = &l->all[l->count++];
    *listener = (struct subscriber){.started_ms = l->world->now_ms};
    uint32_t subjects = l->ledger->key_count + l->signers->config.targets;
    uint32_t subject = rng_below(&l->rng, subjects);
    listener->is_multi = subject >= l->ledger->key_count;
    listener->subject = listener->is_multi ? subject - l->ledger->key_count : subject;
    listener->seen =
        calloc(listener->is_multi ? l->signers->place_count : 1u, sizeof *listener->seen);
    assert(listener->seen != NULL);
    return listener;
}

struct listen_request subscribers_request(const struct subscribers *l,
                                          const struct subscriber *listener)
{
    if (listener->is_multi)
        return (struct listen_request){.kind = RECORD_MULTI,
                                       .target = l->signers->targets[listener->subject]};
    const struct ledger_key *key = &l->ledger->keys[listener->subject];
    return (struct listen_request){.kind = RECORD_SINGLE,
                                   .target = key->target,
                                   .k = l->ledger->owners[key->owner].public_key,
                                   .salt = bytes_of(key->salt, key->salt_size)};
}

/* Those behind a NAT too: clients listen as others do. */
static struct process *pick_host(struct subscribers *l)
{
    const struct world *w = l->world;
    if (w->live_count == 0)
        return NULL;
    struct process *p = w->processes[w->live[rng_below(&l->rng, w->live_count)]];
    return p->state == PROCESS_UP && p->node != NULL && p->leave_op == 0 ? p : NULL;
}

static void begin_one(struct subscribers *l)
{
    struct process *p = pick_host(l);
    if (p == NULL)
        return;
    struct subscriber *listener = add(l);
    const struct listen_request request = subscribers_request(l, listener);
    listener->process = p->number;
    listener->incarnation = p->incarnation;
    l->figures.began++;
    enum err err = node_listen(p->node, process_now(p), &request, &listener->op, &l->world->out);
    if (err != ERR_OK) {
        oracle_fail(l->oracle, p, "a listening was refused: %d", (int)err_code(err));
        forget(l, listener);
    } else {
        world_note(l->world, TRACE_REQUEST, p, listener->subject, 2, listener->op);
    }
    world_flush(l->world, p);
}

static void cancel(struct subscribers *l, struct subscriber *listener)
{
    struct process *p = l->world->processes[listener->process];
    if (p->state != PROCESS_UP || listener->is_cancelled)
        return;
    listener->is_cancelled = true;
    node_cancel(p->node, process_now(p), listener->op, &l->world->out);
    world_flush(l->world, p);
}

static void fill(struct world *w, void *context, uint64_t argument)
{
    struct subscribers *l = context;
    (void)argument;
    if (l->config.count == 0)
        return;
    for (uint32_t i = l->count; i < l->config.count && !w->is_stopped; i++)
        begin_one(l);
    world_at(w, w->now_ms + JUDGE_MS, fill, l, 0);
}

static void begin_first(struct world *w, void *context, uint64_t argument)
{
    struct subscribers *l = context;
    (void)w;
    (void)argument;
    if (l->count < l->config.count)
        begin_one(l);
}

static void give_up(struct world *w, void *context, uint64_t argument)
{
    struct subscribers *l = context;
    (void)argument;
    if (l->config.life_ms == 0)
        return;
    if (l->count > 0)
        cancel(l, &l->all[rng_below(&l->rng, l->count)]);
    uint64_t pause_ms = l->config.life_ms / (l->config.count > 0 ? l->config.count : 1);
    world_at(w, w->now_ms + 1 + chance_exponential(&l->rng, pause_ms), give_up, l, 0);
}

static void come_back(struct world *w, void *context, uint64_t argument)
{
    (void)context;
    if (w->processes[argument] != NULL && w->processes[argument]->state == PROCESS_DOWN)
        world_restart(w, w->processes[argument]);
}

/* A holder of what somebody listens to, but nobody who listens. In its place comes a new process,
 * or itself, which has forgotten its leases. */
static void kill_holder(struct subscribers *l)
{
    struct world *w = l->world;
    const struct process *nearest[CLOSEST_K];
    uint32_t count;
    const struct subscriber *listener = &l->all[rng_below(&l->rng, l->count)];
    const struct id target = subscribers_request(l, listener).target;
    closest_truth(w, &target, nearest, &count);
    if (count == 0)
        return;
    struct process *p = w->processes[nearest[rng_below(&l->rng, count)]->number];
    if (has_listener(l, p) || p->state != PROCESS_UP || p->leave_op != 0)
        return;
    l->figures.killed++;
    world_crash(w, p);
    if (chance_permille(&l->rng, 500)) {
        world_at(w, w->now_ms + BACK_MS, come_back, NULL, p->number);
        return;
    }
    world_forget(w, p);
    world_spawn(w, false);
}

static void kill_some(struct world *w, void *context, uint64_t argument)
{
    struct subscribers *l = context;
    (void)argument;
    if (l->config.kill_ms == 0)
        return;
    if (l->count > 0)
        kill_holder(l);
    world_at(w, w->now_ms + 1 + chance_exponential(&l->rng, l->config.kill_ms), kill_some, l, 0);
}

static void judge_some(struct world *w, void *context, uint64_t argument)
{
    struct subscribers *l = context;
    (void)argument;
    if (l->config.count == 0)
        return;
    subscribers_judge_promises(l);
    world_at(w, w->now_ms + JUDGE_MS, judge_some, l, 0);
}

void subscribers_begin(struct subscribers *l, uint64_t ms)
{
    uint64_t now_ms = l->world->now_ms;
    if (l->config.count == 0)
        return;
    for (uint32_t i = 0; i < l->config.count; i++)
        world_at(l->world, now_ms + ms * i / l->config.count, begin_first, l, 0);
    world_at(l->world, now_ms, judge_some, l, 0);
    world_at(l->world, now_ms + ms, fill, l, 0);
    world_at(l->world, now_ms + ms, give_up, l, 0);
    world_at(l->world, now_ms + ms, kill_some, l, 0);
}

void subscribers_stop_killing(struct subscribers *l)
{
    l->config.kill_ms = 0;
}

void subscribers_end(struct subscribers *l)
{
    l->config.count = 0;
    l->config.life_ms = l->config.kill_ms = 0;
    for (uint32_t i = l->count; i-- > 0;)
        cancel(l, &l->all[i]);
}

void subscribers_check_ended(struct subscribers *l)
{
    if (l->count > 0)
        oracle_fail(l->oracle, l->world->processes[l->all[0].process],
                    "a listening was given up and never ended");
    for (uint32_t i = 0; i < l->world->live_count; i++) {
        const struct process *p = l->world->processes[l->world->live[i]];
        struct node_info info;
        if (p->node == NULL)
            continue;
        node_get_info(p->node, &info);
        if (info.listens + info.leases > 0)
            oracle_fail(l->oracle, p, "nobody listens, and a node has %zu listenings, %zu leases",
                        (size_t)info.listens, (size_t)info.leases);
    }
}

void subscribers_count_pushes(const struct subscribers *l, uint64_t *acknowledged,
                              uint64_t *unanswered)
{
    *acknowledged = *unanswered = 0;
    for (uint32_t i = 0; i < l->world->live_count; i++) {
        const struct process *p = l->world->processes[l->world->live[i]];
        if (p->node == NULL)
            continue;
        *acknowledged += node_counter(p->node, COUNTER_DELIVERIES_ACKNOWLEDGED);
        *unanswered += node_counter(p->node, COUNTER_DELIVERIES_UNANSWERED);
    }
}
