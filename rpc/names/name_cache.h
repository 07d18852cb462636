/* What authorities were found to say of names: (authority's key, name) -> key, and the key that was
 * there before. Remembers verified registrations alone; looks nothing up. At most NAME_CACHE_MAX
 * entries; misses go first, then the least recently used. Found by binary search. The shell owns
 * it, and keeps it on disk by name_cache_pack. */
#ifndef XORD_RPC_NAME_CACHE_H
#define XORD_RPC_NAME_CACHE_H

#include "common/now.h"
#include "rpc/names/registration.h"

#define NAME_CACHE_MAX    1024     /* a quarter of a megabyte; far more names than a person uses */
#define NAME_FRESH_MS     3600000u /* used without asking again */
#define NAME_RETRY_MS     60000u   /* after nobody answered, until the next attempt */
#define NAME_ENTRY_PACKED (4 * 32 + 2 + 6 * 8)
#define NAME_CACHE_PACKED (16 + NAME_CACHE_MAX * NAME_ENTRY_PACKED) /* at most */

struct name_entry {
    uint8_t authority[KEYS_PUBLIC_SIZE];
    char name[RPC_NAME_MAX + 1];
    bool is_known;                 /* a registration was seen; else there are only misses */
    bool is_deleted;               /* and the last one was a deletion */
    int64_t seq;                   /* of that */
    uint64_t expiry_unix_s;        /* likewise */
    bool has_key;                  /* there was one that was no deletion */
    uint8_t key[KEYS_PUBLIC_SIZE]; /* of the last such */
    uint64_t time_unix_s;          /* when that was signed */
    bool has_previous;             /* another key was there before */
    uint8_t previous[KEYS_PUBLIC_SIZE];
    uint64_t previous_time_unix_s; /* when the last registration to it that was seen was signed */
    uint64_t changed_unix_s;       /* when the first one to `key` that was seen was signed */
    uint64_t checked_ms;           /* the last lookup's end, monotonic */
    bool is_checked;               /* false: not since the daemon has started */
    bool is_confirmed;             /* that lookup brought it; else it is the one known before */
    bool is_warned;                /* that a pin differs has been logged */
    uint64_t used;                 /* higher: later */
};

struct name_cache {             /* zeroed it is empty */
    struct name_entry *entries; /* by authority, then name; owned */
    size_t count, capacity;
    uint64_t uses;
    uint64_t changes; /* rises with whatever is worth saving */
};

void name_cache_clear(struct name_cache *c);
/* The entry, or NULL, made the most recently used. Borrowed until the next change of the cache. */
struct name_entry *name_cache_find(struct name_cache *c, const uint8_t authority[KEYS_PUBLIC_SIZE],
                                   const char *name);
/* Its key can be used as it is: not ended, and looked up of late, or since `since_ms` where that is
 * not 0. */
bool name_entry_is_fresh(const struct name_entry *entry, struct now now, uint64_t since_ms);
/* Its key can be used when nobody answers. */
bool name_entry_is_valid(const struct name_entry *entry, struct now now);

/* A lookup brought this. One with a lower seq than the last is an old copy: what is known stays.
 * NULL without memory. */
struct name_entry *name_cache_note(struct name_cache *c, struct now now,
                                   const uint8_t authority[KEYS_PUBLIC_SIZE], const char *name,
                                   const struct registration *found);
/* A lookup brought nothing: what is known stays, for a while without asking again. An entry without
 * a key is made where there is none. NULL without memory. */
struct name_entry *name_cache_missed(struct name_cache *c, struct now now,
                                     const uint8_t authority[KEYS_PUBLIC_SIZE], const char *name);

/* The file's content, allocated (free): the entries with something to remember. NULL without
 * memory. */
uint8_t *name_cache_pack(const struct name_cache *c, size_t *size);
/* Fills an empty cache; false when the file is damaged, and then it stays empty. */
bool name_cache_unpack(struct name_cache *c, struct bytes file);

#endif
