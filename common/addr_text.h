/* The text form of addresses: 1.2.3.4:5 and [::1]:5. No names, no resolver: numbers only. */
#ifndef XORD_COMMON_ADDR_TEXT_H
#define XORD_COMMON_ADDR_TEXT_H

#include "common/addr.h"

#define ADDR_TEXT_SIZE 56 /* the longest form with brackets, port and terminator */

/* Writes the text into `out` ("none" for ADDR_NONE); returns `out`. */
char *addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE]);
char *addr_format_ip(const struct addr *a, char out[ADDR_TEXT_SIZE]); /* without port, brackets */
/* IPv4:PORT or [IPv6]:PORT; false when it is anything else, a name included. Port 0 is read. */
bool addr_parse(const char *text, struct addr *out);
/* An IP alone; the port is 0. */
bool addr_parse_ip(const char *text, struct addr *out);
/* Splits HOST:PORT, where HOST has no colon, or [HOST]:PORT, and copies the host. What HOST may be
 * is the caller's to check. False, and nothing written, when malformed or `host_size` is too small.
 */
bool addr_split(const char *text, char *host, size_t host_size, uint16_t *port);

#endif
