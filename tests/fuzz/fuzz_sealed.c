/* Any bytes as sealed bytes: reading and opening end, whatever they are; and as a content: what is
 * sealed opens as it was. */
#include "common/sealed.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t target[HASH_SHA1_SIZE];
static const uint8_t noise[SEALED_RANDOM_SIZE] = {1};

struct key {
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
};

static bool open_as_own(const struct key *own, struct bytes input, uint8_t *buffer,
                        struct sealed_content *out)
{
    struct sealed s;
    uint8_t key[SEALED_KEY_SIZE];
    if (!sealed_read(input, &s))
        return false;
    if (!sealed_unwrap(&s, own->public_key, own->secret_key, key))
        memset(key, 0, sizeof key);
    return sealed_open(&s, key, own->public_key, 2, target, buffer, out) == SEALED_OPENED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key own;
    uint8_t seed[KEYS_SEED_SIZE] = {0};
    enum err err = keys_init();
    assert(err == ERR_OK);
    keys_from_seed(seed, own.public_key, own.secret_key);
    size_t capacity = size + SEALED_OVERHEAD_SIZE(1);
    uint8_t *sealed = malloc(capacity), *buffer = malloc(capacity);
    assert(sealed != NULL && buffer != NULL);
    struct bytes input = bytes_of(data, size);
    struct sealed_content content = {.signer = own.public_key,
                                     .kind = 2,
                                     .target = target,
                                     .type = SEALED_BYTES,
                                     .content = input};
    struct sealed_content out;
    if (open_as_own(&own, input, buffer, &out))
        assert(out.content.size + SEALED_OVERHEAD_SIZE(1) <= size);
    struct wire_writer w;
    wire_writer_init(&w, sealed, capacity);
    err = sealed_write(&w, &own.public_key, 1, &content, noise);
    assert(err == ERR_OK);
    assert(open_as_own(&own, wire_written(&w), buffer, &out) && bytes_equal(out.content, input));
    free(sealed);
    free(buffer);
    return 0;
}
