#include "common/wire.h"

#include <assert.h>

void wire_reader_init(struct wire_reader *r, struct bytes input)
{
    /* An absent input reads as an empty one; no arithmetic is done on a null pointer. */
    static const uint8_t nothing[1];
    r->at = input.data != NULL ? input.data : nothing;
    r->end = r->at + (input.data != NULL ? input.size : 0);
    r->failed = false;
}

/* The next `size` bytes, or NULL once failed. */
static inline const uint8_t *take(struct wire_reader *r, size_t size)
{
    if (r->failed || size > (size_t)(r->end - r->at)) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += size;
    return at;
}

static inline uint64_t read_integer(struct wire_reader *r, size_t size)
{
    const uint8_t *at = take(r, size);
    uint64_t value = 0;
    for (size_t i = 0; at != NULL && i < size; i++)
        value = value << 8 | at[i];
    return value;
}

uint8_t wire_read_u8(struct wire_reader *r)
{
    return (uint8_t)read_integer(r, 1);
}

uint16_t wire_read_u16(struct wire_reader *r)
{
    return (uint16_t)read_integer(r, 2);
}

uint32_t wire_read_u32(struct wire_reader *r)
{
    return (uint32_t)read_integer(r, 4);
}

uint64_t wire_read_u64(struct wire_reader *r)
{
    return read_integer(r, 8);
}

struct bytes wire_read_bytes(struct wire_reader *r, size_t size)
{
    const uint8_t *at = take(r, size);
    return bytes_of(at, at != NULL ? size : 0);
}

bool wire_reader_is_done(const struct wire_reader *r)
{
    return !r->failed && r->at == r->end;
}

void wire_writer_init(struct wire_writer *w, void *buffer, size_t capacity)
{
    assert(buffer != NULL);
    *w = (struct wire_writer){.data = buffer, .capacity = capacity};
}

static inline void write_integer(struct wire_writer *w, uint64_t value, size_t size)
{
    uint8_t *at = wire_reserve(w, size);
    if (at == NULL)
        return;
    for (size_t i = size; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

void wire_write_u8(struct wire_writer *w, uint8_t value)
{
    write_integer(w, value, 1);
}

void wire_write_u16(struct wire_writer *w, uint16_t value)
{
    write_integer(w, value, 2);
}

void wire_write_u32(struct wire_writer *w, uint32_t value)
{
    write_integer(w, value, 4);
}

void wire_write_u64(struct wire_writer *w, uint64_t value)
{
    write_integer(w, value, 8);
}

void wire_write(struct wire_writer *w, const void *data, size_t size)
{
    uint8_t *at = wire_reserve(w, size);
    if (at != NULL && size > 0)
        memcpy(at, data, size);
}

void wire_write_string(struct wire_writer *w, const char *text)
{
    wire_write(w, text, strlen(text));
}

struct bytes wire_written(const struct wire_writer *w)
{
    return w->failed ? bytes_of(NULL, 0) : bytes_of(w->data, w->used);
}
