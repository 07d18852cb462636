#include <assert.h>
#include <errno.h>

#include "daemon/store/store_db.h"

enum err store_err(int code)
{
    switch (code) {
    case 0:
        return ERR_OK;
    case MDB_VERSION_MISMATCH:
        return ERR_NEWER;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE:
    case MDB_PANIC:
        return ERR_CORRUPT;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        return ERR_STORAGE_FULL;
    case ENOMEM:
        return ERR_NO_MEMORY;
    }
    return ERR_IO;
}

/* LMDB's values are not const; it writes to none that is handed in. */
static MDB_val val(const void *data, size_t size)
{
    return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)data};
}

static void write_big_endian(uint8_t out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        out[i] = (uint8_t)value;
}

void store_key(uint8_t out[STORE_KEY_SIZE], enum store_space space, enum record_kind kind,
               const struct id *key)
{
    out[0] = (uint8_t)((unsigned)space << 4 | (unsigned)kind);
    memcpy(out + 1, key->b, ID_SIZE);
}

static void store_key_of(uint8_t out[STORE_KEY_SIZE], uint8_t space, const struct record *r)
{
    struct id key;
    record_key(r, &key);
    store_key(out, (enum store_space)space, r->kind, &key);
}

/* The family and the 3 or 7 bytes that a prefix has; 0 stands for this node itself. */
uint64_t store_prefix(const struct addr *putter)
{
    if (putter->family == ADDR_NONE)
        return 0;
    struct addr prefix = addr_prefix(putter);
    uint64_t value = 0;
    for (size_t i = 0; i < 7; i++)
        value = value << 8 | prefix.ip[i];
    return (uint64_t)prefix.family << 56 | value;
}

uint64_t store_cost(size_t packed_size)
{
    return packed_size + STORE_RECORD_COST;
}

/* The first minute that begins after the record has ended. */
uint32_t store_due_minute(uint64_t expiry_unix_s)
{
    uint64_t minute = expiry_unix_s / 60 + 1;
    return minute >= STORE_DUE_NEVER ? STORE_DUE_NEVER : (uint32_t)minute;
}

bool store_entry_read(uint64_t serial, MDB_val value, struct store_entry *out)
{
    if (value.mv_size < sizeof(out->header))
        return false;
    out->serial = serial;
    memcpy(&out->header, value.mv_data, sizeof(out->header));
    out->packed = bytes_of((const uint8_t *)value.mv_data + sizeof(out->header),
                           value.mv_size - sizeof(out->header));
    return out->header.space < STORE_SPACE_COUNT && record_unpack(out->packed, &out->record);
}

static int open_cursors(struct store_txn *t)
{
    int rc = 0;
    for (size_t i = 0; i < TABLE_COUNT && rc == 0; i++)
        rc = mdb_cursor_open(t->txn, t->store->table[i], &t->cursor[i]);
    return rc;
}

int store_txn_begin(struct store_txn *t, struct store *s, uint64_t now_unix_s)
{
    *t = (struct store_txn){.store = s, .now_unix_s = now_unix_s};
    MDB_val key = val("totals", 6), value;
    int rc = mdb_txn_begin(s->env, NULL, 0, &t->txn);
    if (rc == 0)
        rc = open_cursors(t);
    if (rc == 0)
        rc = mdb_cursor_get(t->cursor[TABLE_META], &key, &value, MDB_SET);
    if (rc == 0 && value.mv_size != sizeof(t->totals))
        rc = MDB_CORRUPTED;
    if (rc == 0)
        memcpy(&t->totals, value.mv_data, sizeof(t->totals));
    t->totals_on_disk = t->totals;
    return rc;
}

