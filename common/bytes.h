/* A borrowed run of bytes. Owns nothing; lives as long as what it points into.
 * `data` is NULL for "absent"; an empty but present run has a non-NULL `data` and size 0. */
#ifndef XORD_COMMON_BYTES_H
#define XORD_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){.data = data, .size = size};
}

/* The characters of a C string, without its terminator. */
static inline struct bytes bytes_of_string(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* By content: an absent run equals an empty one. */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_is_string(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_of_string(text));
}

#endif
