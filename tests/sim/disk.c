#include "tests/sim/disk.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/disk_multi.h"

#define DISK_START 4

void disk_clear(struct disk *d, struct blobs *blobs)
{
    for (uint32_t i = 0; i < d->count; i++)
        blobs_drop(blobs, d->entries[i].blob);
    free(d->entries);
    *d = (struct disk){0};
}

static int compare(const struct disk_entry *entry, unsigned space, unsigned kind,
                   const struct id *key)
{
    if (entry->space != space)
        return entry->space < space ? -1 : 1;
    if (entry->blob->record.kind != kind)
        return entry->blob->record.kind < kind ? -1 : 1;
    return memcmp(entry->blob->position.key.b, key->b, ID_SIZE);
}

/* The place of the first entry that is not before it. */
static uint32_t find(const struct disk *d, unsigned space, unsigned kind, const struct id *key,
                     bool *is_there)
{
    uint32_t low = 0, high = d->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(&d->entries[middle], space, kind, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < d->count && compare(&d->entries[low], space, kind, key) == 0;
    return low;
}

uint32_t disk_multis(const struct disk *d, enum store_space space)
{
    static const struct id first = {{0}};
    bool is_there;
    return find(d, space, RECORD_MULTI, &first, &is_there);
}

bool disk_is_multi(const struct disk *d, uint32_t at, enum store_space space)
{
    return at < d->count && d->entries[at].space == (uint8_t)space &&
           d->entries[at].blob->record.kind == RECORD_MULTI;
}

void disk_fill(const struct disk_entry *entry, struct stored *out)
{
    *out = (struct stored){entry->blob->record, entry->put_unix_s, entry->expiry_unix_s};
}

enum err disk_get(const struct disk *d, uint64_t now_unix_s, enum store_space space,
                  enum record_kind kind, const struct id *key, struct stored *out)
{
    bool is_there;
    uint32_t at = find(d, space, kind, key, &is_there);
    if (!is_there || d->entries[at].expiry_unix_s <= now_unix_s)
        return ERR_NOT_FOUND;
    disk_fill(&d->entries[at], out);
    return ERR_OK;
}

enum err disk_next(const struct disk *d, uint64_t now_unix_s, enum store_space space,
                   enum record_kind kind, const struct id *key, struct stored *out)
{
    static const struct id first = {{0}};
    bool is_there = false;
    uint32_t at = find(d, space, key != NULL ? kind : 0, key ? key : &first, &is_there);
    for (at += is_there; at < d->count && d->entries[at].space == space; at++) {
        if (d->entries[at].expiry_unix_s <= now_unix_s)
            continue;
        disk_fill(&d->entries[at], out);
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

static void insert(struct disk *d, uint32_t at)
{
    if (d->count == d->capacity) {
        d->capacity = d->capacity ? d->capacity * 2 : DISK_START;
        d->entries = realloc(d->entries, d->capacity * sizeof *d->entries);
        assert(d->entries != NULL);
    }
    memmove(d->entries + at + 1, d->entries + at, (d->count - at) * sizeof *d->entries);
    d->entries[at] = (struct disk_entry){0};
    d->count++;
}

void disk_take_out(struct disk *d, uint32_t at, struct disk_gone *gone)
{
    assert(gone->count < DISK_GONE_MAX);
    gone->blobs[gone->count++] = d->entries[at].blob;
    memmove(d->entries + at, d->entries + at + 1, (d->count - at - 1) * sizeof *d->entries);
    d->count--;
}

/* BEP 44: cas is decided before seq; but the same once more is stored already. */
static enum err decide(const struct store_write *write, const struct record *stored)
{
    if (record_equal(&write->record, stored))
        return ERR_OK;
    if (write->has_cas && write->cas != stored->seq)
        return ERR_CAS_MISMATCH;
    return write->record.seq > stored->seq ? ERR_OK : ERR_STALE_SEQ;
}

/* Puts it into its place, `is_there` or not. */
static void place(struct disk *d, uint32_t at, bool is_there, const struct disk_write *item,
                  struct disk_gone *gone)
{
    const struct store_write *write = &item->write;
    bool is_refresh = is_there && d->entries[at].blob == item->blob;
    uint32_t arrival = is_refresh ? d->entries[at].arrival : ++d->arrivals;
    if (is_there)
        disk_take_out(d, at, gone);
    insert(d, at);
    item->blob->references++;
    d->entries[at] = (struct disk_entry){
        .blob = item->blob,
        .expiry_unix_s = write->expiry_unix_s,
        .put_unix_s = (uint32_t)write->put_unix_s,
        .arrival = arrival,
        .space = (uint8_t)write->space,
    };
}

static enum err put(struct disk *d, uint64_t now_unix_s, const struct disk_write *item,
                    int64_t *seq, struct disk_gone *gone)
{
    const struct store_write *write = &item->write;
    const struct id *key = &item->blob->position.key;
    bool is_there;
    uint32_t at = find(d, write->space, write->record.kind, key, &is_there);
    if (!write->is_verified && !blob_verify(item->blob))
        return ERR_BAD_SIGNATURE;
    if (is_there && d->entries[at].expiry_unix_s > now_unix_s) {
        *seq = d->entries[at].blob->record.seq;
        enum err err = decide(write, &d->entries[at].blob->record);
        if (err != ERR_OK)
            return err;
    }
    if (!is_there && write->space == STORE_HELD && d->quota > 0 && d->count >= d->quota)
        return ERR_STORAGE_FULL;
    if (!disk_make_room(d, now_unix_s, item, is_there ? d->entries[at].blob : NULL, gone))
        return ERR_STORAGE_FULL;
    at = find(d, write->space, write->record.kind, key, &is_there);
    place(d, at, is_there, item, gone);
    return ERR_OK;
}

enum err disk_apply(struct disk *d, uint64_t now_unix_s, const struct disk_write *item,
                    int64_t *seq, struct disk_gone *gone)
{
    const struct store_write *write = &item->write;
    *seq = 0;
    gone->count = 0;
    if (d->is_broken)
        return ERR_IO;
    if (write->action == STORE_PUT)
        return put(d, now_unix_s, item, seq, gone);
    bool is_there;
    uint32_t at = find(d, write->space, write->record.kind, &write->record.target, &is_there);
    if (!is_there)
        return ERR_NOT_FOUND;
    disk_take_out(d, at, gone);
    return ERR_OK;
}

uint32_t disk_expire(struct disk *d, uint64_t now_unix_s, struct blobs *blobs)
{
    uint32_t kept = 0, count = d->count;
    for (uint32_t i = 0; i < count; i++) {
        if (d->entries[i].expiry_unix_s > now_unix_s)
            d->entries[kept++] = d->entries[i];
        else
            blobs_drop(blobs, d->entries[i].blob);
    }
    d->count = kept;
    return count - kept;
}
