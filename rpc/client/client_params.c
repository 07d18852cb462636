#include "rpc/client/client_params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/json/json.h"
#include "rpc/params.h"
#include "rpc/values/base64.h"

/* The parameters as they come together. */
struct making {
    const struct client_args *args;
    const struct method *row;
    json_t *params;
    char *error;
    bool has_read_input; /* standard input can be read once */
};

/* One word on its way to a parameter. */
struct piece {
    const struct param *param;
    const char *text;
    bool is_literal;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct making *m, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(m->error, CLIENT_ERROR_SIZE, format, list);
    va_end(list);
    return false;
}

static const struct param *find_param(const struct method *row, const char *name, size_t size)
{
    for (const struct param *p = row->params; p->name != NULL; p++) {
        if (strlen(p->name) == size && strncmp(p->name, name, size) == 0) {
            return p;
        }
    }
    return NULL;
}

static bool set(struct making *m, const char *name, json_t *value)
{
    if (value == NULL) {
        return fail(m, "%s: out of memory, or not UTF-8 text", name);
    }
    if (json_object_get(m->params, name) != NULL) {
        json_decref(value);
        return fail(m, "%s: given twice", name);
    }
    return json_object_set_new(m->params, name, value) == 0 || fail(m, "out of memory");
}

/* Bytes have a parameter of their own beside the JSON one. */
static bool set_bytes(struct making *m, const struct param *param, struct bytes content)
{
    char name[64];
    snprintf(name, sizeof name, "%s_base64", param->name);
    if (find_param(m->row, name, strlen(name)) == NULL) {
        return fail(m, "%s: %s takes no bytes here, only JSON", param->name, m->row->name);
    }
    return set(m, name, base64_to_json(content));
}

static bool set_json(struct making *m, const struct param *param, struct bytes content,
                     bool is_text)
{
    if (m->args->is_bytes) {
        return set_bytes(m, param, content);
    }
    json_t *json = m->args->is_string ? NULL : json_read(content, RPC_DEPTH_MAX, NULL, 0);
    if (json != NULL) {
        return set(m, param->name, json);
    }
    if (is_text) {
        return set(m, param->name, json_stringn((const char *)content.data, content.size));
    }
    return set_bytes(m, param, content);
}

/* All of a stream, to be freed; NULL with the error told. */
static char *read_stream(struct making *m, FILE *stream, const char *label, size_t *size)
{
    char *content = malloc(CLIENT_INPUT_MAX + 1);
    if (content == NULL) {
        fail(m, "out of memory");
        return NULL;
    }
    *size = fread(content, 1, CLIENT_INPUT_MAX + 1, stream);
    if (ferror(stream) != 0) {
        fail(m, "%s: %s", label, strerror(errno));
    } else if (*size > CLIENT_INPUT_MAX) {
        fail(m, "%s: larger than %u bytes", label, CLIENT_INPUT_MAX);
    } else {
        return content;
    }
    free(content);
    return NULL;
}

/* What `-` or `@file` stands for. */
static char *read_named(struct making *m, const struct piece *piece, size_t *size)
{
    if (strcmp(piece->text, "-") == 0) {
        if (m->has_read_input) {
            fail(m, "%s: standard input is read already", piece->param->name);
            return NULL;
        }
        m->has_read_input = true;
        return read_stream(m, stdin, "standard input", size);
    }
    const char *path = piece->text + 1;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(m, "%s: cannot open %s: %s", piece->param->name, path, strerror(errno));
        return NULL;
    }
    char *content = read_stream(m, file, path, size);
    fclose(file);
    return content;
}

static bool is_named_input(const struct making *m, const struct piece *piece)
{
    return !piece->is_literal && !m->args->is_string &&
           (strcmp(piece->text, "-") == 0 || piece->text[0] == '@');
}

static bool convert_json(struct making *m, const struct piece *piece)
{
    if (!is_named_input(m, piece)) {
        return set_json(m, piece->param, bytes_of_string(piece->text), true);
    }
    size_t size;
    char *content = read_named(m, piece, &size);
    bool is_set = content != NULL && set_json(m, piece->param, bytes_of(content, size), false);
    free(content);
    return is_set;
}

/* Hex may come from a file too, without the line feed that ends it: dhtsign … | dhtputraw - */
static bool convert_hex(struct making *m, const struct piece *piece)
{
    if (!is_named_input(m, piece)) {
        return set(m, piece->param->name, json_string(piece->text));
    }
    size_t size;
    char *content = read_named(m, piece, &size);
    if (content == NULL) {
        return false;
    }
    while (size > 0 && (content[size - 1] == '\n' || content[size - 1] == '\r')) {
        size--;
    }
    bool is_set = set(m, piece->param->name, json_stringn(content, size));
    free(content);
    return is_set;
}

