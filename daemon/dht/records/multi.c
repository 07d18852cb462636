#include "daemon/dht/records/multi.h"

#include "common/hash.h"
#include "daemon/dht/records/envelope.h"

void multi_write_brief(struct wire_writer *w, const struct multi_brief *brief)
{
    wire_write(w, brief->key.b, ID_SIZE);
    wire_write_u64(w, (uint64_t)brief->seq);
    wire_write_u16(w, brief->size);
}

bool multi_read_brief(struct bytes briefs, size_t index, struct multi_brief *out)
{
    if (index >= briefs.size / MULTI_BRIEF_SIZE)
        return false;
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(briefs.data + index * MULTI_BRIEF_SIZE, MULTI_BRIEF_SIZE));
    memcpy(out->key.b, wire_read_bytes(&r, ID_SIZE).data, ID_SIZE);
    uint64_t seq = wire_read_u64(&r);
    out->seq = (int64_t)seq;
    out->size = wire_read_u16(&r);
    return seq <= INT64_MAX;
}

void multi_brief_of(const struct record *entry, struct multi_brief *out)
{
    uint8_t buffer[MULTI_ENTRY_MAX];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    multi_write_entry(&w, entry);
    record_key(entry, &out->key);
    out->seq = entry->seq;
    out->size = (uint16_t)w.used;
}

void multi_write_entry(struct wire_writer *w, const struct record *entry)
{
    bencode_write_dict(w);
    bencode_write_string(w, "k");
    bencode_write_bytes(w, bytes_of(entry->k, KEYS_PUBLIC_SIZE));
    bencode_write_string(w, "seq");
    bencode_write_int(w, entry->seq);
    bencode_write_string(w, "sig");
    bencode_write_bytes(w, bytes_of(entry->sig, KEYS_SIGNATURE_SIZE));
    bencode_write_string(w, "slot");
    bencode_write_bytes(w, entry->salt);
    bencode_write_string(w, "v");
    wire_write(w, entry->v.data, entry->v.size);
    bencode_write_end(w);
}

struct fields {
    struct bytes k, sig, slot, v;
    bool has_seq;
    int64_t seq;
};

/* Each at most once; unknown ones are skipped, as everywhere on the wire. */
static void read_field(struct bencode_reader *r, struct bytes key, struct fields *f)
{
    struct bytes *text = bytes_is_string(key, "k")      ? &f->k
                         : bytes_is_string(key, "sig")  ? &f->sig
                         : bytes_is_string(key, "slot") ? &f->slot
                                                        : NULL;
    if (text != NULL) {
        r->failed |= text->data != NULL;
        *text = bencode_read_bytes(r);
    } else if (bytes_is_string(key, "seq")) {
        r->failed |= f->has_seq;
        f->has_seq = true;
        f->seq = bencode_read_int(r);
    } else {
        struct bytes raw = bencode_read_raw(r);
        if (bytes_is_string(key, "v")) {
            r->failed |= f->v.data != NULL;
            f->v = raw;
        }
    }
}

bool multi_read_entry(struct bencode_reader *list, const struct id *target, struct record *out)
{
    struct fields f = {0};
    bencode_read_dict(list);
    while (bencode_more(list)) {
        struct bytes key = bencode_read_bytes(list);
        read_field(list, key, &f);
    }
    bool is_entry = f.k.size == KEYS_PUBLIC_SIZE && f.sig.size == KEYS_SIGNATURE_SIZE &&
                    f.slot.size > 0 && f.slot.size <= RECORD_SLOT_MAX && f.has_seq && f.seq >= 0 &&
                    f.v.size > 0 && f.v.size <= RECORD_V_MAX;
    list->failed |= !is_entry;
    *out = (struct record){.kind = RECORD_MULTI,
                           .target = *target,
                           .k = f.k.data,
                           .sig = f.sig.data,
                           .salt = f.slot,
                           .seq = f.seq,
                           .v = f.v};
    return !list->failed;
}

void multi_write_position(struct wire_writer *w, const struct store_position *position)
{
    wire_write_u64(w, position->time_unix_s);
    wire_write(w, position->key.b, ID_SIZE);
}

bool multi_read_position(struct bytes bytes, struct store_position *out)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes);
    uint64_t time_unix_s = wire_read_u64(&r);
    struct bytes key = wire_read_bytes(&r, ID_SIZE);
    if (!wire_reader_is_done(&r))
        return false;
    out->time_unix_s = time_unix_s;
    memcpy(out->key.b, key.data, ID_SIZE);
    return true;
}

void multi_position_of(const struct record *entry, struct store_position *out)
{
    struct envelope e;
    envelope_parse(entry->v, &e);
    out->time_unix_s = e.time_unix_s;
    record_key(entry, &out->key);
}

int multi_position_compare(const struct store_position *a, const struct store_position *b)
{
    if (a->time_unix_s != b->time_unix_s)
        return a->time_unix_s < b->time_unix_s ? 1 : -1;
    return memcmp(a->key.b, b->key.b, ID_SIZE);
}

uint64_t multi_digest(const struct record *entry)
{
    struct id key;
    uint8_t seq[8], digest[HASH_SHA1_SIZE];
    struct wire_writer w;
    wire_writer_init(&w, seq, sizeof seq);
    wire_write_u64(&w, (uint64_t)entry->seq);
    record_key(entry, &key);
    struct bytes parts[] = {id_bytes(&key), bytes_of(seq, sizeof seq),
                            bytes_of(entry->sig, KEYS_SIGNATURE_SIZE)};
    hash_sha1(parts, 3, digest);
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(digest, sizeof digest));
    return wire_read_u64(&r);
}

bool multi_read_digest(struct bytes bytes, uint64_t *out)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes);
    uint64_t digest = wire_read_u64(&r);
    if (!wire_reader_is_done(&r))
        return false;
    *out = digest;
    return true;
}

bool multi_read_key(struct bytes keys, size_t index, struct id *out)
{
    if (index >= keys.size / ID_SIZE)
        return false;
    memcpy(out->b, keys.data + index * ID_SIZE, ID_SIZE);
    return true;
}
