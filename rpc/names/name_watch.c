#include "rpc/names/name_watch.h"

#include <stdlib.h>

#include "common/hex.h"
#include "common/log.h"
#include "rpc/name.h"
#include "rpc/own.h"

/* ---- comparing ---- */

bool name_watch_differs(const struct rpc_host *host, const struct name_entry *entry,
                        struct rpc_identity *pin)
{
    return name_entry_is_valid(entry, host->now(host->context)) &&
           (host->key_by_name(host->context, entry->name, pin) ||
            host->contact_by_name(host->context, entry->name, pin)) &&
           memcmp(pin->public_key, entry->key, KEYS_PUBLIC_SIZE) != 0;
}

char *name_watch_text(const struct rpc_host *host, const struct name_entry *entry,
                      const struct rpc_identity *pin, char out[NAME_WARNING_SIZE])
{
    char authority[2 * KEYS_PUBLIC_SIZE + 1];
    char pinned[2 * KEYS_PUBLIC_SIZE + 1], registered[2 * KEYS_PUBLIC_SIZE + 1];
    snprintf(out, NAME_WARNING_SIZE,
             "%s is pinned to %s, but %s registers it for %s; the name %s means the pinned key",
             entry->name, hex_encode(bytes_of(pin->public_key, KEYS_PUBLIC_SIZE), pinned),
             name_of_key(host, entry->authority, authority),
             hex_encode(bytes_of(entry->key, KEYS_PUBLIC_SIZE), registered), entry->name);
    return out;
}

void name_watch_compare(const struct rpc_host *host, struct name_entry *entry)
{
    struct rpc_identity pin;
    char text[NAME_WARNING_SIZE];
    if (entry->is_warned || !name_watch_differs(host, entry, &pin))
        return;
    entry->is_warned = true;
    log_warn(LOG_RPC, "%s", name_watch_text(host, entry, &pin, text));
}

/* ---- looking up ---- */

static struct rpc_result on_answered(struct rpc_call *own, void *state, const struct event *event)
{
    const struct rpc_host *host = rpc_host_of(own);
    struct name_entry *entry;
    if (name_answered(host, state, event, &entry) == ERR_OK)
        name_watch_compare(host, entry);
    return rpc_reply(own, json_true());
}

/* Owns `state`, a name_link. */
static struct rpc_result ask(struct rpc_call *own, void *state)
{
    struct rpc_pending_on on = {.on_event = on_answered, .state = state};
    enum err err = name_ask(rpc_host_of(own), state, 0, &on.op);
    if (err == ERR_OK)
        return rpc_pending(own, &on);
    free(state);
    return rpc_fail(own, err, NULL);
}

/* Marked as checked from the beginning: one lookup a name. */
static void start(const struct rpc_call *call, const struct name_link *link)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct name_link *state = malloc(sizeof *state);
    if (state == NULL)
        return;
    *state = *link;
    if (name_cache_missed(host->names, host->now(host->context), link->authority, link->name) ==
            NULL ||
        !rpc_start_own(call, ask, state))
        free(state);
}

static bool is_due(const struct name_entry *entry, struct now now)
{
    return entry == NULL || !entry->is_checked || now.ms - entry->checked_ms >= NAME_FRESH_MS;
}

void name_watch_used(struct rpc_call *call, const char *name)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct name_link link = {0};
    if (!name_path_authority(host, link.authority))
        return;
    snprintf(link.name, sizeof(link.name), "%s", name);
    struct name_entry *entry = name_cache_find(host->names, link.authority, name);
    if (entry != NULL)
        name_watch_compare(host, entry);
    if (is_due(entry, host->now(host->context)) && own_count(call) < NAME_WATCH_MAX)
        start(call, &link);
}

/* ---- showing ---- */

static void show_authority(const struct rpc_host *host, json_t *warnings)
{
    uint8_t key[KEYS_PUBLIC_SIZE];
    const char *name = host->authority(host->context);
    if (name == NULL || name_path_authority(host, key))
        return;
    json_array_append_new(warnings, json_sprintf("the configured authority, %s, is not known here; "
                                                 "pin it with: addcontact %s PUBKEY",
                                                 name, name));
}

void name_watch_show(const struct rpc_host *host, json_t *warnings)
{
    struct rpc_identity pin;
    char text[NAME_WARNING_SIZE];
    size_t shown = 0;
    show_authority(host, warnings);
    for (size_t i = 0; i < host->names->count && shown < NAME_WARNINGS_MAX; i++) {
        const struct name_entry *entry = &host->names->entries[i];
        if (!name_watch_differs(host, entry, &pin))
            continue;
        json_array_append_new(warnings, json_string(name_watch_text(host, entry, &pin, text)));
        shown++;
    }
}
