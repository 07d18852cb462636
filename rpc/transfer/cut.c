#include "rpc/transfer/cut.h"

#include <assert.h>

#include "daemon/dht/records/record.h"

size_t cut_count(size_t size)
{
    return manifest_list_count(size) + manifest_data_count(size);
}

static struct bytes slice(struct bytes whole, size_t index, size_t size)
{
    size_t from = index * size;
    return bytes_of(whole.data + from, whole.size - from < size ? whole.size - from : size);
}

/* What chunk `index` carries: its part of the content, or of the data's targets. */
static struct bytes body_of(const struct cut *cut, size_t index)
{
    if (index >= cut->list_count) {
        return slice(cut->content, index - cut->list_count, CHUNK_DATA_SIZE);
    }
    struct bytes targets = bytes_of(cut->targets + cut->list_count, cut->data_count * ID_SIZE);
    return slice(targets, index, CHUNK_DATA_SIZE);
}

struct bytes cut_chunk(const struct cut *cut, size_t index, uint8_t buffer[CHUNK_V_MAX])
{
    struct wire_writer w;
    struct envelope envelope = {.content = ENVELOPE_BYTES,
                                .body = body_of(cut, index),
                                .has_expiry = true,
                                .expiry_unix_s = cut->expiry_unix_s};
    wire_writer_init(&w, buffer, CHUNK_V_MAX);
    envelope_write(&w, &envelope);
    assert(!w.failed);
    return wire_written(&w);
}

void cut_init(struct cut *cut, struct bytes content, uint64_t expiry_unix_s, struct id *targets)
{
    uint8_t buffer[CHUNK_V_MAX];
    assert(content.size > 0 && content.size <= LARGE_SIZE_MAX);
    *cut = (struct cut){.content = content,
                        .expiry_unix_s = expiry_unix_s,
                        .list_count = manifest_list_count(content.size),
                        .data_count = manifest_data_count(content.size),
                        .targets = targets};
    /* The data first: the lists are made of its targets. */
    for (size_t i = cut->list_count + cut->data_count; i-- > 0;) {
        record_immutable_target(cut_chunk(cut, i, buffer), &targets[i]);
    }
}

bool cut_is_repeated(const struct cut *cut, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (id_equal(&cut->targets[i], &cut->targets[index])) {
            return true;
        }
    }
    return false;
}

void cut_manifest(const struct cut *cut, enum envelope_content content, struct manifest *out)
{
    size_t count = cut->list_count > 0 ? cut->list_count : cut->data_count;
    *out = (struct manifest){.content = content,
                             .size = (uint32_t)cut->content.size,
                             .expiry_unix_s = cut->expiry_unix_s,
                             .target_count = (uint32_t)count};
    manifest_hash(cut->content, out->hash);
    memcpy(out->targets, cut->targets, count * ID_SIZE);
}
