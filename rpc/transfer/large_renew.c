/* Putting a kept large value anew, from its kept chunks, before those end. */
#include <stdlib.h>

#include "common/log.h"
#include "rpc/own.h"
#include "rpc/transfer/join.h"
#include "rpc/transfer/large.h"

struct renewal {
    struct put_request request; /* what the record asks for, with the whole value as its v */
    uint8_t k[KEYS_PUBLIC_SIZE], salt[RECORD_SALT_MAX];
    uint8_t v[];
};

/* NULL when the kept chunks are not all there, or do not make the whole. */
static struct renewal *make_renewal(const struct rpc_host *host, const struct record *record,
                                    const struct manifest *manifest)
{
    struct join *join = large_join_kept(host, manifest, true);
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
