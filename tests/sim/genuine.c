#include "tests/sim/genuine.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/hash.h"
#include "daemon/dht/records/envelope.h"

static bool verify_entry(const struct record *r)
{
    char message[RECORD_SIGNED_MAX];
    int size = snprintf(message, sizeof message, "xord multi 1\nl20:");
    memcpy(message + size, r->target.b, ID_SIZE);
    size += ID_SIZE;
    size += snprintf(message + size, sizeof message - (size_t)size, "%zu:", r->salt.size);
    memcpy(message + size, r->salt.data, r->salt.size);
    size += (int)r->salt.size;
    size += snprintf(message + size, sizeof message - (size_t)size, "i%" PRId64 "e", r->seq);
    memcpy(message + size, r->v.data, r->v.size);
    size += (int)r->v.size;
    message[size++] = 'e';
    return keys_verify(r->k, bytes_of(message, (size_t)size), r->sig);
}

bool genuine_signature(const struct record *r)
{
    char message[RECORD_SIGNED_MAX];
    int size = 0;
    if (r->kind == RECORD_IMMUTABLE)
        return true;
    if (r->k == NULL || r->sig == NULL || r->v.size > RECORD_V_MAX ||
        r->salt.size > RECORD_SALT_MAX)
        return false;
    if (r->kind == RECORD_MULTI)
        return verify_entry(r);
    if (r->salt.size > 0) {
        size = snprintf(message, sizeof message, "4:salt%zu:", r->salt.size);
        memcpy(message + size, r->salt.data, r->salt.size);
        size += (int)r->salt.size;
    }
    size +=
        snprintf(message + size, sizeof message - (size_t)size, "3:seqi%" PRId64 "e1:v", r->seq);
    memcpy(message + size, r->v.data, r->v.size);
    return keys_verify(r->k, bytes_of(message, (size_t)size + r->v.size), r->sig);
}

bool genuine_target(const struct record *r)
{
    struct id target;
    struct bytes parts[] = {bytes_of(r->k, r->k != NULL ? KEYS_PUBLIC_SIZE : 0), r->salt};
    if (r->kind == RECORD_MULTI)
        return true;
    if (r->kind == RECORD_IMMUTABLE)
        hash_sha1(&r->v, 1, target.b);
    else
        hash_sha1(parts, 2, target.b);
    return id_equal(&target, &r->target);
}

bool genuine_has_ended(const struct record *r, uint64_t now_unix_s)
{
    struct envelope e;
    envelope_parse(r->v, &e);
    return e.has_expiry && e.expiry_unix_s <= now_unix_s;
}
