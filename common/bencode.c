#include "common/bencode.h"

#include <assert.h>

/* "-9223372036854775808" and no terminator: the longest integer either side handles. */
#define DIGITS_MAX 20

/* Far above any message or line; below it a length that is checked at each digit cannot wrap. */
#define INPUT_SIZE_MAX (SIZE_MAX / 16)

/* A container that a walk over a whole value is inside of. */
struct level {
    bool is_dict;
    struct bytes key; /* the last key read; absent before the first */
};

static inline bool is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') <= 9;
}

void bencode_reader_init(struct bencode_reader *r, struct bytes input)
{
    /* An absent input reads as an empty one; no arithmetic is done on a null pointer. */
    static const uint8_t nothing[1];
    assert(input.size <= INPUT_SIZE_MAX);
    r->at = input.data != NULL ? input.data : nothing;
    r->end = r->at + (input.data != NULL ? input.size : 0);
    r->depth = 0;
    r->failed = false;
}

static inline enum bencode_type peek(const struct bencode_reader *r)
{
    if (r->failed || r->at == r->end)
        return BENCODE_NONE;
    uint8_t c = *r->at;
    if (is_digit(c))
        return BENCODE_BYTES;
    if (c == 'i')
        return BENCODE_INT;
    if (c == 'd')
        return BENCODE_DICT;
    return c == 'l' ? BENCODE_LIST : BENCODE_NONE;
}

enum bencode_type bencode_peek(const struct bencode_reader *r)
{
    return peek(r);
}

/* Reads digits up to `limit` without leading zeros into `value`; the byte after them, or NULL. */
static inline const uint8_t *read_digits(const uint8_t *at, const uint8_t *end, uint64_t limit,
                                         uint64_t *value)
{
    const uint8_t *first = at;
    uint64_t sum = 0;
    for (; at < end && is_digit(*at); at++) {
        unsigned digit = *at - '0';
        if (sum > (limit - digit) / 10)
            return NULL;
        sum = sum * 10 + digit;
    }
    if (at == first || at == end || (*first == '0' && at - first > 1))
        return NULL;
    *value = sum;
    return at;
}

int64_t bencode_read_int(struct bencode_reader *r)
{
    if (peek(r) != BENCODE_INT) {
        r->failed = true;
        return 0;
    }
    const uint8_t *at = r->at + 1;
    bool is_negative = at < r->end && *at == '-';
    uint64_t magnitude = 0;
    at = read_digits(at + is_negative, r->end, (uint64_t)INT64_MAX + is_negative, &magnitude);
    if (at == NULL || *at != 'e' || (is_negative && magnitude == 0)) {
        r->failed = true;
        return 0;
    }
    r->at = at + 1;
    return is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
}

static inline struct bytes read_bytes(struct bencode_reader *r)
{
    const uint8_t *at = r->at;
    const uint8_t *end = r->end;
    if (r->failed || at == end || !is_digit(*at))
        goto malformed;
    size_t size = *at++ - '0';
    bool is_zero = size == 0;
    for (; at < end && is_digit(*at); at++) {
        size = size * 10 + (*at - '0');
        if (is_zero || size > (size_t)(end - at))
            goto malformed;
    }
    if (at == end || *at != ':' || size > (size_t)(end - at - 1))
        goto malformed;
    r->at = at + 1 + size;
    return bytes_of(at + 1, size);

malformed:
    r->failed = true;
    return bytes_of(NULL, 0);
}

struct bytes bencode_read_bytes(struct bencode_reader *r)
{
    return read_bytes(r);
}

static inline bool enter(struct bencode_reader *r, uint8_t opening)
{
    if (r->failed || r->at == r->end || *r->at != opening || r->depth == BENCODE_DEPTH_MAX) {
        r->failed = true;
        return false;
    }
    r->at++;
    r->depth++;
    return true;
}

void bencode_read_list(struct bencode_reader *r)
{
    enter(r, 'l');
}

void bencode_read_dict(struct bencode_reader *r)
{
    enter(r, 'd');
}

static inline bool more(struct bencode_reader *r)
{
    if (r->failed)
        return false;
    assert(r->depth > 0);
    if (r->at == r->end) {
        r->failed = true;
        return false;
    }
    if (*r->at != 'e')
        return true;
    r->at++;
    r->depth--;
    return false;
}

