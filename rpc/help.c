#include "rpc/help.h"

#include <ctype.h>
#include <stdlib.h>

#include "rpc/json/json.h"
#include "rpc/method.h"
#include "rpc/params.h"

static void append(struct json_text *text, const char *string)
{
    json_text_append(text, string, strlen(string));
}

/* <required> [optional] [optional=default], and after * what goes by name only. */
static void append_signature(struct json_text *text, const char *name, const struct param *params)
{
    bool is_named = false;
    append(text, name);
    for (const struct param *p = params; p->name != NULL; p++) {
        if (p->is_named_only && !is_named) {
            append(text, " *");
            is_named = true;
        }
        append(text, p->need == PARAM_REQUIRED ? " <" : " [");
        append(text, p->name);
        if (p->fallback != NULL) {
            append(text, "=");
            append(text, p->fallback);
        }
        append(text, p->need == PARAM_REQUIRED ? ">" : "]");
        append(text, p->is_alone ? " |" : "");
    }
}

/* The row that has the parameters: an alias shows those of the method it stands for. */
static const struct method *meant(const struct method *row)
{
    return row->alias_of != NULL ? method_find(row->alias_of) : row;
}

static void append_list(struct json_text *text)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        append(text, i > 0 ? "\n" : "");
        append_signature(text, rows[i].name, meant(&rows[i])->params);
    }
}

/* `help (type)`; a string needs no word about its type. */
static void append_params(struct json_text *text, const struct param *params)
{
    for (const struct param *p = params; p->name != NULL; p++) {
        char type[128], line[512];
        bool is_plain = p->type == PARAM_STRING;
        params_describe(p, type, sizeof type);
        snprintf(line, sizeof line, "%s\n  %-17s %s%s%s%s", p == params ? "\n" : "", p->name,
                 p->help != NULL ? p->help : "", is_plain ? "" : " (", is_plain ? "" : type,
                 is_plain ? "" : ")");
        append(text, line);
    }
}

static void append_sentence(struct json_text *text, const char *clause)
{
    char first = (char)toupper((unsigned char)clause[0]);
    json_text_append(text, &first, 1);
    append(text, clause + 1);
    append(text, ".");
}

static void append_page(struct json_text *text, const struct method *row)
{
    const struct method *method = meant(row);
    append_signature(text, row->name, method->params);
    append(text, "\n");
    append_sentence(text, method->summary);
    if (row->alias_of != NULL) {
        append(text, " The same as ");
        append(text, row->alias_of);
        append(text, ".");
    }
    if (method->access == RPC_ACCESS_READ) {
        append(text, " Allowed on the read-only socket.");
    }
    if (method->details != NULL) {
        append(text, "\n\n");
        append(text, method->details);
    }
    append_params(text, method->params);
}

char *help_text(const char *command)
{
    struct json_text text = {0};
    const struct method *row = command != NULL ? method_find(command) : NULL;
    if (command != NULL && row == NULL) {
        return NULL;
    }
    if (row == NULL) {
        append_list(&text);
    } else {
        append_page(&text, row);
    }
    json_text_append(&text, "", 1);
    if (text.failed) {
        json_text_clear(&text);
    }
    return text.data;
}
