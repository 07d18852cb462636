#include "daemon/dht/records/record.h"

#include "common/bencode.h"
#include "common/hash.h"
#include "daemon/dht/records/envelope.h"

#include <assert.h>

#define PACKET_DEPTH    2                          /* the packet, and its arguments or results */
#define RECORD_NAME_MAX (2 * RECORD_SALT_MAX + 32) /* d1:n64:<64>1:r64:<64>1:t1:me */

void record_single_target(const uint8_t k[KEYS_PUBLIC_SIZE], struct bytes salt, struct id *out)
{
    struct bytes parts[] = {bytes_of(k, KEYS_PUBLIC_SIZE), salt};
    hash_sha1(parts, 2, out->b);
}

void record_immutable_target(struct bytes v, struct id *out)
{
    hash_sha1(&v, 1, out->b);
}

void record_multi_target(struct bytes name, struct bytes resource, struct id *out)
{
    uint8_t buffer[RECORD_NAME_MAX];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    bencode_write_dict(&w);
    bencode_write_string(&w, "n");
    bencode_write_bytes(&w, name);
    bencode_write_string(&w, "r");
    bencode_write_bytes(&w, resource);
    bencode_write_string(&w, "t");
    bencode_write_string(&w, "m");
    bencode_write_end(&w);
    assert(!w.failed);
    struct bytes written = wire_written(&w);
    hash_sha1(&written, 1, out->b);
}

void record_key(const struct record *r, struct id *out)
{
    struct bytes parts[] = {id_bytes(&r->target), bytes_of(r->k, KEYS_PUBLIC_SIZE), r->salt};
    if (r->kind == RECORD_MULTI)
        hash_sha1(parts, 3, out->b);
    else
        *out = r->target;
}

/* What the record's own content says its target is; an entry's content says nothing of it. */
static void derive_target(const struct record *r, struct id *out)
{
    if (r->kind == RECORD_IMMUTABLE)
        record_immutable_target(r->v, out);
    else if (r->kind == RECORD_SINGLE)
        record_single_target(r->k, r->salt, out);
    else
        *out = r->target;
}

/* Whether it has the parts that its kind has, and no others. A signature may be missing. */
static bool has_parts(const struct record *r)
{
    if (r->kind == RECORD_IMMUTABLE)
        return r->k == NULL && r->sig == NULL && r->salt.size == 0 && r->seq == 0;
    bool has_place = r->kind == RECORD_SINGLE || (r->kind == RECORD_MULTI && r->salt.size > 0);
    return has_place && r->k != NULL && r->seq >= 0;
}

static bool has_time(struct bytes v)
{
    struct envelope e;
    envelope_parse(v, &e);
    return e.content != ENVELOPE_FOREIGN && e.has_time;
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
    if (r->salt.size > (r->kind == RECORD_MULTI ? RECORD_SLOT_MAX : RECORD_SALT_MAX))
        return ERR_SALT_TOO_LONG;
    if (r->kind == RECORD_MULTI && !has_time(r->v))
        return ERR_MALFORMED;
    if (!has_parts(r) || !bencode_is_canonical(r->v) || !can_be_carried(r->v))
        return ERR_MALFORMED;
    struct id target;
    derive_target(r, &target);
    return id_equal(&target, &r->target) ? ERR_OK : ERR_MALFORMED;
}

bool record_verify(const struct record *r)
{
    if (r->kind == RECORD_IMMUTABLE)
        return true;
    if (r->sig == NULL)
        return false;
    uint8_t message[RECORD_SIGNED_MAX];
    struct wire_writer w;
    wire_writer_init(&w, message, sizeof(message));
    record_write_signed(&w, r);
    return !w.failed && keys_verify(r->k, wire_written(&w), r->sig);
}

static void write_signed_entry(struct wire_writer *w, const struct record *r)
{
    wire_write_string(w, RECORD_MULTI_SIGNED);
    bencode_write_list(w);
    bencode_write_bytes(w, id_bytes(&r->target));
    bencode_write_bytes(w, r->salt);
    bencode_write_int(w, r->seq);
    wire_write(w, r->v.data, r->v.size);
    bencode_write_end(w);
}

void record_write_signed(struct wire_writer *w, const struct record *r)
{
    if (r->kind == RECORD_MULTI) {
        write_signed_entry(w, r);
        return;
    }
    if (r->salt.size > 0) {
        bencode_write_string(w, "salt");
        bencode_write_bytes(w, r->salt);
    }
    bencode_write_string(w, "seq");
    bencode_write_int(w, r->seq);
    bencode_write_string(w, "v");
    wire_write(w, r->v.data, r->v.size);
}

