#include "common/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_COMPARED 48 /* longer words are nobody's typing error of a key */

/* What libinih's reader and handler share: it asks for one line and hands over its pair before it
 * asks for the next, so the line counted here is the pair's. */
struct reading {
    const char *at, *end;
    unsigned line;
    bool failed;
    config_pair *pair;
    void *context;
    struct config_error *error;
};

static void fail(struct reading *r, const char *text)
{
    r->failed = true;
    snprintf(r->error->text, sizeof(r->error->text), "%s", text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool has_inline_comment(const char *line, size_t size)
{
    for (size_t i = 1; i < size; i++) {
        if (line[i] == ';' && is_blank(line[i - 1]))
            return true;
    }
    return false;
}

/* What is wrong with a line that is neither blank nor a comment; NULL: nothing. */
static const char *line_fault(const char *line, size_t size)
{
    if (is_blank(line[0]))
        return "an indented line; start each key at the beginning of its line";
    if (line[0] == '[')
        return "sections are not used; write only key = value";
    const char *equals = memchr(line, '=', size);
    const char *colon = memchr(line, ':', size);
    if (equals == NULL || equals == line || (colon != NULL && colon < equals))
        return "expected key = value";
    if (has_inline_comment(line, size))
        return "\" ;\" in a line; put a comment on a line of its own";
    return NULL;
}

static void check_line(struct reading *r, const char *line, size_t size)
{
    size_t start = 0;
    if (size > CONFIG_LINE_MAX) {
        fail(r, "the line is longer than 197 bytes");
        return;
    }
    if (memchr(line, '\0', size) != NULL) {
        fail(r, "a zero byte in the line");
        return;
    }
    while (start < size && is_blank(line[start]))
        start++;
    if (start == size || line[start] == '#' || line[start] == ';')
        return;
    const char *fault = line_fault(line, size);
    if (fault != NULL)
        fail(r, fault);
}

/* libinih's reader: like fgets, one line a call; ends the reading at the first fault. */
static char *next_line(char *out, int capacity, void *stream)
{
    struct reading *r = stream;
    if (r->failed || r->at == r->end)
        return NULL;
    r->line++;
    const char *line = r->at;
    const char *feed = memchr(line, '\n', (size_t)(r->end - line));
    size_t size = (size_t)((feed != NULL ? feed : r->end) - line);
    r->at = feed != NULL ? feed + 1 : r->end;
    check_line(r, line, size);
    if (r->failed)
        return NULL;
    if (size + 1 > (size_t)capacity) {
        fail(r, "the line is too long");
        return NULL;
    }
    memcpy(out, line, size);
    out[size] = '\0';
    return out;
}

static int take_pair(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    (void)section;
    if (r->failed)
        return 0;
    if (!r->pair(r->context, name, value, r->line, r->error))
        r->failed = true;
    return r->failed ? 0 : 1;
}

enum err config_parse(struct bytes text, config_pair *pair, void *context,
                      struct config_error *error)
{
    static const uint8_t byte_order_mark[3] = {0xef, 0xbb, 0xbf};
    struct reading r = {.pair = pair, .context = context, .error = error};
    memset(error, 0, sizeof(*error));
    if (text.size == 0)
        return ERR_OK;
    r.at = (const char *)text.data;
    r.end = r.at + text.size;
    if (text.size >= 3 && memcmp(r.at, byte_order_mark, 3) == 0)
        r.at += 3;
    int faulty = ini_parse_stream(next_line, &r, take_pair, &r);
    if (!r.failed && faulty == 0)
        return ERR_OK;
    if (!r.failed)
        fail(&r, "expected key = value");
    error->line = r.line;
    return ERR_MALFORMED;
}

enum err config_read(const char *path, config_pair *pair, void *context, struct config_error *error)
{
    enum err err = ERR_OK;
    char *text = NULL;
    memset(error, 0, sizeof(*error));
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        err = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        snprintf(error->text, sizeof(error->text), "cannot open it: %s", strerror(errno));
        return err;
    }
    text = malloc(CONFIG_FILE_MAX + 1);
    if (text == NULL) {
        err = ERR_NO_MEMORY;
        goto cleanup;
    }
    size_t size = fread(text, 1, CONFIG_FILE_MAX + 1, file);
    if (ferror(file)) {
        err = ERR_IO;
        snprintf(error->text, sizeof(error->text), "cannot read it: %s", strerror(errno));
        goto cleanup;
    }
    if (size > CONFIG_FILE_MAX) {
        err = ERR_MALFORMED;
        snprintf(error->text, sizeof(error->text), "larger than 256 KiB");
        goto cleanup;
    }
    err = config_parse(bytes_of(text, size), pair, context, error);
cleanup:
    free(text);
    fclose(file);
    return err;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance, one row at a time. Both words are at most NAME_MAX_COMPARED long. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

const char *config_nearest(const char *word, const char *(*name_at)(size_t index))
{
    size_t length = strlen(word);
    size_t best = 1 + length / 3 + 1; /* one in three letters wrong, and a first one free */
    const char *nearest = NULL;
    if (length == 0 || length > NAME_MAX_COMPARED)
        return NULL;
    for (size_t i = 0; name_at(i) != NULL; i++) {
        if (strlen(name_at(i)) > NAME_MAX_COMPARED)
            continue;
        size_t distance = edit_distance(word, name_at(i));
        if (distance < best) {
            best = distance;
            nearest = name_at(i);
        }
    }
    return nearest;
}
