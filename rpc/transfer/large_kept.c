/* Large values among what this node keeps: which chunks belong to one, and putting one anew before
 * its chunks end. */
#include <stdlib.h>

#include "common/log.h"
#include "rpc/own.h"
#include "rpc/transfer/join.h"
#include "rpc/transfer/large_put.h"

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

struct large_chunks *large_chunks_of(const struct rpc_host *host, const struct manifest *manifest)
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
    return large_chunks_of(host, &manifest);
}

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
    } else if (!own_start(d, start_renewal, renewal)) {
        free(renewal);
    }
    return true;
}
