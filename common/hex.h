/* Hexadecimal, lower case out, both cases in. */
#ifndef XORD_COMMON_HEX_H
#define XORD_COMMON_HEX_H

#include "common/bytes.h"

/* Writes 2 * size characters and a terminator into `out`; returns `out`. */
char *hex_encode(struct bytes input, char *out);
/* Exactly 2 * size digits into `size` bytes; false when it is anything else. */
bool hex_decode(const char *text, size_t length, uint8_t *out, size_t size);

#endif
