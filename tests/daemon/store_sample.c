#include "tests/daemon/store_sample.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dht/records/envelope.h"
#include "daemon/dht/records/multi.h"
#include "tests/daemon/scratch.h"

char *sample_directory(void)
{
    char *directory = NULL;
    int length = asprintf(&directory, "%s/store-XXXXXX", scratch_parent());
    assert(length > 0 && mkdtemp(directory) != NULL);
    return directory;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void sample_remove(char *directory)
{
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(directory);
}

struct store_limits sample_limits(uint64_t quota_bytes)
{
    return (struct store_limits){.quota_bytes = quota_bytes,
                                 .multi_entries = MULTI_ENTRIES_DEFAULT,
                                 .multi_bytes = MULTI_BYTES_DEFAULT};
}

/* A bencoded byte string of `v_size` bytes in all, which begins with the number. */
static void fill_v(struct sample *s, uint32_t number, size_t v_size)
{
    size_t digits = v_size - 3 < 10 ? 1 : v_size - 4 < 100 ? 2 : 3;
    size_t content = v_size - digits - 1;
    char head[8], text[16];
    assert(v_size >= 16 && v_size <= RECORD_V_MAX);
    memset(s->v, '.', sizeof(s->v));
    int length = snprintf(head, sizeof(head), "%zu:", content);
    memcpy(s->v, head, (size_t)length);
    snprintf(text, sizeof(text), "%08x", (unsigned)number);
    memcpy(s->v + length, text, 8);
    s->write.record.v = bytes_of(s->v, (size_t)length + content);
}

static void fill_write(struct sample *s)
{
    s->write = (struct store_write){
        .action = STORE_PUT,
        .space = STORE_HELD,
        .putter = addr_v4((const uint8_t[]){10, 0, 0, 1}, 4000),
        .put_unix_s = SAMPLE_NOW_UNIX_S,
        .expiry_unix_s = SAMPLE_NOW_UNIX_S + 3600,
    };
}

void sample_sign(struct sample *s)
{
    const struct record *r = &s->write.record;
    record_sign(s->secret, r, s->sig);
}

static void fill_signer(struct sample *s, uint32_t number)
{
    uint8_t seed[KEYS_SEED_SIZE] = {0};
    memcpy(seed, &number, sizeof(number));
    keys_from_seed(seed, s->k, s->secret);
    s->write.record.k = s->k;
    s->write.record.sig = s->sig;
}

void sample_single(struct sample *s, uint32_t number, int64_t seq, size_t v_size)
{
    struct record *r = &s->write.record;
    fill_write(s);
    fill_signer(s, number);
    fill_v(s, number, v_size);
    r->kind = RECORD_SINGLE;
    r->salt = bytes_of_string("salt");
    r->seq = seq;
    record_single_target(s->k, r->salt, &r->target);
    sample_sign(s);
}

void sample_immutable(struct sample *s, uint32_t number, size_t v_size)
{
    fill_write(s);
    fill_v(s, number, v_size);
    s->write.record.kind = RECORD_IMMUTABLE;
    record_immutable_target(s->write.record.v, &s->write.record.target);
}

void sample_entry(struct sample *s, const struct sample_place *place, int64_t seq,
                  uint64_t time_unix_s, size_t size)
{
    uint8_t content[RECORD_V_MAX] = {0};
    struct record *r = &s->write.record;
    struct wire_writer w;
    const struct envelope envelope = {.content = size > 0 ? ENVELOPE_BYTES : ENVELOPE_DELETED,
                                      .body = bytes_of(content, size),
                                      .has_time = true,
                                      .time_unix_s = time_unix_s};
    fill_write(s);
    fill_signer(s, place->signer);
    wire_writer_init(&w, s->v, sizeof(s->v));
    envelope_write(&w, &envelope);
    assert(!w.failed);
    int length = snprintf(s->slot, sizeof(s->slot), "slot %u", (unsigned)place->slot);
    r->kind = RECORD_MULTI;
    r->v = wire_written(&w);
    r->salt = bytes_of((const uint8_t *)s->slot, (size_t)length);
    r->seq = seq;
    record_multi_target(bytes_of_string("wabi"), bytes_of_string(place->resource), &r->target);
    sample_sign(s);
}
