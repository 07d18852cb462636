#include "rpc/names/name_path.h"

#include "rpc/name.h"

bool name_path_authority(const struct rpc_host *host, uint8_t out[KEYS_PUBLIC_SIZE])
{
    const char *name = host->authority(host->context);
    return name != NULL && name_resolve(host, name, out, NULL) == ERR_OK;
}

static bool has_link(const struct name_path *path, const struct name_link *link)
{
    for (size_t i = 0; i < path->count; i++) {
        if (memcmp(&path->links[i], link, sizeof(*link)) == 0)
            return true;
    }
    return false;
}

/* One step: from the authority at path->key to the key that it registers for `name`. */
static enum err take_link(const struct rpc_host *host, const char *name, uint64_t since_ms,
                          struct name_path *path)
{
    struct name_link link = {0};
    if (path->count == NAME_LINKS_MAX)
        return ERR_NAME_TOO_DEEP;
    memcpy(link.authority, path->key, KEYS_PUBLIC_SIZE);
    snprintf(link.name, sizeof(link.name), "%s", name);
    if (has_link(path, &link))
        return ERR_NAME_LOOP;
    path->links[path->count++] = link;
    const struct name_entry *entry = name_cache_find(host->names, link.authority, link.name);
    if (entry == NULL || !name_entry_is_fresh(entry, host->now(host->context), since_ms))
        return ERR_NOT_FOUND;
    memcpy(path->key, entry->key, KEYS_PUBLIC_SIZE);
    return ERR_OK;
}

/* The last part, where the way begins. */
static enum err take_root(const struct rpc_host *host, const char *root, uint64_t since_ms,
                          struct name_path *path)
{
    enum err err = name_resolve(host, root, path->key, NULL);
    path->is_pinned = err == ERR_OK && name_is_valid(root);
    if (err == ERR_OK || !name_is_valid(root) || !name_path_authority(host, path->key))
        return err;
    return take_link(host, root, since_ms, path);
}

struct parts {
    char names[NAME_LINKS_MAX][RPC_NAME_MAX + 1]; /* left of the last @, leftmost first */
    size_t count;
    const char *root;
};

static enum err take_apart(const char *text, struct parts *out)
{
    const char *at;
    out->count = 0;
    for (; (at = strchr(text, '@')) != NULL; text = at + 1) {
        size_t size = (size_t)(at - text);
        if (out->count == NAME_LINKS_MAX)
            return ERR_NAME_TOO_DEEP;
        if (size > RPC_NAME_MAX)
            return ERR_INVALID_PARAMS;
        char *name = out->names[out->count++];
        memcpy(name, text, size);
        name[size] = '\0';
        if (!name_is_valid(name))
            return ERR_INVALID_PARAMS;
    }
    out->root = text;
    return out->count > 0 && *text == '\0' ? ERR_INVALID_PARAMS : ERR_OK;
}

enum err name_path_walk(const struct rpc_host *host, const char *text, uint64_t since_ms,
                        struct name_path *out)
{
    struct parts parts;
    *out = (struct name_path){0};
    enum err err = take_apart(text, &parts);
    if (err == ERR_OK)
        err = take_root(host, parts.root, since_ms, out);
    out->is_pinned = out->is_pinned && parts.count == 0;
    while (err == ERR_OK && parts.count > 0)
        err = take_link(host, parts.names[--parts.count], since_ms, out);
    out->is_local = err == ERR_OK && name_is_local(host, out->key);
    return err;
}
