/* Bounded reading and writing of bytes, sticky: after the first failure every call is a no-op and
 * `failed` stays set, so a codec reads straight through and checks once at the end.
 * Integers are big-endian. Neither owns its buffer. */
#ifndef XORD_COMMON_WIRE_H
#define XORD_COMMON_WIRE_H

#include "common/bytes.h"

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct wire_writer {
    uint8_t *data;
    size_t used;
    size_t capacity;
    bool failed;
};

void wire_reader_init(struct wire_reader *r, struct bytes input);
uint8_t wire_read_u8(struct wire_reader *r); /* all of these: 0 once failed */
uint16_t wire_read_u16(struct wire_reader *r);
uint32_t wire_read_u32(struct wire_reader *r);
uint64_t wire_read_u64(struct wire_reader *r);
/* A view of the next `size` bytes; absent (data NULL) once failed. */
struct bytes wire_read_bytes(struct wire_reader *r, size_t size);
/* True when nothing failed and nothing is left. */
bool wire_reader_is_done(const struct wire_reader *r);

void wire_writer_init(struct wire_writer *w, void *buffer, size_t capacity);
/* Takes the next `size` bytes for the caller to fill at once; NULL when they do not fit. */
static inline uint8_t *wire_reserve(struct wire_writer *w, size_t size)
{
    if (w->failed || size > w->capacity - w->used) {
        w->failed = true;
        return NULL;
    }
    uint8_t *at = w->data + w->used;
    w->used += size;
    return at;
}
void wire_write_u8(struct wire_writer *w, uint8_t value);
void wire_write_u16(struct wire_writer *w, uint16_t value);
void wire_write_u32(struct wire_writer *w, uint32_t value);
void wire_write_u64(struct wire_writer *w, uint64_t value);
void wire_write(struct wire_writer *w, const void *data, size_t size);
void wire_write_string(struct wire_writer *w, const char *text);
/* What has been written so far; absent once failed. */
struct bytes wire_written(const struct wire_writer *w);

#endif
