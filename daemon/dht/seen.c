#include "daemon/dht/seen.h"

#include <stdlib.h>

#define CAPACITY_FIRST 16u
#define NONE           UINT16_MAX /* no entry: indexes stay below SEEN_MAX */

_Static_assert(SEEN_MAX < NONE && SEEN_MAX % CAPACITY_FIRST == 0, "entries are indexed by 16 bits");

/* Entries lie in one array and never leave it: the least recently used one is taken over. Each is
 * in a hash chain, and in the list of use. */
struct entry {
    int64_t seq;
    struct id key;
    uint8_t digest[HASH_DIGEST_SIZE];
    uint16_t chain_next;
    uint16_t newer, older;
    uint8_t kind;
};

struct seen {
    uint8_t key[HASH_KEY_SIZE];
    struct entry *entries;
    uint16_t *heads;          /* of the chains, as many as entries fit */
    uint16_t count, capacity; /* capacity is a power of two, or 0 */
    uint16_t newest, oldest;
};

struct seen *seen_new(const uint8_t key[HASH_KEY_SIZE])
{
    struct seen *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    memcpy(s->key, key, HASH_KEY_SIZE);
    s->newest = s->oldest = NONE;
    return s;
}

void seen_free(struct seen *s)
{
    if (s == NULL)
        return;
    free(s->entries);
    free(s->heads);
    free(s);
}

/* Keyed, as others choose the records: nobody can aim at one chain. */
static uint16_t *chain_of(struct seen *s, const struct id *key)
{
    return &s->heads[hash_keyed(s->key, id_bytes(key)) & (s->capacity - 1u)];
}

static struct entry *find(struct seen *s, enum record_kind kind, const struct id *key)
{
    if (s->capacity == 0)
        return NULL;
    uint16_t index = *chain_of(s, key);
    while (index != NONE) {
        struct entry *entry = &s->entries[index];
        if (entry->kind == kind && id_equal(&entry->key, key))
            return entry;
        index = entry->chain_next;
    }
    return NULL;
}

static void chain_insert(struct seen *s, uint16_t index)
{
    uint16_t *head = chain_of(s, &s->entries[index].key);

    s->entries[index].chain_next = *head;
    *head = index;
}

static void chain_remove(struct seen *s, uint16_t index)
{
    uint16_t *at = chain_of(s, &s->entries[index].key);

    while (*at != index)
        at = &s->entries[*at].chain_next;
    *at = s->entries[index].chain_next;
}

static void use_remove(struct seen *s, uint16_t index)
{
    struct entry *entry = &s->entries[index];

    *(entry->newer != NONE ? &s->entries[entry->newer].older : &s->newest) = entry->older;
    *(entry->older != NONE ? &s->entries[entry->older].newer : &s->oldest) = entry->newer;
}

static void use_insert(struct seen *s, uint16_t index)
{
    struct entry *entry = &s->entries[index];

    entry->newer = NONE;
    entry->older = s->newest;
    *(s->newest != NONE ? &s->entries[s->newest].newer : &s->oldest) = index;
    s->newest = index;
}

static void touch(struct seen *s, const struct entry *entry)
{
    uint16_t index = (uint16_t)(entry - s->entries);

    if (index == s->newest)
        return;
    use_remove(s, index);
    use_insert(s, index);
}

static bool grow(struct seen *s)
{
    uint16_t capacity = s->capacity == 0 ? CAPACITY_FIRST : (uint16_t)(s->capacity * 2);
    struct entry *entries = realloc(s->entries, capacity * sizeof *entries);

    if (entries == NULL)
        return false;
    s->entries = entries;
    uint16_t *heads = realloc(s->heads, capacity * sizeof *heads);
    if (heads == NULL)
        return false;
    s->heads = heads;
    s->capacity = capacity;
    memset(heads, 0xff, capacity * sizeof *heads); /* each NONE */
    for (uint16_t i = 0; i < s->count; i++)
        chain_insert(s, i);
    return true;
}

/* An entry to fill, in no chain and no list; NONE when there is no memory for even one. */
static uint16_t take_entry(struct seen *s)
{
    if (s->count < s->capacity || (s->capacity < SEEN_MAX && grow(s)))
        return s->count++;
    uint16_t index = s->oldest;
    if (index == NONE)
        return NONE;
    chain_remove(s, index);
    use_remove(s, index);
    return index;
}

static void make_digest(const struct seen *s, const struct record *record,
                        uint8_t out[HASH_DIGEST_SIZE])
{
    struct {
        int64_t seq;
        uint64_t salt_size; /* so that salt and v cannot be shifted into each other */
    } head = {.seq = record->seq, .salt_size = record->salt.size};
    struct bytes parts[] = {
        bytes_of(&head, sizeof head),
        bytes_of(record->k, record->k != NULL ? KEYS_PUBLIC_SIZE : 0),
        bytes_of(record->sig, record->sig != NULL ? KEYS_SIGNATURE_SIZE : 0),
        record->salt,
        record->v,
    };

    hash_digest(s->key, parts, sizeof parts / sizeof parts[0], out);
}

void seen_add(struct seen *s, const struct record *record)
{
    struct id key;
    record_key(record, &key);
    struct entry *entry = find(s, record->kind, &key);
    if (entry != NULL) {
        touch(s, entry);
        if (record->seq >= entry->seq) {
            entry->seq = record->seq;
            make_digest(s, record, entry->digest);
        }
        return;
    }
    uint16_t index = take_entry(s);
    if (index == NONE)
        return;
    entry = &s->entries[index];
    entry->kind = (uint8_t)record->kind;
    entry->key = key;
    entry->seq = record->seq;
    make_digest(s, record, entry->digest);
    chain_insert(s, index);
    use_insert(s, index);
}

bool seen_has(struct seen *s, const struct record *record)
{
    struct id key;
    uint8_t digest[HASH_DIGEST_SIZE];
    record_key(record, &key);
    const struct entry *entry = find(s, record->kind, &key);
    if (entry == NULL || entry->seq != record->seq)
        return false;
    make_digest(s, record, digest);
    if (memcmp(digest, entry->digest, sizeof digest) != 0)
        return false;
    touch(s, entry);
    return true;
}

bool seen_seq(struct seen *s, enum record_kind kind, const struct id *key, int64_t *seq)
{
    const struct entry *entry = find(s, kind, key);

    if (entry == NULL)
        return false;
    touch(s, entry);
    *seq = entry->seq;
    return true;
}
