#include "daemon/dht/record.h"

#include "common/bencode.h"
#include "common/hash.h"
#include "daemon/dht/envelope.h"

#include <assert.h>

#define PACKET_DEPTH 2 /* the packet, and its arguments or results */

void record_single_target(const uint8_t k[KEYS_PUBLIC_SIZE], struct bytes salt, struct id *out)
{
    struct bytes parts[] = {bytes_of(k, KEYS_PUBLIC_SIZE), salt};
    hash_sha1(parts, 2, out->b);
}

void record_immutable_target(struct bytes v, struct id *out)
{
    hash_sha1(&v, 1, out->b);
}

/* What the record's own content says its target is; false for a kind that has none here. */
static bool derive_target(const struct record *r, struct id *out)
{
    switch (r->kind) {
    case RECORD_IMMUTABLE:
        record_immutable_target(r->v, out);
        return true;
    case RECORD_SINGLE:
        record_single_target(r->k, r->salt, out);
        return true;
    case RECORD_MULTI:
        return false;
    }
    return false;
}

/* Whether it has the parts that its kind has, and no others. A single may lack its signature. */
static bool has_parts(const struct record *r)
{
    if (r->kind == RECORD_IMMUTABLE)
        return r->k == NULL && r->sig == NULL && r->salt.size == 0 && r->seq == 0;
    return r->kind == RECORD_SINGLE && r->k != NULL && r->seq >= 0;
}

/* Within a packet the value lies two levels deep: nested more than the rest allows, no node could
 * read the packet that carries it. */
static bool can_be_carried(struct bytes v)
{
    struct bencode_reader r;
    bencode_reader_init(&r, v);
    r.depth = PACKET_DEPTH;
    bencode_read_raw(&r);
    return !r.failed;
}

enum err record_check(const struct record *r)
{
    if (r->v.size > RECORD_V_MAX)
        return ERR_TOO_BIG;
    if (r->salt.size > RECORD_SALT_MAX)
        return ERR_SALT_TOO_LONG;
    if (!has_parts(r) || !bencode_is_canonical(r->v) || !can_be_carried(r->v))
        return ERR_MALFORMED;
    struct id target;
    if (!derive_target(r, &target) || !id_equal(&target, &r->target))
        return ERR_MALFORMED;
    return ERR_OK;
}

bool record_verify(const struct record *r)
{
    if (r->kind == RECORD_IMMUTABLE)
        return true;
    if (r->kind != RECORD_SINGLE || r->sig == NULL)
        return false;
    uint8_t message[RECORD_SIGNED_MAX];
    struct wire_writer w;
    wire_writer_init(&w, message, sizeof(message));
    record_write_signed(&w, r->salt, r->seq, r->v);
    return !w.failed && keys_verify(r->k, wire_written(&w), r->sig);
}

void record_write_signed(struct wire_writer *w, struct bytes salt, int64_t seq, struct bytes v)
{
    if (salt.size > 0) {
        bencode_write_string(w, "salt");
        bencode_write_bytes(w, salt);
    }
    bencode_write_string(w, "seq");
    bencode_write_int(w, seq);
    bencode_write_string(w, "v");
    wire_write(w, v.data, v.size);
}

void record_sign(const uint8_t secret_key[KEYS_SECRET_SIZE], struct bytes salt, int64_t seq,
                 struct bytes v, uint8_t sig[KEYS_SIGNATURE_SIZE])
{
    uint8_t message[RECORD_SIGNED_MAX];
    struct wire_writer w;
    wire_writer_init(&w, message, sizeof(message));
    record_write_signed(&w, salt, seq, v);
    assert(!w.failed);
    keys_sign(secret_key, wire_written(&w), sig);
}

enum err record_expiry(const struct record *r, uint64_t put_unix_s, uint64_t now_unix_s,
                       uint64_t *expiry_unix_s)
{
    struct envelope e;
    envelope_parse(r->v, &e);
    uint64_t latest_time = now_unix_s + RECORD_SKEW_S;
    if (e.has_time && e.time_unix_s > latest_time)
        return ERR_MALFORMED;
    if (e.has_expiry && e.expiry_unix_s > latest_time + RECORD_TTL_S_MAX)
        return ERR_MALFORMED;
    uint64_t ends = e.has_expiry ? e.expiry_unix_s : put_unix_s + RECORD_TTL_S_FOREIGN;
    if (ends <= now_unix_s)
        return ERR_NOT_FOUND;
    *expiry_unix_s = ends;
    return ERR_OK;
}

/* The order of the signatures alone; one that is missing comes before all others. */
static int compare_sig(const struct record *a, const struct record *b)
{
    if (a->sig == NULL || b->sig == NULL)
        return (a->sig != NULL) - (b->sig != NULL);
    return memcmp(a->sig, b->sig, KEYS_SIGNATURE_SIZE);
}

int record_compare(const struct record *a, const struct record *b)
{
    if (a->seq != b->seq)
        return a->seq > b->seq ? 1 : -1;
    return compare_sig(a, b);
}

bool record_equal(const struct record *a, const struct record *b)
{
    return a->kind == b->kind && id_equal(&a->target, &b->target) && a->seq == b->seq &&
           compare_sig(a, b) == 0 && bytes_equal(a->v, b->v);
}

