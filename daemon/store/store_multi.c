#include <errno.h>

#include "daemon/dht/records/envelope.h"
#include "daemon/dht/records/multi.h"
#include "daemon/dht/records/share.h"
#include "daemon/store/store_db.h"

#define OWN 0u /* the number of what is to be written; serials begin at 1 */
/* Entries that one write may cost: the largest needs the room of nine of the smallest. After the
 * caps were lowered more are over; then each write takes some, until they fit. */
#define LOSERS_MAX 16u

static MDB_val val(const void *data, size_t size)
{
    return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)data};
}

void store_place_key(uint8_t key[STORE_PLACE_KEY_SIZE], enum store_space space,
                     const struct id *target, const struct store_position *position)
{
    struct wire_writer w;
    store_key(key, space, RECORD_MULTI, target);
    wire_writer_init(&w, key + STORE_KEY_SIZE, STORE_PLACE_KEY_SIZE - STORE_KEY_SIZE);
    wire_write_u64(&w, ~position->time_unix_s); /* newest first */
    wire_write(&w, position->key.b, ID_SIZE);
}

bool store_place_read(MDB_val value, struct store_place *out)
{
    if (value.mv_size != sizeof(*out))
        return false;
    memcpy(out, value.mv_data, sizeof(*out));
    return true;
}

bool store_multi_read(MDB_val value, struct store_multi *out)
{
    if (value.mv_size != sizeof(*out))
        return false;
    memcpy(out, value.mv_data, sizeof(*out));
    return true;
}

static bool is_deletion(const struct record *r)
{
    struct envelope e;
    envelope_parse(r->v, &e);
    return e.content == ENVELOPE_DELETED;
}

static void place_key_of(uint8_t key[STORE_PLACE_KEY_SIZE], uint8_t space, const struct record *r)
{
    struct store_position position;
    multi_position_of(r, &position);
    store_place_key(key, (enum store_space)space, &r->target, &position);
}

