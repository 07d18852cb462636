#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"
#include "daemon/settings.h"
#include "docs/gen/table.h"
#include "rpc/client/client_args.h"
#include "rpc/method.h"
#include "rpc/params.h"

/* Text of a table, which is no markup: an option that a line begins with begins no list. */
static void print_plain(FILE *out, const char *text)
{
    if (*text == '-')
        fputc('\\', out);
    for (; *text != '\0'; text++) {
        if (strchr("\\*_#[]|`", *text) != NULL)
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_sentence(FILE *out, const char *clause)
{
    fputc(toupper((unsigned char)clause[0]), out);
    print_plain(out, clause + 1);
    fputc('.', out);
}

static void print_bold(FILE *out, const char *text)
{
    fputc('*', out);
    print_plain(out, text);
    fputc('*', out);
}

static const struct method *meant(const struct method *row)
{
    return row->alias_of != NULL ? method_find(row->alias_of) : row;
}

/* <required> [optional] * [by name only], as the line of `xord help`. */
static void print_signature(FILE *out, const struct method *method)
{
    bool is_named = false;
    print_bold(out, method->name);
    for (const struct param *p = method->params; p->name != NULL; p++) {
        if (p->is_named_only && !is_named) {
            fputs(" \\*", out);
            is_named = true;
        }
        fprintf(out, p->need == PARAM_REQUIRED ? " <_" : " \\[_");
        print_plain(out, p->name);
        fprintf(out, p->need == PARAM_REQUIRED ? "_>" : "_\\]");
        fputs(p->is_alone ? " \\|" : "", out);
    }
    fputs("\n\n", out);
}

/* `help (type; default)`; a string needs no word about its type. */
static void print_param(FILE *out, const struct param *p)
{
    char type[128];
    print_bold(out, p->name);
    fputs("\n\t", out);
    print_plain(out, p->help);
    if (p->type != PARAM_STRING) {
        fputs(" (", out);
        print_plain(out, params_describe(p, type, sizeof type));
        fputs(")", out);
    }
    if (p->fallback != NULL) {
        fputs("; default: ", out);
        print_plain(out, p->fallback);
    }
    fputs("\n\n", out);
}

/* Lines that are set in become items of a list, with the first word bold. */
static void print_details(FILE *out, const char *details)
{
    bool is_listing = false;
    while (details[0] != '\0') {
        char line[256], word[64];
        size_t size = strcspn(details, "\n"), inset = strspn(details, " ");
        bool is_item = inset > 0 && inset < size;
        snprintf(line, sizeof line, "%.*s", (int)(size - inset), details + inset);
        details += size + (details[size] != '\0');
        if (is_item != is_listing)
            fputc('\n', out);
        is_listing = is_item;
        if (is_item) {
            size_t first = strcspn(line, " ");
            snprintf(word, sizeof word, "%.*s", (int)first, line);
            fputs("- ", out);
            print_bold(out, word);
            fputc(' ', out);
            print_plain(out, line + first + strspn(line + first, " "));
        } else {
            print_plain(out, line);
        }
        fputc('\n', out);
    }
    fputc('\n', out);
}

static void print_method(FILE *out, const struct method *row)
{
    const struct method *method = meant(row);
    fprintf(out, "## %s\n\n", row->name);
    if (row->alias_of != NULL) {
        fputs("The same as ", out);
        print_bold(out, row->alias_of);
        fputs(", under twister's name.\n\n", out);
        return;
    }
    print_signature(out, method);
    print_sentence(out, method->summary);
    fputs(method->access == RPC_ACCESS_READ ? " Allowed on the read-only socket.\n\n" : "\n\n",
          out);
    if (method->details != NULL) {
        print_details(out, method->details);
    }
    for (const struct param *p = method->params; p->name != NULL; p++)
        print_param(out, p);
}

static void print_methods(FILE *out)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++)
        print_method(out, &rows[i]);
}

static void print_method_list(FILE *out)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].alias_of == NULL) {
            print_bold(out, rows[i].name);
            fputs("\n\t", out);
            print_sentence(out, rows[i].summary);
            fputs("\n\n", out);
        }
    }
}

/* ERR_OK is no error; the name of each is what error.data.name holds. */
static void print_errors(FILE *out)
{
    for (unsigned i = ERR_OK + 1; i < ERR_COUNT; i++) {
        fprintf(out, "%s%s%d ", i > ERR_OK + 1 ? "++\n" : "", err_code((enum err)i) < 0 ? "\\" : "",
                err_code((enum err)i));
        print_bold(out, err_name((enum err)i));
        fputs(": ", out);
        print_plain(out, err_text((enum err)i));
    }
    fputs("\n\n", out);
}

static void print_client_options(FILE *out)
{
    size_t count;
    const struct client_option *options = client_args_options(&count);
    for (size_t i = 0; i < count; i++) {
        print_bold(out, options[i].name);
        if (options[i].value != NULL)
            fprintf(out, " _%s_", options[i].value);
        fputs("\n\t", out);
        print_plain(out, options[i].help);
        fputs("\n\n", out);
    }
}

/* What a key takes: what the refusal of an empty value says that it must be. */
static void print_expected(FILE *out, enum setting key)
{
    static const char must[] = "must be ";
    char reason[128] = "";
    if (!settings_is_valid(key, "", reason, sizeof reason) &&
        strncmp(reason, must, strlen(must)) == 0) {
        fputs(" (", out);
        print_plain(out, reason + strlen(must));
        fputs(")", out);
    }
}

static void print_setting(FILE *out, enum setting key)
{
    const struct setting_row *row = settings_row(key);
    fputs("\n\t", out);
    print_plain(out, row->help);
    if (row->type != SETTING_BOOL || !row->is_flag_only) {
        print_expected(out, key);
        fputs("; default: ", out);
        print_plain(out, row->shown);
    }
    fputs(row->is_reloaded ? "; taken over by a reload\n\n" : "\n\n", out);
}

static void print_keys(FILE *out)
{
    for (unsigned key = 0; key < SETTING_COUNT; key++) {
        const struct setting_row *row = settings_row((enum setting)key);
        if (!row->is_flag_only) {
            print_bold(out, row->name);
            print_setting(out, (enum setting)key);
        }
    }
}

static void print_daemon_options(FILE *out)
{
    for (unsigned key = 0; key < SETTING_COUNT; key++) {
        const struct setting_row *row = settings_row((enum setting)key);
        fputs("*--", out);
        print_plain(out, row->name);
        fputs(row->type == SETTING_BOOL ? "*" : "* _VALUE_", out);
        print_setting(out, (enum setting)key);
    }
}

const struct table page_tables[] = {
    {"methods", print_methods},
    {"method-list", print_method_list},
    {"errors", print_errors},
    {"client-options", print_client_options},
    {"keys", print_keys},
    {"daemon-options", print_daemon_options},
    {NULL, NULL},
};
