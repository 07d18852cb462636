#include <limits.h>
#include <stdlib.h>

#include "common/addr_text.h"
#include "common/config.h"
#include "common/log.h"
#include "daemon/settings.h"
#include "daemon/settings_environment.h"
#include "daemon/settings_paths.h"
#include "rpc/server/http_host.h"

/* Mainline's public nodes to start from; used only where nothing else is said and the node is not
 * bound to loopback. */
static const char *const public_nodes[] = {
    "dht.libtorrent.org:25401",
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "router.utorrent.com:6881",
};

static const char *name_at(size_t index)
{
    return index < SETTING_COUNT ? settings_row((enum setting)index)->name : NULL;
}

/* Keys of files alone. */
static const char *file_name_at(size_t index)
{
    size_t seen = 0;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (!settings_row((enum setting)i)->is_flag_only && seen++ == index)
            return settings_row((enum setting)i)->name;
    }
    return NULL;
}

static bool find(const char *name, size_t size, enum setting *out)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const char *real = settings_row((enum setting)i)->name;
        if (strlen(real) == size && memcmp(real, name, size) == 0) {
            *out = (enum setting)i;
            return true;
        }
    }
    return false;
}

static void say_unknown(const char *where, const char *what, const char *prefix, const char *word,
                        const char *nearest, char error[SETTINGS_ERROR_SIZE])
{
    if (nearest != NULL)
        snprintf(error, SETTINGS_ERROR_SIZE, "%sunknown %s \"%s%.60s\"; did you mean \"%s%s\"?",
                 where, what, prefix, word, prefix, nearest);
    else
        snprintf(error, SETTINGS_ERROR_SIZE, "%sunknown %s \"%s%.60s\"; xord --help lists all",
                 where, what, prefix, word);
}

/* One option at argv[*index]; moves *index over a value that is an argument of its own. */
static bool take_option(struct settings *s, const struct settings_input *input, int *index,
                        char error[SETTINGS_ERROR_SIZE])
{
    const char *option = input->argv[*index];
    char where[64];
    enum setting key;
    if (strcmp(option, "-h") == 0)
        option = "--help";
    if (strncmp(option, "--", 2) != 0) {
        const char *what = option[0] == '-' ? "unknown option" : "this is no option and no value:";
        snprintf(error, SETTINGS_ERROR_SIZE, "%s \"%.60s\"; try --help", what, option);
        return false;
    }
    const char *name = option + 2;
    size_t size = strcspn(name, "=");
    if (!find(name, size, &key)) {
        char word[64];
        snprintf(word, sizeof(word), "%.*s", (int)(size < 63 ? size : 63), name);
        say_unknown("", "option", "--", word, config_nearest(word, name_at), error);
        return false;
    }
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    if (value == NULL && settings_row(key)->type == SETTING_BOOL)
        value = "true";
    else if (value == NULL && *index + 1 < input->argc)
        value = input->argv[++*index];
    snprintf(where, sizeof(where), "--%s", settings_row(key)->name);
    if (value == NULL) {
        snprintf(error, SETTINGS_ERROR_SIZE, "%s needs a value", where);
        return false;
    }
    return settings_add(s, key, SETTINGS_FLAG, where, value, error);
}

static bool load_flags(struct settings *s, const struct settings_input *input,
                       char error[SETTINGS_ERROR_SIZE])
{
    for (int i = 1; i < input->argc; i++) {
        if (!take_option(s, input, &i, error))
            return false;
    }
    return true;
}

struct file_loading {
    struct settings *settings;
    const char *path;
    bool is_seen[SETTING_COUNT];
    char *error; /* SETTINGS_ERROR_SIZE; the whole message, where included */
};

