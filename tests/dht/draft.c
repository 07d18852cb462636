#include "tests/dht/draft.h"

#include "daemon/dht/records/envelope.h"

struct draft draft_of(const struct id *target, uint64_t now_unix_s, const char *slot, int64_t seq)
{
    return (struct draft){.signer = 1,
                          .slot = slot,
                          .seq = seq,
                          .body_size = 10,
                          .time_unix_s = now_unix_s,
                          .target = *target};
}

static struct bytes write_value(struct draft *d)
{
    static const uint8_t body[RECORD_V_MAX + 64];
    const struct envelope envelope = {
        .content = d->body_size > 0 ? ENVELOPE_BYTES : ENVELOPE_DELETED,
        .body = bytes_of(body, d->body_size),
        .has_time = true,
        .time_unix_s = d->time_unix_s,
        .has_expiry = true,
        .expiry_unix_s = d->time_unix_s + RECORD_TTL_S_DEFAULT,
    };
    struct wire_writer w;
    wire_writer_init(&w, d->v, sizeof d->v);
    envelope_write(&w, &envelope);
    return wire_written(&w);
}

void draft_sign(struct draft *d)
{
    uint8_t secret_key[KEYS_SECRET_SIZE];
    keys_from_seed((const uint8_t[KEYS_SEED_SIZE]){d->signer}, d->k, secret_key);
    d->record = (struct record){.kind = RECORD_MULTI,
                                .target = d->target,
                                .k = d->k,
                                .sig = d->sig,
                                .salt = bytes_of_string(d->slot),
                                .seq = d->seq,
                                .v = write_value(d)};
    if (d->record.v.size <= RECORD_V_MAX && d->record.salt.size <= RECORD_SLOT_MAX)
        record_sign(secret_key, &d->record, d->sig);
}

void draft_sign_size(struct draft *d, size_t v_size)
{
    /* Twice: a longer body has a longer head. */
    for (int i = 0; i < 2; i++) {
        draft_sign(d);
        d->body_size += v_size - d->record.v.size;
    }
    draft_sign(d);
}

struct id draft_key(const struct draft *d)
{
    struct id key;
    record_key(&d->record, &key);
    return key;
}
