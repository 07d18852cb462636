#include "rpc/values/manifest.h"

#include <sodium.h>

#include "common/bencode.h"

static size_t divide_up(size_t count, size_t by)
{
    return (count + by - 1) / by;
}

size_t manifest_data_count(size_t size)
{
    return divide_up(size, CHUNK_DATA_SIZE);
}

size_t manifest_list_count(size_t size)
{
    size_t count = manifest_data_count(size);
    return count <= MANIFEST_TARGETS_MAX ? 0 : divide_up(count, CHUNK_TARGETS_MAX);
}

size_t manifest_data_size(size_t size, size_t index)
{
    size_t left = size - index * CHUNK_DATA_SIZE;
    return left < CHUNK_DATA_SIZE ? left : CHUNK_DATA_SIZE;
}

static size_t top_count(size_t size)
{
    size_t lists = manifest_list_count(size);
    return lists > 0 ? lists : manifest_data_count(size);
}

void manifest_hash(struct bytes content, uint8_t hash[MANIFEST_HASH_SIZE])
{
    crypto_generichash(hash, MANIFEST_HASH_SIZE, content.data, content.size, NULL, 0);
}

static const char *letter_of(enum envelope_content content)
{
    return content == ENVELOPE_JSON ? "j" : content == ENVELOPE_SEALED ? "c" : "b";
}

void manifest_write(struct wire_writer *w, const struct manifest *m)
{
    bencode_write_dict(w);
    bencode_write_string(w, "c");
    bencode_write_string(w, letter_of(m->content));
    bencode_write_string(w, "h");
    bencode_write_bytes(w, bytes_of(m->hash, MANIFEST_HASH_SIZE));
    bencode_write_string(w, "l");
    bencode_write_int(w, m->size);
    bencode_write_string(w, "p");
    bencode_write_bytes(w, bytes_of(m->targets, m->target_count * ID_SIZE));
    bencode_write_string(w, "x");
    bencode_write_int(w, (int64_t)m->expiry_unix_s);
    bencode_write_end(w);
}

/* The fields as they stand; integers are judged later. */
struct fields {
    struct bytes content, hash, targets;
    int64_t size, expiry_unix_s;
};

static bool read_key(struct bencode_reader *r, const char *key)
{
    return bencode_more(r) && bytes_is_string(bencode_read_bytes(r), key);
}

static bool read_fields(struct bytes body, struct fields *f)
{
    struct bencode_reader r;
    bencode_reader_init(&r, body);
    bencode_read_dict(&r);
    if (!read_key(&r, "c")) {
        return false;
    }
    f->content = bencode_read_bytes(&r);
    if (!read_key(&r, "h")) {
        return false;
    }
    f->hash = bencode_read_bytes(&r);
    if (!read_key(&r, "l")) {
        return false;
    }
    f->size = bencode_read_int(&r);
    if (!read_key(&r, "p")) {
        return false;
    }
    f->targets = bencode_read_bytes(&r);
    if (!read_key(&r, "x")) {
        return false;
    }
    f->expiry_unix_s = bencode_read_int(&r);
    return !bencode_more(&r) && bencode_is_done(&r);
}

static enum envelope_content content_of(struct bytes letter)
{
    if (bytes_is_string(letter, "j")) {
        return ENVELOPE_JSON;
    }
    if (bytes_is_string(letter, "b")) {
        return ENVELOPE_BYTES;
    }
    return bytes_is_string(letter, "c") ? ENVELOPE_SEALED : ENVELOPE_FOREIGN;
}

static const char *find_fault(const struct fields *f)
{
    if (content_of(f->content) == ENVELOPE_FOREIGN) {
        return "the kind of its content is unknown";
    }
    if (f->hash.size != MANIFEST_HASH_SIZE) {
        return "its hash is not of 32 bytes";
    }
    if (f->size < 1 || f->size > LARGE_SIZE_MAX) {
        return "its length is not 1 to 1048576 bytes";
    }
    if (f->targets.size != top_count((size_t)f->size) * ID_SIZE) {
        return "it does not name the chunks that its length needs";
    }
    return f->expiry_unix_s < 0 ? "its chunks end before time began" : NULL;
}

bool manifest_parse(struct bytes body, struct manifest *out, const char **fault)
{
    struct fields f = {0};
    *fault = read_fields(body, &f) ? find_fault(&f) : "it is not in the form of one";
    if (*fault != NULL) {
        return false;
    }
    *out = (struct manifest){.content = content_of(f.content),
                             .size = (uint32_t)f.size,
                             .expiry_unix_s = (uint64_t)f.expiry_unix_s,
                             .target_count = (uint32_t)(f.targets.size / ID_SIZE)};
    memcpy(out->hash, f.hash.data, MANIFEST_HASH_SIZE);
    memcpy(out->targets, f.targets.data, f.targets.size);
    return true;
}

bool manifest_of_v(struct bytes v, struct manifest *out)
{
    struct envelope envelope;
    const char *fault;
    envelope_parse(v, &envelope);
    return envelope.content == ENVELOPE_MANIFEST && manifest_parse(envelope.body, out, &fault);
}
