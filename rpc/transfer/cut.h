/* Cutting a large value: content into chunks of data and the lists above them, each with its
 * target, and the manifest that names the top. A chunk is the v of an immutable item: an envelope
 * of bytes with an expiry and without a time, so that equal content until the same second is one
 * item. Chunks are numbered: lists first, then data. Borrows the content; deterministic. */
#ifndef XORD_RPC_CUT_H
#define XORD_RPC_CUT_H

#include "rpc/values/manifest.h"

#define CHUNK_V_MAX 1000u /* what one item holds */

struct cut {
    struct bytes content;
    uint64_t expiry_unix_s;
    size_t list_count, data_count;
    struct id *targets; /* one each chunk, in their order; the caller's memory */
};

/* How many chunks content of `size` bytes (1 to LARGE_SIZE_MAX) makes, lists included. */
size_t cut_count(size_t size);
/* `targets` has room for cut_count ids and is filled: each chunk is hashed here. */
void cut_init(struct cut *cut, struct bytes content, uint64_t expiry_unix_s, struct id *targets);
/* The v of chunk `index`, written into `buffer`. */
struct bytes cut_chunk(const struct cut *cut, size_t index, uint8_t buffer[CHUNK_V_MAX]);
/* An earlier chunk is the same one: it need not be put again. */
bool cut_is_repeated(const struct cut *cut, size_t index);
void cut_manifest(const struct cut *cut, enum envelope_content content, struct manifest *out);

#endif
