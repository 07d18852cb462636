/* From a username in a call to a public key: `name`, or `name@authority`, or a chain of these,
 * resolved from the right. The last part is pinned here (name.h), or a bare name that the
 * configured authority registers. Each step to the left is a registration under the key found so
 * far. Walks as far as the name cache reaches, and says what is to be looked up; asks nobody. */
#ifndef XORD_RPC_NAME_PATH_H
#define XORD_RPC_NAME_PATH_H

#include "rpc/names/name_cache.h"

#define NAME_LINKS_MAX 8 /* registrations on the way; each may cost a lookup */

/* `name` under `authority`. */
struct name_link {
    uint8_t authority[KEYS_PUBLIC_SIZE];
    char name[RPC_NAME_MAX + 1];
};

struct name_path {
    struct name_link links[NAME_LINKS_MAX]; /* in the order of resolving */
    size_t count;
    uint8_t key[KEYS_PUBLIC_SIZE]; /* where it leads, so far */
    bool is_local;                 /* the secret key of it is here */
    bool is_pinned;                /* a bare name of a local key or a contact */
};

/* ERR_OK. ERR_NOT_FOUND: the last of `links` is not in the cache, or not fresh (name_entry_is_fresh
 * with `since_ms`). ERR_INVALID_PARAMS: a part is no name; ERR_UNKNOWN_NAME: the last part is
 * nobody's name here; ERR_NAME_TOO_DEEP; ERR_NAME_LOOP. */
enum err name_path_walk(const struct rpc_host *host, const char *text, uint64_t since_ms,
                        struct name_path *out);
/* The configured authority's key; false when there is none, or its name is pinned to nothing. */
bool name_path_authority(const struct rpc_host *host, uint8_t out[KEYS_PUBLIC_SIZE]);

#endif