/* A write transaction's cursors close with it. */
int store_txn_commit(struct store_txn *t)
{
    int rc = store_totals_flush(t);
    if (rc == 0 && memcmp(&t->totals, &t->totals_on_disk, sizeof(t->totals)) != 0) {
        MDB_val key = val("totals", 6), value = val(&t->totals, sizeof(t->totals));
        rc = mdb_cursor_put(t->cursor[TABLE_META], &key, &value, 0);
    }
    if (rc == 0)
        return mdb_txn_commit(t->txn);
    store_txn_abort(t);
    return rc;
}

void store_txn_abort(struct store_txn *t)
{
    if (t->txn != NULL)
        mdb_txn_abort(t->txn);
}

int store_load(struct store_txn *t, uint64_t serial, struct store_entry *out)
{
    MDB_val key = val(&serial, sizeof(serial)), value;
    int rc = mdb_cursor_get(t->cursor[TABLE_RECORDS], &key, &value, MDB_SET);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    return store_entry_read(serial, value, out) ? 0 : MDB_CORRUPTED;
}

int store_find(struct store_txn *t, enum store_space space, enum record_kind kind,
               const struct id *id, struct store_entry *out)
{
    uint8_t bytes[STORE_KEY_SIZE];
    uint64_t serial;
    store_key(bytes, space, kind, id);
    MDB_val key = val(bytes, sizeof(bytes)), value;
    int rc = mdb_cursor_get(t->cursor[TABLE_TARGETS], &key, &value, MDB_SET);
    if (rc != 0)
        return rc;
    if (value.mv_size != sizeof(serial))
        return MDB_CORRUPTED;
    memcpy(&serial, value.mv_data, sizeof(serial));
    return store_load(t, serial, out);
}

int store_due_add(struct store_txn *t, uint32_t minute, uint64_t serial)
{
    if (minute == STORE_DUE_NEVER)
        return 0;
    uint64_t number = minute;
    MDB_val key = val(&number, sizeof(number)), value = val(&serial, sizeof(serial));
    return mdb_cursor_put(t->cursor[TABLE_DUE], &key, &value, 0);
}

/* Deletes one of the values of a key; that it is not there means that the tables disagree. */
static int delete_value(MDB_cursor *cursor, uint64_t number, const void *data, size_t size)
{
    MDB_val key = val(&number, sizeof(number)), value = val(data, size);
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_GET_BOTH);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    return mdb_cursor_del(cursor, 0);
}

int store_due_delete(struct store_txn *t, uint32_t minute, uint64_t serial)
{
    if (minute == STORE_DUE_NEVER)
        return 0;
    return delete_value(t->cursor[TABLE_DUE], minute, &serial, sizeof(serial));
}

static void putter_value(const struct store_txn *t, const struct id *target, uint64_t serial,
                         uint8_t out[16])
{
    write_big_endian(out, id_distance_head(&t->store->self, target));
    write_big_endian(out + 8, serial);
}

int store_putter_add(struct store_txn *t, uint64_t prefix, const struct id *target, uint64_t serial)
{
    uint8_t bytes[16];
    putter_value(t, target, serial, bytes);
    MDB_val key = val(&prefix, sizeof(prefix)), value = val(bytes, sizeof(bytes));
    return mdb_cursor_put(t->cursor[TABLE_PUTTERS], &key, &value, 0);
}

/* The header goes before the packed record, in the room that store_item_pack left for it. */
static int write_record(struct store_txn *t, uint64_t serial, struct store_item *item,
                        const struct store_header *header, unsigned flags)
{
    memcpy(item->data, header, sizeof(*header));
    MDB_val key = val(&serial, sizeof(serial)), value = val(item->data, item->size);
    return mdb_cursor_put(t->cursor[TABLE_RECORDS], &key, &value, flags);
}

static void count(struct store_txn *t, uint8_t space, int64_t records, int64_t bytes)
{
    struct store_usage *usage = &t->totals.usage[space];
    assert(records >= 0 || usage->records > 0);
    usage->records += (uint64_t)records;
    usage->bytes += (uint64_t)bytes;
}

