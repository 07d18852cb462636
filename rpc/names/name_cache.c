#include "rpc/names/name_cache.h"

#include <stdlib.h>

#include "common/sorted.h"
#include "common/summed.h"
#include "rpc/name.h"

#define HEADING      "xordnam1" /* the format's version is its last digit */
#define HAS_KEY      1u
#define HAS_PREVIOUS 2u
#define IS_DELETED   4u

void name_cache_clear(struct name_cache *c)
{
    free(c->entries);
    *c = (struct name_cache){0};
}

/* ---- places ---- */

struct sought {
    const uint8_t *authority;
    const char *name;
};

static int compare(const void *key, const void *item)
{
    const struct sought *sought = key;
    const struct name_entry *entry = item;
    int order = memcmp(sought->authority, entry->authority, KEYS_PUBLIC_SIZE);
    return order != 0 ? order : strcmp(sought->name, entry->name);
}

/* Where the entry is, or where it belongs. */
static size_t place_of(const struct name_cache *c, const uint8_t *authority, const char *name,
                       bool *is_there)
{
    const struct sorted sorted = {c->entries, c->count, sizeof(*c->entries)};
    const struct sought sought = {authority, name};
    return sorted_place(&sorted, &sought, compare, is_there);
}

/* What remembers nothing goes before what does, else what was not used for longest: so names that
 * are made up push out no known one. */
static bool goes_before(const struct name_entry *a, const struct name_entry *b)
{
    return a->is_known != b->is_known ? !a->is_known : a->used < b->used;
}

static void drop_one(struct name_cache *c)
{
    size_t oldest = 0;
    for (size_t i = 1; i < c->count; i++) {
        if (goes_before(&c->entries[i], &c->entries[oldest]))
            oldest = i;
    }
    c->count--;
    memmove(&c->entries[oldest], &c->entries[oldest + 1],
            (c->count - oldest) * sizeof(*c->entries));
}

static bool make_room(struct name_cache *c)
{
    if (c->count == NAME_CACHE_MAX)
        drop_one(c);
    if (c->count < c->capacity)
        return true;
    size_t capacity = c->capacity == 0 ? 8 : 2 * c->capacity;
    struct name_entry *entries = realloc(c->entries, capacity * sizeof(*entries));
    if (entries == NULL)
        return false;
    c->entries = entries;
    c->capacity = capacity;
    return true;
}

struct name_entry *name_cache_find(struct name_cache *c, const uint8_t authority[KEYS_PUBLIC_SIZE],
                                   const char *name)
{
    bool is_there;
    size_t at = place_of(c, authority, name, &is_there);
    if (!is_there)
        return NULL;
    c->entries[at].used = ++c->uses;
    return &c->entries[at];
}

/* The entry, made when there is none; NULL without memory. */
static struct name_entry *take(struct name_cache *c, const uint8_t *authority, const char *name)
{
    struct name_entry *entry = name_cache_find(c, authority, name);
    bool is_there;
    if (entry != NULL)
        return entry;
    if (!make_room(c))
        return NULL;
    size_t at = place_of(c, authority, name, &is_there);
    entry = &c->entries[at];
    memmove(entry + 1, entry, (c->count - at) * sizeof(*entry));
    c->count++;
    *entry = (struct name_entry){.used = ++c->uses};
    memcpy(entry->authority, authority, KEYS_PUBLIC_SIZE);
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    return entry;
}

/* ---- what lookups bring ---- */

bool name_entry_is_valid(const struct name_entry *entry, struct now now)
{
    return entry->has_key && !entry->is_deleted && entry->expiry_unix_s > now.unix_s;
}

bool name_entry_is_fresh(const struct name_entry *entry, struct now now, uint64_t since_ms)
{
    if (!entry->is_checked || !name_entry_is_valid(entry, now))
        return false;
    if (since_ms != 0)
        return entry->checked_ms >= since_ms;
    return now.ms - entry->checked_ms < (entry->is_confirmed ? NAME_FRESH_MS : NAME_RETRY_MS);
}

static void mark_checked(struct name_entry *entry, struct now now, bool is_confirmed)
{
    entry->checked_ms = now.ms;
    entry->is_checked = true;
    entry->is_confirmed = is_confirmed;
}

static bool is_key(const struct name_entry *entry, const uint8_t *key)
{
    return entry->has_key && memcmp(entry->key, key, KEYS_PUBLIC_SIZE) == 0;
}

/* Another key than the last one, which becomes the previous. */
static void bind_anew(struct name_entry *entry, const struct registration *found)
{
    entry->has_previous = entry->has_key;
    memcpy(entry->previous, entry->key, KEYS_PUBLIC_SIZE);
    entry->previous_time_unix_s = entry->time_unix_s;
    entry->has_key = true;
    memcpy(entry->key, found->key, KEYS_PUBLIC_SIZE);
    entry->changed_unix_s = found->time_unix_s;
    entry->is_warned = false;
}

static void update(struct name_entry *entry, const struct registration *found)
{
    entry->is_known = true;
    entry->is_deleted = found->is_deleted;
    entry->seq = found->seq;
    entry->expiry_unix_s = found->expiry_unix_s;
    if (found->is_deleted)
        return; /* the last key and its time are remembered */
    if (!is_key(entry, found->key))
        bind_anew(entry, found);
    entry->time_unix_s = found->time_unix_s;
}

