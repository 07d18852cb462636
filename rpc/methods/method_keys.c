/* Keys, contacts, and texts signed with keys. Every change is on disk before it is answered. */
#include <stdlib.h>
#include <unistd.h>

#include "common/hex.h"
#include "rpc/methods/method_files.h"
#include "rpc/methods/single.h"

#define HEX_KEY_SIZE        (2 * KEYS_PUBLIC_SIZE + 1)
#define MESSAGE_PREFIX      "xord Signed Message:\n"
#define MESSAGE_HEADER_SIZE 64 /* the prefix, the length and its line feed */

static json_t *show_key(const uint8_t public_key[KEYS_PUBLIC_SIZE])
{
    char hex[HEX_KEY_SIZE];

    return json_string(hex_encode(bytes_of(public_key, KEYS_PUBLIC_SIZE), hex));
}

static struct rpc_result fail_change(struct rpc_call *call, enum err err, const char *detail)
{
    const char *name = rpc_string(call, "name");

    if (detail != NULL)
        return rpc_fail(call, err, "%s", detail);
    if (err == ERR_EXISTS)
        return rpc_fail(call, err, "a key called %s exists already; choose another name", name);
    if (err == ERR_UNKNOWN_NAME)
        return rpc_fail(call, err, "nothing is called %s", name);
    return rpc_fail(call, err, NULL);
}

/* ---- keys ---- */

static struct rpc_result on_key_made(struct rpc_call *call, void *state, enum err err,
                                     const char *detail)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_identity identity;

    (void)state;
    if (err != ERR_OK)
        return fail_change(call, err, detail);
    if (!host->key_by_name(host->context, rpc_string(call, "name"), &identity))
        return rpc_fail(call, ERR_UNKNOWN_NAME, "the key was dropped at once");
    return rpc_reply(call, show_key(identity.public_key));
}

static struct rpc_result make_key(struct rpc_call *call, const uint8_t *seed)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_pending_on on = {.is_ticket = true, .on_done = on_key_made};
    enum err err =
        host->key_create(host->context, rpc_string(call, "name"), seed, rpc_ticket(call));

    return err == ERR_OK ? rpc_pending(call, &on) : fail_change(call, err, NULL);
}

struct rpc_result method_createkey(struct rpc_call *call)
{
    return make_key(call, NULL);
}

struct rpc_result method_importkey(struct rpc_call *call)
{
    const char *text = rpc_string(call, "seed");
    uint8_t seed[KEYS_SEED_SIZE];

    if (!hex_decode(text, strlen(text), seed, sizeof seed))
        return rpc_fail(call, ERR_INVALID_PARAMS, "importkey: \"seed\" must be 64 hex digits");
    struct rpc_result result = make_key(call, seed);
    explicit_bzero(seed, sizeof seed);
    return result;
}

struct rpc_result method_exportkey(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    uid_t uid = rpc_peer_uid(call);
    uint8_t seed[KEYS_SEED_SIZE];
    char hex[2 * KEYS_SEED_SIZE + 1];

    if (uid != 0 && uid != geteuid())
        return rpc_fail(call, ERR_READ_ONLY,
                        "a key is shown only to the daemon's own user and to root");
    if (!host->key_export(host->context, rpc_string(call, "name"), seed))
        return rpc_fail(call, ERR_UNKNOWN_NAME, "no key is called %s", rpc_string(call, "name"));
    json_t *shown = json_string(hex_encode(bytes_of(seed, sizeof seed), hex));
    explicit_bzero(seed, sizeof seed);
    explicit_bzero(hex, sizeof hex);
    return rpc_reply(call, shown);
}

static struct rpc_result list(struct rpc_call *call,
                              bool (*at)(void *context, size_t index, struct rpc_identity *out))
{
    const struct rpc_host *host = rpc_host_of(call);
    json_t *names = json_object();
    struct rpc_identity identity;

    for (size_t i = 0; at(host->context, i, &identity); i++)
        json_object_set_new(names, identity.name, show_key(identity.public_key));
    return rpc_reply(call, names);
}

struct rpc_result method_listkeys(struct rpc_call *call)
{
    return list(call, rpc_host_of(call)->key_at);
}

