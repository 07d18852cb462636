#include "rpc/values/value.h"

#include <stdlib.h>

#include "common/bencode.h"
#include "common/hex.h"
#include "rpc/json/json.h"
#include "rpc/name.h"
#include "rpc/values/base64.h"
#include "rpc/values/manifest.h"
#include "rpc/values/slot.h"

/* d 1:j <length:> … 1:t i<20>e 1:x i<20>e e, generously. */
#define VALUE_OVERHEAD 128

/* `v` when it can be a JSON string, else `v_base64`. */
static bool show_bytes(json_t *object, struct bytes content)
{
    json_t *text = json_stringn((const char *)content.data, content.size);
    if (text != NULL) {
        return json_object_set_new(object, "v", text) == 0;
    }
    return json_object_set_new(object, "v_base64", base64_to_json(content)) == 0;
}

static bool show_foreign(json_t *object, struct bytes v)
{
    struct bencode_reader reader;
    bencode_reader_init(&reader, v);
    struct bytes content = bencode_read_bytes(&reader);
    if (bencode_is_done(&reader)) {
        return show_bytes(object, content);
    }
    return json_object_set_new(object, "v_base64", base64_to_json(v)) == 0;
}

bool value_show_content(json_t *object, struct bytes v)
{
    struct envelope envelope;
    envelope_parse(v, &envelope);
    switch (envelope.content) {
    case ENVELOPE_JSON: {
        json_t *json = json_read(envelope.body, VALUE_TEXT_DEPTH_MAX, NULL, 0);
        return json != NULL ? json_object_set_new(object, "v", json) == 0 : show_foreign(object, v);
    }
    case ENVELOPE_BYTES:
        return json_object_set_new(object, "v_base64", base64_to_json(envelope.body)) == 0;
    case ENVELOPE_SEALED:
        return opener_show_closed(object, "opened in the record it was sealed for alone");
    case ENVELOPE_FOREIGN:
    case ENVELOPE_MANIFEST:
    case ENVELOPE_DELETED:
        return show_foreign(object, v);
    }
    return false;
}

bool value_is_deleted(struct bytes v)
{
    struct envelope envelope;
    envelope_parse(v, &envelope);
    return envelope.content == ENVELOPE_DELETED;
}

bool value_is_manifest(struct bytes v)
{
    struct envelope envelope;
    envelope_parse(v, &envelope);
    return envelope.content == ENVELOPE_MANIFEST;
}

/* The signed part, as twister names it, still without its content. */
static json_t *show_signed_part(const struct record *record, const struct envelope *envelope,
                                const struct value_target *target)
{
    json_t *part = json_pack("{s:I, s:{s:s, s:s, s:s}}", "seq", (json_int_t)record->seq, "target",
                             "n", target->username, "r", target->resource, "t", target->type);
    bool is_whole = part != NULL;
    if (is_whole && envelope->has_time) {
        json_t *time = json_integer((json_int_t)envelope->time_unix_s);
        is_whole = json_object_set_new(part, "time", time) == 0;
    }
    if (is_whole && record->kind == RECORD_MULTI) {
        is_whole = slot_show(part, record->salt);
    }
    if (!is_whole) {
        json_decref(part);
        return NULL;
    }
    return part;
}

static json_t *show_signed(const struct rpc_host *host, const struct record *record, json_t *part)
{
    char sig[2 * KEYS_SIGNATURE_SIZE + 1];
    char user[2 * KEYS_PUBLIC_SIZE + 1];
    char key[2 * KEYS_PUBLIC_SIZE + 1];
    if (record->sig != NULL) {
        hex_encode(bytes_of(record->sig, KEYS_SIGNATURE_SIZE), sig);
    }
    hex_encode(bytes_of(record->k, KEYS_PUBLIC_SIZE), key);
    name_of_key(host, record->k, user);
    return json_pack("{s:o, s:s*, s:s, s:s}", "p", part, "sig_p", record->sig != NULL ? sig : NULL,
                     "sig_user", user, "k", key);
}

/* What stands in for a content that is not here. */
static bool show_large(json_t *element, struct bytes body)
{
    struct manifest manifest;
    const char *fault;
    if (!manifest_parse(body, &manifest, &fault)) {
        return json_object_set_new(element, "reason", json_string("its manifest is damaged")) == 0;
    }
    json_t *large = json_pack("{s:I}", "size", (json_int_t)manifest.size);
    return json_object_set_new(element, "large", large) == 0 &&
           json_object_set_new(element, "reason", json_string(VALUE_LARGE_REASON)) == 0;
}

