#include "common/log.h"
#include "daemon/store/store_db.h"

/* Ended records that one call steps over: they lie about the table, some microseconds each. After a
 * long time down there may be many, until the worker has deleted them. */
#define WALK_MAX 256u

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

/* What a reader says; that the tables cannot be read is told of once, and looks like a miss. */
static enum err outcome(struct store *s, int rc)
{
    if (rc != 0 && rc != MDB_NOTFOUND && !s->is_read_failing) {
        log_error(LOG_STORE, "records cannot be read: %s; further ones are not told of",
                  mdb_strerror(rc));
        s->is_read_failing = true;
    }
    return rc == 0 ? ERR_OK : ERR_NOT_FOUND;
}

static enum err answer(struct store *s, int rc, const struct store_entry *entry, struct stored *out)
{
    if (rc == 0) {
        out->record = entry->record;
        out->put_unix_s = entry->header.put_unix_s;
        out->expiry_unix_s = entry->header.expiry_unix_s;
    }
    return outcome(s, rc);
}

static bool is_past(const struct store *s, const struct store_entry *entry)
{
    return entry->header.expiry_unix_s <= s->now_unix_s;
}

static enum err get(void *context, enum store_space space, enum record_kind kind,
                    const struct id *id, struct stored *out)
{
    struct store *s = context;
    struct store_entry entry;
    uint8_t bytes[STORE_KEY_SIZE];
    store_key(bytes, space, kind, id);
    MDB_val key = {.mv_size = sizeof(bytes), .mv_data = bytes}, serial;
    int rc = resume(s);
    if (rc == 0)
        rc = mdb_get(s->reader, s->table[TABLE_TARGETS], &key, &serial);
    if (rc == 0)
        rc = read_serial(s, serial, &entry);
    if (rc == 0 && is_past(s, &entry))
        rc = MDB_NOTFOUND;
    return answer(s, rc, &entry, out);
}

/* The first key that is greater than `from`, or equal where `is_after` is false. */
static int seek(MDB_cursor *cursor, struct bytes from, bool is_after, MDB_val *key, MDB_val *value)
{
    *key = (MDB_val){.mv_size = from.size, .mv_data = (void *)(uintptr_t)from.data};
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (rc == 0 && is_after && bytes_equal(bytes_of(key->mv_data, key->mv_size), from))
        rc = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    return rc;
}

/* The first that has not ended, from `from` on, or after it; within the space of `from`. The last
 * of WALK_MAX that have ended, when there is none among them. */
static int walk(struct store *s, MDB_cursor *cursor, const uint8_t *from, bool is_after,
                struct store_entry *entry)
{
    MDB_val key, serial;
    int rc = seek(cursor, bytes_of(from, STORE_KEY_SIZE), is_after, &key, &serial);
    for (unsigned i = 1; rc == 0; i++) {
        if (*(const uint8_t *)key.mv_data >> 4 != from[0] >> 4)
            return MDB_NOTFOUND;
        rc = read_serial(s, serial, entry);
        if (rc != 0 || !is_past(s, entry) || i == WALK_MAX)
            return rc;
        rc = mdb_cursor_get(cursor, &key, &serial, MDB_NEXT);
    }
    return rc;
}

/* A cursor of the loop's view; NULL with `*rc` set when there is none. */
static MDB_cursor *open_cursor(struct store *s, enum store_table table, int *rc)
{
    MDB_cursor *cursor = NULL;
    *rc = resume(s);
    if (*rc == 0)
        *rc = mdb_cursor_open(s->reader, s->table[table], &cursor);
    return *rc == 0 ? cursor : NULL;
}

static enum err next(void *context, enum store_space space, enum record_kind kind,
                     const struct id *id, struct stored *out)
{
    struct store *s = context;
    static const struct id zero;
    struct store_entry entry;
    uint8_t from[STORE_KEY_SIZE];
    int rc;
    store_key(from, space, id == NULL ? 0 : kind, id == NULL ? &zero : id);
    MDB_cursor *cursor = open_cursor(s, TABLE_TARGETS, &rc);
    if (cursor != NULL) {
        rc = walk(s, cursor, from, id != NULL, &entry);
        mdb_cursor_close(cursor);
    }
    enum err err = answer(s, rc, &entry, out);
    return err == ERR_OK && is_past(s, &entry) ? ERR_BUSY : err;
}

