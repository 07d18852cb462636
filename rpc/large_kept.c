/* Large values among what this node keeps: which chunks belong to one, dropping those that nothing
 * needs any more, and putting one anew before its chunks end. */
#include <stdlib.h>

#include "common/log.h"
#include "rpc/dispatch.h"
#include "rpc/join.h"
#include "rpc/large_put.h"

/* What of the manifest's value is kept here: the lists alone, or the data too. NULL without memory.
 */
static struct join *join_kept(const struct rpc_host *host, const struct manifest *manifest,
                              bool has_data)
{
    struct join *join = join_new(manifest);
    size_t index;
    struct stored stored;
    while (join != NULL && join_next(join, &index) && (has_data || index < join->list_count)) {
        if (host->store.get(host->store.context, STORE_KEPT, RECORD_IMMUTABLE,
                            join_target(join, index), &stored) == ERR_OK) {
            join_take(join, index, stored.record.v);
        }
    }
    return join;
}

static struct large_chunks *chunks_of(const struct rpc_host *host, const struct manifest *manifest)
{
    struct join *join = join_kept(host, manifest, false);
    struct large_chunks *chunks = NULL;
    if (join != NULL) {
        size_t count = join->list_count + join->data_count;
        chunks = malloc(sizeof *chunks + count * sizeof chunks->targets[0]);
        if (chunks != NULL) {
            chunks->expiry_unix_s = manifest->expiry_unix_s;
            chunks->count = count;
            memcpy(chunks->targets, join->targets, count * sizeof chunks->targets[0]);
        }
    }
    free(join);
    return chunks;
}

struct large_chunks *large_kept_chunks(const struct rpc_host *host, enum record_kind kind,
                                       const struct id *key)
{
    struct stored stored;
    struct manifest manifest;
    if (host->store.get(host->store.context, STORE_KEPT, kind, key, &stored) != ERR_OK ||
        !manifest_of_v(stored.record.v, &manifest)) {
        return NULL;
    }
    return chunks_of(host, &manifest);
}

/* ---- dropping ---- */

struct drop {
    struct window window;
    size_t next;
    struct large_chunks chunks; /* last: its targets follow */
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

/* Takes from the sorted `chunks` those that are among `targets`. */
static void spare(struct large_chunks *chunks, const struct id *targets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct id *found = bsearch(&targets[i], chunks->targets, chunks->count,
                                   sizeof chunks->targets[0], compare);
        if (found != NULL) {
            size_t after = chunks->count - (size_t)(found - chunks->targets) - 1;
            memmove(found, found + 1, after * sizeof *found);
            chunks->count--;
        }
    }
}

static void remove_repeated(struct large_chunks *chunks)
{
    size_t kept = 0;
    for (size_t i = 0; i < chunks->count; i++) {
        if (i == 0 || !id_equal(&chunks->targets[i], &chunks->targets[kept - 1])) {
            chunks->targets[kept++] = chunks->targets[i];
        }
    }
    chunks->count = kept;
}

/* Chunks that end in different seconds differ, so few values have to be looked into. */
static void spare_kept(const struct rpc_host *host, struct large_chunks *chunks)
{
    struct id at = {{0}};
    enum record_kind kind = RECORD_SINGLE;
    struct stored stored;
    struct manifest manifest;
    while (chunks->count > 0 &&
           host->store.next(host->store.context, STORE_KEPT, kind, &at, &stored) == ERR_OK) {
        kind = stored.record.kind;
        record_key(&stored.record, &at);
        if (!manifest_of_v(stored.record.v, &manifest) ||
            manifest.expiry_unix_s != chunks->expiry_unix_s) {
            continue;
        }
        struct large_chunks *others = chunks_of(host, &manifest);
        if (others != NULL) {
            spare(chunks, others->targets, others->count);
        }
        free(others);
    }
}

static void spare_needed(const struct rpc_call *call, struct large_chunks *chunks)
{
    for (const struct large_put *put = rpc_large_set(call)->puts; put != NULL; put = put->next) {
        spare(chunks, put->cut.targets, put->cut.list_count + put->cut.data_count);
    }
    spare_kept(rpc_host_of(call), chunks);
}

static struct rpc_result drop_on(struct rpc_call *own, void *state);

