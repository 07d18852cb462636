/* Dropping kept chunks that nothing needs any more: what is on its way to the disk is awaited,
 * since a value among it may need some of them; all kept values are looked through for such as do,
 * a part in each turn of the loop, then the rest is dropped, a window of them at a time. A put that
 * begins meanwhile takes from the list what it needs. */
#include <stdlib.h>

#include "rpc/transfer/large_put.h"

#define LOOKED_AT_MAX 1024u /* kept records in one turn of the loop: a millisecond or so */
#define SIFT_RETRY_MS 20u   /* while another drop looks through them */
#define BUSY_RETRY_MS 100u  /* where the node takes no more, until the next attempt */

struct large_drop {
    struct large_drop *next; /* in the set */
    struct window window;
    bool has_waited; /* what was on its way to the disk when this began is there */
    bool is_sifted;  /* all kept values have been looked at */
    enum record_kind kind;
    struct id at;               /* the last one looked at */
    struct large_chunks chunks; /* sorted, each once; last: its targets follow */
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

static struct rpc_result go_on(struct rpc_call *own, struct large_drop *drop)
{
    const struct rpc_host *host = rpc_host_of(own);
    struct rpc_pending_on on = {
        .on_event = on_dropped, .on_late = on_late, .on_end = on_end, .state = drop};
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
    for (struct large_put *put = set->puts; put != NULL; put = put->next) {
        hand_over(drop, put);
    }
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
    struct large_drop *drop = calloc(1, sizeof *drop + size);
    if (drop == NULL) {
        return;
    }
    drop->kind = RECORD_SINGLE;
    drop->chunks.expiry_unix_s = chunks->expiry_unix_s;
    drop->chunks.count = chunks->count;
    memcpy(drop->chunks.targets, chunks->targets, size);
    sort_and_unite(&drop->chunks);
    if (!rpc_start_own(call, start, drop)) {
        free(drop);
    }
}