static enum err summary(void *context, enum store_space space, const struct id *target,
                        struct store_summary *out)
{
    struct store *s = context;
    struct store_multi multi;
    uint8_t bytes[STORE_KEY_SIZE];
    store_key(bytes, space, RECORD_MULTI, target);
    MDB_val key = {.mv_size = sizeof(bytes), .mv_data = bytes}, value;
    int rc = resume(s);
    if (rc == 0)
        rc = mdb_get(s->reader, s->table[TABLE_MULTIS], &key, &value);
    if (rc == 0 && !store_multi_read(value, &multi))
        rc = MDB_CORRUPTED;
    if (rc == 0)
        *out = (struct store_summary){
            .count = multi.count,
            .digest = multi.digest,
            .is_full = !store_multi_has_room(s, &multi, 1, RECORD_PACKED_MAX),
        };
    return outcome(s, rc);
}

/* The first entry from `from` on, or after it, that has not ended. A multi is bounded, and so are
 * the steps. */
static int walk_multi(struct store *s, MDB_cursor *cursor, struct bytes from, bool is_after,
                      struct store_entry *entry)
{
    MDB_val key, value;
    int rc = seek(cursor, from, is_after, &key, &value);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        struct store_place place;
        if (key.mv_size != STORE_PLACE_KEY_SIZE || !store_place_read(value, &place))
            return MDB_CORRUPTED;
        if (memcmp(key.mv_data, from.data, STORE_KEY_SIZE) != 0)
            return MDB_NOTFOUND;
        if (place.expiry_unix_s > s->now_unix_s)
            return read_serial(s, (MDB_val){sizeof(place.serial), &place.serial}, entry);
    }
    return rc;
}

static enum err entry(void *context, enum store_space space, const struct id *target,
                      const struct store_position *after, struct stored *out)
{
    struct store *s = context;
    struct store_entry found;
    uint8_t from[STORE_PLACE_KEY_SIZE];
    int rc;
    store_key(from, space, RECORD_MULTI, target);
    if (after != NULL)
        store_place_key(from, space, target, after);
    MDB_cursor *cursor = open_cursor(s, TABLE_PLACES, &rc);
    if (cursor != NULL) {
        size_t size = after != NULL ? STORE_PLACE_KEY_SIZE : STORE_KEY_SIZE;
        rc = walk_multi(s, cursor, bytes_of(from, size), after != NULL, &found);
        mdb_cursor_close(cursor);
    }
    return answer(s, rc, &found, out);
}

static enum err next_multi(void *context, enum store_space space, const struct id *target,
                           struct id *out)
{
    struct store *s = context;
    static const struct id zero;
    uint8_t from[STORE_KEY_SIZE];
    MDB_val key, value;
    int rc;
    store_key(from, space, RECORD_MULTI, target == NULL ? &zero : target);
    MDB_cursor *cursor = open_cursor(s, TABLE_MULTIS, &rc);
    if (cursor == NULL)
        return outcome(s, rc);
    rc = seek(cursor, bytes_of(from, sizeof(from)), target != NULL, &key, &value);
    if (rc == 0 && key.mv_size != sizeof(from))
        rc = MDB_CORRUPTED;
    if (rc == 0 && *(const uint8_t *)key.mv_data != from[0])
        rc = MDB_NOTFOUND;
    if (rc == 0)
        memcpy(out->b, (const uint8_t *)key.mv_data + 1, ID_SIZE);
    mdb_cursor_close(cursor);
    return outcome(s, rc);
}

struct store_reader store_reader(struct store *s)
{
    return (struct store_reader){.context = s,
                                 .get = get,
                                 .next = next,
                                 .summary = summary,
                                 .entry = entry,
                                 .next_multi = next_multi};
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
