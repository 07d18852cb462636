#include "tests/dht/owner.h"

#include <assert.h>

struct envelope owner_envelope(const struct net *net, const char *json, uint64_t ttl_s)
{
    const uint64_t now_unix_s = net_now(net).unix_s;
    return (struct envelope){
        .content = json != NULL ? ENVELOPE_JSON : ENVELOPE_DELETED,
        .body = json != NULL ? bytes_of_string(json) : (struct bytes){0},
        .has_time = true,
        .time_unix_s = now_unix_s,
        .has_expiry = true,
        .expiry_unix_s = now_unix_s + ttl_s,
    };
}

struct bytes owner_value(const struct net *net, uint8_t buffer[OWNER_VALUE_MAX],
                         enum envelope_content content, const char *body)
{
    struct wire_writer w;
    struct envelope envelope = owner_envelope(net, body, RECORD_TTL_S_DEFAULT);
    envelope.content = content;
    wire_writer_init(&w, buffer, OWNER_VALUE_MAX);
    envelope_write(&w, &envelope);
    assert(!w.failed);
    return wire_written(&w);
}

struct bytes owner_json(const struct net *net, uint8_t buffer[OWNER_VALUE_MAX], const char *json)
{
    return owner_value(net, buffer, ENVELOPE_JSON, json);
}

struct put_request owner_single(const struct net *net, const char *salt, struct bytes v)
{
    return (struct put_request){
        .kind = RECORD_SINGLE,
        .k = net->public_key,
        .salt = bytes_of_string(salt),
        .v = v,
        .is_kept = true,
    };
}

struct id owner_target(const struct net *net, const char *salt)
{
    struct id target;
    record_single_target(net->public_key, bytes_of_string(salt), &target);
    return target;
}

const struct event *owner_get(struct net *net, size_t index, const char *salt)
{
    const struct get_request request = {
        .kind = RECORD_SINGLE,
        .target = owner_target(net, salt),
        .k = net->public_key,
        .salt = bytes_of_string(salt),
    };
    return net_get(net, index, &request);
}
