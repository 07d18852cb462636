#include "daemon/store/store_db.h"

/* Steps for one write: the largest record needs the room of nine of the smallest. */
#define EVICT_MAX 16u
#define DUE_MAX   16u /* what is due but lives on is entered anew, and makes no room */

static int write_total(struct store_txn *t, struct store_prefix_slot *slot)
{
    MDB_cursor *totals = t->cursor[TABLE_TOTALS], *heavy = t->cursor[TABLE_HEAVY];
    MDB_val prefix = {sizeof(slot->prefix), &slot->prefix};
    MDB_val bytes = {sizeof(slot->bytes), &slot->bytes};
    int rc = 0;
    if (slot->bytes == slot->bytes_on_disk)
        return 0;
    if (slot->bytes_on_disk != 0) {
        MDB_val key = {sizeof(slot->bytes_on_disk), &slot->bytes_on_disk}, value = prefix;
        rc = mdb_cursor_get(heavy, &key, &value, MDB_GET_BOTH);
        if (rc == 0)
            rc = mdb_cursor_del(heavy, 0);
    }
    if (rc == 0 && slot->bytes != 0) {
        MDB_val key = bytes, value = prefix;
        rc = mdb_cursor_put(heavy, &key, &value, 0);
        if (rc == 0)
            rc = mdb_cursor_put(totals, &prefix, &bytes, 0);
    } else if (rc == 0) {
        rc = mdb_cursor_get(totals, &prefix, &bytes, MDB_SET);
        if (rc == 0)
            rc = mdb_cursor_del(totals, 0);
    }
    slot->bytes_on_disk = slot->bytes;
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int read_total(struct store_txn *t, uint64_t prefix, struct store_prefix_slot *slot)
{
    MDB_val key = {sizeof(prefix), &prefix}, value;
    int rc = mdb_cursor_get(t->cursor[TABLE_TOTALS], &key, &value, MDB_SET);
    *slot = (struct store_prefix_slot){.is_used = rc == 0 || rc == MDB_NOTFOUND, .prefix = prefix};
    if (rc == 0 && value.mv_size != sizeof(slot->bytes))
        return MDB_CORRUPTED;
    if (rc == 0)
        memcpy(&slot->bytes, value.mv_data, sizeof(slot->bytes));
    slot->bytes_on_disk = slot->bytes;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The running total of a prefix; another one that had its slot is written back. */
static int find_total(struct store_txn *t, uint64_t prefix, struct store_prefix_slot **out)
{
    uint64_t mixed = prefix * 0x9e3779b97f4a7c15u;
    struct store_prefix_slot *slot = &t->slots[(mixed >> 32) % STORE_PREFIX_SLOTS];
    *out = slot;
    if (slot->is_used && slot->prefix == prefix)
        return 0;
    int rc = slot->is_used ? write_total(t, slot) : 0;
    return rc == 0 ? read_total(t, prefix, slot) : rc;
}

int store_charge(struct store_txn *t, uint64_t prefix, int64_t bytes)
{
    struct store_prefix_slot *slot;
    int rc = find_total(t, prefix, &slot);
    if (rc != 0)
        return rc;
    if (bytes < 0 && slot->bytes < (uint64_t)-bytes)
        return MDB_CORRUPTED;
    slot->bytes += (uint64_t)bytes;
    return 0;
}

int store_totals_flush(struct store_txn *t)
{
    int rc = 0;
    for (size_t i = 0; i < STORE_PREFIX_SLOTS && rc == 0; i++) {
        if (t->slots[i].is_used)
            rc = write_total(t, &t->slots[i]);
    }
    return rc;
}

/* The prefix charged with the most. MDB_NOTFOUND when nobody is charged. */
static int find_heaviest(struct store_txn *t, uint64_t *prefix, uint64_t *bytes)
{
    MDB_val key, value;
    int rc = store_totals_flush(t);
    if (rc == 0)
        rc = mdb_cursor_get(t->cursor[TABLE_HEAVY], &key, &value, MDB_LAST);
    if (rc != 0)
        return rc;
    if (key.mv_size != sizeof(*bytes) || value.mv_size != sizeof(*prefix))
        return MDB_CORRUPTED;
    memcpy(bytes, key.mv_data, sizeof(*bytes));
    memcpy(prefix, value.mv_data, sizeof(*prefix));
    return 0;
}

static uint64_t read_big_endian(const uint8_t in[8])
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | in[i];
    return value;
}

/* The prefix's record farthest from our id. MDB_NOTFOUND when it has none. */
static int find_farthest(struct store_txn *t, uint64_t prefix, uint64_t *distance, uint64_t *serial)
{
    MDB_val key = {sizeof(prefix), &prefix}, value;
    int rc = mdb_cursor_get(t->cursor[TABLE_PUTTERS], &key, &value, MDB_SET);
    if (rc == 0)
        rc = mdb_cursor_get(t->cursor[TABLE_PUTTERS], &key, &value, MDB_LAST_DUP);
    if (rc != 0)
        return rc;
    if (value.mv_size != 16)
        return MDB_CORRUPTED;
    *distance = read_big_endian(value.mv_data);
    *serial = read_big_endian((const uint8_t *)value.mv_data + 8);
    return 0;
}

static void note_removal(struct store_txn *t, const struct store_entry *entry, bool is_expired)
{
    struct store_removals *removals = t->removals;
    if (removals == NULL)
        return;
    if (removals->count == STORE_REMOVALS_MAX) {
        removals->more_expired += is_expired;
        removals->more_evicted += !is_expired;
        return;
    }
    removals->list[removals->count++] = (struct store_removed){
        .is_expired = is_expired,
        .space = (enum store_space)entry->header.space,
        .kind = entry->record.kind,
        .target = entry->record.target,
        .seq = entry->record.seq,
        .size = (uint32_t)entry->packed.size,
    };
}

int store_evict(struct store_txn *t, uint64_t serial)
{
    struct store_entry entry;
    int rc = store_load(t, serial, &entry);
    t->evicted++;
    if (rc != 0)
        return rc;
    note_removal(t, &entry, false);
    return store_remove(t, &entry);
}

/* It has lived on since it was entered: enters it again for its present expiry. */
static int rearm(struct store_txn *t, const struct store_entry *entry)
{
    uint8_t copy[STORE_ITEM_BYTES];
    struct store_header header = entry->header;
    size_t size = sizeof(header) + entry->packed.size;
    if (size > sizeof(copy))
        return MDB_CORRUPTED;
    header.due_minute = store_due_minute(header.expiry_unix_s);
    memcpy(copy, &header, sizeof(header));
    memcpy(copy + sizeof(header), entry->packed.data, entry->packed.size);
    uint64_t serial = entry->serial;
    MDB_val key = {sizeof(serial), &serial}, value = {size, copy};
    int rc = mdb_cursor_put(t->cursor[TABLE_RECORDS], &key, &value, 0);
    if (rc == 0)
        rc = store_due_delete(t, entry->header.due_minute, serial);
    return rc == 0 ? store_due_add(t, header.due_minute, serial) : rc;
}

/* Deals with the first record whose minute has come. *was_due: there was one. */
static int expire_one(struct store_txn *t, bool *was_due)
{
    MDB_val key, value;
    uint64_t minute, serial;
    struct store_entry entry;
    *was_due = false;
    int rc = mdb_cursor_get(t->cursor[TABLE_DUE], &key, &value, MDB_FIRST);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? 0 : rc;
    if (key.mv_size != sizeof(minute) || value.mv_size != sizeof(serial))
        return MDB_CORRUPTED;
    memcpy(&minute, key.mv_data, sizeof(minute));
    memcpy(&serial, value.mv_data, sizeof(serial));
    if (minute > t->now_unix_s / 60)
        return 0;
    *was_due = true;
    rc = store_load(t, serial, &entry);
    if (rc != 0)
        return rc;
    if (entry.header.expiry_unix_s > t->now_unix_s)
        return rearm(t, &entry);
    note_removal(t, &entry, true);
    return store_remove(t, &entry);
}

/* The record that goes next when `write` needs room: *serial, or ERR_STORAGE_FULL when it would be
 * the write's own. */
static int choose_loser(struct store_txn *t, const struct store_write *write, uint64_t prefix,
                        uint64_t bytes, uint64_t *serial, enum err *err)
{
    struct store_prefix_slot *own;
    uint64_t heaviest = prefix, heaviest_bytes = 0, distance;
    int rc = find_total(t, prefix, &own);
    if (rc != 0)
        return rc;
    uint64_t own_bytes = own->bytes + bytes;
    rc = find_heaviest(t, &heaviest, &heaviest_bytes);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    if (own_bytes >= heaviest_bytes)
        heaviest = prefix;
    rc = find_farthest(t, heaviest, &distance, serial);
    bool is_own = rc == MDB_NOTFOUND;
    if (rc == 0 && heaviest == prefix)
        is_own = id_distance_head(&t->store->self, &write->record.target) >= distance;
    if (is_own)
        *err = ERR_STORAGE_FULL;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int expire_until(struct store_txn *t, enum store_space space, uint64_t bytes_max)
{
    const struct store_usage *usage = &t->totals.usage[space];
    bool was_due = true;
    int rc = 0;
    for (size_t i = 0; i < DUE_MAX && rc == 0 && was_due && usage->bytes > bytes_max; i++)
        rc = expire_one(t, &was_due);
    return rc;
}

int store_make_room(struct store_txn *t, const struct store_write *write, uint64_t prefix,
                    uint64_t bytes, enum err *err)
{
    uint64_t quota = store_quota(t->store, write->space);
    const struct store_usage *usage = &t->totals.usage[write->space];
    *err = bytes > quota ? ERR_STORAGE_FULL : ERR_OK;
    if (*err != ERR_OK)
        return 0;
    int rc = expire_until(t, write->space, quota - bytes);
    for (size_t i = 0; rc == 0 && *err == ERR_OK && usage->bytes > quota - bytes; i++) {
        uint64_t loser = 0;
        if (i == EVICT_MAX || write->space == STORE_KEPT)
            *err = ERR_STORAGE_FULL;
        else
            rc = choose_loser(t, write, prefix, bytes, &loser, err);
        if (rc == 0 && *err == ERR_OK)
            rc = store_evict(t, loser);
    }
    return rc;
}

/* After the quota was lowered. */
static int trim_one(struct store_txn *t, bool *was_over)
{
    uint64_t prefix, bytes, distance, serial;
    *was_over = t->totals.usage[STORE_HELD].bytes > store_quota(t->store, STORE_HELD);
    if (!*was_over)
        return 0;
    int rc = find_heaviest(t, &prefix, &bytes);
    if (rc == 0)
        rc = find_farthest(t, prefix, &distance, &serial);
    if (rc == 0)
        rc = store_evict(t, serial);
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

int store_expire(struct store_txn *t, size_t max, bool *has_more)
{
    int rc = 0;
    *has_more = true;
    for (size_t i = 0; i < max && rc == 0 && *has_more; i++) {
        rc = expire_one(t, has_more);
        if (rc == 0 && !*has_more)
            rc = trim_one(t, has_more);
    }
    return rc;
}
