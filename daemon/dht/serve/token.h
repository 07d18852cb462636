/* Write tokens (BEP 5, BEP 44): a keyed hash of address, port, target and epoch, so that no state
 * is kept a token. Valid in the epoch they were made in and the next: 5 to 10 minutes. */
#ifndef XORD_DHT_TOKEN_H
#define XORD_DHT_TOKEN_H

#include "common/addr.h"
#include "common/hash.h"
#include "common/rng.h"
#include "daemon/dht/wire/id.h"

#define TOKEN_SIZE     8
#define TOKEN_EPOCH_MS (5u * 60u * 1000u)

struct token_secret {
    uint8_t key[HASH_KEY_SIZE];
};

void token_secret_init(struct token_secret *secret, struct rng *rng);
void token_make(const struct token_secret *secret, const struct addr *addr, const struct id *target,
                uint64_t now_ms, uint8_t out[TOKEN_SIZE]);
/* Constant time in the token's bytes. */
bool token_is_valid(const struct token_secret *secret, const struct addr *addr,
                    const struct id *target, uint64_t now_ms, struct bytes token);

#endif