bool bencode_more(struct bencode_reader *r)
{
    return more(r);
}

static bool is_ascending(struct bytes before, struct bytes after)
{
    size_t shared = before.size < after.size ? before.size : after.size;
    int order = memcmp(before.data, after.data, shared);
    return order < 0 || (order == 0 && before.size < after.size);
}

static inline void walk_key(struct bencode_reader *r, struct level *level, bool is_ordered)
{
    struct bytes key = read_bytes(r);
    if (is_ordered && !r->failed && level->key.data != NULL && !is_ascending(level->key, key))
        r->failed = true;
    level->key = key;
}

/* Passes over one whole value without recursion; where `is_ordered`, keys must ascend. */
static void walk(struct bencode_reader *r, bool is_ordered)
{
    struct level levels[BENCODE_DEPTH_MAX];
    size_t open = 0;
    do {
        if (open > 0 && !more(r)) {
            open--;
            continue;
        }
        if (open > 0 && levels[open - 1].is_dict)
            walk_key(r, &levels[open - 1], is_ordered);
        switch (peek(r)) {
        case BENCODE_NONE:
            r->failed = true;
            break;
        case BENCODE_INT:
            bencode_read_int(r);
            break;
        case BENCODE_BYTES:
            read_bytes(r);
            break;
        case BENCODE_LIST:
            if (enter(r, 'l'))
                levels[open++] = (struct level){.is_dict = false};
            break;
        case BENCODE_DICT:
            if (enter(r, 'd'))
                levels[open++] = (struct level){.is_dict = true};
            break;
        }
    } while (open > 0 && !r->failed);
}

struct bytes bencode_read_raw(struct bencode_reader *r)
{
    const uint8_t *start = r->at;
    walk(r, false);
    return r->failed ? bytes_of(NULL, 0) : bytes_of(start, (size_t)(r->at - start));
}

bool bencode_is_done(const struct bencode_reader *r)
{
    return !r->failed && r->at == r->end && r->depth == 0;
}

bool bencode_is_canonical(struct bytes input)
{
    struct bencode_reader r;
    bencode_reader_init(&r, input);
    walk(&r, true);
    return bencode_is_done(&r);
}

/* Writes the decimal digits of `value` so that they end before `end`; where they begin. */
static inline uint8_t *digits_before(uint8_t *end, uint64_t value)
{
    do {
        *--end = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

void bencode_write_int(struct wire_writer *w, int64_t value)
{
    uint8_t text[DIGITS_MAX];
    uint8_t *end = text + sizeof text;
    uint8_t *start = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--start = '-';
    size_t size = (size_t)(end - start);
    uint8_t *at = wire_reserve(w, size + 2);
    if (at == NULL)
        return;
    at[0] = 'i';
    memcpy(at + 1, start, size);
    at[size + 1] = 'e';
}

void bencode_write_bytes(struct wire_writer *w, struct bytes value)
{
    uint8_t text[DIGITS_MAX + 1];
    uint8_t *end = text + sizeof text;
    end[-1] = ':';
    uint8_t *start = digits_before(end - 1, value.size);
    size_t head = (size_t)(end - start);
    if (value.size > INPUT_SIZE_MAX) {
        w->failed = true;
        return;
    }
    uint8_t *at = wire_reserve(w, head + value.size);
    if (at == NULL)
        return;
    memcpy(at, start, head);
    if (value.size > 0)
        memcpy(at + head, value.data, value.size);
}

void bencode_write_string(struct wire_writer *w, const char *text)
{
    bencode_write_bytes(w, bytes_of_string(text));
}

static inline void write_mark(struct wire_writer *w, uint8_t mark)
{
    uint8_t *at = wire_reserve(w, 1);
    if (at != NULL)
        *at = mark;
}

void bencode_write_list(struct wire_writer *w)
{
    write_mark(w, 'l');
}

void bencode_write_dict(struct wire_writer *w)
{
    write_mark(w, 'd');
}

void bencode_write_end(struct wire_writer *w)
{
    write_mark(w, 'e');
}
