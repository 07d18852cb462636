#include "common/rng.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(RNG_SEED_SIZE == crypto_stream_chacha20_KEYBYTES, "the seed is the key");

void rng_init(struct rng *rng, const uint8_t seed[RNG_SEED_SIZE])
{
    *rng = (struct rng){.block = 0};
    memcpy(rng->key, seed, RNG_SEED_SIZE);
}

void rng_init_number(struct rng *rng, uint64_t seed)
{
    uint8_t key[RNG_SEED_SIZE] = {0};
    for (size_t i = 0; i < sizeof seed; i++)
        key[i] = (uint8_t)(seed >> (8 * i));
    rng_init(rng, key);
}

/* The keystream is what ChaCha20 makes of zeros; the nonce is zero, as each seed has one stream. */
static void refill(struct rng *rng)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    memset(rng->buffer, 0, sizeof rng->buffer);
    crypto_stream_chacha20_xor_ic(rng->buffer, rng->buffer, sizeof rng->buffer, nonce, rng->block,
                                  rng->key);
    rng->block++;
    rng->left = sizeof rng->buffer;
}

void rng_bytes(struct rng *rng, void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        if (rng->left == 0)
            refill(rng);
        size_t part = size < rng->left ? size : rng->left;
        memcpy(at, rng->buffer + sizeof rng->buffer - rng->left, part);
        rng->left -= part;
        at += part;
        size -= part;
    }
}

uint32_t rng_u32(struct rng *rng)
{
    uint8_t b[4];
    rng_bytes(rng, b, sizeof b);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t low = rng_u32(rng);
    return low | (uint64_t)rng_u32(rng) << 32;
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    assert(bound > 0);
    /* The first 2^32 mod bound values would make the small results likelier: they are redrawn. */
    uint32_t uneven = (uint32_t)(0 - bound) % bound;
    uint32_t value;
    do {
        value = rng_u32(rng);
    } while (value < uneven);
    return value % bound;
}
