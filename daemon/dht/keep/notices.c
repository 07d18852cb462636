#include "daemon/dht/keep/notices.h"

#include <stdlib.h>

#define GROUP      8u /* a record has its place among so many, by its hash */
#define SIZE_FIRST 64u
#define GROWTH     4u

void notices_clear(struct notices *n)
{
    free(n->places);
    *n = (struct notices){0};
}

static uint32_t hash_of(const struct id *target)
{
    return (uint32_t)target->b[16] << 24 | (uint32_t)target->b[17] << 16 |
           (uint32_t)target->b[18] << 8 | target->b[19];
}

static struct notice *group_of(const struct notices *n, uint32_t record)
{
    return &n->places[record & (n->size - 1) & ~(GROUP - 1)];
}

static struct notice *find(const struct notices *n, uint32_t record)
{
    for (unsigned i = 0; n->size > 0 && i < GROUP; i++) {
        struct notice *place = &group_of(n, record)[i];
        if (place->minute != 0 && place->record == record)
            return place;
    }
    return NULL;
}

static struct notice *find_oldest(const struct notices *n, uint32_t record)
{
    struct notice *oldest = group_of(n, record);
    for (unsigned i = 1; i < GROUP; i++)
        if (group_of(n, record)[i].minute < oldest->minute)
            oldest = &group_of(n, record)[i];
    return oldest;
}

/* What shares a group afterwards did so before, so each finds a place. */
static bool grow(struct notices *n)
{
    struct notices grown = {.size = n->size ? n->size * GROWTH : SIZE_FIRST};
    if (grown.size > NOTICES_MAX)
        return false;
    grown.places = calloc(grown.size, sizeof *grown.places);
    if (grown.places == NULL)
        return false;
    for (uint32_t i = 0; i < n->size; i++)
        if (n->places[i].minute != 0)
            *find_oldest(&grown, n->places[i].record) = n->places[i];
    free(n->places);
    *n = grown;
    return true;
}

void notices_add(struct notices *n, const struct id *target, uint32_t minute)
{
    uint32_t record = hash_of(target);
    if (n->size == 0 && !grow(n))
        return;
    struct notice *place = find(n, record);
    if (place == NULL)
        place = find_oldest(n, record);
    while (place->record != record && place->minute != 0 &&
           place->minute + NOTICES_KEPT_MIN >= minute && grow(n))
        place = find_oldest(n, record);
    *place = (struct notice){.record = record, .minute = minute};
}

uint32_t notices_last(const struct notices *n, const struct id *target)
{
    const struct notice *place = find(n, hash_of(target));
    return place != NULL ? place->minute : 0;
}
