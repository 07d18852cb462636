#include "daemon/dht/records/envelope.h"

#include "common/bencode.h"

#include <assert.h>

static enum envelope_content content_of(uint8_t key)
{
    switch (key) {
    case 'b':
        return ENVELOPE_BYTES;
    case 'c':
        return ENVELOPE_SEALED;
    case 'j':
        return ENVELOPE_JSON;
    case 'm':
        return ENVELOPE_MANIFEST;
    default:
        return ENVELOPE_FOREIGN;
    }
}

static void read_time(struct bencode_reader *r, bool *has, uint64_t *unix_s)
{
    int64_t value = bencode_read_int(r);
    if (value < 0)
        r->failed = true;
    *has = true;
    *unix_s = (uint64_t)value;
}

/* One key and its value. The caller has seen to it that keys ascend, so none comes twice. */
static void read_pair(struct bencode_reader *r, uint8_t key, struct envelope *e)
{
    if (key == 't') {
        read_time(r, &e->has_time, &e->time_unix_s);
    } else if (key == 'x') {
        read_time(r, &e->has_expiry, &e->expiry_unix_s);
    } else {
        if (e->content != ENVELOPE_DELETED || content_of(key) == ENVELOPE_FOREIGN)
            r->failed = true;
        e->content = content_of(key);
        e->body = bencode_read_bytes(r);
    }
}

void envelope_parse(struct bytes v, struct envelope *out)
{
    struct envelope e = {.content = ENVELOPE_DELETED};
    struct bencode_reader r;
    uint8_t last = 0;
    bencode_reader_init(&r, v);
    bencode_read_dict(&r);
    while (bencode_more(&r)) {
        struct bytes key = bencode_read_bytes(&r);
        if (key.size != 1 || key.data[0] <= last) {
            r.failed = true;
            break;
        }
        last = key.data[0];
        read_pair(&r, last, &e);
    }
    /* A deletion says when: an empty dictionary is anybody's value. */
    bool is_envelope = e.content != ENVELOPE_DELETED || e.has_time;
    *out = bencode_is_done(&r) && is_envelope
               ? e
               : (struct envelope){.content = ENVELOPE_FOREIGN, .body = v};
}

static void write_time(struct wire_writer *w, const char *key, bool has, uint64_t unix_s)
{
    if (!has)
        return;
    if (unix_s > INT64_MAX)
        w->failed = true;
    bencode_write_string(w, key);
    bencode_write_int(w, (int64_t)unix_s);
}

void envelope_write(struct wire_writer *w, const struct envelope *e)
{
    static const char *const keys[] = {[ENVELOPE_JSON] = "j",
                                       [ENVELOPE_BYTES] = "b",
                                       [ENVELOPE_SEALED] = "c",
                                       [ENVELOPE_MANIFEST] = "m"};
    if (e->content == ENVELOPE_FOREIGN) {
        wire_write(w, e->body.data, e->body.size);
        return;
    }
    assert(e->content != ENVELOPE_DELETED || e->has_time);
    bencode_write_dict(w);
    if (e->content != ENVELOPE_DELETED) {
        bencode_write_string(w, keys[e->content]);
        bencode_write_bytes(w, e->body);
    }
    write_time(w, "t", e->has_time, e->time_unix_s);
    write_time(w, "x", e->has_expiry, e->expiry_unix_s);
    bencode_write_end(w);
}
