/* Whether a request's Host, or its target, names this daemon. A page of another site can make a
 * browser send requests here under a name of its own that it has had resolve to our address (DNS
 * rebinding), and then read the answers; but not under a name that is ours. Pure. */
#ifndef XORD_RPC_HTTP_HOST_H
#define XORD_RPC_HTTP_HOST_H

#include <stddef.h>

#include "common/addr.h"

#define HTTP_HOST_MAX  255                 /* of a name, as the DNS has it */
#define HTTP_HOST_SIZE (HTTP_HOST_MAX + 9) /* "[host]:65535" and its end */
#define HTTP_HOSTS_MAX 8                   /* names beside the address and localhost */

struct http_hosts {
    struct addr bound;                 /* what is listened on; its port does not count */
    const char *names[HTTP_HOSTS_MAX]; /* borrowed */
    size_t name_count;
};

/* The path of a request's target. An absolute one ("http://HOST/PATH", RFC 9112, 3.2.2) is not its
 * own path and names the host, which then counts instead of the header's: it is copied to `host`,
 * or "" when it is too long to be ours. Else `host` is "". */
const char *http_host_path(const char *target, char host[HTTP_HOST_SIZE]);
/* `host` is the header's value, with or without a port, or NULL: not given. True for localhost, a
 * loopback address, the bound one (any address, where all are bound) and the names. */
bool http_host_is_ours(const struct http_hosts *hosts, const char *host);

#endif