static bool take_pair(void *context, const char *name, const char *value, unsigned line,
                      struct config_error *error)
{
    struct file_loading *loading = context;
    char where[PATH_MAX + 16];
    enum setting key;
    (void)error;
    snprintf(where, sizeof(where), "%s:%u", loading->path, line);
    if (!find(name, strlen(name), &key) || settings_row(key)->is_flag_only) {
        char place[PATH_MAX + 24];
        snprintf(place, sizeof(place), "%s: ", where);
        say_unknown(place, "key", "", name, config_nearest(name, file_name_at), loading->error);
        return false;
    }
    if (loading->is_seen[key] && !settings_row(key)->repeats) {
        snprintf(loading->error, SETTINGS_ERROR_SIZE, "%.300s: %s is given twice", where, name);
        return false;
    }
    loading->is_seen[key] = true;
    return settings_add(loading->settings, key, SETTINGS_FILE, where, value, loading->error);
}

static bool load_file(struct settings *s, const struct settings_input *input,
                      char error[SETTINGS_ERROR_SIZE])
{
    struct config_error fault;
    char path[PATH_MAX];
    bool is_asked = settings_text(s, SETTING_CONF) != NULL;
    if (is_asked)
        snprintf(path, sizeof(path), "%s", settings_text(s, SETTING_CONF));
    else if (!settings_default_conf(input, path, sizeof(path)))
        return true;
    struct file_loading loading = {.settings = s, .path = path, .error = error};
    error[0] = '\0';
    enum err err = config_read(path, take_pair, &loading, &fault);
    if (err == ERR_NOT_FOUND && !is_asked)
        return true;
    if (err == ERR_OK)
        return is_asked || settings_add(s, SETTING_CONF, SETTINGS_DEFAULT, NULL, path, error);
    if (error[0] == '\0' && fault.line > 0)
        snprintf(error, SETTINGS_ERROR_SIZE, "%.200s:%u: %s", path, fault.line, fault.text);
    else if (error[0] == '\0')
        snprintf(error, SETTINGS_ERROR_SIZE, "%.200s: %s", path, fault.text);
    return false;
}

static bool load_defaults(struct settings *s, char error[SETTINGS_ERROR_SIZE])
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const char *text = settings_row((enum setting)i)->fallback;
        if (text != NULL && s->values[i].source == SETTINGS_DEFAULT &&
            !settings_add(s, (enum setting)i, SETTINGS_DEFAULT, NULL, text, error))
            return false;
    }
    if (s->values[SETTING_BIND].count > 0)
        return true;
    return settings_add(s, SETTING_BIND, SETTINGS_DEFAULT, NULL, "0.0.0.0", error) &&
           settings_add(s, SETTING_BIND, SETTINGS_DEFAULT, NULL, "::", error);
}

static bool check_sockets(const struct settings *s, char error[SETTINGS_ERROR_SIZE])
{
    static const enum setting sockets[] = {SETTING_RPC_SOCKET, SETTING_RPC_READONLY_SOCKET};
    for (size_t i = 0; i < 2; i++) {
        const char *path = settings_text(s, sockets[i]);
        const char *where = s->values[sockets[i]].where;
        if (strlen(path) > SETTINGS_SOCKET_MAX) {
            snprintf(error, SETTINGS_ERROR_SIZE,
                     "%.100s: the socket's path has %zu bytes, at most %d fit: %.200s; "
                     "set a shorter %s",
                     where != NULL ? where : settings_row(sockets[i])->name, strlen(path),
                     SETTINGS_SOCKET_MAX, path, settings_row(sockets[i])->name);
            return false;
        }
    }
    if (strcmp(settings_text(s, sockets[0]), settings_text(s, sockets[1])) != 0)
        return true;
    snprintf(error, SETTINGS_ERROR_SIZE, "rpc-socket and rpc-readonly-socket are the same path");
    return false;
}

static bool add_public_nodes(struct settings *s, char error[SETTINGS_ERROR_SIZE])
{
    if (!settings_is_mainline(s) || settings_is_loopback(s))
        return true;
    if (s->values[SETTING_BOOTSTRAP].source != SETTINGS_DEFAULT)
        return true;
    for (size_t i = 0; i < sizeof(public_nodes) / sizeof(public_nodes[0]); i++) {
        if (!settings_add(s, SETTING_BOOTSTRAP, SETTINGS_DEFAULT, NULL, public_nodes[i], error))
            return false;
    }
    return true;
}