static struct rpc_result on_dropped(struct rpc_call *own, void *state, const struct event *event)
{
    struct drop *drop = state;
    uint8_t tries;
    window_remove(&drop->window, event->op, &tries);
    return drop_on(own, drop);
}

/* What the node is too busy for stays kept until it ends by itself. */
static struct rpc_result drop_on(struct rpc_call *own, void *state)
{
    struct drop *drop = state;
    const struct rpc_host *host = rpc_host_of(own);
    struct rpc_pending_on on = {.on_event = on_dropped, .state = drop};
    uint64_t op;
    while (drop->next < drop->chunks.count && !window_is_full(&drop->window)) {
        if (node_drop_kept(host->node, host->now(host->context), RECORD_IMMUTABLE,
                           &drop->chunks.targets[drop->next++], &op, host->outbox) == ERR_OK) {
            window_add(&drop->window, op, 0, 0);
        }
    }
    if (drop->window.open == 0) {
        return rpc_reply(own, json_true());
    }
    window_await(&drop->window, &on);
    return rpc_pending(own, &on);
}

static struct rpc_result start_drop(struct rpc_call *own, void *state)
{
    struct rpc_result result = drop_on(own, state);
    if (!rpc_is_pending(own)) {
        free(state);
    }
    return result;
}

void large_drop_chunks(const struct rpc_call *call, const struct large_chunks *chunks)
{
    if (chunks == NULL) {
        return;
    }
    size_t size = chunks->count * sizeof chunks->targets[0];
    struct drop *drop = calloc(1, sizeof *drop + size);
    if (drop == NULL) {
        return;
    }
    drop->chunks.expiry_unix_s = chunks->expiry_unix_s;
    drop->chunks.count = chunks->count;
    memcpy(drop->chunks.targets, chunks->targets, size);
    qsort(drop->chunks.targets, drop->chunks.count, sizeof drop->chunks.targets[0], compare);
    remove_repeated(&drop->chunks);
    spare_needed(call, &drop->chunks);
    if (!rpc_start_own(call, start_drop, drop)) {
        free(drop);
    }
}

/* ---- renewing ---- */

struct renewal {
    struct put_request request; /* what the record asks for, with the whole value as its v */
    uint8_t k[KEYS_PUBLIC_SIZE], salt[RECORD_SALT_MAX];
    uint8_t v[];
};

/* NULL when the kept chunks are not all there, or do not make the whole. */
static struct renewal *make_renewal(const struct rpc_host *host, const struct record *record,
                                    const struct manifest *manifest)
{
    struct join *join = join_kept(host, manifest, true);
    struct renewal *renewal = NULL;
    struct bytes whole;
    if (join != NULL && join_is_full(join) && join_whole(join, &whole)) {
        renewal = calloc(1, sizeof *renewal + whole.size + LARGE_ENVELOPE_MAX);
    }
    if (renewal != NULL) {
        memcpy(renewal->k, record->k, sizeof renewal->k);
        if (record->salt.size > 0) {
            memcpy(renewal->salt, record->salt.data, record->salt.size);
        }
        renewal->request = (struct put_request){
            .kind = record->kind,
            .target = record->target,
            .k = renewal->k,
            .salt = bytes_of(renewal->salt, record->salt.size),
            .v = large_write_v(record->v, manifest->content, whole, renewal->v),
            .has_seq = true,
            .seq = record->seq};
    }
    free(join);
    return renewal;
}

static struct rpc_result start_renewal(struct rpc_call *own, void *state)
{
    struct renewal *renewal = state;
    struct large_put_options options = {.is_kept = true};
    struct rpc_result result = large_put_start(own, &renewal->request, &options);
    free(renewal);
    return result;
}

bool large_renew(struct dispatch *d, const struct record *record)
{
    struct envelope envelope;
    struct manifest manifest;
    envelope_parse(record->v, &envelope);
    if (!manifest_of_v(record->v, &manifest) || envelope.expiry_unix_s <= manifest.expiry_unix_s) {
        return false;
    }
    struct renewal *renewal = make_renewal(&d->host, record, &manifest);
    if (renewal == NULL) {
        log_warn(LOG_RPC, "a kept large value cannot be put anew: its chunks are not all here");
    } else if (!dispatch_start_own(d, start_renewal, renewal)) {
        free(renewal);
    }
    return true;
}
