/* Ed25519 (RFC 8032) as BEP 44 uses it: keys from seeds, signing, verifying. Holds no keys.
 * keys_init must have succeeded once in the process before anything else here is called. */
#ifndef XORD_COMMON_KEYS_H
#define XORD_COMMON_KEYS_H

#include "common/bytes.h"
#include "common/err.h"

#define KEYS_PUBLIC_SIZE    32
#define KEYS_SECRET_SIZE    64 /* seed and public key, libsodium's order */
#define KEYS_SEED_SIZE      32
#define KEYS_SIGNATURE_SIZE 64

/* Prepares the library; ERR_INTERNAL when it cannot be used. Called by the shell and by tests. */
enum err keys_init(void);
void keys_from_seed(const uint8_t seed[KEYS_SEED_SIZE], uint8_t public_key[KEYS_PUBLIC_SIZE],
                    uint8_t secret_key[KEYS_SECRET_SIZE]);
void keys_sign(const uint8_t secret_key[KEYS_SECRET_SIZE], struct bytes message,
               uint8_t signature[KEYS_SIGNATURE_SIZE]);
/* Strict: refuses keys of small order and signatures not in their one form (RFC 8032
 * section 5.1.7). */
bool keys_verify(const uint8_t public_key[KEYS_PUBLIC_SIZE], struct bytes message,
                 const uint8_t signature[KEYS_SIGNATURE_SIZE]);
/* Overwrites a secret that is done with; no compiler leaves it out. */
void keys_wipe(void *secret, size_t size);

#endif
