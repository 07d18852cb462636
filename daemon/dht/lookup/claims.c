#include "daemon/dht/lookup/claims.h"

#include <stdlib.h>

#include "daemon/dht/records/envelope.h"

#define CAPACITY_FIRST 16u
#define MISFITS_MAX    64u /* looked at for what still fits beside those that are chosen */

void claims_init(struct claims *c, const uint8_t hash_key[HASH_KEY_SIZE], struct claims_pool *pool)
{
    *c = (struct claims){.pool = pool};
    memcpy(c->hash_key, hash_key, HASH_KEY_SIZE);
}

void claims_clear(struct claims *c)
{
    for (uint32_t i = 0; i < c->place_count; i++)
        free(c->places[i].memory);
    for (unsigned i = 0; i < CLAIMS_HOLDERS_MAX; i++)
        free(c->queues[i].turns);
    free(c->places);
    free(c->claims);
    free(c->index);
    if (c->pool != NULL)
        c->pool->bytes -= c->bytes;
    *c = (struct claims){0};
}

/* Where the allocator fails then, it stays reserved until all is cleared. */
static bool reserve(struct claims *c, size_t bytes)
{
    if (c->pool->bytes + bytes > CLAIMS_POOL_BYTES && c->bytes + bytes > CLAIMS_SHARE_BYTES) {
        c->is_short = true;
        return false;
    }
    c->pool->bytes += bytes;
    c->bytes += bytes;
    return true;
}

static void release(struct claims *c, size_t bytes)
{
    c->pool->bytes -= bytes;
    c->bytes -= bytes;
}

/* Where the place with this key is, or would be, in the index. */
static uint32_t *slot_of(const struct claims *c, const struct id *key)
{
    uint32_t mask = c->index_size - 1;
    uint32_t at = (uint32_t)hash_keyed(c->hash_key, id_bytes(key)) & mask;
    while (c->index[at] != 0 && !id_equal(&c->places[c->index[at] - 1].key, key))
        at = (at + 1) & mask;
    return &c->index[at];
}

static struct claim_place *find(const struct claims *c, const struct id *key)
{
    uint32_t number = c->index_size > 0 ? *slot_of(c, key) : 0;
    return number > 0 ? &c->places[number - 1] : NULL;
}

/* Larger places, and an index twice as large, so that chains stay short. */
static bool grow_places(struct claims *c)
{
    uint32_t capacity = c->place_capacity ? 2 * c->place_capacity : CAPACITY_FIRST;
    size_t bytes = (capacity - c->place_capacity) * sizeof *c->places +
                   (2 * capacity - c->index_size) * sizeof *c->index;
    if (!reserve(c, bytes))
        return false;
    struct claim_place *places = realloc(c->places, capacity * sizeof *places);
    if (places != NULL)
        c->places = places;
    uint32_t *index = places != NULL ? calloc(2 * (size_t)capacity, sizeof *index) : NULL;
    if (index == NULL)
        return false;
    free(c->index);
    c->index = index;
    c->index_size = 2 * capacity;
    c->place_capacity = capacity;
    for (uint32_t i = 0; i < c->place_count; i++)
        *slot_of(c, &c->places[i].key) = i + 1;
    return true;
}

static struct claim_place *find_or_add(struct claims *c, const struct id *key)
{
    struct claim_place *place = find(c, key);
    if (place != NULL)
        return place;
    if (c->place_count == c->place_capacity && !grow_places(c))
        return NULL;
    *slot_of(c, key) = c->place_count + 1;
    place = &c->places[c->place_count++];
    *place = (struct claim_place){.key = *key, .known_seq = -1};
    return place;
}

static bool grow_queue(struct claims *c, struct claim_queue *queue)
{
    uint32_t capacity = queue->capacity ? 2 * queue->capacity : CAPACITY_FIRST;
    size_t bytes = (capacity - queue->capacity) * sizeof *queue->turns;
    struct claim_turn *turns = reserve(c, bytes) ? malloc(capacity * sizeof *turns) : NULL;
    if (turns == NULL)
        return false;
    for (uint32_t i = 0; i < queue->count; i++)
        turns[i] = queue->turns[(queue->first + i) % queue->capacity];
    free(queue->turns);
    queue->turns = turns;
    queue->first = 0;
    queue->capacity = capacity;
    return true;
}

/* There is room for all that its holder has said. */
static void put_last(struct claim_queue *queue, struct claim_turn turn)
{
    queue->turns[(queue->first + queue->count++) % queue->capacity] = turn;
}

