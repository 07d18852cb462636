/* registername and resolvename: what authorities say of names. */
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/methods/method_files.h"
#include "rpc/name.h"
#include "rpc/names/name_lookup.h"
#include "rpc/names/name_watch.h"
#include "rpc/transfer/put_answer.h"
#include "rpc/transfer/put_call.h"
#include "rpc/values/value.h"

#define HEX_KEY_SIZE (2 * KEYS_PUBLIC_SIZE + 1)

static json_t *show_key(const uint8_t key[KEYS_PUBLIC_SIZE])
{
    char hex[HEX_KEY_SIZE];
    return json_string(hex_encode(bytes_of(key, KEYS_PUBLIC_SIZE), hex));
}

/* ---- registername ---- */

/* What is to be registered; the state of the put. */
struct wanted {
    struct name_link link;
    struct registration said;
};

/* The parameters' keys; with `delete` none but the authority's is needed, and where it alone is
 * given it stands in the second place. */
static bool read_wanted(struct rpc_call *call, struct wanted *out, struct rpc_result *refusal)
{
    struct name_path authority = {0}, owner = {0};
    const char *pubkey = rpc_string(call, "pubkey"), *name = rpc_string(call, "authority");
    bool is_deleted = rpc_bool(call, "delete");
    bool is_second = is_deleted && name == NULL;
    *out = (struct wanted){.said.is_deleted = is_deleted};
    if ((is_second ? pubkey : name) == NULL || (!is_deleted && pubkey == NULL)) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS,
                            "registername: give NAME PUBKEY AUTHORITY, or NAME AUTHORITY and "
                            "delete=true");
        return false;
    }
    if (!name_lookup(call, is_second ? "pubkey" : "authority", is_second ? pubkey : name, 0,
                     &authority, refusal) ||
        (!is_deleted && !name_lookup(call, "pubkey", pubkey, 0, &owner, refusal)))
        return false;
    if (!authority.is_local) {
        *refusal = rpc_fail(call, ERR_NO_KEY,
                            "authority: the secret key of %.100s is not on this daemon; an "
                            "authority registers names where its key is",
                            is_second ? pubkey : name);
        return false;
    }
    memcpy(out->link.authority, authority.key, KEYS_PUBLIC_SIZE);
    snprintf(out->link.name, sizeof(out->link.name), "%s", rpc_string(call, "name"));
    memcpy(out->said.key, owner.key, KEYS_PUBLIC_SIZE);
    return true;
}

/* The daemon that registers a name knows it from then on. */
static struct rpc_result on_registered(struct rpc_call *call, void *state,
                                       const struct event *event)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct wanted *w = state;
    if (!put_answer_is_taken(event))
        return put_answer_fail(call, event);
    w->said.seq = event->put.seq;
    struct name_entry *entry = name_cache_note(host->names, host->now(host->context),
                                               w->link.authority, w->link.name, &w->said);
    if (entry != NULL)
        name_watch_compare(host, entry);
    json_t *result = put_answer_show(event, rpc_bool(call, "wait"), (struct bytes){0});
    json_object_set_new(result, "name", json_string(w->link.name));
    json_object_set_new(result, "key", w->said.is_deleted ? json_null() : show_key(w->said.key));
    return rpc_reply(call, result);
}

static bool make_value(struct rpc_call *call, struct wanted *w, struct value *out)
{
    const struct rpc_host *host = rpc_host_of(call);
    w->said.time_unix_s = host->now(host->context).unix_s;
    w->said.expiry_unix_s = w->said.time_unix_s + (uint64_t)rpc_int(call, "ttl");
    json_t *content = w->said.is_deleted ? NULL : registration_content(w->said.key);
    const struct value_source source = {.json = content,
                                        .has_time = true,
                                        .time_unix_s = w->said.time_unix_s,
                                        .expiry_unix_s = w->said.expiry_unix_s};
    bool is_made = (content != NULL || w->said.is_deleted) && value_make_envelope(&source, out);
    json_decref(content);
    return is_made;
}

