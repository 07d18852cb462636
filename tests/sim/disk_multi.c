#include "tests/sim/disk_multi.h"

#include <assert.h>

#include "daemon/dht/records/envelope.h"
#include "daemon/dht/records/multi.h"
#include "daemon/dht/records/share.h"

#define OWN UINT32_MAX /* the number of what is to be written */

static bool is_of(const struct disk *d, uint32_t at, const struct id *target)
{
    return id_equal(&d->entries[at].blob->record.target, target);
}

/* Entries and bytes of a multi, `old` and what is to be written with them. */
struct room {
    const struct id *target;
    const struct blob *old;
    uint32_t count, bytes;
};

static bool is_over(const struct disk *d, const struct room *room)
{
    uint32_t entries = d->multi_entries > 0 ? d->multi_entries : MULTI_ENTRIES_DEFAULT;
    uint32_t bytes = d->multi_bytes > 0 ? d->multi_bytes : MULTI_BYTES_DEFAULT;
    return room->count > entries || room->bytes > bytes;
}

enum err disk_summary(const struct disk *d, enum store_space space, const struct id *target,
                      struct store_summary *out)
{
    struct room room = {.count = 1, .bytes = RECORD_PACKED_MAX};
    *out = (struct store_summary){0};
    for (uint32_t at = disk_multis(d, space); disk_is_multi(d, at, space); at++) {
        if (!is_of(d, at, target))
            continue;
        out->count++;
        out->digest ^= multi_digest(&d->entries[at].blob->record);
        room.count++;
        room.bytes += d->entries[at].blob->size;
    }
    out->is_full = is_over(d, &room);
    return out->count > 0 ? ERR_OK : ERR_NOT_FOUND;
}

enum err disk_entry(const struct disk *d, uint64_t now_unix_s, enum store_space space,
                    const struct id *target, const struct store_position *after, struct stored *out)
{
    const struct disk_entry *best = NULL;
    for (uint32_t at = disk_multis(d, space); disk_is_multi(d, at, space); at++) {
        const struct disk_entry *entry = &d->entries[at];
        const struct store_position *position = &entry->blob->position;
        if (is_of(d, at, target) && entry->expiry_unix_s > now_unix_s &&
            (after == NULL || multi_position_compare(position, after) > 0) &&
            (best == NULL || multi_position_compare(position, &best->blob->position) < 0))
            best = entry;
    }
    if (best == NULL)
        return ERR_NOT_FOUND;
    disk_fill(best, out);
    return ERR_OK;
}

enum err disk_next_multi(const struct disk *d, enum store_space space, const struct id *target,
                         struct id *out)
{
    const struct id *best = NULL;
    for (uint32_t at = disk_multis(d, space); disk_is_multi(d, at, space); at++) {
        const struct id *candidate = &d->entries[at].blob->record.target;
        if ((target == NULL || memcmp(candidate, target, ID_SIZE) > 0) &&
            (best == NULL || memcmp(candidate, best, ID_SIZE) < 0))
            best = candidate;
    }
    if (best != NULL)
        *out = *best;
    return best != NULL ? ERR_OK : ERR_NOT_FOUND;
}

static void measure(const struct disk *d, const struct disk_write *item, struct room *room)
{
    room->count = 1;
    room->bytes = item->blob->size;
    for (uint32_t at = disk_multis(d, STORE_HELD); disk_is_multi(d, at, STORE_HELD); at++) {
        if (!is_of(d, at, room->target) || d->entries[at].blob == room->old)
            continue;
        room->count++;
        room->bytes += d->entries[at].blob->size;
    }
}

static void claim(struct share *share, const struct record *r, uint64_t arrival, uint32_t at)
{
    struct envelope e;
    envelope_parse(r->v, &e);
    share_add(share, &(struct share_entry){.signer = share_signer(r->k),
                                           .arrival = arrival,
                                           .number = at,
                                           .is_deletion = e.content == ENVELOPE_DELETED});
}

/* The index of the entry that goes, or OWN. */
static uint32_t find_loser(const struct disk *d, uint64_t now_unix_s, const struct disk_write *item,
                           const struct room *room)
{
    struct share share;
    uint32_t loser = OWN;
    enum err err = share_init(&share, room->count, 7);
    assert(err == ERR_OK);
    claim(&share, &item->write.record, UINT64_MAX, OWN);
    for (uint32_t at = disk_multis(d, STORE_HELD); disk_is_multi(d, at, STORE_HELD); at++) {
        const struct disk_entry *entry = &d->entries[at];
        if (!is_of(d, at, room->target) || entry->blob == room->old)
            continue;
        if (entry->expiry_unix_s <= now_unix_s && loser == OWN)
            loser = at;
        claim(&share, &entry->blob->record, entry->arrival, at);
    }
    if (loser == OWN)
        loser = (uint32_t)share_loser(&share);
    share_clear(&share);
    return loser;
}

bool disk_make_room(struct disk *d, uint64_t now_unix_s, const struct disk_write *item,
                    const struct blob *old, struct disk_gone *gone)
{
    struct room room = {.target = &item->write.record.target, .old = old};
    if (item->write.space != STORE_HELD || item->write.record.kind != RECORD_MULTI)
        return true;
    for (measure(d, item, &room); is_over(d, &room) && gone->count < DISK_GONE_MAX - 1;
         measure(d, item, &room)) {
        uint32_t loser = find_loser(d, now_unix_s, item, &room);
        if (loser == OWN)
            return false;
        disk_take_out(d, loser, gone);
    }
    return true;
}
