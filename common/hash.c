#include "common/hash.h"

#include <assert.h>
#include <sha1.h>
#include <sodium.h>

static_assert(HASH_SHA1_SIZE == SHA1_DIGEST_LENGTH, "libmd's digest");
static_assert(HASH_KEY_SIZE == crypto_shorthash_KEYBYTES, "SipHash's key");
static_assert(HASH_KEY_SIZE >= crypto_generichash_KEYBYTES_MIN, "BLAKE2b's shortest key");
static_assert(HASH_DIGEST_SIZE >= crypto_generichash_BYTES_MIN, "BLAKE2b's shortest result");

/* CRC32-C of each value of four bits, for the reflected polynomial 0x82f63b78. Sixteen entries are
 * enough: the input is an IP address. */
static const uint32_t crc32c_table[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

void hash_sha1(const struct bytes *parts, size_t count, uint8_t out[HASH_SHA1_SIZE])
{
    SHA1_CTX context;
    SHA1Init(&context);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > 0)
            SHA1Update(&context, parts[i].data, parts[i].size);
    }
    SHA1Final(out, &context);
}

uint32_t hash_crc32c(struct bytes input)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < input.size; i++) {
        crc ^= input.data[i];
        crc = crc >> 4 ^ crc32c_table[crc & 15];
        crc = crc >> 4 ^ crc32c_table[crc & 15];
    }
    return ~crc;
}

uint64_t hash_keyed(const uint8_t key[HASH_KEY_SIZE], struct bytes input)
{
    uint8_t digest[crypto_shorthash_BYTES];
    crypto_shorthash(digest, input.data, input.size, key);
    uint64_t hash = 0;
    for (size_t i = sizeof digest; i-- > 0;)
        hash = hash << 8 | digest[i];
    return hash;
}

static void blake2b(struct bytes key, const struct bytes *parts, size_t count, uint8_t *out,
                    size_t out_size)
{
    crypto_generichash_state state;
    int status = crypto_generichash_init(&state, key.data, key.size, out_size);
    assert(status == 0);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > 0)
            crypto_generichash_update(&state, parts[i].data, parts[i].size);
    }
    crypto_generichash_final(&state, out, out_size);
}

void hash_digest(const uint8_t key[HASH_KEY_SIZE], const struct bytes *parts, size_t count,
                 uint8_t out[HASH_DIGEST_SIZE])
{
    blake2b(bytes_of(key, HASH_KEY_SIZE), parts, count, out, HASH_DIGEST_SIZE);
}

void hash_content(const struct bytes *parts, size_t count, uint8_t out[HASH_CONTENT_SIZE])
{
    blake2b(bytes_of(NULL, 0), parts, count, out, HASH_CONTENT_SIZE);
}
