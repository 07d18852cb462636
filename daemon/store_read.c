#include "common/log.h"
#include "daemon/store_db.h"

void store_set_now(struct store *s, uint64_t now_unix_s)
{
    s->now_unix_s = now_unix_s;
}

uint64_t store_now(const struct store *s)
{
    return s->now_unix_s;
}

void store_pause(struct store *s)
{
    if (s->is_reading)
        mdb_txn_reset(s->reader);
    s->is_reading = false;
}

/* The loop's view of the store: taken by the first read after a pause. */
static int resume(struct store *s)
{
    if (s->is_reading)
        return 0;
    int rc = s->reader == NULL ? mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reader)
                               : mdb_txn_renew(s->reader);
    s->is_reading = rc == 0;
    return rc;
}

static int read_serial(struct store *s, MDB_val serial, struct store_entry *entry)
{
    MDB_val value;
    if (serial.mv_size != sizeof(entry->serial))
        return MDB_CORRUPTED;
    memcpy(&entry->serial, serial.mv_data, sizeof(entry->serial));
    MDB_val key = {.mv_size = sizeof(entry->serial), .mv_data = &entry->serial};
    int rc = mdb_get(s->reader, s->table[TABLE_RECORDS], &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    return store_entry_read(entry->serial, value, entry) ? 0 : MDB_CORRUPTED;
}

static enum err answer(struct store *s, int rc, const struct store_entry *entry, struct stored *out)
{
    if (rc != 0 && rc != MDB_NOTFOUND && !s->is_read_failing) {
        log_error(LOG_STORE, "records cannot be read: %s; further ones are not told of",
                  mdb_strerror(rc));
        s->is_read_failing = true;
    }
    if (rc != 0)
        return ERR_NOT_FOUND;
    out->record = entry->record;
    out->put_unix_s = entry->header.put_unix_s;
    out->expiry_unix_s = entry->header.expiry_unix_s;
    return ERR_OK;
}

static enum err get(void *context, enum store_space space, enum record_kind kind,
                    const struct id *target, struct stored *out)
{
    struct store *s = context;
    struct store_entry entry;
    uint8_t bytes[STORE_KEY_SIZE];
    store_key(bytes, space, kind, target);
    MDB_val key = {.mv_size = sizeof(bytes), .mv_data = bytes}, serial;
    int rc = resume(s);
    if (rc == 0)
        rc = mdb_get(s->reader, s->table[TABLE_TARGETS], &key, &serial);
    if (rc == 0)
        rc = read_serial(s, serial, &entry);
    if (rc == 0 && entry.header.expiry_unix_s <= s->now_unix_s)
        rc = MDB_NOTFOUND;
    return answer(s, rc, &entry, out);
}

/* The first that has not ended, from `key` on, or after it; within the space of `key`. */
static int walk(struct store *s, MDB_cursor *cursor, const uint8_t *from, bool is_after,
                struct store_entry *entry)
{
    MDB_val key = {.mv_size = STORE_KEY_SIZE, .mv_data = (void *)(uintptr_t)from}, serial;
    int rc = mdb_cursor_get(cursor, &key, &serial, MDB_SET_RANGE);
    if (rc == 0 && is_after && key.mv_size == STORE_KEY_SIZE &&
        memcmp(key.mv_data, from, STORE_KEY_SIZE) == 0)
        rc = mdb_cursor_get(cursor, &key, &serial, MDB_NEXT);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &serial, MDB_NEXT)) {
        if (*(const uint8_t *)key.mv_data >> 4 != from[0] >> 4)
            return MDB_NOTFOUND;
        rc = read_serial(s, serial, entry);
        if (rc != 0 || entry->header.expiry_unix_s > s->now_unix_s)
            return rc;
    }
    return rc;
}

static enum err next(void *context, enum store_space space, enum record_kind kind,
                     const struct id *target, struct stored *out)
{
    struct store *s = context;
    static const struct id zero;
    struct store_entry entry;
    MDB_cursor *cursor = NULL;
    uint8_t from[STORE_KEY_SIZE];
    store_key(from, space, target == NULL ? 0 : kind, target == NULL ? &zero : target);
    int rc = resume(s);
    if (rc == 0)
        rc = mdb_cursor_open(s->reader, s->table[TABLE_TARGETS], &cursor);
    if (rc == 0)
        rc = walk(s, cursor, from, target != NULL, &entry);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return answer(s, rc, &entry, out);
}

struct store_reader store_reader(struct store *s)
{
    return (struct store_reader){.context = s, .get = get, .next = next};
}

void store_usage(struct store *s, enum store_space space, struct store_usage *out)
{
    struct store_totals totals = {0};
    MDB_val key = {.mv_size = 6, .mv_data = (void *)(uintptr_t) "totals"}, value;
    if (resume(s) == 0 && mdb_get(s->reader, s->table[TABLE_META], &key, &value) == 0 &&
        value.mv_size == sizeof(totals))
        memcpy(&totals, value.mv_data, sizeof(totals));
    *out = totals.usage[space];
}
