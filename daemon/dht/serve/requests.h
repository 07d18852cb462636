/* The commands that other nodes sent and that wait for a handler's answer, oldest first. Each waits
 * as long as any other; whoever asked gives up soon after. Knows nothing of what they say: keeps
 * what the reply will need. Grows as it fills. */
#ifndef XORD_DHT_REQUESTS_H
#define XORD_DHT_REQUESTS_H

#include "daemon/dht/routing/contact.h"
#include "daemon/dht/wire/krpc.h"

#define REQUESTS_MAX                                                                               \
    256 /* waiting; a handler that is slower than they come is not helped by more */
#define REQUESTS_PEER_MAX                                                                          \
    64 /* of one peer: an address prefix; where those are private, an address with its port */
#define REQUESTS_DEADLINE_MS 2500u /* within INFLIGHT_DEAD_MS, after which no answer counts */

struct request {
    uint64_t number; /* never 0, never used again */
    uint64_t deadline_ms;
    struct contact from;
    bool has_target, want_v4, want_v6;
    struct id target;
    uint8_t t_size;
    uint8_t t[KRPC_T_MAX];
};

struct requests {
    struct request *waiting; /* owned */
    uint32_t count, capacity;
    uint64_t sequence;
};

void requests_clear(struct requests *r);
/* The same packet came before and is waiting. */
bool requests_has(const struct requests *r, const struct addr *from, struct bytes t);
/* Keeps this query: its number, or 0: it is one too many, of this peer or in all, or there is no
 * memory. */
uint64_t requests_add(struct requests *r, uint64_t now_ms, const struct addr *from,
                      const struct krpc *query);
/* Takes out the one with this number; false when it does not wait. */
bool requests_take(struct requests *r, uint64_t number, struct request *out);
/* Takes out one whose deadline has passed; false when there is none. */
bool requests_next_due(struct requests *r, uint64_t now_ms, struct request *out);
uint64_t requests_next_ms(const struct requests *r); /* UINT64_MAX when none waits */

#endif