void record_pack(struct wire_writer *w, const struct record *r)
{
    assert(r->kind == RECORD_IMMUTABLE || (r->k != NULL && r->sig != NULL));
    assert(r->salt.size <= RECORD_SALT_MAX && r->v.size <= RECORD_V_MAX);
    wire_write_u8(w, (uint8_t)r->kind);
    wire_write_u8(w, (uint8_t)r->salt.size);
    wire_write_u16(w, (uint16_t)r->v.size);
    wire_write_u64(w, (uint64_t)r->seq);
    wire_write(w, r->target.b, ID_SIZE);
    if (r->kind != RECORD_IMMUTABLE) {
        wire_write(w, r->k, KEYS_PUBLIC_SIZE);
        wire_write(w, r->sig, KEYS_SIGNATURE_SIZE);
    }
    wire_write(w, r->salt.data, r->salt.size);
    wire_write(w, r->v.data, r->v.size);
}

bool record_unpack(struct bytes packed, struct record *out)
{
    struct wire_reader r;
    wire_reader_init(&r, packed);
    uint8_t kind = wire_read_u8(&r);
    size_t salt_size = wire_read_u8(&r), v_size = wire_read_u16(&r);
    uint64_t seq = wire_read_u64(&r);
    struct bytes target = wire_read_bytes(&r, ID_SIZE);
    struct bytes k = {0}, sig = {0};
    if (kind != RECORD_IMMUTABLE) {
        k = wire_read_bytes(&r, KEYS_PUBLIC_SIZE);
        sig = wire_read_bytes(&r, KEYS_SIGNATURE_SIZE);
    }
    struct bytes salt = wire_read_bytes(&r, salt_size);
    struct bytes v = wire_read_bytes(&r, v_size);
    if (!wire_reader_is_done(&r) || salt_size > RECORD_SALT_MAX || v_size > RECORD_V_MAX ||
        v_size == 0 || seq > INT64_MAX)
        return false;
    *out = (struct record){.kind = (enum record_kind)kind,
                           .k = k.data,
                           .sig = sig.data,
                           .salt = salt,
                           .seq = (int64_t)seq,
                           .v = v};
    memcpy(out->target.b, target.data, ID_SIZE);
    return has_parts(out);
}

void record_write_raw(struct wire_writer *w, const struct record *r)
{
    bencode_write_dict(w);
    if (r->kind != RECORD_IMMUTABLE) {
        assert(r->k != NULL && r->sig != NULL);
        bencode_write_string(w, "k");
        bencode_write_bytes(w, bytes_of(r->k, KEYS_PUBLIC_SIZE));
        if (r->salt.size > 0) {
            bencode_write_string(w, "salt");
            bencode_write_bytes(w, r->salt);
        }
        bencode_write_string(w, "seq");
        bencode_write_int(w, r->seq);
        bencode_write_string(w, "sig");
        bencode_write_bytes(w, bytes_of(r->sig, KEYS_SIGNATURE_SIZE));
    }
    bencode_write_string(w, "v");
    wire_write(w, r->v.data, r->v.size);
    bencode_write_end(w);
}

/* The keys of the raw form, as they were found. */
struct raw {
    struct bytes k, salt, sig, v;
    bool has_seq;
    int64_t seq;
};

static void read_raw_text(struct bencode_reader *r, struct bytes *out)
{
    r->failed |= out->data != NULL;
    *out = bencode_read_bytes(r);
}

/* Unknown keys are refused: whoever signed them would believe they were stored. */
static void read_raw_pair(struct bencode_reader *r, struct bytes key, struct raw *raw)
{
    if (bytes_is_string(key, "k")) {
        read_raw_text(r, &raw->k);
    } else if (bytes_is_string(key, "salt")) {
        read_raw_text(r, &raw->salt);
    } else if (bytes_is_string(key, "sig")) {
        read_raw_text(r, &raw->sig);
    } else if (bytes_is_string(key, "seq") && !raw->has_seq) {
        raw->has_seq = true;
        raw->seq = bencode_read_int(r);
    } else if (bytes_is_string(key, "v") && raw->v.data == NULL) {
        raw->v = bencode_read_raw(r);
    } else {
        r->failed = true;
    }
}

enum err record_parse_raw(struct bytes input, struct record *out)
{
    struct raw raw = {0};
    struct bencode_reader r;
    bencode_reader_init(&r, input);
    bencode_read_dict(&r);
    while (bencode_more(&r)) {
        struct bytes key = bencode_read_bytes(&r);
        read_raw_pair(&r, key, &raw);
    }
    if (!bencode_is_done(&r) || raw.v.data == NULL)
        return ERR_MALFORMED;
    bool is_single = raw.k.size == KEYS_PUBLIC_SIZE && raw.sig.size == KEYS_SIGNATURE_SIZE;
    bool is_immutable = raw.k.data == NULL && raw.sig.data == NULL && raw.salt.data == NULL;
    if (raw.has_seq ? !is_single : !is_immutable)
        return ERR_MALFORMED;
    *out = (struct record){.kind = is_single ? RECORD_SINGLE : RECORD_IMMUTABLE,
                           .k = raw.k.data,
                           .sig = raw.sig.data,
                           .salt = raw.salt,
                           .seq = raw.seq,
                           .v = raw.v};
    if (!derive_target(out, &out->target))
        return ERR_MALFORMED;
    return record_check(out);
}
