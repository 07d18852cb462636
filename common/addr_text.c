#include "common/addr_text.h"

#include <arpa/inet.h>
#include <stdio.h>

#define PORT_DIGITS_MAX 5

char *addr_format_ip(const struct addr *a, char out[ADDR_TEXT_SIZE])
{
    int family = a->family == ADDR_V4 ? AF_INET : AF_INET6;
    if (a->family == ADDR_NONE || inet_ntop(family, a->ip, out, ADDR_TEXT_SIZE) == NULL)
        memcpy(out, "none", sizeof "none");
    return out;
}

char *addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE])
{
    if (a->family == ADDR_NONE)
        return addr_format_ip(a, out);
    char ip[ADDR_TEXT_SIZE];
    addr_format_ip(a, ip);
    bool is_v6 = a->family == ADDR_V6;
    snprintf(out, ADDR_TEXT_SIZE, "%s%.45s%s:%u", is_v6 ? "[" : "", ip, is_v6 ? "]" : "", a->port);
    return out;
}

static bool parse_v4(const char *text, uint16_t port, struct addr *out)
{
    uint8_t ip[4];
    if (inet_pton(AF_INET, text, ip) != 1)
        return false;
    *out = addr_v4(ip, port);
    return true;
}

static bool parse_v6(const char *text, uint16_t port, struct addr *out)
{
    uint8_t ip[16];
    if (inet_pton(AF_INET6, text, ip) != 1)
        return false;
    *out = addr_v6(ip, port);
    return true;
}

bool addr_parse_ip(const char *text, struct addr *out)
{
    return parse_v4(text, 0, out) || parse_v6(text, 0, out);
}

bool addr_parse(const char *text, struct addr *out)
{
    char host[ADDR_TEXT_SIZE];
    uint16_t port;
    if (!addr_split(text, host, sizeof host, &port))
        return false;
    return text[0] == '[' ? parse_v6(host, port, out) : parse_v4(host, port, out);
}

static bool parse_port(const char *text, uint16_t *port)
{
    size_t length = strlen(text);
    if (length == 0 || length > PORT_DIGITS_MAX || strspn(text, "0123456789") != length)
        return false;
    unsigned value = 0;
    for (; *text != '\0'; text++)
        value = value * 10 + (unsigned)(*text - '0');
    if (value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

bool addr_split(const char *text, char *host, size_t host_size, uint16_t *port)
{
    bool has_brackets = *text == '[';
    const char *start = text + has_brackets;
    size_t length = strcspn(start, has_brackets ? "]" : ":");
    const char *rest = start + length;
    if (has_brackets && *rest++ != ']')
        return false;
    if (*rest != ':' || length == 0 || length >= host_size || !parse_port(rest + 1, port))
        return false;
    memcpy(host, start, length);
    host[length] = '\0';
    return true;
}
