/* JSON text as xord reads and writes it: jansson inside, with the limits and the exactness of the
 * interface. Numbers come back in the shortest form that reads back equal; duplicate keys, numbers
 * beyond int64 and double, NUL in strings' place of a key and nesting over the limit are refused.
 */
#ifndef XORD_RPC_JSON_H
#define XORD_RPC_JSON_H

#include <jansson.h>

#include "common/bytes.h"

/* Nesting of arrays and objects in the text, counted before parsing; strings are skipped. */
bool json_is_within_depth(struct bytes text, unsigned depth_max);
/* How many values and keys the text holds at most, nested ones too, counted before parsing. A
 * number with a fraction or an exponent counts as four, since reading and writing it takes as long.
 */
size_t json_count_elements(struct bytes text);
/* The text of this member of the object that the text is, a string or a number, found without
 * parsing: a guess where the text is no JSON. Absent when there is none. */
struct bytes json_find_member(struct bytes text, const char *key);
/* One JSON value and nothing after it; NULL when it is not. A new reference. `error` (of at least
 * `error_size`) gets one line with the position; may be NULL. */
json_t *json_read(struct bytes text, unsigned depth_max, char *error, size_t error_size);

/* A growing buffer of text. Zeroed it is empty; json_text_clear frees it. */
struct json_text {
    char *data;
    size_t size, capacity;
    bool failed; /* memory ran out; sticky */
};
/* Appends the value, compact; with `indent` > 0 pretty, keys in their order. */
void json_write(struct json_text *text, const json_t *value, unsigned indent);
void json_text_append(struct json_text *text, const char *data, size_t size);
void json_text_clear(struct json_text *text);
/* The shortest decimal form that reads back as `value`, always with a point or an exponent. */
int json_format_real(double value, char out[32]);

#endif
