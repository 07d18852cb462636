#include "tests/rpc/fake_host.h"

#include <assert.h>
#include <stdio.h>

static struct now get_now(void *context)
{
    struct fake_host *fake = context;

    return fake->now;
}

static uint64_t get_clock_ns(void *context)
{
    struct fake_host *fake = context;

    fake->clock_ns += fake->clock_step_ns;
    return fake->now.ms * 1000000 + fake->clock_ns;
}

static void get_process(void *context, struct rpc_process *out)
{
    (void)context;
    *out = (struct rpc_process){.resident_bytes = 6 << 20, .processor_ns = 1500000000};
}

static void get_status(void *context, struct rpc_status *out)
{
    static const char *const warnings[] = {"a warning"};

    (void)context;
    *out = (struct rpc_status){.version = "0.1.0",
                               .network = "xord",
                               .data_dir = "/nowhere",
                               .role_why = "bound to loopback",
                               .uptime_s = 5,
                               .stored_records = 2,
                               .warnings = warnings,
                               .warning_count = 1};
}

static bool find_at(const struct rpc_identity *list, size_t count, size_t index,
                    struct rpc_identity *out)
{
    if (index < count)
        *out = list[index];
    return index < count;
}

static bool find_name(const struct rpc_identity *list, size_t count, const char *name,
                      struct rpc_identity *out)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return find_at(list, count, i, out);
    return false;
}

static bool find_public(const struct rpc_identity *list, size_t count, const uint8_t *public_key,
                        struct rpc_identity *out)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(list[i].public_key, public_key, KEYS_PUBLIC_SIZE) == 0)
            return find_at(list, count, i, out);
    return false;
}

static bool key_at(void *context, size_t index, struct rpc_identity *out)
{
    struct fake_host *fake = context;

    return find_at(fake->keys, fake->key_count, index, out);
}

static bool key_by_name(void *context, const char *name, struct rpc_identity *out)
{
    struct fake_host *fake = context;

    return find_name(fake->keys, fake->key_count, name, out);
}

static bool key_by_public(void *context, const uint8_t *public_key, struct rpc_identity *out)
{
    struct fake_host *fake = context;

    return find_public(fake->keys, fake->key_count, public_key, out);
}

static bool contact_at(void *context, size_t index, struct rpc_identity *out)
{
    struct fake_host *fake = context;

    return find_at(fake->contacts, fake->contact_count, index, out);
}

static bool contact_by_name(void *context, const char *name, struct rpc_identity *out)
{
    struct fake_host *fake = context;

    return find_name(fake->contacts, fake->contact_count, name, out);
}

static bool contact_by_public(void *context, const uint8_t *public_key, struct rpc_identity *out)
{
    struct fake_host *fake = context;

    return find_public(fake->contacts, fake->contact_count, public_key, out);
}

static const char *get_authority(void *context)
{
    struct fake_host *fake = context;

    return fake->authority;
}

static bool sign(void *context, const uint8_t *public_key, struct bytes message,
                 uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    struct fake_host *fake = context;
    uint8_t found[KEYS_PUBLIC_SIZE], secret[KEYS_SECRET_SIZE];

    for (size_t i = 0; i < fake->key_count; i++) {
        keys_from_seed(fake->seeds[i], found, secret);
        if (memcmp(found, public_key, sizeof found) == 0) {
            keys_sign(secret, message, signature);
            return true;
        }
    }
    return false;
}

