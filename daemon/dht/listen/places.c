#include "daemon/dht/listen/places.h"

#include <stddef.h>
#include <stdlib.h>

static uint64_t hash_of(const struct place_pool *pool, const struct id *key)
{
    return hash_keyed(pool->hash_key, id_bytes(key));
}

static struct place *place_of(struct chain_link *link)
{
    return (struct place *)((char *)link - offsetof(struct place, by_key));
}

static void use_remove(struct places *p, const struct place *place)
{
    *(place->newer != NULL ? &place->newer->older : &p->newest) = place->older;
    *(place->older != NULL ? &place->older->newer : &p->oldest) = place->newer;
}

static void use_insert(struct places *p, struct place *place)
{
    place->newer = NULL;
    place->older = p->newest;
    *(p->newest != NULL ? &p->newest->newer : &p->oldest) = place;
    p->newest = place;
}

void places_touch(struct places *p, struct place *place)
{
    if (place == p->newest)
        return;
    use_remove(p, place);
    use_insert(p, place);
}

void places_forget(struct place *place, struct place_pool *pool)
{
    struct places *p = place->places;
    if (place->state != PLACE_ENDED)
        p->digest ^= place->digest;
    use_remove(p, place);
    chains_remove(&p->by_key, &place->by_key);
    alarms_remove(&pool->ends, &place->ends);
    pool->count--;
    free(place);
}

void places_clear(struct places *p, struct place_pool *pool)
{
    while (p->newest != NULL)
        places_forget(p->newest, pool);
}

struct place *places_find(const struct places *p, const struct place_pool *pool,
                          const struct id *key)
{
    struct chain_link *link = chains_first(&p->by_key, hash_of(pool, key));
    while (link != NULL && !id_equal(&place_of(link)->key, key))
        link = chains_next(link);
    return link != NULL ? place_of(link) : NULL;
}

static void make_room(struct places *p, struct place_pool *pool)
{
    uint32_t max = pool->count < PLACES_POOL_MAX ? PLACES_MAX : PLACES_SHARE;
    if (p->by_key.count >= max)
        places_forget(p->oldest, pool);
}

/* A place with nothing in it yet: it counts as ended. NULL without memory. */
static struct place *add(struct places *p, struct place_pool *pool, const struct record *record,
                         const struct id *key)
{
    size_t slot_size = record->kind == RECORD_MULTI ? record->salt.size : 0;
    make_room(p, pool);
    struct place *place = calloc(1, sizeof *place + slot_size);
    if (place == NULL)
        return NULL;
    if (!alarms_add(&pool->ends, &place->ends, ALARM_NEVER)) {
        free(place);
        return NULL;
    }
    if (!chains_add(&p->by_key, &place->by_key, hash_of(pool, key))) {
        alarms_remove(&pool->ends, &place->ends);
        free(place);
        return NULL;
    }
    place->places = p;
    place->key = *key;
    place->state = PLACE_ENDED;
    memcpy(place->k, record->k, KEYS_PUBLIC_SIZE);
    place->slot_size = (uint8_t)slot_size;
    if (slot_size > 0)
        memcpy(place->slot, record->salt.data, slot_size);
    use_insert(p, place);
    pool->count++;
    return place;
}

bool places_note(struct places *p, struct place_pool *pool, const struct record *record,
                 enum place_state state, uint64_t expiry_unix_s)
{
    struct id key;
    record_key(record, &key);
    struct place *place = places_find(p, pool, &key);
    if (place == NULL)
        place = add(p, pool, record, &key);
    if (place == NULL)
        return false;
    if (place->state != PLACE_ENDED)
        p->digest ^= place->digest;
    place->seq = record->seq;
    place->digest = multi_digest(record);
    place->state = (uint8_t)state;
    p->digest ^= place->digest;
    alarms_move(&pool->ends, &place->ends, expiry_unix_s);
    places_touch(p, place);
    return true;
}

struct place *place_pool_due(const struct place_pool *pool, uint64_t now_unix_s)
{
    return alarms_next(&pool->ends) <= now_unix_s ? (struct place *)alarms_first(&pool->ends)
                                                  : NULL;
}

void places_end(struct place *place, struct place_pool *pool, uint64_t forget_unix_s)
{
    place->places->digest ^= place->digest;
    place->state = PLACE_ENDED;
    alarms_move(&pool->ends, &place->ends, forget_unix_s);
}
