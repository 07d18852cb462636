/* Large values among what this node keeps: what is there of one, and which chunks belong to it. */
#include <stdlib.h>

#include "rpc/transfer/join.h"
#include "rpc/transfer/large.h"

struct join *large_join_kept(const struct rpc_host *host, const struct manifest *manifest,
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
    struct join *join = large_join_kept(host, manifest, false);
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
