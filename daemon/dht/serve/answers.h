/* The answers given to commands lately: whoever sends the same packet again, since the answer was
 * lost or is on its way, gets the same answer, and no program runs twice. Grows as it fills. */
#ifndef XORD_DHT_ANSWERS_H
#define XORD_DHT_ANSWERS_H

#include "common/addr.h"
#include "common/bytes.h"
#include "daemon/dht/wire/krpc.h"

#define ANSWERS_MAX 512u /* kept, with values of up to 1000 bytes; the oldest makes way */
#define ANSWERS_KEPT_MS                                                                            \
    5000u /* INFLIGHT_DEAD_MS, and what one packet may take longer than another */

struct answer {
    struct addr to;
    uint64_t given_ms;
    uint32_t error;
    uint8_t *v; /* owned; NULL: none */
    size_t v_size;
    uint8_t t_size;
    uint8_t t[KRPC_T_MAX];
};

struct answers {
    struct answer *given; /* owned; oldest first */
    uint32_t count, capacity;
};

void answers_clear(struct answers *a);
/* Without memory it is not kept. */
void answers_add(struct answers *a, uint64_t now_ms, const struct addr *to, struct bytes t,
                 uint32_t error, struct bytes v);
/* The one to the packet with this t; NULL when there is none. Borrowed until the next answers_*
 * call. */
const struct answer *answers_find(const struct answers *a, const struct addr *to, struct bytes t);
/* Forgets those that nobody waits for any more. */
void answers_tick(struct answers *a, uint64_t now_ms);
uint64_t answers_next_ms(const struct answers *a); /* UINT64_MAX when none is kept */

#endif
