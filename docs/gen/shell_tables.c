#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "daemon/settings.h"
#include "docs/gen/table.h"
#include "rpc/client/client_args.h"
#include "rpc/client/client_top.h"
#include "rpc/method.h"

/* Where the values of a parameter come from, beyond what its type says: names from the running
 * daemon, or words that are known. */
static const struct source {
    const char *method; /* NULL: any */
    const char *param;
    const char *words;
} sources[] = {
    {NULL, "username", "names"},
    {NULL, "by", "names"},
    {NULL, "to", "names"},
    {NULL, "sig_user", "keys"},
    {NULL, "authority", "keys"},
    {"registername", "pubkey", "names"},
    {"resolvename", "name", "names"},
    {"dropkey", "name", "keys"},
    {"exportkey", "name", "keys"},
    {"dropcontact", "name", "contacts"},
    {"help", "command", "methods"},
    {"check", "method", "methods"},
    {"getconfig", "key", "settings"},
    {"setlog", "levels", "levels"},
    {"monitor", "classes", "classes"},
};

static const char *words_of_type(enum param_type type)
{
    if (type == PARAM_BOOL)
        return "bools";
    if (type == PARAM_KIND)
        return "kinds";
    return type == PARAM_JSON || type == PARAM_HEX ? "files" : ""; /* @file */
}

static const char *words_of_param(const struct method *method, const struct param *param)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        const struct source *s = &sources[i];
        bool is_methods = s->method == NULL || strcmp(s->method, method->name) == 0;
        if (is_methods && strcmp(s->param, param->name) == 0)
            return s->words;
    }
    return words_of_type(param->type);
}

static const char *words_of_setting(const struct setting_row *row)
{
    if (row->type == SETTING_PATH)
        return "paths";
    if (row->type == SETTING_ROLE_NAME)
        return "roles";
    if (row->type == SETTING_KEY_NAME)
        return "names";
    return row->type == SETTING_BOOL ? "" : "values";
}

static const char *words_of_option(const struct client_option *option)
{
    if (option->value == NULL)
        return "";
    return option->name[1] == '-' ? "paths" : "values";
}

static const struct method *meant(const struct method *row)
{
    return row->alias_of != NULL ? method_find(row->alias_of) : row;
}

/* Inside single quotes, which `end` puts a quote into. */
static void print_quoted(FILE *out, const char *text, const char *quote)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs(quote, out);
        else
            fputc(*text, out);
    }
}

#define SH_QUOTE   "'\\''"
#define FISH_QUOTE "\\'"

/* 'word:words:help' */
static void print_entry(FILE *out, const char *name, const char *words, const char *help)
{
    fprintf(out, "'%s:%s:", name, words);
    print_quoted(out, help, SH_QUOTE);
    fputc('\'', out);
}

static void print_sh_methods(FILE *out)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "    '%s:", rows[i].name);
        print_quoted(out, rows[i].summary, SH_QUOTE);
        fputs("'\n", out);
    }
    fputs("    'top:", out);
    print_quoted(out, client_top_summary(), SH_QUOTE);
    fputs("'\n", out);
}

/* Those that may stand by place first, in their order; then `*`, and those by name only. */
static void print_sh_params_of(FILE *out, const struct method *method, bool is_named)
{
    for (const struct param *p = method->params; p->name != NULL; p++) {
        if ((p->is_named_only || p->is_alone) == is_named) {
            fputs("\n        ", out);
            print_entry(out, p->name, words_of_param(method, p), p->help);
        }
    }
}

/* An arm of a `case` for each method, that fills the array `params`. */
static void print_sh_params(FILE *out)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "    %s) params=(", rows[i].name);
        print_sh_params_of(out, meant(&rows[i]), false);
        fputs(" '*'", out);
        print_sh_params_of(out, meant(&rows[i]), true);
        fputs(") ;;\n", out);
    }
}

static void print_sh_options(FILE *out)
{
    size_t count;
    const struct client_option *options = client_args_options(&count);
    for (size_t i = 0; i < count; i++) {
        fputs("    ", out);
        print_entry(out, options[i].name, words_of_option(&options[i]), options[i].help);
        fputc('\n', out);
    }
}

static void print_sh_settings(FILE *out)
{
    for (unsigned key = 0; key < SETTING_COUNT; key++) {
        const struct setting_row *row = settings_row((enum setting)key);
        char name[64];
        snprintf(name, sizeof name, "--%s", row->name);
        fputs("    ", out);
        print_entry(out, name, words_of_setting(row), row->help);
        fputc('\n', out);
    }
}