/* Zeros when nothing of it is stored. */
static int find_multi(struct store_txn *t, const uint8_t key[STORE_KEY_SIZE],
                      struct store_multi *out)
{
    MDB_val name = val(key, STORE_KEY_SIZE), value;
    int rc = mdb_cursor_get(t->cursor[TABLE_MULTIS], &name, &value, MDB_SET);
    *out = (struct store_multi){0};
    if (rc == 0 && !store_multi_read(value, out))
        return MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Adds an entry to the totals of its multi, or takes it out. */
static int count_entry(struct store_txn *t, uint8_t space, const struct record *r, int32_t entries,
                       int64_t bytes)
{
    uint8_t key[STORE_KEY_SIZE];
    struct store_multi multi;
    store_key(key, (enum store_space)space, RECORD_MULTI, &r->target);
    int rc = find_multi(t, key, &multi);
    if (rc != 0)
        return rc;
    if (entries < 0 && (multi.count == 0 || multi.bytes < (uint64_t)-bytes))
        return MDB_CORRUPTED;
    multi.count += (uint32_t)entries;
    multi.bytes += (uint64_t)bytes;
    multi.digest ^= multi_digest(r);
    MDB_val name = val(key, sizeof(key)), value = val(&multi, sizeof(multi));
    if (multi.count > 0)
        return mdb_cursor_put(t->cursor[TABLE_MULTIS], &name, &value, 0);
    rc = mdb_cursor_get(t->cursor[TABLE_MULTIS], &name, NULL, MDB_SET);
    return rc == 0 ? mdb_cursor_del(t->cursor[TABLE_MULTIS], 0) : rc;
}

int store_entry_add(struct store_txn *t, const struct record *r, const struct store_header *header,
                    size_t packed_size, uint64_t serial, uint64_t arrival)
{
    uint8_t key[STORE_PLACE_KEY_SIZE];
    const struct store_place place = {
        .serial = serial,
        .arrival = arrival,
        .expiry_unix_s = header->expiry_unix_s,
        .signer = share_signer(r->k),
        .packed_size = (uint32_t)packed_size,
        .is_deletion = is_deletion(r),
    };
    place_key_of(key, header->space, r);
    MDB_val name = val(key, sizeof(key)), value = val(&place, sizeof(place));
    int rc = mdb_cursor_put(t->cursor[TABLE_PLACES], &name, &value, 0);
    return rc == 0 ? count_entry(t, header->space, r, 1, (int64_t)packed_size) : rc;
}

int store_entry_delete(struct store_txn *t, const struct store_entry *entry, uint64_t *arrival)
{
    uint8_t key[STORE_PLACE_KEY_SIZE];
    struct store_place place;
    MDB_val value;
    place_key_of(key, entry->header.space, &entry->record);
    MDB_val name = val(key, sizeof(key));
    int rc = mdb_cursor_get(t->cursor[TABLE_PLACES], &name, &value, MDB_SET_KEY);
    if (rc == 0 && (!store_place_read(value, &place) || place.serial != entry->serial))
        rc = MDB_CORRUPTED;
    if (rc == 0)
        rc = mdb_cursor_del(t->cursor[TABLE_PLACES], 0);
    if (rc == 0)
        rc = count_entry(t, entry->header.space, &entry->record, -1, -(int64_t)place.packed_size);
    if (rc == 0)
        *arrival = place.arrival;
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

/* A newer one arrives anew; a refresh moves nothing but its end. */
int store_entry_replace(struct store_txn *t, const struct store_entry *old,
                        const struct store_item *item, const struct store_header *header)
{
    const struct record *r = &item->write.record;
    uint64_t arrival = 0;
    int rc = store_entry_delete(t, old, &arrival);
    if (r->seq != old->record.seq)
        arrival = t->totals.next_serial++;
    if (rc == 0)
        rc = store_entry_add(t, r, header, item->size - sizeof(*header), old->serial, arrival);
    return rc;
}

static void claim(struct share *share, const struct store_place *place)
{
    share_add(share, &(struct share_entry){.signer = place->signer,
                                           .arrival = place->arrival,
                                           .number = place->serial,
                                           .is_deletion = place->is_deletion});
}

/* Adds the entries of the multi to `share`, but for the one with the serial `except`. *ended: one
 * that has ended, where there is any. */
static int claim_all(struct store_txn *t, const uint8_t multi[STORE_KEY_SIZE], uint64_t except,
                     struct share *share, uint64_t *ended)
{
    MDB_val key = val(multi, STORE_KEY_SIZE), value;
    int rc = mdb_cursor_get(t->cursor[TABLE_PLACES], &key, &value, MDB_SET_RANGE);
    for (; rc == 0; rc = mdb_cursor_get(t->cursor[TABLE_PLACES], &key, &value, MDB_NEXT)) {
        struct store_place place;
        if (key.mv_size != STORE_PLACE_KEY_SIZE || !store_place_read(value, &place))
            return MDB_CORRUPTED;
        if (memcmp(key.mv_data, multi, STORE_KEY_SIZE) != 0)
            return 0;
        if (place.serial == except)
            continue;
        if (share->room == 0)
            return MDB_CORRUPTED;
        claim(share, &place);
        if (place.expiry_unix_s <= t->now_unix_s)
            *ended = place.serial;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* *serial: the entry that goes; OWN: it is what is to be written. Looks at each entry of the multi,
 * which its cap bounds: with the usual one that takes a fifth of the time of checking a signature.
 */
static int find_loser(struct store_txn *t, const struct store_item *item,
                      const uint8_t multi[STORE_KEY_SIZE], uint32_t count, uint64_t except,
                      uint64_t *serial)
{
    const struct record *r = &item->write.record;
    const struct store_place own = {.serial = OWN,
                                    .arrival = UINT64_MAX,
                                    .signer = share_signer(r->k),
                                    .is_deletion = is_deletion(r)};
    struct share share;
    uint64_t ended = OWN;
    if (share_init(&share, (size_t)count + 1, t->store->secret) != ERR_OK)
        return ENOMEM;
    claim(&share, &own);
    int rc = claim_all(t, multi, except, &share, &ended);
    if (rc == 0)
        *serial = ended != OWN ? ended : share_loser(&share);
    share_clear(&share);
    return rc;
}

bool store_multi_has_room(const struct store *s, const struct store_multi *multi, uint32_t entries,
                          uint64_t bytes)
{
    return multi->count + entries <= s->limits.multi_entries &&
           multi->bytes + bytes <= s->limits.multi_bytes;
}

int store_entry_make_room(struct store_txn *t, struct store_item *item,
                          const struct store_entry *old)
{
    uint32_t entries = old == NULL;
    uint64_t except = old != NULL ? old->serial : OWN;
    uint64_t bytes = item->size - sizeof(old->header), freed = old != NULL ? old->packed.size : 0;
    uint8_t multi[STORE_KEY_SIZE];
    struct store_multi totals;
    store_key(multi, item->write.space, RECORD_MULTI, &item->write.record.target);
    int rc = find_multi(t, multi, &totals);
    for (unsigned i = 0; rc == 0 && i < LOSERS_MAX; i++) {
        uint64_t loser = OWN;
        const struct store_multi others = {.count = totals.count, .bytes = totals.bytes - freed};
        if (store_multi_has_room(t->store, &others, entries, bytes))
            break;
        rc = find_loser(t, item, multi, totals.count, except, &loser);
        if (rc == 0 && loser == OWN) {
            item->err = ERR_STORAGE_FULL;
            break;
        }
        if (rc == 0)
            rc = store_evict(t, loser);
        if (rc == 0)
            rc = find_multi(t, multi, &totals);
    }
    return rc;
}
