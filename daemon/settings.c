#include "daemon/settings.h"

#include <stdlib.h>

#include "common/addr_text.h"
#include "daemon/settings_value.h"

static void clear_value(struct setting_value *value)
{
    for (unsigned i = 0; i < value->count; i++)
        free(value->texts[i]);
    free(value->where);
    memset(value, 0, sizeof(*value));
}

static bool take_place(struct setting_value *value, enum settings_source source, const char *where)
{
    if (source > value->source)
        clear_value(value);
    value->source = source;
    free(value->where);
    value->where = where != NULL ? strdup(where) : NULL;
    return where == NULL || value->where != NULL;
}

bool settings_add(struct settings *s, enum setting key, enum settings_source source,
                  const char *where, const char *text, char error[SETTINGS_ERROR_SIZE])
{
    struct setting_value *value = &s->values[key];
    char reason[128];
    const char *place = where != NULL ? where : settings_row(key)->name;
    if (!settings_is_valid(key, text, reason, sizeof(reason))) {
        bool is_flag = source == SETTINGS_FLAG; /* its place is the key already */
        snprintf(error, SETTINGS_ERROR_SIZE, "%s%s%s %s, not \"%.100s\"", place,
                 is_flag ? "" : ": ", is_flag ? "" : settings_row(key)->name, reason, text);
        return false;
    }
    if (source < value->source)
        return true;
    if (!take_place(value, source, where))
        goto no_memory;
    if (!settings_row(key)->repeats && value->count > 0) {
        free(value->texts[0]);
        value->count = 0;
    }
    if (settings_is_none(key, text))
        return true;
    if (value->count == SETTINGS_REPEATS_MAX) {
        snprintf(error, SETTINGS_ERROR_SIZE, "%s: %s can be given at most %u times", place,
                 settings_row(key)->name, (unsigned)SETTINGS_REPEATS_MAX);
        return false;
    }
    value->texts[value->count] = strdup(text);
    if (value->texts[value->count] == NULL)
        goto no_memory;
    value->count++;
    return true;
no_memory:
    snprintf(error, SETTINGS_ERROR_SIZE, "out of memory");
    return false;
}

void settings_clear(struct settings *s)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++)
        clear_value(&s->values[i]);
}

const char *settings_at(const struct settings *s, enum setting key, unsigned index)
{
    const struct setting_value *value = &s->values[key];
    return index < value->count ? value->texts[index] : NULL;
}

const char *settings_text(const struct settings *s, enum setting key)
{
    return settings_at(s, key, 0);
}

int64_t settings_number(const struct settings *s, enum setting key)
{
    int64_t number = 0;
    const char *text = settings_text(s, key);
    if (text == NULL || !settings_read_number(key, text, &number))
        return 0;
    return number;
}

bool settings_is_on(const struct settings *s, enum setting key)
{
    bool flag = false;
    const char *text = settings_text(s, key);
    return text != NULL && settings_read_bool(text, &flag) && flag;
}

bool settings_is_mainline(const struct settings *s)
{
    const char *network = settings_text(s, SETTING_NETWORK);
    return network != NULL && strcmp(network, SETTINGS_MAINLINE) == 0;
}

bool settings_is_loopback(const struct settings *s)
{
    struct addr addr;
    const char *text;
    for (unsigned i = 0; (text = settings_at(s, SETTING_BIND, i)) != NULL; i++) {
        if (!addr_parse_ip(text, &addr) || !addr_is_loopback(&addr))
            return false;
    }
    return s->values[SETTING_BIND].count > 0;
}

bool settings_is_same(const struct settings *a, const struct settings *b, enum setting key)
{
    const struct setting_value *left = &a->values[key], *right = &b->values[key];
    if (left->count != right->count)
        return false;
    for (unsigned i = 0; i < left->count; i++) {
        if (strcmp(left->texts[i], right->texts[i]) != 0)
            return false;
    }
    return true;
}
