#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/json/json.h"

#define TEXT_CAPACITY_MIN 512 /* holds a small reply without growing */
#define INT_DIGITS_MAX    20  /* -9223372036854775808 */
#define REAL_DIGITS_MIN   15  /* any decimal of so many digits survives a double */
#define REAL_DIGITS_MAX   17  /* any double survives so many digits */

static bool grow(struct json_text *text, size_t more)
{
    if (text->failed)
        return false;
    size_t capacity = text->capacity < TEXT_CAPACITY_MIN ? TEXT_CAPACITY_MIN : text->capacity;
    while (capacity - text->size < more)
        capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

static inline bool reserve(struct json_text *text, size_t more)
{
    return more <= text->capacity - text->size || grow(text, more);
}

void json_text_append(struct json_text *text, const char *data, size_t size)
{
    if (size == 0 || !reserve(text, size))
        return;
    memcpy(text->data + text->size, data, size);
    text->size += size;
}

void json_text_clear(struct json_text *text)
{
    free(text->data);
    *text = (struct json_text){0};
}

static inline void write_char(struct json_text *text, char c)
{
    if (reserve(text, 1))
        text->data[text->size++] = c;
}

static void write_int(struct json_text *text, json_int_t value)
{
    char digits[INT_DIGITS_MAX];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        *--at = '-';
    json_text_append(text, at, (size_t)(digits + sizeof digits - at));
}

int json_format_real(double value, char out[32])
{
    int size = 0;

    for (int digits = REAL_DIGITS_MIN; digits <= REAL_DIGITS_MAX; digits++) {
        size = snprintf(out, 32, "%.*g", digits, value);
        if (digits == REAL_DIGITS_MAX || strtod(out, NULL) == value)
            break;
    }
    if (strpbrk(out, ".e") == NULL) {
        memcpy(out + size, ".0", 3);
        size += 2;
    }
    return size;
}

static void write_real(struct json_text *text, double value)
{
    char out[32];

    json_text_append(text, out, (size_t)json_format_real(value, out));
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c != '"' && c != '\\';
}

static void write_escape(struct json_text *text, unsigned char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, its letter */
    char escape[8];

    for (const char *pair = named; *pair != '\0'; pair += 2) {
        if ((unsigned char)*pair == c) {
            escape[0] = '\\';
            escape[1] = pair[1];
            json_text_append(text, escape, 2);
            return;
        }
    }
    json_text_append(text, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
}

/* How many bytes at `string` need no escape. */
static size_t plain_run(const char *string, size_t size)
{
    size_t run = 0;

    while (run < size && is_plain((unsigned char)string[run]))
        run++;
    return run;
}

static void write_escaped(struct json_text *text, const char *string, size_t size)
{
    const char *end = string + size;

    write_char(text, '"');
    while (string < end) {
        size_t run = plain_run(string, (size_t)(end - string));
        json_text_append(text, string, run);
        string += run;
        if (string < end)
            write_escape(text, (unsigned char)*string++);
    }
    write_char(text, '"');
}

/* Most strings and all our keys need no escape: one copy. */
static void write_string(struct json_text *text, const char *string, size_t size)
{
    if (plain_run(string, size) < size) {
        write_escaped(text, string, size);
        return;
    }
    if (!reserve(text, size + 2))
        return;
    char *at = text->data + text->size;
    *at = '"';
    memcpy(at + 1, string, size);
    at[size + 1] = '"';
    text->size += size + 2;
}

static void write_value(struct json_text *text, const json_t *value, unsigned indent,
                        unsigned level);

static void write_line_start(struct json_text *text, unsigned indent, unsigned level)
{
    if (indent == 0)
        return;
    write_char(text, '\n');
    for (unsigned i = 0; i < indent * level; i++)
        write_char(text, ' ');
}

static void write_array(struct json_text *text, const json_t *array, unsigned indent,
                        unsigned level)
{
    size_t count = json_array_size(array);

    write_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            write_char(text, ',');
        write_line_start(text, indent, level + 1);
        write_value(text, json_array_get(array, i), indent, level + 1);
    }
    if (count > 0)
        write_line_start(text, indent, level);
    write_char(text, ']');
}

static void write_object(struct json_text *text, json_t *object, unsigned indent, unsigned level)
{
    bool is_first = true;

    write_char(text, '{');
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        if (!is_first)
            write_char(text, ',');
        is_first = false;
        write_line_start(text, indent, level + 1);
        write_string(text, key, strlen(key));
        json_text_append(text, ": ", indent > 0 ? 2 : 1);
        write_value(text, json_object_iter_value(at), indent, level + 1);
    }
    if (!is_first)
        write_line_start(text, indent, level);
    write_char(text, '}');
}

static void write_value(struct json_text *text, const json_t *value, unsigned indent,
                        unsigned level)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: {
        /* jansson's iterator takes no const, but changes nothing. */
        json_t *object = (json_t *)(uintptr_t)value;
        write_object(text, object, indent, level);
        return;
    }
    case JSON_ARRAY:
        write_array(text, value, indent, level);
        return;
    case JSON_STRING:
        write_string(text, json_string_value(value), json_string_length(value));
        return;
    case JSON_INTEGER:
        write_int(text, json_integer_value(value));
        return;
    case JSON_REAL:
        write_real(text, json_real_value(value));
        return;
    case JSON_TRUE:
        json_text_append(text, "true", 4);
        return;
    case JSON_FALSE:
        json_text_append(text, "false", 5);
        return;
    case JSON_NULL:
        json_text_append(text, "null", 4);
        return;
    }
}

void json_write(struct json_text *text, const json_t *value, unsigned indent)
{
    write_value(text, value, indent, 0);
}