static bool show_content(struct opener *opener, const struct record *record,
                         const struct envelope *envelope, json_t *element, json_t *part)
{
    if (envelope->content == ENVELOPE_SEALED) {
        return opener_show(opener, record, envelope->body, element, part);
    }
    if (envelope->content == ENVELOPE_MANIFEST) {
        return show_large(element, envelope->body);
    }
    if (envelope->content == ENVELOPE_JSON) {
        bool is_json;
        bool is_shown = opener_show_json(opener, envelope->body, element, part, &is_json);
        return is_json ? is_shown : show_foreign(part, record->v);
    }
    return value_show_content(part, record->v);
}

json_t *value_show(struct opener *opener, const struct record *record,
                   const struct value_target *target)
{
    struct envelope envelope;
    envelope_parse(record->v, &envelope);
    json_t *part = show_signed_part(record, &envelope, target);
    json_t *element = show_signed(opener->host, record, part);
    if (element != NULL && !show_content(opener, record, &envelope, element, part)) {
        json_decref(element);
        return NULL;
    }
    return element;
}

json_t *value_show_gone(const struct rpc_host *host, const struct record *record,
                        const struct value_target *target)
{
    struct envelope envelope;
    envelope_parse(record->v, &envelope);
    return show_signed(host, record, show_signed_part(record, &envelope, target));
}

json_t *value_hexdata(const struct record *record, const struct record_name *name)
{
    uint8_t raw[RECORD_RAW_MAX];
    char text[2 * sizeof raw + 1];
    struct wire_writer writer;
    wire_writer_init(&writer, raw, sizeof raw);
    record_write_raw(&writer, record, name);
    return writer.failed ? NULL : json_string(hex_encode(wire_written(&writer), text));
}

static void write_envelope(const struct value_source *source, struct bytes body,
                           struct wire_writer *writer)
{
    struct envelope envelope = {
        .content = source->seal != NULL   ? ENVELOPE_SEALED
                   : source->json != NULL ? ENVELOPE_JSON
                   : body.data != NULL    ? ENVELOPE_BYTES
                                          : ENVELOPE_DELETED,
        .body = body,
        .has_time = source->has_time,
        .has_expiry = source->has_time,
        .time_unix_s = source->time_unix_s,
        .expiry_unix_s = source->expiry_unix_s,
    };
    envelope_write(writer, &envelope);
}

/* One value around `body`: an envelope, or a plain byte string. */
static bool make(const struct value_source *source, struct bytes body, bool is_plain,
                 struct value *out)
{
    size_t capacity = body.size + VALUE_OVERHEAD;
    *out = (struct value){.data = malloc(capacity)};
    if (out->data == NULL) {
        return false;
    }
    struct wire_writer writer;
    wire_writer_init(&writer, out->data, capacity);
    if (is_plain) {
        bencode_write_bytes(&writer, body);
    } else {
        write_envelope(source, body, &writer);
    }
    out->size = writer.used;
    return !writer.failed;
}

/* The envelope around the sealed body. */
static bool make_sealed(const struct value_source *source, struct bytes body, struct value *out)
{
    const struct value_seal *seal = source->seal;
    size_t capacity = SEALED_OVERHEAD_SIZE(seal->to->count) + body.size;
    struct sealed_content content = {.signer = seal->signer,
                                     .kind = (uint8_t)seal->kind,
                                     .target = seal->target->b,
                                     .type = source->json != NULL ? SEALED_JSON : SEALED_BYTES,
                                     .content = body};
    uint8_t *sealed = malloc(capacity);
    if (sealed == NULL) {
        return false;
    }
    struct wire_writer writer;
    wire_writer_init(&writer, sealed, capacity);
    bool is_made =
        sealed_write(&writer, seal->to->keys, seal->to->count, &content, seal->random) == ERR_OK &&
        make(source, wire_written(&writer), false, out);
    free(sealed);
    return is_made;
}

bool value_make_envelope(const struct value_source *source, struct value *out)
{
    *out = (struct value){0};
    struct json_text text = {0};
    struct bytes body = source->bytes;
    if (source->json != NULL) {
        json_write(&text, source->json, 0);
        body = bytes_of(text.data, text.size);
    }
    bool is_made = !text.failed && (source->seal != NULL ? make_sealed(source, body, out)
                                                         : make(source, body, false, out));
    json_text_clear(&text);
    return is_made;
}

bool value_make_immutable(const struct value_source *source, struct value *out)
{
    if (json_is_string(source->json)) {
        struct bytes text =
            bytes_of(json_string_value(source->json), json_string_length(source->json));
        return make(source, text, true, out);
    }
    if (source->json == NULL) {
        return make(source, source->bytes, true, out);
    }
    return value_make_envelope(source, out);
}

void value_clear(struct value *value)
{
    free(value->data);
    *value = (struct value){0};
}
