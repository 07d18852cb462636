#include "rpc/names/name_lookup.h"

#include <inttypes.h>
#include <stdlib.h>

#include "rpc/name.h"
#include "rpc/names/name_ask.h"
#include "rpc/names/name_watch.h"

#define SHOWN_MAX 100 /* of a name that a client made up, in an error */

/* The state of a call that waits for one registration. */
struct waiting {
    struct name_link link;
    const char *param; /* a literal */
    bool is_optional;  /* the handler goes on without it */
};

/* ---- errors ---- */

static struct rpc_result fail_root(struct rpc_call *call, const char *param, const char *text)
{
    const char *at = strrchr(text, '@');
    const char *root = at != NULL ? at + 1 : text;
    if (!name_is_valid(root))
        return rpc_fail(call, ERR_UNKNOWN_NAME,
                        "%s: neither a name ([a-z0-9_-], at most 32) nor a key of 64 hex digits; "
                        "pin a key with: addcontact NAME PUBKEY",
                        param);
    return rpc_fail(call, ERR_UNKNOWN_NAME,
                    "%s: no key is known as %s; pin it with: addcontact %s PUBKEY, or name its "
                    "authority: %s@AUTHORITY",
                    param, root, root, root);
}

/* Why the walk came to its end before it began, or where. */
static struct rpc_result fail_walk(struct rpc_call *call, enum err err, const char *param,
                                   const char *text)
{
    if (err == ERR_UNKNOWN_NAME)
        return fail_root(call, param, text);
    if (err == ERR_NAME_LOOP)
        return rpc_fail(call, err, "%s: %.*s asks one authority for one name twice", param,
                        SHOWN_MAX, text);
    if (err == ERR_NAME_TOO_DEEP)
        return rpc_fail(call, err, "%s: a name leads over at most %d registrations", param,
                        NAME_LINKS_MAX);
    return rpc_fail(call, err, "%s: each part of a name@authority is 1 to 32 of a-z, 0-9, _ and -",
                    param);
}

/* The lookup came to its end, and there is no registration that counts. */
static struct rpc_result fail_missing(struct rpc_call *call, const struct waiting *w,
                                      const struct name_entry *entry, const struct event *event)
{
    char buffer[2 * KEYS_PUBLIC_SIZE + 1], why[160] = "";
    const char *name = w->link.name;
    const char *authority = name_of_key(rpc_host_of(call), w->link.authority, buffer);
    if (event->get.refused > 0)
        snprintf(why, sizeof why, " (answers refused as forged or ended: %" PRIu32 ")",
                 event->get.refused);
    else if (entry->is_deleted)
        snprintf(why, sizeof why, " any more: it was unregistered");
    else if (entry->has_key)
        snprintf(why, sizeof why, " any more: that ended at %" PRIu64 " (unix seconds)",
                 entry->expiry_unix_s);
    return rpc_fail(call, ERR_UNKNOWN_NAME,
                    "%s: %s does not register %s%s; where its key is: registername %s PUBKEY %s; "
                    "or pin the key here: addcontact %s PUBKEY",
                    w->param, authority, name, why, name, authority, name);
}

static struct rpc_result fail_lookup(struct rpc_call *call, const struct waiting *w,
                                     const struct name_entry *entry, const struct event *event)
{
    char buffer[2 * KEYS_PUBLIC_SIZE + 1];
    const char *authority = name_of_key(rpc_host_of(call), w->link.authority, buffer);
    if (event->err == ERR_OK || event->get.is_found)
        return fail_missing(call, w, entry, event);
    if (event->err == ERR_TIMEOUT)
        return rpc_fail(call, event->err,
                        "%s: no registration of %s by %s within %" PRIu32 " ms: %" PRIu32
                        " of %" PRIu32 " nodes asked had answered",
                        w->param, w->link.name, authority, event->stats.ms, event->stats.replied,
                        event->stats.queried);
    if (event->err == ERR_OFFLINE)
        return rpc_fail(call, event->err,
                        "%s: no node answers, and what %s registers for %s is not known here",
                        w->param, authority, w->link.name);
    return rpc_fail(call, event->err, NULL);
}

/* ---- waiting ---- */

static struct rpc_result on_answered(struct rpc_call *call, void *state, const struct event *event)
{
    const struct rpc_host *host = rpc_host_of(call);
    const struct waiting *w = state;
    struct name_entry *entry;
    enum err err = name_answered(host, &w->link, event, &entry);
    if (err == ERR_BAD_REGISTRATION && !w->is_optional)
        return rpc_fail(call, err,
                        "%s: what is registered for %s is not {\"key\":\"<64 hex digits>\"}",
                        w->param, w->link.name);
    if (err == ERR_NO_MEMORY)
        return rpc_fail(call, err, NULL);
    name_watch_compare(host, entry);
    if (w->is_optional || name_entry_is_valid(entry, host->now(host->context)))
        return rpc_again(call);
    return fail_lookup(call, w, entry, event);
}

static struct rpc_result wait_for(struct rpc_call *call, const struct waiting *what)
{
    const struct rpc_host *host = rpc_host_of(call);
    const struct name_entry *entry =
        name_cache_find(host->names, what->link.authority, what->link.name);
    bool is_refresh = what->is_optional ||
                      (entry != NULL && name_entry_is_valid(entry, host->now(host->context)));
    uint32_t timeout_ms = rpc_left_ms(call);
    struct rpc_pending_on on = {.on_event = on_answered};
    struct waiting *state = malloc(sizeof *state);
    if (state == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    *state = *what;
    on.state = state;
    if (is_refresh && timeout_ms > NAME_REFRESH_MS)
        timeout_ms = NAME_REFRESH_MS;
    enum err err = name_ask(host, &what->link, timeout_ms, &on.op);
    if (err != ERR_OK) {
        free(state);
        return rpc_fail(call, err, NULL);
    }
    return rpc_pending(call, &on);
}

bool name_lookup(struct rpc_call *call, const char *param, const char *text, uint64_t since_ms,
                 struct name_path *out, struct rpc_result *refusal)
{
    const struct rpc_host *host = rpc_host_of(call);
    enum err err = name_path_walk(host, text, since_ms, out);
    if (err == ERR_OK && out->is_pinned && since_ms == 0)
        name_watch_used(call, text);
    if (err == ERR_OK)
        return true;
    if (err == ERR_NOT_FOUND) {
        const struct waiting what = {.link = out->links[out->count - 1], .param = param};
        *refusal = wait_for(call, &what);
    } else {
        *refusal = fail_walk(call, err, param, text);
    }
    return false;
}

bool name_lookup_said(struct rpc_call *call, const struct name_link *link,
                      struct name_entry **entry, struct rpc_result *refusal)
{
    const struct rpc_host *host = rpc_host_of(call);
    const struct waiting what = {.link = *link, .param = "name", .is_optional = true};
    *entry = name_cache_find(host->names, link->authority, link->name);
    if (*entry != NULL && (*entry)->is_checked && (*entry)->checked_ms >= rpc_since_ms(call))
        return true;
    *refusal = wait_for(call, &what);
    return false;
}
