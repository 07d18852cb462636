/* What the RPC rooms are handed by the shell: the node, the outbox, and the few things that only
 * the shell can do (keys, files, names, stopping). rpc/ includes no header of the shell.
 *
 * Functions with a `ticket` answer later, on the loop: ERR_OK means accepted, and then exactly one
 * rpc_server_done (or rpc_server_resolved) with that ticket follows, never from inside the call. */
#ifndef XORD_RPC_HOST_H
#define XORD_RPC_HOST_H

#include <stdio.h>

#include "common/err.h"
#include "common/keys.h"
#include "common/now.h"
#include "common/sealed.h"
#include "daemon/dht/node.h"
#include "daemon/dht/records/store.h"

#define RPC_NAME_MAX 32 /* of keys and contacts: [a-z0-9_-]{1,32} */

struct rpc_identity {
    char name[RPC_NAME_MAX + 1];
    uint8_t public_key[KEYS_PUBLIC_SIZE];
};

/* What getinfo shows and the node itself does not know. */
struct rpc_status {
    const char *version; /* "0.1.0" */
    const char *network;
    const char *data_dir;
    const char *role_why; /* one clause */
    uint64_t uptime_s;
    uint64_t stored_records, stored_bytes, quota_bytes; /* HELD */
    uint64_t evicted_records;                           /* since it started, for others */
    uint64_t kept_records, kept_bytes;
    uint64_t lost_packets; /* that the system did not take */
    struct addr bound[4];  /* what the UDP sockets are bound to */
    size_t bound_count;
    const char *const *warnings;
    size_t warning_count;
};

/* What the process has taken of the machine. */
struct rpc_process {
    uint64_t resident_bytes; /* 0: the system does not say */
    uint64_t processor_ns;   /* since it started, its own and the system's for it */
};

struct name_cache;

struct rpc_host {
    void *context;
    struct node *node;
    struct outbox *outbox; /* effects put here are acted on before the loop sleeps */
    struct store_reader store;
    struct now (*now)(void *context);
    uint64_t (*clock_ns)(void *context); /* monotonic, for measuring what takes microseconds */
    void (*status)(void *context, struct rpc_status *out);
    void (*process)(void *context, struct rpc_process *out); /* costs some system calls */

    /* Keys and contacts, sorted by name; *_at is false past the end. */
    bool (*key_at)(void *context, size_t index, struct rpc_identity *out);
    bool (*key_by_name)(void *context, const char *name, struct rpc_identity *out);
    bool (*key_by_public)(void *context, const uint8_t *public_key, struct rpc_identity *out);
    bool (*contact_at)(void *context, size_t index, struct rpc_identity *out);
    bool (*contact_by_name)(void *context, const char *name, struct rpc_identity *out);
    bool (*contact_by_public)(void *context, const uint8_t *public_key, struct rpc_identity *out);
    struct name_cache *names; /* what authorities say */
    /* The authority of bare names, as configured: a name or 64 hex digits; NULL: none. Borrowed. */
    const char *(*authority)(void *context);
    /* False when the key is not here. */
    bool (*sign)(void *context, const uint8_t *public_key, struct bytes message,
                 uint8_t signature[KEYS_SIGNATURE_SIZE]);
    /* The content key of sealed bytes, by the first of our keys that is a recipient's; the keys
     * that opened something last are tried first. Each try takes about 60 us and one off `*tries`.
     * ERR_NOT_FOUND: no key opens it; ERR_BUSY: `*tries` are spent, and not all keys were tried. */
    enum err (*unseal)(void *context, const struct sealed *sealed, uint32_t *tries,
                       uint8_t key[SEALED_KEY_SIZE]);
    void (*random)(void *context, void *out, size_t size); /* from the system, fit for keys */
    bool (*key_export)(void *context, const char *name, uint8_t seed[KEYS_SEED_SIZE]);
    /* seed NULL: a new random key. ERR_EXISTS when the name is taken by a key. On disk when done.
     */
    enum err (*key_create)(void *context, const char *name, const uint8_t *seed, uint64_t ticket);
    enum err (*key_drop)(void *context, const char *name, uint64_t ticket); /* ERR_UNKNOWN_NAME */
    /* Replaces a contact of that name. */
    enum err (*contact_add)(void *context, const char *name, const uint8_t *public_key,
                            uint64_t ticket);
    enum err (*contact_drop)(void *context, const char *name, uint64_t ticket);

    /* The settings in force; key NULL past the end. Strings are borrowed until the next call. */
    void (*config_at)(void *context, size_t index, const char **key, const char **value);
    bool (*set_log)(void *context, const char *levels); /* false: malformed */
    /* Reads the configuration again; the done call's detail says what was refused. */
    enum err (*reload)(void *context, uint64_t ticket);
    void (*stop)(void *context); /* a graceful stop begins when the loop turns */
    /* HOST:PORT to addresses, names included; answered by rpc_server_resolved. */
    enum err (*resolve)(void *context, const char *text, uint64_t ticket);
};

#endif
