#include "daemon/settings_environment.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "daemon/settings_paths.h"

#define PREFIX    "XORD_"
#define NAME_SIZE 64 /* PREFIX and the longest key */

/* What xord tells the programs that it runs for --exec: a daemon that one of them starts has it
 * too. */
static const char *const told[] = {
    "EVENT",   "N",      "DROPPED", "USERNAME",  "RESOURCE", "TYPE",
    "SEQ",     "TIME",   "SLOT",    "SLOT_HEX",  "SIG_USER", "KEY",
    "COMMAND", "TARGET", "FROM_ID", "FROM_ADDR", "TOKEN",    "REQUEST",
};

/* Of the options conf alone. */
static bool has_variable(enum setting key)
{
    return key == SETTING_CONF || !settings_row(key)->is_flag_only;
}

static void variable_name(enum setting key, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, PREFIX "%s", settings_row(key)->name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
}

/* The values of a key that repeats are separated by blanks or commas. */
static bool load_variable(struct settings *s, enum setting key, const char *name, const char *text,
                          char error[SETTINGS_ERROR_SIZE])
{
    bool is_ok = true;
    if (!settings_row(key)->repeats)
        return settings_add(s, key, SETTINGS_ENVIRONMENT, name, text, error);
    char *copy = strdup(text), *rest = copy, *word;
    while (is_ok && (word = strsep(&rest, " ,\t")) != NULL) {
        if (*word != '\0')
            is_ok = settings_add(s, key, SETTINGS_ENVIRONMENT, name, word, error);
    }
    free(copy);
    return is_ok;
}

bool settings_load_environment(struct settings *s, const struct settings_input *input,
                               char error[SETTINGS_ERROR_SIZE])
{
    char name[NAME_SIZE];
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        enum setting key = (enum setting)i;
        if (!has_variable(key))
            continue;
        variable_name(key, name);
        const char *text = settings_variable(input, name);
        if (text != NULL && !load_variable(s, key, name, text, error))
            return false;
    }
    return true;
}

/* ---- variables that are no settings ---- */

static bool is_equal(const char *name, size_t size, const char *other)
{
    return strlen(other) == size && memcmp(name, other, size) == 0;
}

static bool is_known(const char *name, size_t size)
{
    char known[NAME_SIZE];
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        variable_name((enum setting)i, known);
        if (has_variable((enum setting)i) && is_equal(name, size, known))
            return true;
    }
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (is_equal(name + strlen(PREFIX), size - strlen(PREFIX), told[i]))
            return true;
    }
    return false;
}

/* Keys that have a variable. */
static const char *key_at(size_t index)
{
    size_t seen = 0;
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        if (has_variable((enum setting)i) && seen++ == index)
            return settings_row((enum setting)i)->name;
    }
    return NULL;
}

/* The key that the variable would be of. */
static void key_of(const char *name, size_t size, char out[NAME_SIZE])
{
    size_t length = size - strlen(PREFIX) < NAME_SIZE ? size - strlen(PREFIX) : NAME_SIZE - 1;
    memcpy(out, name + strlen(PREFIX), length);
    out[length] = '\0';
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '_')
            *c = '-';
        else if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
}

static void say_unknown(const char *name, size_t size, char text[SETTINGS_ERROR_SIZE])
{
    char key[NAME_SIZE], meant[NAME_SIZE];
    int shown = size < NAME_SIZE ? (int)size : NAME_SIZE;
    key_of(name, size, key);
    const char *nearest = config_nearest(key, key_at);
    for (unsigned i = 0; i < SETTING_COUNT && nearest != NULL; i++) {
        if (settings_row((enum setting)i)->name == nearest)
            variable_name((enum setting)i, meant);
    }
    if (nearest != NULL)
        snprintf(text, SETTINGS_ERROR_SIZE,
                 "unknown variable \"%.*s\" in the environment; did you mean \"%s\"?", shown, name,
                 meant);
    else
        snprintf(text, SETTINGS_ERROR_SIZE,
                 "unknown variable \"%.*s\" in the environment; xord --help lists all", shown,
                 name);
}

bool settings_unknown_variable(const struct settings_input *input, size_t *at,
                               char text[SETTINGS_ERROR_SIZE])
{
    char **list = input->environment;
    while (list != NULL && list[*at] != NULL) {
        const char *name = list[(*at)++];
        size_t size = strcspn(name, "=");
        if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || is_known(name, size))
            continue;
        say_unknown(name, size, text);
        return true;
    }
    return false;
}
