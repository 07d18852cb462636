/* Addresses between the kernel's form and ours. Inline: this runs twice a packet served. */
#ifndef XORD_DAEMON_UDP_ADDR_H
#define XORD_DAEMON_UDP_ADDR_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/addr.h"

/* Fills `out`, of which only the returned size is written (at most a sockaddr_in6). */
static inline socklen_t udp_addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *out)
{
    if (addr->family == ADDR_V6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
        memcpy(&v6->sin6_addr, addr->ip, 16);
        return sizeof(*v6);
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(addr->port)};
    memcpy(&v4->sin_addr, addr->ip, 4);
    return sizeof(*v4);
}

/* False for a family that is neither IPv4 nor IPv6. */
static inline bool udp_addr_from_sockaddr(const struct sockaddr *name, struct addr *out)
{
    if (name->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)name;
        *out = (struct addr){.family = ADDR_V4, .port = ntohs(v4->sin_port)};
        memcpy(out->ip, &v4->sin_addr, 4);
        return true;
    }
    if (name->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)name;
        *out = addr_v6(v6->sin6_addr.s6_addr, ntohs(v6->sin6_port));
        return true;
    }
    return false;
}

#endif
