#include "rpc/server/http_host.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/addr_text.h"

const char *http_host_path(const char *target, char host[HTTP_HOST_SIZE])
{
    static const char scheme[] = "http://";
    const char *from = target + sizeof scheme - 1;

    host[0] = '\0';
    if (strncasecmp(target, scheme, sizeof scheme - 1) != 0)
        return target;
    size_t size = strcspn(from, "/");
    if (size < HTTP_HOST_SIZE) {
        memcpy(host, from, size);
        host[size] = '\0';
    }
    return from[size] == '/' ? from + size : "/";
}

/* The host without its port; an IPv6 address loses its brackets. False when it is neither. */
static bool take_host(const char *text, char out[HTTP_HOST_MAX + 1])
{
    bool is_bracketed = text[0] == '[';
    const char *from = is_bracketed ? text + 1 : text;
    size_t size = strcspn(from, is_bracketed ? "]" : ":");
    const char *rest = from + size;

    if (is_bracketed && *rest++ != ']')
        return false;
    if (size == 0 || size > HTTP_HOST_MAX)
        return false;
    if (*rest == ':')
        rest += 1 + strspn(rest + 1, "0123456789");
    memcpy(out, from, size);
    out[size] = '\0';
    return *rest == '\0';
}

static bool is_our_address(const struct addr *bound, const struct addr *asked)
{
    static const uint8_t any[sizeof bound->ip];

    /* An address cannot be rebound: where all of ours are bound, each of them may be asked. */
    return addr_is_loopback(asked) || memcmp(bound->ip, any, sizeof any) == 0 ||
           addr_equal_ip(bound, asked);
}

bool http_host_is_ours(const struct http_hosts *hosts, const char *host)
{
    char name[HTTP_HOST_MAX + 1];
    struct addr asked;

    if (host == NULL || !take_host(host, name))
        return false;
    if (addr_parse_ip(name, &asked))
        return is_our_address(&hosts->bound, &asked);
    if (strcasecmp(name, "localhost") == 0)
        return true;
    for (size_t i = 0; i < hosts->name_count; i++)
        if (strcasecmp(name, hosts->names[i]) == 0)
            return true;
    return false;
}
