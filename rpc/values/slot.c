#include "rpc/values/slot.h"

#include <assert.h>

#include "common/hash.h"
#include "common/hex.h"
#include "daemon/dht/records/envelope.h"

_Static_assert(HASH_CONTENT_SIZE <= RECORD_SLOT_MAX, "a hash is a slot");

static bool check_size(struct rpc_call *call, const char *param, size_t size,
                       struct rpc_result *refusal)
{
    if (size == 0) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "%s: must not be empty", param);
        return false;
    }
    if (size > RECORD_SLOT_MAX) {
        json_t *data = json_pack("{s:i, s:I}", "limit", RECORD_SLOT_MAX, "size", (json_int_t)size);
        *refusal = rpc_fail_data(call, ERR_SALT_TOO_LONG, data, "%s: %zu bytes, at most %d fit",
                                 param, size, RECORD_SLOT_MAX);
        return false;
    }
    return true;
}

bool slot_of_call(struct rpc_call *call, struct slot *out, struct rpc_result *refusal)
{
    bool is_hex = rpc_has(call, "slot_hex");
    const char *param = is_hex ? "slot_hex" : "slot";
    const char *text = rpc_string(call, param);
    out->size = 0;
    if (text == NULL) {
        return true;
    }
    if (is_hex && rpc_has(call, "slot")) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "slot: give it or slot_hex, not both");
        return false;
    }
    size_t size = is_hex ? strlen(text) / 2 : strlen(text);
    if (!check_size(call, param, size, refusal)) {
        return false;
    }
    out->size = size;
    if (is_hex) {
        hex_decode(text, 2 * size, out->data, size);
    } else {
        memcpy(out->data, text, size);
    }
    return true;
}

static const char *key_of(enum envelope_content content)
{
    return content == ENVELOPE_JSON ? "j" : content == ENVELOPE_BYTES ? "b" : "c";
}

void slot_of_content(struct bytes v, struct slot *out)
{
    struct envelope envelope;
    envelope_parse(v, &envelope);
    assert(envelope.content == ENVELOPE_JSON || envelope.content == ENVELOPE_BYTES ||
           envelope.content == ENVELOPE_SEALED);
    const struct bytes parts[] = {bytes_of_string(key_of(envelope.content)), envelope.body};
    hash_content(parts, 2, out->data);
    out->size = HASH_CONTENT_SIZE;
}

static bool is_printable(struct bytes slot)
{
    for (size_t i = 0; i < slot.size; i++) {
        if (slot.data[i] < ' ' || slot.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

bool slot_show(json_t *object, struct bytes slot)
{
    char hex[2 * RECORD_SLOT_MAX + 1];
    json_t *text = is_printable(slot) ? json_stringn((const char *)slot.data, slot.size) : NULL;
    if (text != NULL) {
        return json_object_set_new(object, "slot", text) == 0;
    }
    return json_object_set_new(object, "slot_hex", json_string(hex_encode(slot, hex))) == 0;
}
