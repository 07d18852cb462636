#include "common/addr.h"

#include "common/bytes.h"

/* ::ffff:0:0/96, under which IPv6 sockets show IPv4 addresses (RFC 4291 section 2.5.5.2). */
static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t zero_ip[16];
static const uint8_t loopback_v6[16] = {[15] = 1};

struct addr addr_v4(const uint8_t ip[4], uint16_t port)
{
    struct addr a = {.family = ADDR_V4, .port = port};
    memcpy(a.ip, ip, 4);
    return a;
}

struct addr addr_v6(const uint8_t ip[16], uint16_t port)
{
    if (memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0)
        return addr_v4(ip + sizeof mapped_prefix, port);
    struct addr a = {.family = ADDR_V6, .port = port};
    memcpy(a.ip, ip, 16);
    return a;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return a->port == b->port && addr_equal_ip(a, b);
}

bool addr_equal_ip(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

uint64_t addr_hash(const struct addr *a, uint64_t salt)
{
    uint64_t high, low;
    memcpy(&high, a->ip, sizeof high);
    memcpy(&low, a->ip + sizeof high, sizeof low);
    uint64_t hash = mix(salt, high);
    hash = mix(hash, low);
    return mix(hash, (uint64_t)a->family << 16 | a->port);
}

bool addr_is_loopback(const struct addr *a)
{
    if (a->family == ADDR_V4)
        return a->ip[0] == 127;
    return a->family == ADDR_V6 && memcmp(a->ip, loopback_v6, sizeof loopback_v6) == 0;
}

static bool is_private_v4(const uint8_t ip[4])
{
    return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
           (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
           (ip[0] == 100 && (ip[1] & 0xc0) == 64);
}

static bool is_link_local_v6(const uint8_t ip[16])
{
    return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

bool addr_is_private(const struct addr *a)
{
    if (addr_is_loopback(a))
        return true;
    if (a->family == ADDR_V4)
        return is_private_v4(a->ip);
    return a->family == ADDR_V6 && ((a->ip[0] & 0xfe) == 0xfc || is_link_local_v6(a->ip));
}

bool addr_is_usable(const struct addr *a)
{
    if (a->port == 0)
        return false;
    if (a->family == ADDR_V4)
        return a->ip[0] != 0 && a->ip[0] < 224;
    return a->family == ADDR_V6 && a->ip[0] != 0xff && !is_link_local_v6(a->ip) &&
           memcmp(a->ip, zero_ip, sizeof zero_ip) != 0;
}

struct addr addr_prefix(const struct addr *a)
{
    struct addr prefix = {.family = a->family};
    memcpy(prefix.ip, a->ip, a->family == ADDR_V4 ? 3 : 7);
    return prefix;
}

size_t addr_to_compact(const struct addr *a, uint8_t out[ADDR_COMPACT_V6])
{
    if (a->family == ADDR_NONE)
        return 0;
    size_t size = a->family == ADDR_V4 ? 4 : 16;
    memcpy(out, a->ip, size);
    out[size] = (uint8_t)(a->port >> 8);
    out[size + 1] = (uint8_t)a->port;
    return size + 2;
}

bool addr_from_compact(struct bytes compact, struct addr *out)
{
    if (compact.size != ADDR_COMPACT_V4 && compact.size != ADDR_COMPACT_V6)
        return false;
    const uint8_t *end = compact.data + compact.size;
    uint16_t port = (uint16_t)(end[-2] << 8 | end[-1]);
    *out =
        compact.size == ADDR_COMPACT_V4 ? addr_v4(compact.data, port) : addr_v6(compact.data, port);
    return true;
}
