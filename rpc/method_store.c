/* liststored, listputs and dropput: what this node holds for the network, and what it keeps. */
#include <stdlib.h>

#include "common/hex.h"
#include "daemon/dht/envelope.h"
#include "rpc/base64.h"
#include "rpc/cut.h"
#include "rpc/large.h"
#include "rpc/method_files.h"

#define LOOKED_AT_MAX 4096u /* records in one page, shown or not: a few milliseconds */
#define CURSOR_SIZE   (2 + 2 * ID_SIZE + 1) /* s:<target> or i:<target> */

/* Where a page begins: after this record. No record has the target that is all zeros, so that
 * stands before the first of its kind. */
struct cursor {
    enum record_kind kind;
    struct id target;
};

static const char *kind_letter(enum record_kind kind)
{
    return kind == RECORD_IMMUTABLE ? "i" : "s";
}

static bool cursor_parse(const char *text, struct cursor *out)
{
    *out = (struct cursor){.kind = RECORD_IMMUTABLE};
    if (text == NULL) {
        return true;
    }
    if ((text[0] != 's' && text[0] != 'i') || text[1] != ':') {
        return false;
    }
    out->kind = text[0] == 'i' ? RECORD_IMMUTABLE : RECORD_SINGLE;
    return hex_decode(text + 2, strlen(text + 2), out->target.b, ID_SIZE);
}

static json_t *cursor_show(const struct cursor *cursor)
{
    char text[CURSOR_SIZE];
    text[0] = kind_letter(cursor->kind)[0];
    text[1] = ':';
    hex_encode(id_bytes(&cursor->target), text + 2);
    return json_string(text);
}

/* The record after the cursor, immutables before singles; moves the cursor onto it. */
static bool cursor_next(const struct store_reader *store, enum store_space space,
                        struct cursor *cursor, struct stored *out)
{
    for (;;) {
        if (store->next(store->context, space, cursor->kind, &cursor->target, out) == ERR_OK &&
            out->record.kind == cursor->kind) {
            cursor->target = out->record.target;
            return true;
        }
        if (cursor->kind == RECORD_SINGLE) {
            return false;
        }
        *cursor = (struct cursor){.kind = RECORD_SINGLE};
    }
}

/* The owner and the salt of a single: `salt`, or `salt_base64` where it is not UTF-8. */
static bool show_owner(json_t *item, const struct record *record)
{
    char key[2 * KEYS_PUBLIC_SIZE + 1];
    hex_encode(bytes_of(record->k, KEYS_PUBLIC_SIZE), key);
    if (json_object_set_new(item, "k", json_string(key)) != 0) {
        return false;
    }
    const char *text = record->salt.size > 0 ? (const char *)record->salt.data : "";
    json_t *salt = json_stringn(text, record->salt.size);
    if (salt != NULL) {
        return json_object_set_new(item, "salt", salt) == 0;
    }
    return json_object_set_new(item, "salt_base64", base64_to_json(record->salt)) == 0;
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
    bool is_whole = item != NULL && rest != NULL &&
                    (record->kind == RECORD_IMMUTABLE || show_owner(item, record)) &&
                    json_object_update(item, rest) == 0 && show_large(item, record);
    json_decref(rest);
    if (!is_whole) {
        json_decref(item);
        return NULL;
    }
    return item;
}

/* One page; `next` is where the following begins, or null after the last. Without chunks it may end
 * before `limit`, so that it never takes long. */
static json_t *show_page(const struct store_reader *store, enum store_space space,
                         struct cursor cursor, int64_t limit, bool has_chunks)
{
    json_t *items = json_array();
    json_t *next = NULL;
    struct stored stored;
    struct cursor last = cursor;
    unsigned looked_at = 0;
    while (items != NULL && cursor_next(store, space, &cursor, &stored)) {
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

static struct rpc_result on_dropped(struct rpc_call *call, void *state, const struct event *event)
{
    if (event->err != ERR_OK) {
        return rpc_fail(call, event->err, NULL);
    }
    large_drop_chunks(call, state);
    return rpc_reply(call, json_true());
}

static bool is_kept(const struct rpc_host *host, enum record_kind kind, const struct id *target)
{
    struct stored stored;
    return host->store.get(host->store.context, STORE_KEPT, kind, target, &stored) == ERR_OK;
}

struct rpc_result method_dropput(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *text = rpc_string(call, "target");
    struct id target;
    if (!hex_decode(text, strlen(text), target.b, ID_SIZE)) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "target: must be 40 hex digits");
    }
    enum record_kind kind =
        is_kept(host, RECORD_SINGLE, &target) ? RECORD_SINGLE : RECORD_IMMUTABLE;
    if (kind == RECORD_IMMUTABLE && !is_kept(host, kind, &target)) {
        return rpc_fail(call, ERR_NOT_FOUND,
                        "this node keeps no put with that target; listputs shows what it keeps");
    }
    struct rpc_pending_on on = {.on_event = on_dropped,
                                .state = large_kept_chunks(host, kind, &target)};
    enum err err =
        node_drop_kept(host->node, host->now(host->context), kind, &target, &on.op, host->outbox);
    if (err != ERR_OK) {
        free(on.state);
        return rpc_fail(call, err, NULL);
    }
    return rpc_pending(call, &on);
}
