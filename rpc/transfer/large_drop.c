/* Dropping kept chunks that nothing needs any more: what is on its way to the disk is awaited,
 * since a value among it may need some of them; all kept values are looked through for such as do,
 * a part in each turn of the loop, then the rest is dropped, a window of them at a time. A put that
 * begins meanwhile takes from the list what it needs. Where the disk refuses a write, all of it
 * begins anew after a while: what is dropped already is dropped once more at no harm. */
#include <stdlib.h>

#include "rpc/transfer/large_put.h"

#define LOOKED_AT_MAX 1024u /* kept records in one turn of the loop: a millisecond or so */
#define SIFT_RETRY_MS 20u   /* while another drop looks through them */
#define BUSY_RETRY_MS 100u  /* where the node takes no more, until the next attempt */
#define ROUNDS_MAX    8u    /* a disk that refuses as often is not helped by more */
#define ROUND_MS      1000u /* until the second round; before each later one twice as long */

struct large_drop {
    struct large_drop *next; /* in the set */
    struct window window;
    unsigned round;  /* from 0 */
    size_t count;    /* of the chunks that each round begins with */
    bool is_refused; /* a write of this round was */
    bool has_waited; /* what was on its way to the disk when the round began is there */
    bool is_sifted;  /* all kept values have been looked at */
    enum record_kind kind;
    struct id at;               /* the last one looked at */
    struct large_chunks chunks; /* sorted, each once; last: its targets follow, then once more those
                                   of all `count` */
};

/* ---- which ---- */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

/* Takes from the sorted `chunks` those that are among `targets`. True when there were any. */
static bool spare(struct large_chunks *chunks, const struct id *targets, size_t count)
{
    size_t before = chunks->count;
    for (size_t i = 0; i < count; i++) {
        struct id *found = bsearch(&targets[i], chunks->targets, chunks->count,
                                   sizeof chunks->targets[0], compare);
        if (found != NULL) {
            size_t after = chunks->count - (size_t)(found - chunks->targets) - 1;
            memmove(found, found + 1, after * sizeof *found);
            chunks->count--;
        }
    }
    return chunks->count < before;
}

static void sort_and_unite(struct large_chunks *chunks)
{
    size_t kept = 0;
    qsort(chunks->targets, chunks->count, sizeof chunks->targets[0], compare);
    for (size_t i = 0; i < chunks->count; i++) {
        if (i == 0 || !id_equal(&chunks->targets[i], &chunks->targets[kept - 1])) {
            chunks->targets[kept++] = chunks->targets[i];
        }
    }
    chunks->count = kept;
}

/* Chunks that end in different seconds differ, so few values have to be looked into. */
static void spare_value(const struct rpc_host *host, const struct record *record,
                        struct large_chunks *chunks)
{
    struct manifest manifest;
    if (!manifest_of_v(record->v, &manifest) || manifest.expiry_unix_s != chunks->expiry_unix_s) {
        return;
    }
    struct large_chunks *others = large_chunks_of(host, &manifest);
    if (others != NULL) {
        spare(chunks, others->targets, others->count);
    }
    free(others);
}

/* Looks at the kept values that come next; is_sifted after the last. */
static void sift(const struct rpc_host *host, struct large_drop *drop)
{
    const struct store_reader *store = &host->store;
    for (size_t i = 0; i < LOOKED_AT_MAX && !drop->is_sifted; i++) {
        struct stored stored;
        enum err err = store->next(store->context, STORE_KEPT, drop->kind, &drop->at, &stored);
        drop->is_sifted = err == ERR_NOT_FOUND || drop->chunks.count == 0;
        if (drop->is_sifted) {
            return;
        }
        drop->kind = stored.record.kind;
        record_key(&stored.record, &drop->at);
        if (err == ERR_OK) {
            spare_value(host, &stored.record, &drop->chunks);
        }
    }
}

/* Goes on looking when no other drop does: many at once take no more of a turn than one. Answers
 * when to go on, should nothing else come. */
static uint64_t sift_in_turn(struct rpc_call *own, struct large_drop *drop)
{
    struct large_set *set = rpc_large_set(own);
    if (set->sifting != NULL && set->sifting != drop) {
        return SIFT_RETRY_MS;
    }
    sift(rpc_host_of(own), drop);
    set->sifting = drop->is_sifted ? NULL : drop;
    return 1;
}

/* The put has them from now on, and if it is given up it drops them, begun or not. */
static void hand_over(struct large_drop *drop, struct large_put *put)
{
    put->has_inherited |=
        spare(&drop->chunks, put->cut.targets, put->cut.list_count + put->cut.data_count);
}

void large_drop_spare(struct large_set *set, struct large_put *put)
{
    for (struct large_drop *drop = set->drops; drop != NULL; drop = drop->next) {
        hand_over(drop, put);
    }
}

/* ---- dropping ---- */

static struct rpc_result go_on(struct rpc_call *own, struct large_drop *drop);

static struct rpc_result on_dropped(struct rpc_call *own, void *state, const struct event *event)
{
    struct large_drop *drop = state;
    uint8_t tries;
    window_remove(&drop->window, event->op, &tries);
    drop->is_refused = drop->is_refused || (event->err != ERR_OK && event->err != ERR_NOT_FOUND);
    return go_on(own, drop);
}

static struct rpc_result on_late(struct rpc_call *own, void *state)
{
    return go_on(own, state);
}

