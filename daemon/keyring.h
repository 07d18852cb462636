/* The local keys: a seed file each under keys/ in the data directory, secret keys in guarded
 * memory. The one place that signs and unseals. A key exists once its file is on disk, and is gone
 * once that is. */
#ifndef XORD_DAEMON_KEYRING_H
#define XORD_DAEMON_KEYRING_H

#include "common/sealed.h"
#include "daemon/dht/records/record.h"
#include "daemon/identities.h"
#include "daemon/name_dir.h"

#define KEYRING_RECENT_MAX 8 /* recipients whose values are read in turn */

/* A change is done; `detail` may be NULL. On the loop, exactly once for each accepted change. */
typedef void keyring_done(void *context, uint64_t ticket, enum err err, const char *detail);

struct keyring {
    struct name_dir dir;
    struct identities keys;
    keyring_done *done;
    void *context;
    uint8_t recent[KEYRING_RECENT_MAX][KEYS_PUBLIC_SIZE]; /* that unsealed something, last first */
    size_t recent_count;
};

/* Reads all keys. On failure `detail` (NAME_DIR_DETAIL_SIZE) says what; clear it nevertheless. */
enum err keyring_init(struct keyring *k, uv_loop_t *loop, const char *path, keyring_done *done,
                      void *context, char *detail);
void keyring_clear(struct keyring *k); /* when idle */
bool keyring_is_idle(const struct keyring *k);

/* seed NULL: a new random key. ERR_EXISTS when a key has the name, ERR_BUSY. */
enum err keyring_create(struct keyring *k, const char *name, const uint8_t *seed, uint64_t ticket);
enum err keyring_drop(struct keyring *k, const char *name, uint64_t ticket); /* ERR_UNKNOWN_NAME */
bool keyring_export(const struct keyring *k, const char *name, uint8_t seed[KEYS_SEED_SIZE]);

/* False when the key is not here. */
bool keyring_sign(const struct keyring *k, const uint8_t *public_key, struct bytes message,
                  uint8_t signature[KEYS_SIGNATURE_SIZE]);
bool keyring_sign_record(const struct keyring *k, const struct record *record,
                         uint8_t signature[KEYS_SIGNATURE_SIZE]);
/* As the host's function of that name (rpc/host.h). */
enum err keyring_unseal(struct keyring *k, const struct sealed *sealed, uint32_t *tries,
                        uint8_t key[SEALED_KEY_SIZE]);

#endif
