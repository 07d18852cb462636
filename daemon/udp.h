/* The node's UDP sockets: at most one an IP family, both on the same port. Receives in batches into
 * one buffer, sends in batches, allocates nothing per packet. Knows nothing of what it carries. */
#ifndef XORD_DAEMON_UDP_H
#define XORD_DAEMON_UDP_H

#include <uv.h>

#include "common/addr.h"
#include "common/err.h"
#include "daemon/dht/outbox.h"

#define UDP_SOCKETS_MAX 2  /* IPv4 and IPv6 */
#define UDP_SEND_BATCH  64 /* datagrams a sendmmsg: beyond, the call's cost no longer shows */
#define UDP_QUEUE_MAX                                                                              \
    512 /* packets kept while the kernel takes none; beyond they are dropped, as UDP may */
#define UDP_DETAIL_SIZE 256

struct udp;

struct udp_handler {
    void *context;
    /* One datagram; `data` is borrowed for the call. */
    void (*packet)(void *context, const struct addr *from, const uint8_t *data, size_t size);
    /* A batch of datagrams has been handed over: a good moment to send. */
    void (*batch)(void *context);
};

struct udp_bind {
    struct addr addr; /* its port counts; 0: a free one, the same for all */
    bool is_optional; /* a family that the machine lacks is left out, not an error */
};

/* NULL without memory. */
struct udp *udp_new(uv_loop_t *loop, const struct udp_handler *handler);
/* Binds each, all with the port of the first. ERR_IN_USE when the port is taken, ERR_IO otherwise;
 * `detail` (UDP_DETAIL_SIZE) says in one line what and what to do. Not receiving yet. */
enum err udp_open(struct udp *udp, const struct udp_bind *binds, size_t count, char *detail);
enum err udp_start(struct udp *udp); /* begins to receive */
/* Hands packets to the kernel. What it does not take now waits, up to UDP_QUEUE_MAX; what it
 * refuses, and what no socket is bound for, is counted as lost. The bytes are copied. */
void udp_send(struct udp *udp, const struct out_packet *packets, size_t count);
/* The addresses that are bound, with their real port; false past the end. */
bool udp_bound_at(const struct udp *udp, size_t index, struct addr *out);
bool udp_has_family(const struct udp *udp, enum addr_family family);
uint64_t udp_lost(const struct udp *udp);

void udp_close(struct udp *udp);           /* idempotent */
bool udp_is_closed(const struct udp *udp); /* all its handles are, and it can be freed */
void udp_free(struct udp *udp);            /* NULL is allowed */

#endif