static bool is_level(const char *text, size_t size)
{
    for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++) {
        const char *name = log_level_name((enum log_level)i);
        if (strlen(name) == size && memcmp(name, text, size) == 0)
            return true;
    }
    return false;
}

static bool is_room(const char *text, size_t size)
{
    for (unsigned i = 0; i < LOG_ROOM_COUNT; i++) {
        const char *name = log_room_name((enum log_room)i);
        if (strlen(name) == size && memcmp(name, text, size) == 0)
            return true;
    }
    return false;
}

/* What log_set_levels takes; asked here without setting anything. */
static bool is_log_levels(const char *text)
{
    for (;;) {
        size_t size = strcspn(text, ","), room = strcspn(text, "=,");
        bool has_room = room < size;
        if (has_room && !is_room(text, room))
            return false;
        if (has_room ? !is_level(text + room + 1, size - room - 1) : !is_level(text, size))
            return false;
        if (text[size] == '\0')
            return true;
        text += size + 1;
    }
}

static bool check_log_levels(const struct settings *s, char error[SETTINGS_ERROR_SIZE])
{
    const char *text = settings_text(s, SETTING_LOG_LEVEL);
    const char *where = s->values[SETTING_LOG_LEVEL].where;
    if (is_log_levels(text))
        return true;
    snprintf(error, SETTINGS_ERROR_SIZE,
             "%.300s: log-level must be error, warn, info or debug, and ROOM=LEVEL after commas, "
             "not \"%.60s\"",
             where != NULL ? where : "log-level", text);
    return false;
}

/* A second address of one family would need answers to leave by the socket that was asked. */
static bool check_binds(const struct settings *s, char error[SETTINGS_ERROR_SIZE])
{
    const struct setting_value *binds = &s->values[SETTING_BIND];
    struct addr first, other;
    for (unsigned i = 1; i < binds->count; i++) {
        if (i < 2 && addr_parse_ip(binds->texts[0], &first) &&
            addr_parse_ip(binds->texts[i], &other) && first.family != other.family)
            continue;
        snprintf(error, SETTINGS_ERROR_SIZE,
                 "%.300s: bind takes one address an IP family; %s is one too many",
                 binds->where != NULL ? binds->where : "bind", binds->texts[i]);
        return false;
    }
    return true;
}

/* What is on the page is for whoever can reach it. */
static bool check_http(const struct settings *s, char error[SETTINGS_ERROR_SIZE])
{
    const char *text = settings_text(s, SETTING_HTTP);
    const char *where = s->values[SETTING_HTTP].where;
    struct addr addr;
    if (s->values[SETTING_HTTP_HOST].count > HTTP_HOSTS_MAX) {
        snprintf(error, SETTINGS_ERROR_SIZE, "http-host can be given at most %d times",
                 HTTP_HOSTS_MAX);
        return false;
    }
    if (text == NULL || !addr_parse(text, &addr) || addr_is_loopback(&addr) ||
        settings_is_on(s, SETTING_HTTP_PUBLIC))
        return true;
    snprintf(error, SETTINGS_ERROR_SIZE,
             "%.300s: http on %s, which others may reach, needs http-public = true",
             where != NULL ? where : "http", text);
    return false;
}

enum err settings_load(struct settings *s, const struct settings_input *input,
                       char error[SETTINGS_ERROR_SIZE])
{
    memset(s, 0, sizeof(*s));
    error[0] = '\0';
    if (!load_flags(s, input, error))
        return ERR_INVALID_PARAMS;
    if (settings_is_on(s, SETTING_HELP) || settings_is_on(s, SETTING_VERSION))
        return ERR_OK;
    if (settings_load_environment(s, input, error) && load_file(s, input, error) &&
        load_defaults(s, error) && settings_default_paths(s, input, error) &&
        check_sockets(s, error) && check_binds(s, error) && add_public_nodes(s, error) &&
        check_log_levels(s, error) && check_http(s, error))
        return ERR_OK;
    return ERR_MALFORMED;
}