static struct claim_turn take_first(struct claim_queue *queue)
{
    struct claim_turn turn = queue->turns[queue->first];
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    return turn;
}

static bool grow_claims(struct claims *c)
{
    uint32_t capacity = c->claim_capacity ? 2 * c->claim_capacity : CAPACITY_FIRST;
    size_t bytes = (capacity - c->claim_capacity) * sizeof *c->claims;
    struct claim *claims = reserve(c, bytes) ? realloc(c->claims, capacity * sizeof *claims) : NULL;
    if (claims == NULL)
        return false;
    c->claims = claims;
    c->claim_capacity = capacity;
    return true;
}

static struct claim *new_claim(struct claims *c, struct claim_queue *queue)
{
    bool is_common = queue->made >= CLAIMS_SHARE;
    if (is_common && c->common == CLAIMS_COMMON)
        return NULL;
    if (c->claim_count == c->claim_capacity && !grow_claims(c))
        return NULL;
    c->common += is_common;
    queue->made++;
    return &c->claims[c->claim_count++];
}

bool claims_know(struct claims *c, const struct id *key, int64_t seq)
{
    struct claim_place *place = find_or_add(c, key);
    if (place != NULL && seq > place->known_seq)
        place->known_seq = seq;
    return place != NULL;
}

static int64_t highest_claim(const struct claims *c, const struct claim_place *place)
{
    int64_t seq = -1;
    for (uint32_t i = place->first; i != 0; i = c->claims[i - 1].next)
        seq = c->claims[i - 1].seq > seq ? c->claims[i - 1].seq : seq;
    return seq;
}

bool claims_next_ahead(const struct claims *c, uint32_t *cursor, struct id *key, bool *is_claimed)
{
    while (*cursor < c->place_count) {
        const struct claim_place *place = &c->places[(*cursor)++];
        int64_t claimed_seq = highest_claim(c, place);
        if (place->known_seq <= claimed_seq)
            continue;
        *key = place->key;
        *is_claimed = claimed_seq >= 0;
        return true;
    }
    return false;
}

/* The claim of this place with this seq, made where there is none. NULL when it is one too many. */
static struct claim *claim_of(struct claims *c, struct claim_queue *queue,
                              struct claim_place *place, const struct multi_brief *brief)
{
    for (uint32_t i = place->first; i != 0; i = c->claims[i - 1].next)
        if (c->claims[i - 1].seq == brief->seq)
            return &c->claims[i - 1];
    struct claim *claim = new_claim(c, queue);
    if (claim == NULL)
        return NULL;
    *claim = (struct claim){
        .seq = brief->seq,
        .place = (uint32_t)(place - c->places),
        .next = place->first,
        .size = brief->size,
    };
    place->first = c->claim_count;
    return claim;
}

/* So that there are never more claims of a place than holders. */
static bool has_spoken(const struct claims *c, unsigned holder, const struct claim_place *place)
{
    for (uint32_t i = place->first; i != 0; i = c->claims[i - 1].next)
        if (c->claims[i - 1].said >> holder & 1u)
            return true;
    return false;
}

bool claims_add(struct claims *c, unsigned holder, const struct multi_brief *brief)
{
    if (c->is_known_only && find(c, &brief->key) == NULL)
        return true;
    struct claim_place *place = find_or_add(c, &brief->key);
    if (place == NULL)
        return false;
    if (has_spoken(c, holder, place))
        return true;
    struct claim_queue *queue = &c->queues[holder];
    if (queue->said == queue->capacity && !grow_queue(c, queue))
        return false;
    struct claim *claim = claim_of(c, queue, place, brief);
    if (claim == NULL)
        return false;
    claim->said |= 1u << holder;
    claim->holders |= 1u << holder;
    queue->said++;
    put_last(queue, (struct claim_turn){.claim = (uint32_t)(claim - c->claims)});
    return true;
}

bool claims_wants(const struct claims *c, const struct record *entry)
{
    struct id key;
    record_key(entry, &key);
    const struct claim_place *place = find(c, &key);
    return place != NULL && entry->seq > place->known_seq &&
           (place->memory == NULL || record_compare(entry, &place->entry) > 0);
}

static size_t size_of(const struct record *entry)
{
    return KEYS_PUBLIC_SIZE + KEYS_SIGNATURE_SIZE + entry->salt.size + entry->v.size;
}

