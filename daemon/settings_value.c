#include "daemon/settings_value.h"

#include "common/addr_text.h"

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

bool settings_read_number(enum setting key, const char *text, int64_t *out)
{
    const char *rest;
    if (settings_row(key)->type == SETTING_SIZE)
        return read_size(text, out);
    return read_digits(text, out, &rest) && *rest == '\0';
}

bool settings_read_bool(const char *text, bool *out)
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
    const struct setting_row *row = settings_row(key);
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
    const struct setting_row *row = settings_row(key);
    struct addr addr;
    int64_t number;
    bool flag;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        return text[0] != '\0';
    case SETTING_NUMBER:
    case SETTING_SIZE:
        return settings_read_number(key, text, &number) && number >= row->min && number <= row->max;
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
        return settings_read_bool(text, &flag);
    }
    return false;
}

bool settings_is_none(enum setting key, const char *text)
{
    return settings_row(key)->none != NULL && strcmp(text, settings_row(key)->none) == 0;
}

bool settings_is_valid(enum setting key, const char *text, char *reason, size_t reason_size)
{
    if (settings_is_none(key, text) || is_of_type(key, text))
        return true;
    say_expected(key, reason, reason_size);
    return false;
}
