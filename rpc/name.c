#include "rpc/name.h"

#include "common/hex.h"

bool name_is_valid(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return size > 0 && size <= RPC_NAME_MAX && name[size] == '\0';
}

bool name_is_local(const struct rpc_host *host, const uint8_t public_key[KEYS_PUBLIC_SIZE])
{
    struct rpc_identity own;

    return host->key_by_public(host->context, public_key, &own);
}

static enum err resolve_name(const struct rpc_host *host, const char *name,
                             struct rpc_identity *identity, bool *is_local)
{
    *is_local = host->key_by_name(host->context, name, identity);
    if (*is_local)
        return ERR_OK;
    if (!host->contact_by_name(host->context, name, identity))
        return ERR_UNKNOWN_NAME;
    /* A contact may be one of our own keys under another name. */
    *is_local = name_is_local(host, identity->public_key);
    return ERR_OK;
}

static enum err resolve_hex(const struct rpc_host *host, const char *hex,
                            struct rpc_identity *identity, bool *is_local)
{
    if (!hex_decode(hex, strlen(hex), identity->public_key, KEYS_PUBLIC_SIZE))
        return ERR_UNKNOWN_NAME;
    *is_local = name_is_local(host, identity->public_key);
    return ERR_OK;
}

enum err name_resolve(const struct rpc_host *host, const char *name,
                      uint8_t public_key[KEYS_PUBLIC_SIZE], bool *is_local)
{
    struct rpc_identity identity;
    bool is_own = false;
    enum err err;

    if (name_is_valid(name))
        err = resolve_name(host, name, &identity, &is_own);
    else
        err = resolve_hex(host, name, &identity, &is_own);
    if (err != ERR_OK)
        return err;
    memcpy(public_key, identity.public_key, KEYS_PUBLIC_SIZE);
    if (is_local != NULL)
        *is_local = is_own;
    return ERR_OK;
}

char *name_of_key(const struct rpc_host *host, const uint8_t public_key[KEYS_PUBLIC_SIZE],
                  char out[2 * KEYS_PUBLIC_SIZE + 1])
{
    struct rpc_identity identity;

    if (host->key_by_public(host->context, public_key, &identity) ||
        host->contact_by_public(host->context, public_key, &identity))
        memcpy(out, identity.name, sizeof identity.name);
    else
        hex_encode(bytes_of(public_key, KEYS_PUBLIC_SIZE), out);
    return out;
}
