/* liststored, listputs and dropput: what this node holds for the network, and what it keeps. */
#include <stdlib.h>

#include "common/hex.h"
#include "daemon/dht/records/envelope.h"
#include "rpc/methods/method_files.h"
#include "rpc/transfer/cut.h"
#include "rpc/transfer/large.h"
#include "rpc/values/base64.h"
#include "rpc/values/slot.h"

#define LOOKED_AT_MAX 4096u /* records in one page, shown or not: a few milliseconds */
#define CURSOR_SIZE   (2 + 2 * ID_SIZE + 1) /* s:<key>, i:<key> or m:<key> */

/* Where a page begins: after this record. */
struct cursor {
    enum record_kind kind; /* 0: at the first */
    struct id key;
};

static const char *kind_letter(enum record_kind kind)
{
    return kind == RECORD_IMMUTABLE ? "i" : kind == RECORD_SINGLE ? "s" : "m";
}

static bool cursor_parse(const char *text, struct cursor *out)
{
    *out = (struct cursor){0};
    if (text == NULL) {
        return true;
    }
    for (enum record_kind kind = RECORD_IMMUTABLE; kind <= RECORD_MULTI; kind++) {
        if (text[0] == kind_letter(kind)[0] && text[1] == ':') {
            out->kind = kind;
        }
    }
    return out->kind != 0 && hex_decode(text + 2, strlen(text + 2), out->key.b, ID_SIZE);
}

static json_t *cursor_show(const struct cursor *cursor)
{
    char text[CURSOR_SIZE];
    text[0] = kind_letter(cursor->kind)[0];
    text[1] = ':';
    hex_encode(id_bytes(&cursor->key), text + 2);
    return json_string(text);
}

/* As the reader's next: immutables, singles, entries of multis. Moves the cursor on. */
static enum err cursor_next(const struct store_reader *store, enum store_space space,
                            struct cursor *cursor, struct stored *out)
{
    const struct id *after = cursor->kind != 0 ? &cursor->key : NULL;
    enum err err = store->next(store->context, space, cursor->kind, after, out);
    if (err != ERR_NOT_FOUND) {
        cursor->kind = out->record.kind;
        record_key(&out->record, &cursor->key);
    }
    return err;
}

static bool set_hex(json_t *item, const char *name, struct bytes bytes)
{
    char text[2 * KEYS_PUBLIC_SIZE + 1];
    return json_object_set_new(item, name, json_string(hex_encode(bytes, text))) == 0;
}

/* The salt of a single: `salt`, or `salt_base64` where it is not UTF-8. */
static bool show_salt(json_t *item, struct bytes salt)
{
    json_t *text = json_stringn(salt.size > 0 ? (const char *)salt.data : "", salt.size);
    if (text != NULL) {
        return json_object_set_new(item, "salt", text) == 0;
    }
    return json_object_set_new(item, "salt_base64", base64_to_json(salt)) == 0;
}

/* The place of an entry: its slot and its key. */
static bool show_place(json_t *item, const struct record *entry)
{
    struct id key;
    record_key(entry, &key);
    return slot_show(item, entry->salt) && set_hex(item, "key", id_bytes(&key));
}

static bool show_owner(json_t *item, const struct record *record)
{
    if (record->kind == RECORD_IMMUTABLE) {
        return true;
    }
    return set_hex(item, "k", bytes_of(record->k, KEYS_PUBLIC_SIZE)) &&
           (record->kind == RECORD_MULTI ? show_place(item, record)
                                         : show_salt(item, record->salt));
}

/* When it ends: a kept one by what is signed, since its place on the disk does not end; null where
 * nothing is. */
static json_t *show_expiry(const struct stored *stored)
{
    if (stored->expiry_unix_s != STORE_EXPIRY_NEVER) {
        return json_integer((json_int_t)stored->expiry_unix_s);
    }
    struct envelope envelope;
    envelope_parse(stored->record.v, &envelope);
    return envelope.has_expiry ? json_integer((json_int_t)envelope.expiry_unix_s) : json_null();
}

/* A part of a large value, as cut.c makes them. */
static bool is_chunk(const struct record *record)
{
    struct envelope envelope;
    envelope_parse(record->v, &envelope);
    return record->kind == RECORD_IMMUTABLE && envelope.content == ENVELOPE_BYTES &&
           envelope.has_expiry && !envelope.has_time;
}

/* Of a large value: how long the whole is, and how many chunks it has. */
static bool show_large(json_t *item, const struct record *record)
{
    struct manifest manifest;
    if (!manifest_of_v(record->v, &manifest)) {
        return true;
    }
    json_t *large = json_pack("{s:I, s:I}", "size", (json_int_t)manifest.size, "chunks",
                              (json_int_t)cut_count(manifest.size));
    return json_object_set_new(item, "large", large) == 0;
}

static json_t *show_item(const struct stored *stored)
{
    const struct record *record = &stored->record;
    char target[2 * ID_SIZE + 1];
    hex_encode(id_bytes(&record->target), target);
    json_t *item = json_pack("{s:s, s:s}", "kind", kind_letter(record->kind), "target", target);
    json_t *rest = json_pack("{s:I, s:I, s:o}", "seq", (json_int_t)record->seq, "size",
                             (json_int_t)record->v.size, "expires", show_expiry(stored));
    bool is_whole = item != NULL && rest != NULL && show_owner(item, record) &&
                    json_object_update(item, rest) == 0 && show_large(item, record);
    json_decref(rest);
    if (!is_whole) {
        json_decref(item);
        return NULL;
    }
    return item;
}

