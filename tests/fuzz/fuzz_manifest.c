/* Any bytes as a manifest: what is read from it writes back byte for byte, and its tree, however
 * the chunks look, is never walked beyond what its length needs. The first two bytes say how much
 * is the manifest; the rest is what every chunk is answered with. */
#include "rpc/transfer/join.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct manifest *manifest, struct bytes v)
{
    struct join *join = join_new(manifest);
    struct bytes whole;
    size_t index, steps = 0;
    assert(join != NULL);
    while (join_next(join, &index)) {
        assert(index == steps++);
        assert(index < CHUNK_COUNT_MAX);
        join_take(join, index, v);
    }
    if (join_is_full(join) && join_whole(join, &whole))
        assert(whole.size == manifest->size);
    free(join);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest;
    const char *fault;
    size_t split = size < 2 ? 0 : (size_t)data[0] << 8 | data[1];
    if (size < 2 || split > size - 2)
        return 0;
    struct bytes body = bytes_of(data + 2, split);
    if (!manifest_parse(body, &manifest, &fault)) {
        assert(fault != NULL);
        return 0;
    }
    uint8_t buffer[1024];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    manifest_write(&w, &manifest);
    assert(bytes_equal(wire_written(&w), body));
    walk(&manifest, bytes_of(data + 2 + split, size - 2 - split));
    return 0;
}
