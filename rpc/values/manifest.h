/* The manifest of a large value: what the signed record holds instead of the value itself (`1:m` of
 * its envelope). Bencode, canonical: d 1:c<content> 1:h<hash> 1:l<length> 1:p<targets> 1:x<expiry>
 * e. The content is cut into chunks of CHUNK_DATA_SIZE bytes, each an immutable item. Where there
 * are more than the manifest itself can name, it names lists: chunks that hold the targets of the
 * data. The length alone decides how many of each there are, so a tree cannot be made larger or
 * deeper than its value needs. Knows the format; asks nobody for anything. */
#ifndef XORD_RPC_MANIFEST_H
#define XORD_RPC_MANIFEST_H

#include "common/wire.h"
#include "daemon/dht/records/envelope.h"
#include "daemon/dht/wire/id.h"

#define LARGE_SIZE_MAX (1024u * 1024u) /* 1,093 chunks: a second or two of a put */
#define MANIFEST_TARGETS_MAX                                                                       \
    40u                        /* 800 bytes: with all else still within a record, sealed or not    \
                                */
#define MANIFEST_HASH_SIZE 32u /* BLAKE2b-256 */
/* of data, or 48 targets: with its envelope (24 bytes) within the 1000 of an item */
#define CHUNK_DATA_SIZE      960u
#define CHUNK_TARGETS_MAX    (CHUNK_DATA_SIZE / ID_SIZE)
#define CHUNK_DATA_COUNT_MAX ((LARGE_SIZE_MAX + CHUNK_DATA_SIZE - 1) / CHUNK_DATA_SIZE)
#define CHUNK_LIST_COUNT_MAX ((CHUNK_DATA_COUNT_MAX + CHUNK_TARGETS_MAX - 1) / CHUNK_TARGETS_MAX)
#define CHUNK_COUNT_MAX      (CHUNK_DATA_COUNT_MAX + CHUNK_LIST_COUNT_MAX)

struct manifest {
    enum envelope_content content; /* ENVELOPE_JSON, ENVELOPE_BYTES or ENVELOPE_SEALED */
    uint32_t size;                 /* of the whole content: 1 to LARGE_SIZE_MAX */
    uint8_t hash[MANIFEST_HASH_SIZE];
    uint64_t expiry_unix_s; /* of all chunks */
    uint32_t target_count;
    struct id targets[MANIFEST_TARGETS_MAX]; /* of the lists, else of the data */
};

/* How many chunks of data, and how many lists above them, content of `size` bytes has. */
size_t manifest_data_count(size_t size);
size_t manifest_list_count(size_t size);
/* How much of the content is in chunk of data `index`. */
size_t manifest_data_size(size_t size, size_t index);

void manifest_hash(struct bytes content, uint8_t hash[MANIFEST_HASH_SIZE]);
/* Appends it; w->failed when it does not fit. */
void manifest_write(struct wire_writer *w, const struct manifest *m);
/* False when it is none that manifest_write could have made; *fault says why, in one clause. */
bool manifest_parse(struct bytes body, struct manifest *out, const char **fault);
/* The manifest that a record's v holds; false when it holds none, or a broken one. */
bool manifest_of_v(struct bytes v, struct manifest *out);

#endif
