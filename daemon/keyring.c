#include "daemon/keyring.h"

#include <sodium.h>

/* Derives the key from its seed and adds it to the list. */
static bool add(struct keyring *k, const char *name, const uint8_t *seed)
{
    struct rpc_identity known = {0};
    uint8_t *secret_key = sodium_malloc(KEYS_SECRET_SIZE);
    if (secret_key == NULL)
        return false;
    snprintf(known.name, sizeof(known.name), "%s", name);
    keys_from_seed(seed, known.public_key, secret_key);
    sodium_mprotect_readonly(secret_key);
    return identities_set(&k->keys, &known, secret_key);
}

static bool visit(void *context, const char *name, const uint8_t *value)
{
    return add(context, name, value);
}

static void on_done(void *context, const struct name_change *change, enum err err)
{
    struct keyring *k = context;
    if (err == ERR_OK && change->value == NULL)
        identities_remove(&k->keys, change->name);
    else if (err == ERR_OK && !add(k, change->name, change->value))
        err = ERR_NO_MEMORY;
    k->done(k->context, change->ticket, err,
            err == ERR_OK ? NULL : "the key's file could not be changed");
}

enum err keyring_init(struct keyring *k, uv_loop_t *loop, const char *path, keyring_done *done,
                      void *context, char *detail)
{
    *k = (struct keyring){.done = done, .context = context};
    return name_dir_open(&k->dir, loop, path, on_done, visit, k, detail);
}

void keyring_clear(struct keyring *k)
{
    identities_clear(&k->keys);
}

bool keyring_is_idle(const struct keyring *k)
{
    return name_dir_is_idle(&k->dir);
}

enum err keyring_create(struct keyring *k, const char *name, const uint8_t *seed, uint64_t ticket)
{
    uint8_t made[KEYS_SEED_SIZE];
    if (identities_by_name(&k->keys, name) != NULL)
        return ERR_EXISTS;
    if (k->keys.count + k->dir.job_count >= IDENTITIES_MAX)
        return ERR_BUSY; /* a file more than fits would keep the next start from reading them */
    if (seed == NULL)
        randombytes_buf(made, sizeof(made));
    enum err err = name_dir_save(&k->dir, name, seed != NULL ? seed : made, ticket);
    sodium_memzero(made, sizeof(made));
    return err;
}

enum err keyring_drop(struct keyring *k, const char *name, uint64_t ticket)
{
    if (identities_by_name(&k->keys, name) == NULL)
        return ERR_UNKNOWN_NAME;
    return name_dir_remove(&k->dir, name, ticket);
}

bool keyring_export(const struct keyring *k, const char *name, uint8_t seed[KEYS_SEED_SIZE])
{
    const struct identity *key = identities_by_name(&k->keys, name);
    if (key == NULL)
        return false;
    memcpy(seed, key->secret_key, KEYS_SEED_SIZE); /* libsodium's secret keys begin with it */
    return true;
}

bool keyring_sign(const struct keyring *k, const uint8_t *public_key, struct bytes message,
                  uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    const struct identity *key = identities_by_public(&k->keys, public_key);
    if (key == NULL)
        return false;
    keys_sign(key->secret_key, message, signature);
    return true;
}

bool keyring_sign_record(const struct keyring *k, const struct record *record,
                         uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    const struct identity *key = identities_by_public(&k->keys, record->k);
    if (key == NULL)
        return false;
    record_sign(key->secret_key, record, signature);
    return true;
}

/* Where the key stands among the recent ones; recent_count when it does not. */
static size_t recent_place(const struct keyring *k, const uint8_t *public_key)
{
    size_t at = 0;
    while (at < k->recent_count && memcmp(k->recent[at], public_key, KEYS_PUBLIC_SIZE) != 0)
        at++;
    return at;
}

/* The first from now on; when there is no room the last goes. */
static void note_recent(struct keyring *k, const struct identity *found)
{
    size_t at = recent_place(k, found->known.public_key);
    if (at == k->recent_count && at < KEYRING_RECENT_MAX)
        k->recent_count++;
    if (at == KEYRING_RECENT_MAX)
        at--;
    memmove(k->recent[1], k->recent[0], at * KEYS_PUBLIC_SIZE);
    memcpy(k->recent[0], found->known.public_key, KEYS_PUBLIC_SIZE);
}

/* ERR_NOT_FOUND: another key may; ERR_BUSY: no more tries. */
static enum err try_key(struct keyring *k, const struct identity *own, const struct sealed *sealed,
                        uint32_t *tries, uint8_t key[SEALED_KEY_SIZE])
{
    if (own == NULL)
        return ERR_NOT_FOUND; /* a recent one, dropped since */
    if (*tries == 0)
        return ERR_BUSY;
    --*tries;
    if (!sealed_unwrap(sealed, own->known.public_key, own->secret_key, key))
        return ERR_NOT_FOUND;
    note_recent(k, own);
    return ERR_OK;
}

enum err keyring_unseal(struct keyring *k, const struct sealed *sealed, uint32_t *tries,
                        uint8_t key[SEALED_KEY_SIZE])
{
    enum err err = ERR_NOT_FOUND;
    for (size_t i = 0; i < k->recent_count && err == ERR_NOT_FOUND; i++)
        err = try_key(k, identities_by_public(&k->keys, k->recent[i]), sealed, tries, key);
    for (size_t i = 0; i < k->keys.count && err == ERR_NOT_FOUND; i++) {
        const struct identity *own = &k->keys.items[i];
        if (recent_place(k, own->known.public_key) == k->recent_count)
            err = try_key(k, own, sealed, tries, key);
    }
    return err;
}
