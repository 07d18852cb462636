#include "common/hex.h"

static const char digits[] = "0123456789abcdef";

char *hex_encode(struct bytes input, char *out)
{
    char *at = out;
    for (size_t i = 0; i < input.size; i++) {
        *at++ = digits[input.data[i] >> 4];
        *at++ = digits[input.data[i] & 15];
    }
    *at = '\0';
    return out;
}

/* The value of one digit, or -1. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(const char *text, size_t length, uint8_t *out, size_t size)
{
    if (length % 2 != 0 || length / 2 != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