struct rpc_result method_registername(struct rpc_call *call)
{
    char salt[REGISTRATION_SALT_SIZE];
    struct value value = {0};
    struct rpc_result result;
    struct wanted *w = malloc(sizeof *w);
    if (w == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    if (!read_wanted(call, w, &result)) {
        free(w);
        return result;
    }
    if (!make_value(call, w, &value)) {
        free(w);
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    struct put_request request = {.kind = RECORD_SINGLE,
                                  .k = w->link.authority,
                                  .salt = registration_salt(w->link.name, salt),
                                  .v = bytes_of(value.data, value.size)};
    struct rpc_pending_on on = {.on_event = on_registered, .state = w};
    result = put_call_start(call, &request, &on);
    value_clear(&value);
    return result;
}

/* ---- resolvename ---- */

static json_t *show_time(uint64_t unix_s)
{
    return unix_s != 0 ? json_integer((json_int_t)unix_s) : json_null();
}

static json_t *show_link(const struct name_link *link, const struct name_entry *entry)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", link->name, "authority",
                     show_key(link->authority), "key", show_key(entry->key), "time",
                     show_time(entry->time_unix_s), "expiry", show_time(entry->expiry_unix_s));
}

/* All that the last registration on the way says; the way itself is `chain`. */
static void show_registered(json_t *result, const struct name_link *link,
                            const struct name_entry *entry)
{
    json_object_set_new(result, "authority", show_key(link->authority));
    json_object_set_new(result, "time", show_time(entry->time_unix_s));
    json_object_set_new(result, "expiry", show_time(entry->expiry_unix_s));
    if (entry->has_previous)
        json_object_set_new(result, "previous",
                            json_pack("{s:o, s:o, s:o}", "key", show_key(entry->previous), "time",
                                      show_time(entry->previous_time_unix_s), "changed",
                                      show_time(entry->changed_unix_s)));
}

/* Where the last name is pinned here to another key. */
static void show_pin(const struct rpc_host *host, json_t *result, const struct name_entry *entry)
{
    struct rpc_identity pin, own;
    char text[NAME_WARNING_SIZE];
    if (!name_watch_differs(host, entry, &pin))
        return;
    bool is_key = host->key_by_name(host->context, pin.name, &own);
    json_object_set_new(result, "pinned",
                        json_pack("{s:s, s:o, s:s}", "name", pin.name, "key",
                                  show_key(pin.public_key), "as", is_key ? "key" : "contact"));
    json_object_set_new(result, "warning", json_string(name_watch_text(host, entry, &pin, text)));
}

static json_t *show_path(const struct rpc_host *host, const char *name,
                         const struct name_path *path)
{
    json_t *chain = json_array();
    json_t *result = json_pack("{s:s, s:o, s:n, s:n, s:n}", "name", name, "key",
                               show_key(path->key), "authority", "time", "expiry");
    bool is_cached = false;
    for (size_t i = 0; i < path->count; i++) {
        const struct name_link *link = &path->links[i];
        const struct name_entry *entry = name_cache_find(host->names, link->authority, link->name);
        json_array_append_new(chain, show_link(link, entry));
        is_cached = is_cached || !entry->is_confirmed;
        if (i + 1 < path->count)
            continue;
        show_registered(result, link, entry);
        show_pin(host, result, entry);
    }
    json_object_set_new(result, "cached", json_boolean(is_cached));
    json_object_set_new(result, "chain", chain);
    return result;
}

/* A pinned bare name: what the configured authority says of it is shown beside. */
static struct rpc_result reply_pinned(struct rpc_call *call, const char *name,
                                      const struct name_path *path)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct name_link link = {0};
    struct name_entry *entry;
    struct rpc_result refusal;
    if (!name_path_authority(host, link.authority))
        return rpc_reply(call, show_path(host, name, path));
    snprintf(link.name, sizeof(link.name), "%s", name);
    if (!name_lookup_said(call, &link, &entry, &refusal))
        return refusal;
    json_t *result = show_path(host, name, path);
    if (name_entry_is_valid(entry, host->now(host->context))) {
        json_object_set_new(result, "registered", show_link(&link, entry));
        show_pin(host, result, entry);
    }
    return rpc_reply(call, result);
}

struct rpc_result method_resolvename(struct rpc_call *call)
{
    const char *name = rpc_string(call, "name");
    struct name_path path;
    struct rpc_result refusal;
    if (!name_lookup(call, "name", name, rpc_since_ms(call), &path, &refusal))
        return refusal;
    if (path.is_pinned)
        return reply_pinned(call, name, &path);
    return rpc_reply(call, show_path(rpc_host_of(call), name, &path));
}