static enum err unseal(void *context, const struct sealed *sealed, uint32_t *tries,
                       uint8_t key[SEALED_KEY_SIZE])
{
    struct fake_host *fake = context;
    uint8_t found[KEYS_PUBLIC_SIZE], secret[KEYS_SECRET_SIZE];

    for (size_t i = 0; i < fake->key_count; i++) {
        if (*tries == 0)
            return ERR_BUSY;
        --*tries;
        keys_from_seed(fake->seeds[i], found, secret);
        if (sealed_unwrap(sealed, found, secret, key))
            return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

static void fill_random(void *context, void *out, size_t size)
{
    struct fake_host *fake = context;

    memset(out, ++fake->random_calls, size);
}

static bool key_export(void *context, const char *name, uint8_t seed[KEYS_SEED_SIZE])
{
    struct fake_host *fake = context;

    for (size_t i = 0; i < fake->key_count; i++) {
        if (strcmp(fake->keys[i].name, name) == 0) {
            memcpy(seed, fake->seeds[i], KEYS_SEED_SIZE);
            return true;
        }
    }
    return false;
}

static enum err key_create(void *context, const char *name, const uint8_t *seed, uint64_t ticket)
{
    struct fake_host *fake = context;
    struct rpc_identity *key = &fake->keys[fake->key_count];
    uint8_t secret[KEYS_SECRET_SIZE];

    if (key_by_name(context, name, &(struct rpc_identity){0}))
        return ERR_EXISTS;
    assert(fake->key_count < FAKE_IDENTITIES_MAX);
    memset(fake->seeds[fake->key_count], (int)fake->key_count + 1, KEYS_SEED_SIZE);
    if (seed != NULL)
        memcpy(fake->seeds[fake->key_count], seed, KEYS_SEED_SIZE);
    snprintf(key->name, sizeof key->name, "%s", name);
    keys_from_seed(fake->seeds[fake->key_count++], key->public_key, secret);
    fake->ticket = ticket;
    return ERR_OK;
}

static enum err key_drop(void *context, const char *name, uint64_t ticket)
{
    struct fake_host *fake = context;

    if (!key_by_name(context, name, &(struct rpc_identity){0}))
        return ERR_UNKNOWN_NAME;
    fake->key_count--;
    fake->ticket = ticket;
    return ERR_OK;
}

static enum err contact_add(void *context, const char *name, const uint8_t *public_key,
                            uint64_t ticket)
{
    struct fake_host *fake = context;
    assert(fake->contact_count < FAKE_IDENTITIES_MAX);
    struct rpc_identity *contact = &fake->contacts[fake->contact_count++];

    snprintf(contact->name, sizeof contact->name, "%s", name);
    memcpy(contact->public_key, public_key, KEYS_PUBLIC_SIZE);
    fake->ticket = ticket;
    return ERR_OK;
}

static enum err contact_drop(void *context, const char *name, uint64_t ticket)
{
    struct fake_host *fake = context;

    (void)name;
    if (fake->contact_count == 0)
        return ERR_UNKNOWN_NAME;
    fake->contact_count--;
    fake->ticket = ticket;
    return ERR_OK;
}

static void config_at(void *context, size_t index, const char **key, const char **value)
{
    (void)context;
    *key = index == 0 ? "port" : NULL;
    *value = "4001";
}

static bool set_log(void *context, const char *levels)
{
    (void)context;
    return strcmp(levels, "debug") == 0;
}

static enum err reload(void *context, uint64_t ticket)
{
    struct fake_host *fake = context;

    fake->ticket = ticket;
    return ERR_OK;
}

static void stop(void *context)
{
    struct fake_host *fake = context;

    fake->is_stopped = true;
}

static enum err resolve(void *context, const char *text, uint64_t ticket)
{
    struct fake_host *fake = context;

    (void)text;
    fake->resolve_ticket = ticket;
    return ERR_OK;
}

void fake_host_init(struct fake_host *fake)
{
    *fake = (struct fake_host){.now = {.ms = 1000, .unix_s = 1700000000}};
    enum err err = keys_init();
    assert(err == ERR_OK);
    outbox_init(&fake->outbox);
    ram_init(&fake->store, &fake->now);
    struct node_config config = {.has_v4 = true,
                                 .has_network = true,
                                 .role = NODE_SERVER,
                                 .store = ram_reader(&fake->store)};
    fake->host = (struct rpc_host){.context = fake,
                                   .node = node_new(&config, fake->now),
                                   .outbox = &fake->outbox,
                                   .store = config.store,
                                   .now = get_now,
                                   .clock_ns = get_clock_ns,
                                   .status = get_status,
                                   .process = get_process,
                                   .key_at = key_at,
                                   .key_by_name = key_by_name,
                                   .key_by_public = key_by_public,
                                   .contact_at = contact_at,
                                   .contact_by_name = contact_by_name,
                                   .contact_by_public = contact_by_public,
                                   .names = &fake->names,
                                   .authority = get_authority,
                                   .sign = sign,
                                   .unseal = unseal,
                                   .random = fill_random,
                                   .key_export = key_export,
                                   .key_create = key_create,
                                   .key_drop = key_drop,
                                   .contact_add = contact_add,
                                   .contact_drop = contact_drop,
                                   .config_at = config_at,
                                   .set_log = set_log,
                                   .reload = reload,
                                   .stop = stop,
                                   .resolve = resolve};
    assert(fake->host.node != NULL);
}

void fake_host_clear(struct fake_host *fake)
{
    node_free(fake->host.node);
    ram_clear(&fake->store);
    outbox_clear(&fake->outbox);
    name_cache_clear(&fake->names);
}

void fake_host_tick(struct fake_host *fake)
{
    node_tick(fake->host.node, fake->now, &fake->outbox);
}