void record_sign(const uint8_t secret_key[KEYS_SECRET_SIZE], const struct record *r,
                 uint8_t sig[KEYS_SIGNATURE_SIZE])
{
    uint8_t message[RECORD_SIGNED_MAX];
    struct wire_writer w;
    wire_writer_init(&w, message, sizeof(message));
    record_write_signed(&w, r);
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
           compare_sig(a, b) == 0 && bytes_equal(a->salt, b->salt) && bytes_equal(a->v, b->v);
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

static void write_raw_pair(struct wire_writer *w, const char *key, struct bytes value)
{
    bencode_write_string(w, key);
    bencode_write_bytes(w, value);
}

void record_write_raw(struct wire_writer *w, const struct record *r, const struct record_name *name)
{
    assert((r->kind == RECORD_MULTI) == (name != NULL));
    bencode_write_dict(w);
    if (r->kind != RECORD_IMMUTABLE) {
        assert(r->k != NULL && r->sig != NULL);
        write_raw_pair(w, "k", bytes_of(r->k, KEYS_PUBLIC_SIZE));
        if (name != NULL) {
            write_raw_pair(w, "n", name->name);
            write_raw_pair(w, "r", name->resource);
        } else if (r->salt.size > 0) {
            write_raw_pair(w, "salt", r->salt);
        }
        bencode_write_string(w, "seq");
        bencode_write_int(w, r->seq);
        write_raw_pair(w, "sig", bytes_of(r->sig, KEYS_SIGNATURE_SIZE));
        if (name != NULL)
            write_raw_pair(w, "slot", r->salt);
    }
    bencode_write_string(w, "v");
    wire_write(w, r->v.data, r->v.size);
    bencode_write_end(w);
}

/* The keys of the raw form, as they were found. */
struct raw {
    struct bytes k, n, r, salt, sig, slot, v;
    bool has_seq;
    int64_t seq;
};

/* The text of this key; NULL for a key that has none. */
static struct bytes *find_raw_text(struct raw *raw, struct bytes key)
{
    const struct {
        const char *key;
        struct bytes *text;
    } texts[] = {{"k", &raw->k},       {"n", &raw->n},     {"r", &raw->r},
                 {"salt", &raw->salt}, {"sig", &raw->sig}, {"slot", &raw->slot}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (bytes_is_string(key, texts[i].key))
            return texts[i].text;
    return NULL;
}

/* Unknown keys are refused: whoever signed them would believe they were stored. */
static void read_raw_pair(struct bencode_reader *r, struct bytes key, struct raw *raw)
{
    struct bytes *text = find_raw_text(raw, key);
    if (text != NULL && text->data == NULL) {
        *text = bencode_read_bytes(r);
    } else if (bytes_is_string(key, "seq") && !raw->has_seq) {
        raw->has_seq = true;
        raw->seq = bencode_read_int(r);
    } else if (bytes_is_string(key, "v") && raw->v.data == NULL) {
        raw->v = bencode_read_raw(r);
    } else {
        r->failed = true;
    }
}

/* Which kind has exactly the keys that are there; 0: none. */
static enum record_kind raw_kind(const struct raw *raw)
{
    bool is_signed = raw->k.size == KEYS_PUBLIC_SIZE && raw->sig.size == KEYS_SIGNATURE_SIZE;
    bool has_name = raw->n.data != NULL && raw->r.data != NULL;
    bool has_any_name = raw->n.data != NULL || raw->r.data != NULL || raw->slot.data != NULL;
    if (raw->has_seq && is_signed)
        return !has_any_name                                                  ? RECORD_SINGLE
               : has_name && raw->slot.data != NULL && raw->salt.data == NULL ? RECORD_MULTI
                                                                              : 0;
    bool is_bare = raw->k.data == NULL && raw->sig.data == NULL && raw->salt.data == NULL;
    return !raw->has_seq && is_bare && !has_any_name ? RECORD_IMMUTABLE : 0;
}

static bool is_name(const struct record_name *name)
{
    return name->name.size > 0 && name->name.size <= RECORD_SALT_MAX && name->resource.size > 0 &&
           name->resource.size <= RECORD_SALT_MAX;
}

enum err record_parse_raw(struct bytes input, struct record *out, struct record_name *name)
{
    struct raw raw = {0};
    struct bencode_reader r;
    bencode_reader_init(&r, input);
    bencode_read_dict(&r);
    while (bencode_more(&r)) {
        struct bytes key = bencode_read_bytes(&r);
        read_raw_pair(&r, key, &raw);
    }
    enum record_kind kind = raw_kind(&raw);
    if (!bencode_is_done(&r) || raw.v.data == NULL || kind == 0)
        return ERR_MALFORMED;
    const struct record_name found = {.name = raw.n, .resource = raw.r};
    *out = (struct record){.kind = kind,
                           .k = raw.k.data,
                           .sig = raw.sig.data,
                           .salt = kind == RECORD_MULTI ? raw.slot : raw.salt,
                           .seq = raw.seq,
                           .v = raw.v};
    if (kind == RECORD_MULTI && !is_name(&found))
        return ERR_MALFORMED;
    if (kind == RECORD_MULTI)
        record_multi_target(raw.n, raw.r, &out->target);
    else
        derive_target(out, &out->target);
    if (name != NULL)
        *name = found;
    return record_check(out);
}
