#include "rpc/transfer/join.h"

#include <assert.h>
#include <stdlib.h>

struct join *join_new(const struct manifest *manifest)
{
    struct join *join = calloc(1, sizeof *join + manifest->size);
    if (join == NULL) {
        return NULL;
    }
    join->manifest = *manifest;
    join->list_count = manifest_list_count(manifest->size);
    join->data_count = manifest_data_count(manifest->size);
    memcpy(join->targets, manifest->targets, manifest->target_count * ID_SIZE);
    return join;
}

static bool is_known(const struct join *join, size_t index)
{
    if (index < join->list_count || join->list_count == 0) {
        return true;
    }
    return join->is_list_taken[(index - join->list_count) / CHUNK_TARGETS_MAX];
}

bool join_next(struct join *join, size_t *index)
{
    if (join->next == join->list_count + join->data_count || !is_known(join, join->next)) {
        return false;
    }
    *index = join->next++;
    return true;
}

const struct id *join_target(const struct join *join, size_t index)
{
    return &join->targets[index];
}

/* Where chunk `index` belongs: its exact size, in the content or among the targets. */
static uint8_t *place_of(struct join *join, size_t index, size_t *size)
{
    bool is_list = index < join->list_count;
    size_t whole = is_list ? join->data_count * ID_SIZE : join->manifest.size;
    size_t from = (is_list ? index : index - join->list_count) * CHUNK_DATA_SIZE;
    *size = whole - from < CHUNK_DATA_SIZE ? whole - from : CHUNK_DATA_SIZE;
    return (is_list ? join->targets[join->list_count].b : join->content) + from;
}

bool join_take(struct join *join, size_t index, struct bytes v)
{
    struct envelope envelope;
    size_t size;
    uint8_t *place = place_of(join, index, &size);
    envelope_parse(v, &envelope);
    if (envelope.content != ENVELOPE_BYTES || envelope.body.size != size || envelope.has_time ||
        !envelope.has_expiry || envelope.expiry_unix_s != join->manifest.expiry_unix_s) {
        return false;
    }
    memcpy(place, envelope.body.data, size);
    if (index < join->list_count) {
        join->is_list_taken[index] = true;
    }
    join->taken++;
    return true;
}

bool join_is_full(const struct join *join)
{
    return join->taken == join->list_count + join->data_count;
}

bool join_whole(const struct join *join, struct bytes *out)
{
    uint8_t hash[MANIFEST_HASH_SIZE];
    assert(join_is_full(join));
    *out = bytes_of(join->content, join->manifest.size);
    manifest_hash(*out, hash);
    return memcmp(hash, join->manifest.hash, sizeof hash) == 0;
}