/* complete … -d 'help' */
static void print_fish_end(FILE *out, const char *help)
{
    fputs(" -d '", out);
    print_quoted(out, help, FISH_QUOTE);
    fputs("'\n", out);
}

static void print_fish_methods(FILE *out)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "complete -c xord -n __xord_has_no_method -a %s", rows[i].name);
        print_fish_end(out, rows[i].summary);
    }
    fputs("complete -c xord -n __xord_has_no_method -a top", out);
    print_fish_end(out, client_top_summary());
}

/* By its place, where it has one and its words are known; and by its name. */
static void print_fish_param(FILE *out, const struct method *row, const struct param *p,
                             unsigned place)
{
    const char *words = words_of_param(meant(row), p);
    if (place > 0 && words[0] != '\0') {
        fprintf(out, "complete -c xord -n '__xord_is_at %s %u' -a '(__xord_%s)'", row->name, place,
                words);
        print_fish_end(out, p->name);
    }
    if (p->type == PARAM_BOOL) {
        fprintf(out, "complete -c xord -n '__xord_is %s' -l %s", row->name, p->name);
        print_fish_end(out, p->help);
    }
    fprintf(out, "complete -c xord -n '__xord_is %s' -a '(__xord_by_name %s %s)'", row->name,
            p->name, words[0] != '\0' ? words : "none");
    print_fish_end(out, p->help);
}

static void print_fish_params(FILE *out)
{
    size_t count;
    const struct method *rows = method_table(&count);
    for (size_t i = 0; i < count; i++) {
        unsigned place = 0;
        for (const struct param *p = meant(&rows[i])->params; p->name != NULL; p++) {
            bool has_place = !p->is_named_only && !p->is_alone;
            place += has_place;
            print_fish_param(out, &rows[i], p, has_place ? place : 0);
        }
    }
}

static void print_fish_options(FILE *out)
{
    size_t count;
    const struct client_option *options = client_args_options(&count);
    for (size_t i = 0; i < count; i++) {
        const char *name = options[i].name;
        bool is_long = name[1] == '-';
        fprintf(out, "complete -c xord -%c %s", is_long ? 'l' : 's', name + (is_long ? 2 : 1));
        if (options[i].value != NULL)
            fputs(is_long ? " -r -F" : " -x", out);
        print_fish_end(out, options[i].help);
    }
}

/* What is an option of a call too is left to it. */
static bool is_client_option(const char *name)
{
    size_t count;
    const struct client_option *options = client_args_options(&count);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(options[i].name, "--", 2) == 0 && strcmp(options[i].name + 2, name) == 0)
            return true;
    }
    return false;
}

static void print_fish_settings(FILE *out)
{
    for (unsigned key = 0; key < SETTING_COUNT; key++) {
        const struct setting_row *row = settings_row((enum setting)key);
        const char *words = words_of_setting(row);
        if (is_client_option(row->name))
            continue;
        fprintf(out, "complete -c xord -n __xord_has_no_method -l %s", row->name);
        if (strcmp(words, "paths") == 0)
            fputs(" -r -F", out);
        else if (words[0] != '\0')
            fprintf(out, strcmp(words, "values") == 0 ? " -x" : " -x -a '(__xord_%s)'", words);
        print_fish_end(out, row->help);
    }
}

/* The options of either kind that the next word belongs to. */
static void print_fish_valued(FILE *out)
{
    size_t count;
    const struct client_option *options = client_args_options(&count);
    for (size_t i = 0; i < count; i++) {
        if (options[i].value != NULL)
            fprintf(out, "    %s \\\n", options[i].name);
    }
    for (unsigned key = 0; key < SETTING_COUNT; key++) {
        const struct setting_row *row = settings_row((enum setting)key);
        if (row->type != SETTING_BOOL && !is_client_option(row->name))
            fprintf(out, "    --%s \\\n", row->name);
    }
    fputc('\n', out);
}

static void print_fish_keys(FILE *out)
{
    for (unsigned key = 0; key < SETTING_COUNT; key++) {
        const struct setting_row *row = settings_row((enum setting)key);
        if (!row->is_flag_only)
            fprintf(out, "        %s \\\n", row->name);
    }
    fputc('\n', out);
}

const struct table shell_tables[] = {
    {"sh-methods", print_sh_methods},
    {"sh-params", print_sh_params},
    {"sh-options", print_sh_options},
    {"sh-settings", print_sh_settings},
    {"fish-methods", print_fish_methods},
    {"fish-params", print_fish_params},
    {"fish-options", print_fish_options},
    {"fish-settings", print_fish_settings},
    {"fish-valued", print_fish_valued},
    {"fish-keys", print_fish_keys},
    {NULL, NULL},
};
