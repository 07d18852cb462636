#include "rpc/json/json.h"

#include <stdio.h>

#define REAL_ELEMENTS 4u /* what a number that is no integer counts as */

/* Past the closing quote of a string that opens just before `at`, or the end. */
static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    return at < end ? at + 1 : end;
}

bool json_is_within_depth(struct bytes text, unsigned depth_max)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    unsigned depth = 0;

    while (at < end) {
        uint8_t c = *at++;
        if (c == '"')
            at = skip_string(at, end);
        else if ((c == '[' || c == '{') && ++depth > depth_max)
            return false;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return true;
}

/* Each element but the first comes after one of these. */
/* The e of 1e9, but not those of true and false. */
static bool is_exponent(const uint8_t *at, const uint8_t *start)
{
    return (*at == 'e' || *at == 'E') && at > start && at[-1] >= '0' && at[-1] <= '9';
}

size_t json_count_elements(struct bytes text)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    size_t count = text.size > 0;

    while (at < end) {
        uint8_t c = *at++;
        if (c == '"')
            at = skip_string(at, end);
        else if (c == '.' || is_exponent(at - 1, text.data))
            count += REAL_ELEMENTS - 1;
        else
            count += c == ',' || c == ':' || c == '[' || c == '{';
    }
    return count;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The string or number after a key and its colon. */
static struct bytes member_value(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (is_blank(*at) || *at == ':'))
        at++;
    const uint8_t *start = at;
    if (at < end && *at == '"')
        return bytes_of(start, (size_t)(skip_string(at + 1, end) - start));
    while (at < end && !is_blank(*at) && *at != ',' && *at != '}')
        at++;
    return bytes_of(start, (size_t)(at - start));
}

struct bytes json_find_member(struct bytes text, const char *key)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    unsigned depth = 0;
    bool is_key = false; /* the next string of the outermost object is one */

    while (at < end) {
        uint8_t c = *at++;
        const uint8_t *start = at;
        if (c == '"')
            at = skip_string(at, end);
        if (c == '"' && is_key && depth == 1 &&
            bytes_is_string(bytes_of(start, (size_t)(at - start - (at > start))), key))
            return member_value(at, end);
        is_key = c == '{' || c == ',' || (is_key && is_blank(c));
        if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
    }
    return (struct bytes){0};
}

/* jansson quotes the text it stumbled over, line feeds included: one line is what was asked for. */
static void flatten(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ')
            *text = ' ';
}

json_t *json_read(struct bytes text, unsigned depth_max, char *error, size_t error_size)
{
    json_error_t jansson;

    if (!json_is_within_depth(text, depth_max)) {
        if (error != NULL)
            snprintf(error, error_size, "nested deeper than %u levels", depth_max);
        return NULL;
    }
    /* jansson takes a NUL at the end for the end. */
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        if (error != NULL)
            snprintf(error, error_size, "a NUL byte");
        return NULL;
    }
    json_t *value = json_loadb((const char *)text.data, text.size,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &jansson);
    if (value == NULL && error != NULL) {
        snprintf(error, error_size, "%s, at byte %d", jansson.text, jansson.position);
        flatten(error);
    }
    return value;
}