static bool convert_int(struct making *m, const struct piece *piece)
{
    char *end;
    errno = 0;
    long long number = strtoll(piece->text, &end, 10);
    if (end == piece->text || *end != '\0' || errno != 0 || strchr(" \t\n+", piece->text[0])) {
        return fail(m, "%s: must be a whole number, not \"%s\"", piece->param->name, piece->text);
    }
    return set(m, piece->param->name, json_integer(number));
}

static bool convert_bool(struct making *m, const struct piece *piece)
{
    if (strcmp(piece->text, "true") == 0 || strcmp(piece->text, "false") == 0) {
        return set(m, piece->param->name, json_boolean(piece->text[0] == 't'));
    }
    return fail(m, "%s: must be true or false, not \"%s\"", piece->param->name, piece->text);
}

static bool convert(struct making *m, const struct piece *piece)
{
    switch (piece->param->type) {
    case PARAM_INT:
        return convert_int(m, piece);
    case PARAM_BOOL:
        return convert_bool(m, piece);
    case PARAM_JSON:
        return convert_json(m, piece);
    case PARAM_HEX:
        return convert_hex(m, piece);
    case PARAM_STRING:
    case PARAM_NAME:
    case PARAM_KIND:
    case PARAM_ID:
    case PARAM_KEY:
    case PARAM_BASE64:
    case PARAM_ADDR:
        return set(m, piece->param->name, json_string(piece->text));
    }
    return false;
}

/* --param, --param=text */
static bool take_option(struct making *m, const struct client_word *word)
{
    const struct param *param = find_param(m->row, word->param, word->param_size);
    if (param == NULL) {
        return fail(m, "--%.*s: %s has no such option", (int)word->param_size, word->param,
                    m->row->name);
    }
    if (word->text == NULL && param->type != PARAM_BOOL) {
        return fail(m, "--%s: needs a value, as --%s=…", param->name, param->name);
    }
    struct piece piece = {.param = param, .text = word->text != NULL ? word->text : "true"};
    return convert(m, &piece);
}

/* The parameter that a word names with `key=`, or NULL when the word is positional. */
static const struct param *named_param(const struct making *m, const struct client_word *word)
{
    const char *equals = strchr(word->text, '=');
    if (equals == NULL || word->is_literal || m->args->is_string) {
        return NULL;
    }
    return find_param(m->row, word->text, (size_t)(equals - word->text));
}

static bool take_word(struct making *m, const struct client_word *word,
                      const struct param **positional)
{
    if (word->param != NULL) {
        return take_option(m, word);
    }
    const struct param *named = named_param(m, word);
    if (named != NULL) {
        struct piece piece = {.param = named, .text = strchr(word->text, '=') + 1};
        return convert(m, &piece);
    }
    const struct param *param = *positional;
    if (param->name == NULL || param->is_named_only) {
        return fail(m, "one argument too many: \"%s\"", word->text);
    }
    *positional = param + 1;
    struct piece piece = {.param = param, .text = word->text, .is_literal = word->is_literal};
    return convert(m, &piece);
}

/* Where the first positional word goes: past a parameter that only stands alone, when more words
 * than one are given by place. */
static const struct param *first_param(const struct making *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->args->word_count; i++) {
        const struct client_word *word = &m->args->words[i];
        count += word->param == NULL && named_param(m, word) == NULL;
    }
    return m->row->params[0].is_alone && count > 1 ? m->row->params + 1 : m->row->params;
}

/* What the daemon would refuse is refused here, with the same words. */
static bool check(struct making *m)
{
    json_t *values[METHOD_PARAMS_MAX];
    char detail[RPC_DETAIL_SIZE];
    if (params_bind(m->row, m->params, values, detail) == ERR_OK) {
        return true;
    }
    size_t named = strlen(m->row->name) + strlen(": ");
    bool is_named = strncmp(detail, m->row->name, named - 2) == 0 && detail[named - 2] == ':';
    return fail(m, "%s", is_named ? detail + named : detail);
}

json_t *client_params(const struct client_args *args, const struct method *row,
                      char error[CLIENT_ERROR_SIZE])
{
    struct making m = {.args = args, .row = row, .params = json_object(), .error = error};
    const struct param *positional = first_param(&m);
    bool is_made = m.params != NULL;
    for (size_t i = 0; is_made && i < args->word_count; i++) {
        is_made = take_word(&m, &args->words[i], &positional);
    }
    if (!is_made || !check(&m)) {
        json_decref(m.params);
        return NULL;
    }
    return m.params;
}
