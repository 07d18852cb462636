#include <sodium.h>

#include "common/log.h"
#include "daemon/daemon_parts.h"

/* What the RPC rooms ask of the shell; each function is a thin door to the part that knows. */

static struct now host_now(void *context)
{
    return daemon_now(context);
}

static uint64_t host_clock_ns(void *context)
{
    (void)context;
    return uv_hrtime();
}

const char *daemon_role_why(const struct daemon *d)
{
    static const char *const whys[] = {
        [REACH_UNKNOWN] = "not yet confirmed to be reachable from outside",
        [REACH_TRYING] = "waiting whether others reach it from outside",
        [REACH_OPEN] = "others reach it from outside",
    };
    struct node_info info;
    if (d->role_why != NULL)
        return d->role_why;
    node_get_info(d->node, &info);
    return whys[info.reach];
}

static void host_status(void *context, struct rpc_status *out)
{
    struct daemon *d = context;
    struct store_usage held, kept;
    store_usage(d->store, STORE_HELD, &held);
    store_usage(d->store, STORE_KEPT, &kept);
    *out = (struct rpc_status){
        .version = XORD_VERSION,
        .network = settings_text(&d->settings, SETTING_NETWORK),
        .data_dir = d->datadir.path,
        .role_why = daemon_role_why(d),
        .uptime_s = (uv_now(&d->loop) - d->started_ms) / 1000,
        .stored_records = held.records,
        .stored_bytes = held.bytes,
        .quota_bytes = store_quota(d->store, STORE_HELD),
        .evicted_records = writer_evicted(d->writer),
        .kept_records = kept.records,
        .kept_bytes = kept.bytes,
        .lost_packets = udp_lost(d->udp),
        .warnings = d->warnings,
        .warning_count = d->warning_count,
    };
    while (out->bound_count < sizeof(out->bound) / sizeof(out->bound[0]) &&
           udp_bound_at(d->udp, out->bound_count, &out->bound[out->bound_count]))
        out->bound_count++;
}

static uint64_t in_ns(const uv_timeval_t *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_usec * 1000u;
}

static void host_process(void *context, struct rpc_process *out)
{
    size_t resident = 0;
    uv_rusage_t usage = {0};
    (void)context;
    uv_resident_set_memory(&resident);
    uv_getrusage(&usage);
    *out = (struct rpc_process){.resident_bytes = resident,
                                .processor_ns = in_ns(&usage.ru_utime) + in_ns(&usage.ru_stime)};
}

static bool host_key_at(void *context, size_t index, struct rpc_identity *out)
{
    struct daemon *d = context;
    return identities_copy_at(&d->keyring.keys, index, out);
}

static bool host_key_by_name(void *context, const char *name, struct rpc_identity *out)
{
    struct daemon *d = context;
    return identities_copy(identities_by_name(&d->keyring.keys, name), out);
}

static bool host_key_by_public(void *context, const uint8_t *key, struct rpc_identity *out)
{
    struct daemon *d = context;
    return identities_copy(identities_by_public(&d->keyring.keys, key), out);
}

static bool host_contact_at(void *context, size_t index, struct rpc_identity *out)
{
    struct daemon *d = context;
    return identities_copy_at(&d->contacts.list, index, out);
}

static bool host_contact_by_name(void *context, const char *name, struct rpc_identity *out)
{
    struct daemon *d = context;
    return identities_copy(identities_by_name(&d->contacts.list, name), out);
}

static bool host_contact_by_public(void *context, const uint8_t *key, struct rpc_identity *out)
{
    struct daemon *d = context;
    return identities_copy(identities_by_public(&d->contacts.list, key), out);
}

static const char *host_authority(void *context)
{
    struct daemon *d = context;
    return settings_text(&d->settings, SETTING_AUTHORITY);
}

static bool host_sign(void *context, const uint8_t *public_key, struct bytes message,
                      uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    struct daemon *d = context;
    return keyring_sign(&d->keyring, public_key, message, signature);
}

