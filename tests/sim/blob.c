#include "tests/sim/blob.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/records/multi.h"
#include "tests/sim/genuine.h"
#include "tests/sim/trace.h"

#define CHAINS_START 1024

void blobs_clear(struct blobs *b)
{
    for (size_t i = 0; i < b->chain_count; i++) {
        while (b->chains[i] != NULL) {
            struct blob *blob = b->chains[i];
            b->chains[i] = blob->next;
            free(blob);
        }
    }
    free(b->chains);
    *b = (struct blobs){0};
}

static struct bytes pack(const struct record *record, uint8_t packed[RECORD_PACKED_MAX])
{
    struct wire_writer w;
    wire_writer_init(&w, packed, RECORD_PACKED_MAX);
    record_pack(&w, record);
    assert(!w.failed);
    return wire_written(&w);
}

static struct blob **place_of(const struct blobs *b, uint64_t hash, struct bytes packed)
{
    struct blob **at = &b->chains[hash % b->chain_count];
    while (*at != NULL &&
           ((*at)->hash != hash || !bytes_equal(bytes_of((*at)->packed, (*at)->size), packed)))
        at = &(*at)->next;
    return at;
}

static void grow(struct blobs *b)
{
    struct blobs old = *b;
    b->chain_count = old.chain_count ? old.chain_count * 2 : CHAINS_START;
    b->chains = calloc(b->chain_count, sizeof(struct blob *));
    assert(b->chains != NULL);
    for (size_t i = 0; i < old.chain_count; i++) {
        while (old.chains[i] != NULL) {
            struct blob *blob = old.chains[i];
            struct blob **chain = &b->chains[blob->hash % b->chain_count];
            old.chains[i] = blob->next;
            blob->next = *chain;
            *chain = blob;
        }
    }
    free(old.chains);
}

static void place(struct blob *blob)
{
    if (blob->record.kind == RECORD_MULTI)
        multi_position_of(&blob->record, &blob->position);
    else
        record_key(&blob->record, &blob->position.key);
}

struct blob *blobs_take(struct blobs *b, const struct record *record)
{
    uint8_t buffer[RECORD_PACKED_MAX];
    struct bytes packed = pack(record, buffer);
    uint64_t hash = trace_content(packed);
    if (b->count >= b->chain_count)
        grow(b);
    struct blob **at = place_of(b, hash, packed);
    if (*at == NULL) {
        struct blob *blob = calloc(1, sizeof *blob + packed.size);
        assert(blob != NULL);
        blob->hash = hash;
        blob->size = (uint16_t)packed.size;
        memcpy(blob->packed, packed.data, packed.size);
        bool is_sound = record_unpack(bytes_of(blob->packed, blob->size), &blob->record);
        assert(is_sound);
        place(blob);
        *at = blob;
        b->count++;
    }
    (*at)->references++;
    return *at;
}

struct blob *blobs_find(const struct blobs *b, const struct record *record)
{
    uint8_t buffer[RECORD_PACKED_MAX];
    if (b->chain_count == 0)
        return NULL;
    struct bytes packed = pack(record, buffer);
    return *place_of(b, trace_content(packed), packed);
}

void blobs_drop(struct blobs *b, struct blob *blob)
{
    assert(blob->references > 0);
    if (--blob->references > 0)
        return;
    struct blob **at = place_of(b, blob->hash, bytes_of(blob->packed, blob->size));
    *at = blob->next;
    b->count--;
    free(blob);
}

bool blob_verify(struct blob *blob)
{
    if (!blob->is_checked) {
        blob->is_checked = true;
        blob->is_genuine = genuine_signature(&blob->record);
    }
    return blob->is_genuine;
}