struct name_entry *name_cache_note(struct name_cache *c, struct now now,
                                   const uint8_t authority[KEYS_PUBLIC_SIZE], const char *name,
                                   const struct registration *found)
{
    struct name_entry *entry = take(c, authority, name);
    if (entry == NULL)
        return NULL;
    bool is_old = entry->is_known && found->seq < entry->seq;
    bool is_same = entry->is_known && found->seq == entry->seq &&
                   (found->is_deleted ? entry->is_deleted : is_key(entry, found->key));
    mark_checked(entry, now, !is_old);
    if (is_old || is_same)
        return entry;
    update(entry, found);
    c->changes++;
    return entry;
}

struct name_entry *name_cache_missed(struct name_cache *c, struct now now,
                                     const uint8_t authority[KEYS_PUBLIC_SIZE], const char *name)
{
    struct name_entry *entry = take(c, authority, name);
    if (entry != NULL)
        mark_checked(entry, now, false);
    return entry;
}

/* ---- on disk: heading, count, entries, CRC32-C of all before it ---- */

static void write_entry(struct wire_writer *w, const struct name_entry *entry)
{
    wire_write(w, entry->authority, KEYS_PUBLIC_SIZE);
    wire_write_u8(w, (uint8_t)strlen(entry->name));
    wire_write_string(w, entry->name);
    wire_write_u8(w, (uint8_t)((entry->has_key ? HAS_KEY : 0) |
                               (entry->has_previous ? HAS_PREVIOUS : 0) |
                               (entry->is_deleted ? IS_DELETED : 0)));
    wire_write_u64(w, (uint64_t)entry->seq);
    wire_write_u64(w, entry->expiry_unix_s);
    wire_write(w, entry->key, KEYS_PUBLIC_SIZE);
    wire_write_u64(w, entry->time_unix_s);
    wire_write(w, entry->previous, KEYS_PUBLIC_SIZE);
    wire_write_u64(w, entry->previous_time_unix_s);
    wire_write_u64(w, entry->changed_unix_s);
    wire_write_u64(w, entry->used);
}

uint8_t *name_cache_pack(const struct name_cache *c, size_t *size)
{
    uint8_t *data = malloc(NAME_CACHE_PACKED);
    struct wire_writer w;
    uint32_t known = 0;
    if (data == NULL)
        return NULL;
    for (size_t i = 0; i < c->count; i++)
        known += c->entries[i].is_known;
    wire_writer_init(&w, data, NAME_CACHE_PACKED);
    summed_begin(&w, HEADING);
    wire_write_u32(&w, known);
    for (size_t i = 0; i < c->count; i++) {
        if (c->entries[i].is_known)
            write_entry(&w, &c->entries[i]);
    }
    summed_end(&w);
    *size = w.used;
    return data;
}

static void read_key(struct wire_reader *r, uint8_t out[KEYS_PUBLIC_SIZE])
{
    struct bytes key = wire_read_bytes(r, KEYS_PUBLIC_SIZE);
    if (key.data != NULL)
        memcpy(out, key.data, KEYS_PUBLIC_SIZE);
}

static void read_name(struct wire_reader *r, char out[RPC_NAME_MAX + 1])
{
    struct bytes name = wire_read_bytes(r, wire_read_u8(r));
    out[0] = '\0';
    if (name.data != NULL && name.size <= RPC_NAME_MAX)
        snprintf(out, RPC_NAME_MAX + 1, "%.*s", (int)name.size, (const char *)name.data);
}

static bool read_entry(struct wire_reader *r, struct name_cache *c)
{
    struct name_entry entry = {.is_known = true};
    read_key(r, entry.authority);
    read_name(r, entry.name);
    uint8_t flags = wire_read_u8(r);
    entry.has_key = (flags & HAS_KEY) != 0;
    entry.has_previous = (flags & HAS_PREVIOUS) != 0;
    entry.is_deleted = (flags & IS_DELETED) != 0;
    entry.seq = (int64_t)wire_read_u64(r);
    entry.expiry_unix_s = wire_read_u64(r);
    read_key(r, entry.key);
    entry.time_unix_s = wire_read_u64(r);
    read_key(r, entry.previous);
    entry.previous_time_unix_s = wire_read_u64(r);
    entry.changed_unix_s = wire_read_u64(r);
    entry.used = wire_read_u64(r);
    if (r->failed || !name_is_valid(entry.name))
        return false;
    struct name_entry *place = take(c, entry.authority, entry.name);
    if (place != NULL)
        *place = entry;
    c->uses = entry.used > c->uses ? entry.used : c->uses;
    return place != NULL;
}

bool name_cache_unpack(struct name_cache *c, struct bytes file)
{
    struct wire_reader r;
    if (!summed_open(file, HEADING, &r))
        return false;
    uint32_t count = wire_read_u32(&r);
    bool is_good = count <= NAME_CACHE_MAX;
    for (uint32_t i = 0; is_good && i < count; i++)
        is_good = read_entry(&r, c);
    if (is_good && wire_reader_is_done(&r))
        return true;
    name_cache_clear(c);
    return false;
}
