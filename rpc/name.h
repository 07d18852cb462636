/* Names that are pinned here, and their public keys: a local key's name, a contact, 64 hex digits.
 * What authorities say of names is name_path.h's. */
#ifndef XORD_RPC_NAME_H
#define XORD_RPC_NAME_H

#include "rpc/host.h"

/* [a-z0-9_-]{1,32} */
bool name_is_valid(const char *name);
/* ERR_OK, ERR_UNKNOWN_NAME. `is_local` (may be NULL) tells that its secret key is here. */
enum err name_resolve(const struct rpc_host *host, const char *name,
                      uint8_t public_key[KEYS_PUBLIC_SIZE], bool *is_local);
/* True when the secret key is here. */
bool name_is_local(const struct rpc_host *host, const uint8_t public_key[KEYS_PUBLIC_SIZE]);
/* The name by which this daemon knows the key, else its 64 hex digits; returns `out`. */
char *name_of_key(const struct rpc_host *host, const uint8_t public_key[KEYS_PUBLIC_SIZE],
                  char out[2 * KEYS_PUBLIC_SIZE + 1]);

#endif
