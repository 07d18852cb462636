#include "rpc/names/registration.h"

#include "common/hex.h"
#include "daemon/dht/records/envelope.h"
#include "rpc/json/json.h"
#include "rpc/values/value.h"

struct bytes registration_salt(const char *name, char out[REGISTRATION_SALT_SIZE])
{
    int written = snprintf(out, REGISTRATION_SALT_SIZE, "name/%s", name);
    return bytes_of(out, (size_t)written);
}

json_t *registration_content(const uint8_t key[KEYS_PUBLIC_SIZE])
{
    char hex[2 * KEYS_PUBLIC_SIZE + 1];
    return json_pack("{s:s}", "key", hex_encode(bytes_of(key, KEYS_PUBLIC_SIZE), hex));
}

static bool read_key(struct bytes text, uint8_t key[KEYS_PUBLIC_SIZE])
{
    json_t *content = json_read(text, VALUE_TEXT_DEPTH_MAX, NULL, 0);
    const char *hex = json_string_value(json_object_get(content, "key"));
    bool is_key = hex != NULL && hex_decode(hex, strlen(hex), key, KEYS_PUBLIC_SIZE);
    json_decref(content);
    return is_key;
}

enum err registration_read(const struct record *record, uint64_t now_unix_s,
                           struct registration *out)
{
    struct envelope envelope;
    envelope_parse(record->v, &envelope);
    *out = (struct registration){.seq = record->seq,
                                 .time_unix_s = envelope.has_time ? envelope.time_unix_s : 0};
    bool is_key = envelope.content == ENVELOPE_JSON && read_key(envelope.body, out->key);
    out->is_deleted = !is_key;
    if (record_expiry(record, now_unix_s, now_unix_s, &out->expiry_unix_s) != ERR_OK)
        return ERR_NOT_FOUND;
    return is_key || envelope.content == ENVELOPE_DELETED ? ERR_OK : ERR_BAD_REGISTRATION;
}
