#include "daemon/identities.h"

#include <sodium.h>
#include <stdlib.h>

#include "common/sorted.h"

static int compare(const void *name, const void *item)
{
    const struct identity *identity = item;
    return strcmp(name, identity->known.name);
}

/* Where the name is, or where it belongs. */
static size_t place_of(const struct identities *list, const char *name, bool *is_there)
{
    const struct sorted sorted = {list->items, list->count, sizeof(*list->items)};
    return sorted_place(&sorted, name, compare, is_there);
}

static bool make_room(struct identities *list, size_t at)
{
    if (list->count == IDENTITIES_MAX)
        return false;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
        struct identity *items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof(*list->items));
    list->items[at].secret_key = NULL;
    list->count++;
    return true;
}

bool identities_set(struct identities *list, const struct rpc_identity *known, uint8_t *secret_key)
{
    bool is_there;
    size_t at = place_of(list, known->name, &is_there);
    if (!is_there && !make_room(list, at)) {
        sodium_free(secret_key);
        return false;
    }
    sodium_free(list->items[at].secret_key);
    list->items[at] = (struct identity){.known = *known, .secret_key = secret_key};
    return true;
}

void identities_remove(struct identities *list, const char *name)
{
    bool is_there;
    size_t at = place_of(list, name, &is_there);
    if (!is_there)
        return;
    sodium_free(list->items[at].secret_key);
    list->count--;
    memmove(&list->items[at], &list->items[at + 1], (list->count - at) * sizeof(*list->items));
}

const struct identity *identities_by_name(const struct identities *list, const char *name)
{
    bool is_there;
    size_t at = place_of(list, name, &is_there);
    return is_there ? &list->items[at] : NULL;
}

const struct identity *identities_by_public(const struct identities *list, const uint8_t *key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->items[i].known.public_key, key, KEYS_PUBLIC_SIZE) == 0)
            return &list->items[i];
    }
    return NULL;
}

void identities_clear(struct identities *list)
{
    for (size_t i = 0; i < list->count; i++)
        sodium_free(list->items[i].secret_key);
    free(list->items);
    *list = (struct identities){0};
}

bool identities_copy(const struct identity *found, struct rpc_identity *out)
{
    if (found != NULL)
        *out = found->known;
    return found != NULL;
}

bool identities_copy_at(const struct identities *list, size_t index, struct rpc_identity *out)
{
    return index < list->count && identities_copy(&list->items[index], out);
}