static void on_end(struct rpc_call *own, void *state)
{
    struct large_drop *drop = state;
    struct large_set *set = rpc_large_set(own);
    struct large_drop **at = &set->drops;
    while (*at != drop) {
        at = &(*at)->next;
    }
    *at = drop->next;
    if (set->sifting == drop) {
        set->sifting = NULL;
    }
    free(drop);
}

/* False where the node takes no more for now. */
static bool fill_window(const struct rpc_host *host, struct large_drop *drop)
{
    struct large_chunks *chunks = &drop->chunks;
    uint64_t op;
    while (chunks->count > 0 && !window_is_full(&drop->window)) {
        enum err err = node_drop_kept(host->node, host->now(host->context), RECORD_IMMUTABLE,
                                      &chunks->targets[chunks->count - 1], &op, host->outbox);
        if (err == ERR_BUSY) {
            return false;
        }
        chunks->count--;
        if (err == ERR_OK) {
            window_add(&drop->window, op, 0, 0);
        }
    }
    return true;
}

/* Writes are made in the order in which they were asked for, so one more comes after all before it:
 * the drop of what nobody has. False where the node takes no more for now. */
static bool await_writes(const struct rpc_host *host, struct large_drop *drop)
{
    const struct id nobodys = {{0}};
    uint64_t op;
    if (node_drop_kept(host->node, host->now(host->context), RECORD_IMMUTABLE, &nobodys, &op,
                       host->outbox) != ERR_OK) {
        return false;
    }
    window_add(&drop->window, op, 0, 0);
    drop->has_waited = true;
    return true;
}

static struct rpc_result wait_for_writes(struct rpc_call *own, struct large_drop *drop)
{
    const struct rpc_host *host = rpc_host_of(own);
    struct rpc_pending_on on = {
        .on_event = on_dropped, .on_late = on_late, .on_end = on_end, .state = drop};
    if (!await_writes(host, drop)) {
        on.deadline_ms = host->now(host->context).ms + BUSY_RETRY_MS;
    }
    window_await(&drop->window, &on);
    return rpc_pending(own, &on);
}

/* With all chunks again, but those that a put under way needs by now. */
static void begin_round(struct rpc_call *own, struct large_drop *drop)
{
    drop->is_refused = drop->has_waited = drop->is_sifted = false;
    drop->kind = RECORD_SINGLE;
    drop->at = (struct id){{0}};
    drop->chunks.count = drop->count;
    memcpy(drop->chunks.targets, &drop->chunks.targets[drop->count],
           drop->count * sizeof drop->chunks.targets[0]);
    for (struct large_put *put = rpc_large_set(own)->puts; put != NULL; put = put->next) {
        hand_over(drop, put);
    }
}

/* The next round, after a while. */
static struct rpc_result pause_refused(struct rpc_call *own, struct large_drop *drop)
{
    struct rpc_pending_on on = {.on_late = on_late, .on_end = on_end, .state = drop};
    if (++drop->round == ROUNDS_MAX) {
        return rpc_fail(own, ERR_IO,
                        "the disk takes no writes; chunks of a large value that is "
                        "not kept any more stay until they end");
    }
    const struct rpc_host *host = rpc_host_of(own);
    on.deadline_ms = host->now(host->context).ms + (ROUND_MS << (drop->round - 1));
    begin_round(own, drop);
    return rpc_pending(own, &on);
}

static struct rpc_result go_on(struct rpc_call *own, struct large_drop *drop)
{
    const struct rpc_host *host = rpc_host_of(own);
    struct rpc_pending_on on = {
        .on_event = on_dropped, .on_late = on_late, .on_end = on_end, .state = drop};
    if (drop->is_refused && drop->window.open == 0) {
        return pause_refused(own, drop);
    }
    if (drop->is_refused) {
        window_await(&drop->window, &on);
        return rpc_pending(own, &on);
    }
    if (!drop->has_waited) {
        return wait_for_writes(own, drop);
    }
    uint64_t wait_ms = drop->is_sifted ? 1 : sift_in_turn(own, drop);
    if (drop->is_sifted && !fill_window(host, drop)) {
        wait_ms = BUSY_RETRY_MS;
    }
    if (drop->is_sifted && drop->chunks.count == 0 && drop->window.open == 0) {
        return rpc_reply(own, json_true());
    }
    window_await(&drop->window, &on);
    if (drop->window.open == 0) {
        on.deadline_ms = host->now(host->context).ms + wait_ms;
    }
    return rpc_pending(own, &on);
}

static struct rpc_result start(struct rpc_call *own, void *state)
{
    struct large_drop *drop = state;
    struct large_set *set = rpc_large_set(own);
    drop->next = set->drops;
    set->drops = drop;
    begin_round(own, drop);
    struct rpc_result result = go_on(own, drop);
    if (!rpc_is_pending(own)) {
        on_end(own, drop);
    }
    return result;
}

void large_drop_chunks(const struct rpc_call *call, const struct large_chunks *chunks)
{
    if (chunks == NULL) {
        return;
    }
    size_t size = chunks->count * sizeof chunks->targets[0];
    struct large_drop *drop = calloc(1, sizeof *drop + 2 * size);
    if (drop == NULL) {
        return;
    }
    drop->chunks.expiry_unix_s = chunks->expiry_unix_s;
    drop->chunks.count = chunks->count;
    memcpy(drop->chunks.targets, chunks->targets, size);
    sort_and_unite(&drop->chunks);
    drop->count = drop->chunks.count;
    memcpy(&drop->chunks.targets[drop->count], drop->chunks.targets,
           drop->count * sizeof drop->chunks.targets[0]);
    if (!rpc_start_own(call, start, drop)) {
        free(drop);
    }
}
