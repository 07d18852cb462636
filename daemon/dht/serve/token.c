#include "daemon/dht/serve/token.h"

void token_secret_init(struct token_secret *secret, struct rng *rng)
{
    rng_bytes(rng, secret->key, sizeof secret->key);
}

static void make_for_epoch(const struct token_secret *secret, const struct addr *addr,
                           const struct id *target, uint64_t epoch, uint8_t out[TOKEN_SIZE])
{
    struct {
        uint64_t epoch;
        uint8_t ip[16];
        uint8_t target[ID_SIZE];
        uint16_t port;
        uint16_t family;
    } input; /* no padding: hashed whole */

    _Static_assert(sizeof input == 8 + 16 + ID_SIZE + 2 + 2, "the hashed bytes are all set");
    input.epoch = epoch;
    memcpy(input.ip, addr->ip, sizeof input.ip);
    memcpy(input.target, target->b, ID_SIZE);
    input.port = addr->port;
    input.family = addr->family;
    uint64_t hash = hash_keyed(secret->key, bytes_of(&input, sizeof input));
    memcpy(out, &hash, TOKEN_SIZE);
}

void token_make(const struct token_secret *secret, const struct addr *addr, const struct id *target,
                uint64_t now_ms, uint8_t out[TOKEN_SIZE])
{
    make_for_epoch(secret, addr, target, now_ms / TOKEN_EPOCH_MS, out);
}

static bool is_equal_constant_time(const uint8_t *a, const uint8_t *b)
{
    unsigned difference = 0;

    for (size_t i = 0; i < TOKEN_SIZE; i++)
        difference |= (unsigned)(a[i] ^ b[i]);
    return difference == 0;
}

bool token_is_valid(const struct token_secret *secret, const struct addr *addr,
                    const struct id *target, uint64_t now_ms, struct bytes token)
{
    uint64_t epoch = now_ms / TOKEN_EPOCH_MS;
    uint8_t expected[TOKEN_SIZE];

    if (token.size != TOKEN_SIZE)
        return false;
    make_for_epoch(secret, addr, target, epoch, expected);
    if (is_equal_constant_time(expected, token.data))
        return true;
    if (epoch == 0)
        return false;
    make_for_epoch(secret, addr, target, epoch - 1, expected);
    return is_equal_constant_time(expected, token.data);
}
