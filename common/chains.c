#include "common/chains.h"

#include <assert.h>
#include <stdlib.h>

#define CAPACITY_FIRST 16u
#define SHRINK_BELOW   4u /* filled to less than one in so many */

static struct chain_link **head_of(const struct chains *c, uint64_t hash)
{
    return &c->heads[hash & (c->capacity - 1)];
}

/* Without memory all stays as it is. */
static bool resize(struct chains *c, uint32_t capacity)
{
    const struct chains old = *c;
    struct chain_link **heads = calloc(capacity, sizeof(struct chain_link *));
    if (heads == NULL)
        return false;
    c->heads = heads;
    c->capacity = capacity;
    for (uint32_t i = 0; i < old.capacity; i++) {
        for (struct chain_link *link = old.heads[i], *next; link != NULL; link = next) {
            next = link->next;
            struct chain_link **head = head_of(c, link->hash);
            link->next = *head;
            *head = link;
        }
    }
    free(old.heads);
    return true;
}

bool chains_add(struct chains *c, struct chain_link *link, uint64_t hash)
{
    if (c->count == c->capacity && !resize(c, c->capacity ? c->capacity * 2 : CAPACITY_FIRST) &&
        c->capacity == 0)
        return false;
    link->hash = hash;
    struct chain_link **head = head_of(c, hash);
    link->next = *head;
    *head = link;
    c->count++;
    return true;
}

void chains_remove(struct chains *c, struct chain_link *link)
{
    struct chain_link **at = head_of(c, link->hash);
    while (*at != link) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = link->next;
    c->count--;
    if (c->count == 0) {
        free(c->heads);
        *c = (struct chains){0};
    } else if (c->capacity > CAPACITY_FIRST && c->count < c->capacity / SHRINK_BELOW) {
        resize(c, c->capacity / 2);
    }
}

static struct chain_link *first_with(struct chain_link *link, uint64_t hash)
{
    while (link != NULL && link->hash != hash)
        link = link->next;
    return link;
}

struct chain_link *chains_first(const struct chains *c, uint64_t hash)
{
    return c->capacity == 0 ? NULL : first_with(*head_of(c, hash), hash);
}

struct chain_link *chains_next(const struct chain_link *link)
{
    return first_with(link->next, link->hash);
}