static struct rpc_result on_changed(struct rpc_call *call, void *state, enum err err,
                                    const char *detail)
{
    (void)state;
    return err == ERR_OK ? rpc_reply(call, json_true()) : fail_change(call, err, detail);
}

static struct rpc_result wait_changed(struct rpc_call *call, enum err err)
{
    struct rpc_pending_on on = {.is_ticket = true, .on_done = on_changed};

    return err == ERR_OK ? rpc_pending(call, &on) : fail_change(call, err, NULL);
}

struct rpc_result method_dropkey(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);

    return wait_changed(call,
                        host->key_drop(host->context, rpc_string(call, "name"), rpc_ticket(call)));
}

/* False, with the refusal made, when the name stands for no key, or for none yet. */
static bool resolve(struct rpc_call *call, uint8_t public_key[KEYS_PUBLIC_SIZE],
                    struct rpc_result *refusal)
{
    bool is_local;

    return single_resolve(call, "username", rpc_string(call, "username"), public_key, &is_local,
                          refusal);
}

struct rpc_result method_pubkey(struct rpc_call *call)
{
    uint8_t public_key[KEYS_PUBLIC_SIZE];
    struct rpc_result refusal;

    if (!resolve(call, public_key, &refusal))
        return refusal;
    return rpc_reply(call, show_key(public_key));
}

/* ---- contacts ---- */

struct rpc_result method_addcontact(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *text = rpc_string(call, "pubkey");
    uint8_t public_key[KEYS_PUBLIC_SIZE];

    if (!hex_decode(text, strlen(text), public_key, sizeof public_key))
        return rpc_fail(call, ERR_INVALID_PARAMS, "addcontact: \"pubkey\" must be 64 hex digits");
    return wait_changed(call, host->contact_add(host->context, rpc_string(call, "name"), public_key,
                                                rpc_ticket(call)));
}

struct rpc_result method_listcontacts(struct rpc_call *call)
{
    return list(call, rpc_host_of(call)->contact_at);
}

struct rpc_result method_dropcontact(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);

    return wait_changed(
        call, host->contact_drop(host->context, rpc_string(call, "name"), rpc_ticket(call)));
}

/* ---- texts ---- */

/* What is signed: no record's signed bytes begin like this, so a signed text is never one. On the
 * heap; absent without memory. */
static struct bytes signed_text(const char *message, uint8_t **owned)
{
    size_t size = strlen(message), capacity = MESSAGE_HEADER_SIZE + size + 1;

    *owned = malloc(capacity);
    if (*owned == NULL)
        return (struct bytes){0};
    int written = snprintf((char *)*owned, capacity, MESSAGE_PREFIX "%zu\n%s", size, message);
    return bytes_of(*owned, (size_t)written);
}

struct rpc_result method_signmessage(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    uint8_t public_key[KEYS_PUBLIC_SIZE], signature[KEYS_SIGNATURE_SIZE], *owned;
    char hex[2 * KEYS_SIGNATURE_SIZE + 1];
    struct rpc_result refusal;

    if (!resolve(call, public_key, &refusal))
        return refusal;
    struct bytes text = signed_text(rpc_string(call, "message"), &owned);
    if (text.data == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    bool is_signed = host->sign(host->context, public_key, text, signature);
    free(owned);
    if (!is_signed)
        return rpc_fail(call, ERR_NO_KEY, "the secret key of %.64s is not on this daemon",
                        rpc_string(call, "username"));
    return rpc_reply(call, json_string(hex_encode(bytes_of(signature, sizeof signature), hex)));
}

struct rpc_result method_verifymessage(struct rpc_call *call)
{
    const char *hex = rpc_string(call, "signature");
    uint8_t public_key[KEYS_PUBLIC_SIZE], signature[KEYS_SIGNATURE_SIZE], *owned;
    struct rpc_result refusal;

    if (!hex_decode(hex, strlen(hex), signature, sizeof signature))
        return rpc_fail(call, ERR_INVALID_PARAMS,
                        "verifymessage: parameter \"signature\" must be 128 hex digits");
    if (!resolve(call, public_key, &refusal))
        return refusal;
    struct bytes text = signed_text(rpc_string(call, "message"), &owned);
    if (text.data == NULL)
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    bool is_valid = keys_verify(public_key, text, signature);
    free(owned);
    return rpc_reply(call, json_boolean(is_valid));
}
