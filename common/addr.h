/* UDP addresses of both families, their compact form (BEP 5, BEP 32) and what kind of network they
 * are in. Pure; the text form is in addr_text.h. IPv4-mapped IPv6 addresses are always held as
 * IPv4. */
#ifndef XORD_COMMON_ADDR_H
#define XORD_COMMON_ADDR_H

#include "common/bytes.h"

#define ADDR_COMPACT_V4 6
#define ADDR_COMPACT_V6 18

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
    uint8_t family; /* enum addr_family */
    uint8_t pad;
    uint16_t port;  /* host order */
    uint8_t ip[16]; /* network order; 4 bytes used for IPv4, the rest zero */
};

struct addr addr_v4(const uint8_t ip[4], uint16_t port);
struct addr addr_v6(const uint8_t ip[16], uint16_t port);       /* a mapped address becomes IPv4 */
bool addr_equal(const struct addr *a, const struct addr *b);    /* address and port */
bool addr_equal_ip(const struct addr *a, const struct addr *b); /* address alone */
uint64_t addr_hash(const struct addr *a, uint64_t salt);        /* for tables; not a MAC */
bool addr_is_loopback(const struct addr *a);
bool addr_is_private(const struct addr *a); /* loopback, link-local, RFC 1918, RFC 4193, CGNAT */
/* An address that packets can be sent to: unicast, not unspecified, port not 0; not IPv6
 * link-local, which would need an interface that a struct addr does not name. */
bool addr_is_usable(const struct addr *a);
/* The prefix that quotas and caps count by: v4 /24, v6 /56; port and host bits zero. */
struct addr addr_prefix(const struct addr *a);

/* Compact form: 6 or 18 bytes; returns how many were written to `out` (0 for ADDR_NONE). */
size_t addr_to_compact(const struct addr *a, uint8_t out[ADDR_COMPACT_V6]);
/* From 6 or 18 bytes; false for any other size. */
bool addr_from_compact(struct bytes compact, struct addr *out);

#endif