static enum err host_unseal(void *context, const struct sealed *sealed, uint32_t *tries,
                            uint8_t key[SEALED_KEY_SIZE])
{
    struct daemon *d = context;
    return keyring_unseal(&d->keyring, sealed, tries, key);
}

static void host_random(void *context, void *out, size_t size)
{
    (void)context;
    randombytes_buf(out, size);
}

static bool host_key_export(void *context, const char *name, uint8_t seed[KEYS_SEED_SIZE])
{
    struct daemon *d = context;
    return keyring_export(&d->keyring, name, seed);
}

static enum err host_key_create(void *context, const char *name, const uint8_t *seed,
                                uint64_t ticket)
{
    struct daemon *d = context;
    return keyring_create(&d->keyring, name, seed, ticket);
}

static enum err host_key_drop(void *context, const char *name, uint64_t ticket)
{
    struct daemon *d = context;
    return keyring_drop(&d->keyring, name, ticket);
}

static enum err host_contact_add(void *context, const char *name, const uint8_t *public_key,
                                 uint64_t ticket)
{
    struct daemon *d = context;
    return contacts_add(&d->contacts, name, public_key, ticket);
}

static enum err host_contact_drop(void *context, const char *name, uint64_t ticket)
{
    struct daemon *d = context;
    return contacts_drop(&d->contacts, name, ticket);
}

/* The `index`-th key that is a setting and not a command. */
static bool config_key(size_t index, enum setting *out)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *row = settings_row((enum setting)i);
        if (row->is_flag_only && i != SETTING_CONF)
            continue;
        if (index-- == 0) {
            *out = (enum setting)i;
            return true;
        }
    }
    return false;
}

static void host_config_at(void *context, size_t index, const char **key, const char **value)
{
    struct daemon *d = context;
    enum setting setting;
    const char *text;
    size_t used = 0;
    *key = *value = NULL;
    if (!config_key(index, &setting))
        return;
    d->config_text[0] = '\0';
    for (unsigned i = 0; (text = settings_at(&d->settings, setting, i)) != NULL; i++) {
        if (used < sizeof(d->config_text))
            used += (size_t)snprintf(d->config_text + used, sizeof(d->config_text) - used, "%s%s",
                                     i > 0 ? " " : "", text);
    }
    *key = settings_row(setting)->name;
    *value = d->config_text;
}

static bool host_set_log(void *context, const char *levels)
{
    (void)context;
    if (!log_set_levels(levels))
        return false;
    log_info(LOG_DAEMON, "levels of the log from here on: %s", levels);
    return true;
}

static enum err host_reload(void *context, uint64_t ticket)
{
    return daemon_reload(context, true, ticket);
}

static void host_stop(void *context)
{
    struct daemon *d = context;
    d->is_stop_wanted = true;
}

static enum err host_resolve(void *context, const char *text, uint64_t ticket)
{
    struct daemon *d = context;
    return resolve_start(&d->resolve, text, ticket);
}

void daemon_fill_host(struct daemon *d, struct rpc_host *host)
{
    *host = (struct rpc_host){
        .context = d,
        .node = d->node,
        .outbox = &d->outbox,
        .store = store_reader(d->store),
        .now = host_now,
        .clock_ns = host_clock_ns,
        .status = host_status,
        .process = host_process,
        .key_at = host_key_at,
        .key_by_name = host_key_by_name,
        .key_by_public = host_key_by_public,
        .contact_at = host_contact_at,
        .contact_by_name = host_contact_by_name,
        .contact_by_public = host_contact_by_public,
        .names = &d->names.cache,
        .authority = host_authority,
        .sign = host_sign,
        .unseal = host_unseal,
        .random = host_random,
        .key_export = host_key_export,
        .key_create = host_key_create,
        .key_drop = host_key_drop,
        .contact_add = host_contact_add,
        .contact_drop = host_contact_drop,
        .config_at = host_config_at,
        .set_log = host_set_log,
        .reload = host_reload,
        .stop = host_stop,
        .resolve = host_resolve,
    };
}
