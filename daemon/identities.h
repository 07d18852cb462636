/* A list of names with their public keys, sorted by name; a local key has its secret key too, in
 * guarded memory that the list owns. */
#ifndef XORD_DAEMON_IDENTITIES_H
#define XORD_DAEMON_IDENTITIES_H

#include "rpc/host.h"

#define IDENTITIES_MAX 4096 /* far above a person's; searches by key are linear */

struct identity {
    struct rpc_identity known;
    uint8_t *secret_key; /* KEYS_SECRET_SIZE bytes of sodium_malloc, or NULL */
};

struct identities { /* zeroed it is empty */
    struct identity *items;
    size_t count, capacity;
};

/* Replaces an entry of the same name. Takes `secret_key` over, also when it fails. False without
 * memory or beyond IDENTITIES_MAX. */
bool identities_set(struct identities *list, const struct rpc_identity *known, uint8_t *secret_key);
void identities_remove(struct identities *list, const char *name); /* unknown names are ignored */
/* NULL when there is none. Borrowed until the next change. */
const struct identity *identities_by_name(const struct identities *list, const char *name);
const struct identity *identities_by_public(const struct identities *list, const uint8_t *key);
void identities_clear(struct identities *list);

/* The three functions of the host: copies the identity; false when there is none. */
bool identities_copy(const struct identity *found, struct rpc_identity *out);
bool identities_copy_at(const struct identities *list, size_t index, struct rpc_identity *out);

#endif