/* One page; `next` is where the following begins, or null after the last. Without chunks, or where
 * many have ended, it may end before `limit`, so that it never takes long. */
static json_t *show_page(const struct store_reader *store, enum store_space space,
                         struct cursor cursor, int64_t limit, bool has_chunks)
{
    json_t *items = json_array();
    json_t *next = NULL;
    struct stored stored;
    struct cursor last = cursor;
    unsigned looked_at = 0;
    enum err err;
    while (items != NULL && (err = cursor_next(store, space, &cursor, &stored)) != ERR_NOT_FOUND) {
        if (err == ERR_BUSY) {
            next = cursor_show(&cursor);
            break;
        }
        bool is_left_out = !has_chunks && is_chunk(&stored.record);
        if (looked_at++ == LOOKED_AT_MAX || (!is_left_out && limit-- == 0)) {
            next = cursor_show(&last);
            break;
        }
        if (!is_left_out && json_array_append_new(items, show_item(&stored)) != 0) {
            json_decref(items);
            return NULL;
        }
        last = cursor;
    }
    return json_pack("{s:o, s:o}", "items", items, "next", next != NULL ? next : json_null());
}

static struct rpc_result list(struct rpc_call *call, enum store_space space, bool has_chunks)
{
    struct cursor cursor = {0};
    if (!cursor_parse(rpc_string(call, "after"), &cursor)) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "after: not a cursor that `next` gave");
    }
    int64_t limit = rpc_int(call, "limit");
    return rpc_reply(call, show_page(&rpc_host_of(call)->store, space, cursor, limit, has_chunks));
}

struct rpc_result method_liststored(struct rpc_call *call)
{
    return list(call, STORE_HELD, true);
}

struct rpc_result method_listputs(struct rpc_call *call)
{
    return list(call, STORE_KEPT, rpc_bool(call, "chunks"));
}

static bool is_kept(const struct rpc_host *host, enum record_kind kind, const struct id *key)
{
    struct stored stored;
    return host->store.get(host->store.context, STORE_KEPT, kind, key, &stored) == ERR_OK;
}

/* What is to go: one record after the other, each with its chunks. */
struct drop {
    bool is_multi;
    struct id multi;             /* the target whose entries all go */
    struct large_chunks *chunks; /* of the record that goes now; owned */
};

static void on_drop_end(struct rpc_call *call, void *state)
{
    struct drop *drop = state;
    (void)call;
    free(drop->chunks);
    free(drop);
}

/* The key of an entry that is kept of this multi. */
static bool find_entry(const struct rpc_host *host, const struct id *multi, struct id *key)
{
    struct stored stored;
    if (host->store.entry(host->store.context, STORE_KEPT, multi, NULL, &stored) != ERR_OK) {
        return false;
    }
    record_key(&stored.record, key);
    return true;
}

static struct rpc_result on_dropped(struct rpc_call *call, void *state, const struct event *event);

static enum err start_drop(const struct rpc_host *host, enum record_kind kind, const struct id *key,
                           struct drop *drop, struct rpc_pending_on *on)
{
    *on = (struct rpc_pending_on){.on_event = on_dropped, .on_end = on_drop_end, .state = drop};
    free(drop->chunks);
    drop->chunks = large_kept_chunks(host, kind, key);
    return node_drop_kept(host->node, host->now(host->context), kind, key, &on->op, host->outbox);
}

static struct rpc_result on_dropped(struct rpc_call *call, void *state, const struct event *event)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct drop *drop = state;
    struct rpc_pending_on on;
    struct id key;
    if (event->err != ERR_OK) {
        return rpc_fail(call, event->err, NULL);
    }
    large_drop_chunks(call, drop->chunks);
    if (!drop->is_multi || !find_entry(host, &drop->multi, &key)) {
        return rpc_reply(call, json_true());
    }
    enum err err = start_drop(host, RECORD_MULTI, &key, drop, &on);
    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}

static struct rpc_result drop_all(struct rpc_call *call, enum record_kind kind,
                                  const struct id *key, const struct id *multi)
{
    struct drop *drop = calloc(1, sizeof *drop);
    struct rpc_pending_on on;
    if (drop == NULL) {
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    drop->is_multi = multi != NULL;
    drop->multi = multi != NULL ? *multi : *key;
    enum err err = start_drop(rpc_host_of(call), kind, key, drop, &on);
    if (err == ERR_OK) {
        return rpc_pending(call, &on);
    }
    on_drop_end(call, drop);
    return rpc_fail(call, err, NULL);
}

struct rpc_result method_dropput(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *text = rpc_string(call, "target");
    struct id target, key;
    if (!hex_decode(text, strlen(text), target.b, ID_SIZE)) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "target: must be 40 hex digits");
    }
    for (enum record_kind kind = RECORD_IMMUTABLE; kind <= RECORD_MULTI; kind++) {
        if (is_kept(host, kind, &target)) {
            return drop_all(call, kind, &target, NULL);
        }
    }
    if (find_entry(host, &target, &key)) {
        return drop_all(call, RECORD_MULTI, &key, &target);
    }
    return rpc_fail(call, ERR_NOT_FOUND,
                    "this node keeps no put with that target; listputs shows what it keeps");
}
