#include "daemon/settings.h"

#include <stdlib.h>

#include "common/addr_text.h"

static const struct setting_row rows[SETTING_COUNT] = {
    [SETTING_CONF] = {.name = "conf",
                      .type = SETTING_PATH,
                      .shown = "/etc/xord/xord.conf",
                      .is_flag_only = true,
                      .help = "the configuration file; a user's own: ~/.config/xord/xord.conf"},
    [SETTING_DATADIR] = {.name = "datadir",
                         .type = SETTING_PATH,
                         .shown = "/var/lib/xord",
                         .help =
                             "keys, contacts, records, table; a user's own: ~/.local/state/xord"},
    [SETTING_PORT] = {.name = "port",
                      .type = SETTING_NUMBER,
                      .fallback = SETTINGS_PORT_DEFAULT,
                      .shown = SETTINGS_PORT_DEFAULT,
                      .max = 65535,
                      .help = "the UDP port, of all bound addresses; 0 takes a free one"},
    [SETTING_BIND] = {.name = "bind",
                      .type = SETTING_IP,
                      .shown = "0.0.0.0 ::",
                      .repeats = true,
                      .help = "an address to listen on; repeats, one an IP family"},
    [SETTING_BOOTSTRAP] =
        {.name = "bootstrap",
         .type = SETTING_HOST_PORT,
         .shown = "none",
         .none = "none",
         .repeats = true,
         .is_reloaded = true,
         .help = "a node to start from, HOST:PORT; repeats; on mainline the public ones"},
    [SETTING_NETWORK] = {.name = "network",
                         .type = SETTING_NAME,
                         .fallback = "xord",
                         .shown = "xord",
                         .help = "mainline, the public network, or a private one's name"},
    [SETTING_ROLE] = {.name = "role",
                      .type = SETTING_ROLE_NAME,
                      .fallback = "auto",
                      .shown = "auto",
                      .help = "server answers others, client only asks, auto decides"},
    [SETTING_AUTHORITY] = {.name = "authority",
                           .type = SETTING_KEY_NAME,
                           .shown = "none",
                           .none = "none",
                           .is_reloaded = true,
                           .help = "who registers names used bare: a key's or contact's name, or "
                                   "64 hex digits"},
    [SETTING_RPC_SOCKET] =
        {.name = "rpc-socket",
         .type = SETTING_PATH,
         .shown = "/run/xord/rpc.sock",
         .help = "the JSON-RPC socket with all methods; with datadir set: inside it"},
    [SETTING_RPC_READONLY_SOCKET] =
        {.name = "rpc-readonly-socket",
         .type = SETTING_PATH,
         .shown = "/run/xord/ro.sock",
         .help = "the socket for methods that change nothing; ro.sock beside rpc-socket"},
    [SETTING_HTTP] = {.name = "http",
                      .type = SETTING_IP_PORT,
                      .shown = "off",
                      .none = "off",
                      .help = "where the status page and metrics are served, as 127.0.0.1:9673"},
    [SETTING_HTTP_HOST] = {.name = "http-host",
                           .type = SETTING_HOST_NAME,
                           .shown = "none",
                           .none = "none",
                           .repeats = true,
                           .help = "a name that the page may be asked for by, beside localhost; "
                                   "repeats"},
    [SETTING_HTTP_PUBLIC] = {.name = "http-public",
                             .type = SETTING_BOOL,
                             .fallback = "false",
                             .shown = "false",
                             .help = "allow http on an address that others can reach"},
    [SETTING_METRICS_FILE] = {.name = "metrics-file",
                              .type = SETTING_PATH,
                              .shown = "none",
                              .none = "none",
                              .is_reloaded = true,
                              .help = "a file to write metrics to every 15 s, for Prometheus' "
                                      "textfile collector"},
    [SETTING_MAX_BYTES] = {.name = "max-bytes",
                           .type = SETTING_SIZE,
                           .fallback = "256M",
                           .shown = "256M",
                           .min = 65536,
                           .max = INT64_C(1) << 40,
                           .help = "room for other nodes' records, with K, M, G or T"},
    [SETTING_MULTI_ENTRIES] = {.name = "multi-entries",
                               .type = SETTING_NUMBER,
                               .fallback = "512",
                               .shown = "512",
                               .min = 1,
                               .max = 4096,
                               .help = "entries held for others of one multi, shared by signer"},
    [SETTING_MULTI_BYTES] = {.name = "multi-bytes",
                             .type = SETTING_SIZE,
                             .fallback = "640K",
                             .shown = "640K",
                             .min = 16384,
                             .max = INT64_C(1) << 30,
                             .help = "room for them, keys and signatures counted"},
    [SETTING_LOG_LEVEL] = {.name = "log-level",
                           .type = SETTING_TEXT,
                           .fallback = "info",
                           .shown = "info",
                           .is_reloaded = true,
                           .help = "error, warn, info or debug; by room: info,rpc=debug,net=error"},
    [SETTING_CHECK_CONFIG] = {.name = "check-config",
                              .type = SETTING_BOOL,
                              .fallback = "false",
                              .shown = "false",
                              .is_flag_only = true,
                              .help = "check the settings and exit"},
    [SETTING_HELP] = {.name = "help",
                      .type = SETTING_BOOL,
                      .fallback = "false",
                      .shown = "false",
                      .is_flag_only = true,
                      .help = "show this and exit"},
    [SETTING_VERSION] = {.name = "version",
                         .type = SETTING_BOOL,
                         .fallback = "false",
                         .shown = "false",
                         .is_flag_only = true,
                         .help = "show the version and exit"},
};

