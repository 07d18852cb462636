/* The hashes of the protocol: SHA-1 (ids and targets), CRC32-C (BEP 42), and keyed hashes for
 * tokens and memories. All deterministic. */
#ifndef XORD_COMMON_HASH_H
#define XORD_COMMON_HASH_H

#include "common/bytes.h"

#define HASH_SHA1_SIZE    20
#define HASH_KEY_SIZE     16
#define HASH_DIGEST_SIZE  16
#define HASH_CONTENT_SIZE 20

/* SHA-1 over the parts one after the other. */
void hash_sha1(const struct bytes *parts, size_t count, uint8_t out[HASH_SHA1_SIZE]);
uint32_t hash_crc32c(struct bytes input);
/* SipHash-2-4 under a secret key; its 8 bytes read little-endian, so the same on every machine. */
uint64_t hash_keyed(const uint8_t key[HASH_KEY_SIZE], struct bytes input);
/* BLAKE2b with a 16-byte result over the parts, under a secret key: equality of verified records.
 */
void hash_digest(const uint8_t key[HASH_KEY_SIZE], const struct bytes *parts, size_t count,
                 uint8_t out[HASH_DIGEST_SIZE]);
/* BLAKE2b with a 20-byte result over the parts, without a key: the same everywhere. */
void hash_content(const struct bytes *parts, size_t count, uint8_t out[HASH_CONTENT_SIZE]);

#endif