static bool copy_entry(struct claims *c, struct claim_place *place, const struct record *entry)
{
    uint8_t *memory = reserve(c, size_of(entry)) ? malloc(size_of(entry)) : NULL;
    if (memory == NULL)
        return false;
    if (place->memory != NULL)
        release(c, size_of(&place->entry));
    uint8_t *at = memory;
    free(place->memory);
    place->memory = memory;
    place->entry = *entry;
    place->entry.k = memcpy(at, entry->k, KEYS_PUBLIC_SIZE);
    at += KEYS_PUBLIC_SIZE;
    place->entry.sig = memcpy(at, entry->sig, KEYS_SIGNATURE_SIZE);
    at += KEYS_SIGNATURE_SIZE;
    memcpy(at, entry->salt.data, entry->salt.size);
    place->entry.salt = bytes_of(at, entry->salt.size);
    at += entry->salt.size;
    memcpy(at, entry->v.data, entry->v.size);
    place->entry.v = bytes_of(at, entry->v.size);
    return true;
}

bool claims_take(struct claims *c, const struct record *entry)
{
    struct id key;
    record_key(entry, &key);
    struct claim_place *place = find_or_add(c, &key);
    if (place == NULL || (place->memory != NULL && record_compare(entry, &place->entry) <= 0))
        return false;
    if (!copy_entry(c, place, entry))
        return false;
    struct envelope envelope;
    envelope_parse(place->entry.v, &envelope);
    c->live -= place->is_live;
    place->is_live = envelope.content != ENVELOPE_DELETED;
    place->time_unix_s = envelope.time_unix_s;
    c->live += place->is_live;
    return true;
}

static bool is_settled(const struct claims *c, const struct claim *claim)
{
    const struct claim_place *place = &c->places[claim->place];
    return place->known_seq >= claim->seq ||
           (place->memory != NULL && place->entry.seq >= claim->seq);
}

size_t claims_choose(struct claims *c, unsigned holder, struct claim_turn *out, size_t max,
                     size_t bytes)
{
    struct claim_queue *queue = &c->queues[holder];
    size_t count = 0, used = 0;
    unsigned misfits = 0;
    for (uint32_t left = queue->count; left > 0 && count < max && misfits < MISFITS_MAX; left--) {
        struct claim_turn turn = take_first(queue);
        struct claim *claim = &c->claims[turn.claim];
        bool is_misfit = count > 0 && used + claim->size > bytes;
        if (is_settled(c, claim))
            continue;
        if (claim->is_asked || is_misfit) {
            misfits += is_misfit;
            put_last(queue, turn);
            continue;
        }
        claim->is_asked = true;
        used += claim->size;
        out[count++] = turn;
    }
    c->asked += (uint32_t)count;
    return count;
}

const struct id *claims_key(const struct claims *c, struct claim_turn turn)
{
    return &c->places[c->claims[turn.claim].place].key;
}

bool claims_has_come(const struct claims *c, const struct claim_turn *turns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_settled(c, &c->claims[turns[i].claim]))
            return true;
    return false;
}

void claims_release(struct claims *c, unsigned holder, const struct claim_turn *turns, size_t count,
                    enum claims_outcome outcome)
{
    c->asked -= (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct claim_turn turn = turns[i];
        struct claim *claim = &c->claims[turn.claim];
        claim->is_asked = false;
        turn.silences += outcome == CLAIMS_SILENT;
        if (outcome == CLAIMS_DENIED)
            claim->holders &= ~(1u << holder);
        else if (turn.silences < CLAIMS_SILENCES)
            put_last(&c->queues[holder], turn);
    }
}

void claims_forget(struct claims *c, unsigned holder)
{
    c->queues[holder].count = 0;
    for (uint32_t i = 0; i < c->claim_count; i++)
        c->claims[i].holders &= ~(1u << holder);
}

static void skip_settled(const struct claims *c, struct claim_queue *queue)
{
    while (queue->count > 0 && is_settled(c, &c->claims[queue->turns[queue->first].claim]))
        take_first(queue);
}

bool claims_is_open(struct claims *c, uint32_t holders)
{
    if (c->asked > 0)
        return true;
    for (unsigned i = 0; i < CLAIMS_HOLDERS_MAX; i++) {
        if ((holders >> i & 1u) == 0)
            continue;
        skip_settled(c, &c->queues[i]);
        if (c->queues[i].count > 0)
            return true;
    }
    return false;
}

bool claims_is_missing(const struct claims *c)
{
    for (uint32_t i = 0; i < c->claim_count; i++)
        if (!is_settled(c, &c->claims[i]) && c->claims[i].holders != 0)
            return true;
    return false;
}
