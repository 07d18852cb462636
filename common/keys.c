#include "common/keys.h"

#include <assert.h>
#include <sodium.h>

static_assert(KEYS_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "the library's public key");
static_assert(KEYS_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "the library's secret key");
static_assert(KEYS_SEED_SIZE == crypto_sign_SEEDBYTES, "the library's seed");
static_assert(KEYS_SIGNATURE_SIZE == crypto_sign_BYTES, "the library's signature");

enum err keys_init(void)
{
    return sodium_init() >= 0 ? ERR_OK : ERR_INTERNAL;
}

void keys_from_seed(const uint8_t seed[KEYS_SEED_SIZE], uint8_t public_key[KEYS_PUBLIC_SIZE],
                    uint8_t secret_key[KEYS_SECRET_SIZE])
{
    int status = crypto_sign_seed_keypair(public_key, secret_key, seed);
    assert(status == 0);
}

void keys_sign(const uint8_t secret_key[KEYS_SECRET_SIZE], struct bytes message,
               uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    int status = crypto_sign_detached(signature, NULL, message.data, message.size, secret_key);
    assert(status == 0);
}

bool keys_verify(const uint8_t public_key[KEYS_PUBLIC_SIZE], struct bytes message,
                 const uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    return crypto_sign_verify_detached(signature, message.data, message.size, public_key) == 0;
}

void keys_wipe(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}
