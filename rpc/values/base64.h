/* Base64 (RFC 4648, with padding) for bytes inside JSON. */
#ifndef XORD_RPC_BASE64_H
#define XORD_RPC_BASE64_H

#include <jansson.h>

#include "common/bytes.h"

/* The bytes as a JSON string, a new reference; NULL without memory. */
json_t *base64_to_json(struct bytes input);
/* The bytes that the text stands for, to be freed by the caller (never NULL for an empty text);
 * NULL when it is not base64, or without memory. */
uint8_t *base64_decode(const char *text, size_t *size);

#endif