int store_insert(struct store_txn *t, struct store_item *item, struct store_header *header)
{
    const struct record *r = &item->write.record;
    uint64_t serial = t->totals.next_serial++;
    int64_t cost = (int64_t)store_cost(item->size - sizeof(*header));
    uint8_t bytes[STORE_KEY_SIZE];
    store_key_of(bytes, header->space, r);
    MDB_val key = val(bytes, sizeof(bytes)), value = val(&serial, sizeof(serial));
    header->due_minute = store_due_minute(header->expiry_unix_s);
    int rc = write_record(t, serial, item, header, MDB_APPEND);
    if (rc == 0)
        rc = mdb_cursor_put(t->cursor[TABLE_TARGETS], &key, &value, 0);
    if (rc == 0)
        rc = store_due_add(t, header->due_minute, serial);
    if (rc == 0 && header->space == STORE_HELD)
        rc = store_putter_add(t, header->prefix, &r->target, serial);
    if (rc == 0 && header->space == STORE_HELD)
        rc = store_charge(t, header->prefix, cost);
    if (rc == 0 && r->kind == RECORD_MULTI)
        rc = store_entry_add(t, r, header, item->size - sizeof(*header), serial, serial);
    count(t, header->space, 1, cost);
    return rc;
}

int store_replace(struct store_txn *t, const struct store_entry *old, struct store_item *item,
                  struct store_header *header)
{
    int64_t growth = (int64_t)item->size - (int64_t)(old->packed.size + sizeof(*header));
    uint32_t due = store_due_minute(header->expiry_unix_s), due_old = old->header.due_minute;
    int rc = 0;
    header->due_minute = due < due_old ? due : due_old;
    if (due < due_old) {
        rc = store_due_delete(t, due_old, old->serial);
        if (rc == 0)
            rc = store_due_add(t, due, old->serial);
    }
    if (rc == 0 && old->record.kind == RECORD_MULTI)
        rc = store_entry_replace(t, old, item, header);
    if (rc == 0)
        rc = write_record(t, old->serial, item, header, 0);
    if (rc == 0 && growth != 0 && header->space == STORE_HELD)
        rc = store_charge(t, header->prefix, growth);
    count(t, header->space, 0, growth);
    return rc;
}

/* The record itself goes last: the entry's views are into it. */
int store_remove(struct store_txn *t, const struct store_entry *entry)
{
    uint8_t bytes[STORE_KEY_SIZE], putter[16];
    const struct store_header header = entry->header;
    uint64_t serial = entry->serial;
    int64_t cost = (int64_t)store_cost(entry->packed.size);
    uint64_t arrival;
    store_key_of(bytes, header.space, &entry->record);
    putter_value(t, &entry->record.target, serial, putter);
    MDB_val key = val(bytes, sizeof(bytes)), record_key = val(&serial, sizeof(serial));
    int rc = mdb_cursor_get(t->cursor[TABLE_TARGETS], &key, NULL, MDB_SET);
    if (rc == 0)
        rc = mdb_cursor_del(t->cursor[TABLE_TARGETS], 0);
    if (rc == 0)
        rc = store_due_delete(t, header.due_minute, serial);
    if (rc == 0 && header.space == STORE_HELD)
        rc = delete_value(t->cursor[TABLE_PUTTERS], header.prefix, putter, sizeof(putter));
    if (rc == 0 && header.space == STORE_HELD)
        rc = store_charge(t, header.prefix, -cost);
    if (rc == 0 && entry->record.kind == RECORD_MULTI)
        rc = store_entry_delete(t, entry, &arrival);
    if (rc == 0)
        rc = mdb_cursor_get(t->cursor[TABLE_RECORDS], &record_key, NULL, MDB_SET);
    if (rc == 0)
        rc = mdb_cursor_del(t->cursor[TABLE_RECORDS], 0);
    count(t, header.space, -1, -cost);
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}
