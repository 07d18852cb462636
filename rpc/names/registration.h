/* Registrations: the single by which an authority binds a name to a key. Its salt is name/<name>,
 * its content the JSON {"key":"<64 hex digits>"}; other keys in it are left alone. A deletion
 * unbinds. Makes and reads them; knows nothing of nodes or calls. */
#ifndef XORD_RPC_REGISTRATION_H
#define XORD_RPC_REGISTRATION_H

#include <jansson.h>

#include "daemon/dht/records/record.h"
#include "rpc/host.h"

#define REGISTRATION_SALT_SIZE (5 + RPC_NAME_MAX + 1) /* name/<name> and a terminator */

struct registration {
    bool is_deleted;
    uint8_t key[KEYS_PUBLIC_SIZE]; /* zeros when deleted */
    int64_t seq;
    uint64_t time_unix_s; /* when it was signed; 0 when it does not say */
    uint64_t expiry_unix_s;
};

/* The salt of `name`'s registration, written into `out`. */
struct bytes registration_salt(const char *name, char out[REGISTRATION_SALT_SIZE]);
/* The content that binds to `key`; a new reference, NULL without memory. */
json_t *registration_content(const uint8_t key[KEYS_PUBLIC_SIZE]);
/* Reads a verified record. ERR_BAD_REGISTRATION: it holds no key, and counts as a deletion;
 * ERR_NOT_FOUND: it has ended. */
enum err registration_read(const struct record *record, uint64_t now_unix_s,
                           struct registration *out);

#endif
