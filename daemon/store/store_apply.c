#include <assert.h>

#include "common/log.h"
#include "daemon/store/store_db.h"

_Static_assert(STORE_ITEM_BYTES == sizeof(struct store_header) + RECORD_PACKED_MAX, "room");

void store_item_pack(struct store_item *item, const struct store_write *write, uint8_t *data)
{
    struct wire_writer w;
    *item = (struct store_item){.write = *write, .data = data};
    if (write->action == STORE_DROP)
        return;
    wire_writer_init(&w, data + sizeof(struct store_header), RECORD_PACKED_MAX);
    record_pack(&w, &write->record);
    assert(!w.failed); /* record_check has passed it: it fits */
    item->size = (uint32_t)(sizeof(struct store_header) + w.used);
    bool is_readable = record_unpack(wire_written(&w), &item->write.record);
    assert(is_readable);
}

static bool is_equal(const struct store_item *item, const struct store_entry *entry)
{
    struct bytes packed = bytes_of(item->data + sizeof(struct store_header),
                                   item->size - sizeof(struct store_header));
    return bytes_equal(packed, entry->packed);
}

/* BEP 44: cas is decided before seq. But the same once more is stored already, and may be what a
 * writer sends again that heard no answer: its cas is of the first time. */
static enum err decide(const struct store_item *item, const struct store_entry *stored)
{
    const struct store_write *write = &item->write;
    if (is_equal(item, stored))
        return ERR_OK;
    if (write->has_cas && write->cas != stored->record.seq)
        return ERR_CAS_MISMATCH;
    return write->record.seq > stored->record.seq ? ERR_OK : ERR_STALE_SEQ;
}

static bool is_capped(const struct store_write *write)
{
    return write->space == STORE_HELD && write->record.kind == RECORD_MULTI;
}

static int put_new(struct store_txn *t, struct store_item *item)
{
    const struct store_write *write = &item->write;
    struct store_header header = {
        .prefix = store_prefix(&write->putter),
        .put_unix_s = write->put_unix_s,
        .expiry_unix_s = write->expiry_unix_s,
        .space = (uint8_t)write->space,
    };
    uint64_t cost = store_cost(item->size - sizeof(header));
    int rc = is_capped(write) ? store_entry_make_room(t, item, NULL) : 0;
    if (rc == 0 && item->err == ERR_OK)
        rc = store_make_room(t, write, header.prefix, cost, &item->err);
    if (rc != 0 || item->err != ERR_OK)
        return rc;
    item->seq = write->record.seq;
    return store_insert(t, item, &header);
}

/* Room for what the replacement is longer. Making it may move the old record: finds it anew. */
static int make_room_over(struct store_txn *t, struct store_item *item, const struct id *key,
                          struct store_entry *old)
{
    const struct store_write *write = &item->write;
    size_t size = item->size - sizeof(old->header);
    if (size <= old->packed.size)
        return 0;
    int rc = is_capped(write) ? store_entry_make_room(t, item, old) : 0;
    if (rc == 0 && item->err == ERR_OK)
        rc = store_make_room(t, write, old->header.prefix, size - old->packed.size, &item->err);
    if (rc == 0 && item->err == ERR_OK)
        rc = store_find(t, write->space, write->record.kind, key, old);
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

/* It stays charged to whoever put it first, so a republisher moves nothing. */
static int put_over(struct store_txn *t, struct store_item *item, const struct id *key,
                    struct store_entry *old)
{
    int rc = make_room_over(t, item, key, old);
    if (rc != 0 || item->err != ERR_OK)
        return rc;
    struct store_header header = old->header;
    header.put_unix_s = item->write.put_unix_s;
    header.expiry_unix_s = item->write.expiry_unix_s;
    if (memcmp(&header, &old->header, sizeof(header)) == 0 && is_equal(item, old))
        return 0;
    item->seq = item->write.record.seq;
    return store_replace(t, old, item, &header);
}

static int put(struct store_txn *t, struct store_item *item)
{
    const struct record *r = &item->write.record;
    struct store_entry stored;
    struct id key;
    record_key(r, &key);
    int rc = store_find(t, item->write.space, r->kind, &key, &stored);
    if (rc == 0 && stored.header.expiry_unix_s <= t->now_unix_s) {
        rc = store_remove(t, &stored);
        return rc == 0 ? put_new(t, item) : rc;
    }
    if (rc == MDB_NOTFOUND)
        return put_new(t, item);
    if (rc != 0)
        return rc;
    item->seq = stored.record.seq;
    item->err = decide(item, &stored);
    return item->err == ERR_OK ? put_over(t, item, &key, &stored) : 0;
}

static int drop(struct store_txn *t, struct store_item *item)
{
    const struct record *r = &item->write.record;
    struct store_entry stored;
    int rc = store_find(t, item->write.space, r->kind, &r->target, &stored);
    if (rc == MDB_NOTFOUND) {
        item->err = ERR_NOT_FOUND;
        return 0;
    }
    return rc == 0 ? store_remove(t, &stored) : rc;
}

static int apply_item(struct store_txn *t, struct store_item *item)
{
    item->err = ERR_OK;
    item->seq = 0;
    switch (item->write.action) {
    case STORE_PUT:
        return put(t, item);
    case STORE_DROP:
        return drop(t, item);
    }
    return 0;
}

/* A full disk fails a batch a turn: one line when it begins, one when it is over. */
static void tell_change(struct store *s, int code)
{
    bool is_failing = code != 0;
    if (is_failing == s->is_write_failing)
        return;
    s->is_write_failing = is_failing;
    if (is_failing)
        log_error(LOG_STORE, "writes fail: %s; nothing is acknowledged", mdb_strerror(code));
    else
        log_info(LOG_STORE, "writes succeed again");
}

/* None of the batch is on disk, whatever each had come to. */
static enum err fail_all(struct store_work *work, int code)
{
    enum err err = store_err(code) == ERR_STORAGE_FULL ? ERR_STORAGE_FULL : ERR_IO;
    for (size_t i = 0; i < work->count; i++) {
        if (!work->items[i].is_refused)
            work->items[i].err = err;
    }
    work->has_more = false;
    return err;
}

enum err store_apply(struct store *s, struct store_work *work)
{
    struct store_txn t;
    assert(work->count <= STORE_BATCH_MAX);
    work->has_more = false;
    const uint32_t removed_before = work->removals != NULL ? work->removals->count : 0;
    int rc = store_txn_begin(&t, s, work->now_unix_s);
    t.removals = work->removals;
    for (size_t i = 0; i < work->count && rc == 0; i++) {
        if (!work->items[i].is_refused)
            rc = apply_item(&t, &work->items[i]);
    }
    if (rc == 0 && work->is_expiring)
        rc = store_expire(&t, STORE_EXPIRE_MAX, &work->has_more);
    if (rc == 0)
        rc = store_txn_commit(&t);
    else
        store_txn_abort(&t);
    work->evicted = rc == 0 ? t.evicted : 0;
    if (rc != 0 && work->removals != NULL)
        work->removals->count = removed_before;
    tell_change(s, rc);
    return rc == 0 ? ERR_OK : fail_all(work, rc);
}