const struct setting_row *settings_row(enum setting key)
{
    return &rows[key];
}

static bool read_digits(const char *text, int64_t *out, const char **rest)
{
    int64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (*at - '0');
    }
    *out = value;
    *rest = at;
    return at != text;
}

static bool read_size(const char *text, int64_t *out)
{
    static const char units[] = "KMGT";
    const char *rest;
    if (!read_digits(text, out, &rest))
        return false;
    if (*rest == '\0')
        return true;
    const char *unit = strchr(units, *rest >= 'a' ? *rest - 'a' + 'A' : *rest);
    if (unit == NULL || rest[1] != '\0')
        return false;
    unsigned shift = 10u * (unsigned)(unit - units + 1);
    if (*out > (INT64_MAX >> shift))
        return false;
    *out <<= shift;
    return true;
}

static bool read_number(enum setting key, const char *text, int64_t *out)
{
    const char *rest;
    if (rows[key].type == SETTING_SIZE)
        return read_size(text, out);
    return read_digits(text, out, &rest) && *rest == '\0';
}

static bool read_bool(const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "0", "1", "off", "on"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool is_name(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= SETTINGS_NETWORK_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

static bool is_key_name(const char *text)
{
    return is_name(text) || (strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64);
}

static bool is_ip_port(const char *text)
{
    struct addr addr;
    return addr_parse(text, &addr);
}

static bool is_host_name(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= SETTINGS_HOST_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == size;
}

static bool is_host_port(const char *text)
{
    char host[256];
    uint16_t port;
    return addr_split(text, host, sizeof(host), &port) && host[0] != '\0' && port != 0;
}

/* What is expected of a value of this type, for the error. */
static void say_expected(enum setting key, char *reason, size_t size)
{
    const struct setting_row *row = &rows[key];
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        snprintf(reason, size, "must not be empty");
        break;
    case SETTING_NUMBER:
        snprintf(reason, size, "must be a number from %lld to %lld", (long long)row->min,
                 (long long)row->max);
        break;
    case SETTING_SIZE:
        snprintf(reason, size, "must be a size from %lldK to %lldG, as 256M",
                 (long long)row->min / 1024, (long long)row->max / (1024 * 1024 * 1024));
        break;
    case SETTING_IP:
        snprintf(reason, size, "must be an IP address, without a port");
        break;
    case SETTING_IP_PORT:
        snprintf(reason, size, "must be IP:PORT, [IPV6]:PORT or off");
        break;
    case SETTING_HOST_NAME:
        snprintf(reason, size, "must be a host's name, without a port");
        break;
    case SETTING_HOST_PORT:
        snprintf(reason, size, "must be HOST:PORT, [IPV6]:PORT or none");
        break;
    case SETTING_NAME:
        snprintf(reason, size, "must be 1 to 32 of a-z, 0-9, _ and -");
        break;
    case SETTING_ROLE_NAME:
        snprintf(reason, size, "must be auto, server or client");
        break;
    case SETTING_KEY_NAME:
        snprintf(reason, size,
                 "must be a name (1 to 32 of a-z, 0-9, _ and -), 64 hex digits or none");
        break;
    case SETTING_BOOL:
        snprintf(reason, size, "must be true or false");
        break;
    }
}

static bool is_of_type(enum setting key, const char *text)
{
    const struct setting_row *row = &rows[key];
    struct addr addr;
    int64_t number;
    bool flag;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        return text[0] != '\0';
    case SETTING_NUMBER:
    case SETTING_SIZE:
        return read_number(key, text, &number) && number >= row->min && number <= row->max;
    case SETTING_IP:
        return addr_parse_ip(text, &addr);
    case SETTING_IP_PORT:
        return is_ip_port(text);
    case SETTING_HOST_NAME:
        return is_host_name(text);
    case SETTING_HOST_PORT:
        return is_host_port(text);
    case SETTING_NAME:
        return is_name(text);
    case SETTING_ROLE_NAME:
        return strcmp(text, "auto") == 0 || strcmp(text, "server") == 0 ||
               strcmp(text, "client") == 0;
    case SETTING_KEY_NAME:
        return is_key_name(text);
    case SETTING_BOOL:
        return read_bool(text, &flag);
    }
    return false;
}

