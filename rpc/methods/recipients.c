#include "rpc/methods/recipients.h"

#include "rpc/methods/single.h"

/* As in a username: a name, 64 hex digits, name@authority. */
#define RECIPIENT_TEXT_MAX 512
/* All names and their commas: one that is repeated takes time too. */
#define LIST_TEXT_MAX (SEALED_RECIPIENTS_MAX * (RECIPIENT_TEXT_MAX + 1))

static bool is_known(const struct recipients *list, const uint8_t *key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->keys[i], key, KEYS_PUBLIC_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static bool add(struct rpc_call *call, const char *name, struct recipients *list,
                struct rpc_result *refusal)
{
    uint8_t key[KEYS_PUBLIC_SIZE];
    bool is_local;
    if (!single_resolve(call, "to", name, key, &is_local, refusal)) {
        return false;
    }
    if (is_known(list, key)) {
        return true;
    }
    if (!sealed_can_receive(key)) {
        *refusal =
            rpc_fail(call, ERR_INVALID_PARAMS,
                     "to: %s is no key that can be encrypted for (not a point of Ed25519)", name);
        return false;
    }
    if (list->count == SEALED_RECIPIENTS_MAX) {
        *refusal =
            rpc_fail(call, ERR_INVALID_PARAMS, "to: at most %d recipients", SEALED_RECIPIENTS_MAX);
        return false;
    }
    memcpy(list->keys[list->count++], key, KEYS_PUBLIC_SIZE);
    return true;
}

/* One name of the list, `size` characters at `text`. */
static bool add_part(struct rpc_call *call, const char *text, size_t size, struct recipients *list,
                     struct rpc_result *refusal)
{
    char name[RECIPIENT_TEXT_MAX + 1];
    if (size == 0 || size > RECIPIENT_TEXT_MAX) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS,
                            size == 0 ? "to: an empty name; names stand as bob,carol"
                                      : "to: a name of over 512 characters");
        return false;
    }
    memcpy(name, text, size);
    name[size] = '\0';
    return add(call, name, list, refusal);
}

bool recipients_of_call(struct rpc_call *call, struct recipients *out, struct rpc_result *refusal)
{
    out->count = 0;
    const char *text = rpc_string(call, "to");
    if (text != NULL && strlen(text) > LIST_TEXT_MAX) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "to: names of over %d characters together",
                            LIST_TEXT_MAX);
        return false;
    }
    while (text != NULL) {
        size_t size = strcspn(text, ",");
        if (!add_part(call, text, size, out, refusal)) {
            return false;
        }
        text = text[size] == ',' ? text + size + 1 : NULL;
    }
    return true;
}