static bool is_none(enum setting key, const char *text)
{
    return rows[key].none != NULL && strcmp(text, rows[key].none) == 0;
}

bool settings_is_valid(enum setting key, const char *text, char *reason, size_t reason_size)
{
    if (is_none(key, text) || is_of_type(key, text))
        return true;
    say_expected(key, reason, reason_size);
    return false;
}

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
    const char *place = where != NULL ? where : rows[key].name;
    if (!settings_is_valid(key, text, reason, sizeof(reason))) {
        bool is_flag = source == SETTINGS_FLAG; /* its place is the key already */
        snprintf(error, SETTINGS_ERROR_SIZE, "%s%s%s %s, not \"%.100s\"", place,
                 is_flag ? "" : ": ", is_flag ? "" : rows[key].name, reason, text);
        return false;
    }
    if (source < value->source)
        return true;
    if (!take_place(value, source, where))
        goto no_memory;
    if (!rows[key].repeats && value->count > 0) {
        free(value->texts[0]);
        value->count = 0;
    }
    if (is_none(key, text))
        return true;
    if (value->count == SETTINGS_REPEATS_MAX) {
        snprintf(error, SETTINGS_ERROR_SIZE, "%s: %s can be given at most %u times", place,
                 rows[key].name, (unsigned)SETTINGS_REPEATS_MAX);
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
    if (text == NULL || !read_number(key, text, &number))
        return 0;
    return number;
}

bool settings_is_on(const struct settings *s, enum setting key)
{
    bool flag = false;
    const char *text = settings_text(s, key);
    return text != NULL && read_bool(text, &flag) && flag;
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

void settings_print_help(FILE *out)
{
    fputs(
        "xord: a DHT daemon.\n\n"
        "  xord [OPTIONS]               the daemon, in the foreground\n"
        "  xord [OPTIONS] METHOD ARG... a call to a running daemon; xord help lists the methods\n"
        "  xord top                     a running daemon on the terminal, until q is pressed\n"
        "\nOptions of the daemon; each but conf, check-config, help and version is also a key of\n"
        "the configuration file, and XORD_KEY in the environment:\n\n",
        out);
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        fprintf(out, "  --%-20s %s\n", rows[i].name, rows[i].help);
        if (rows[i].type != SETTING_BOOL)
            fprintf(out, "  %-22s (default: %s)\n", "", rows[i].shown);
    }
}
