/* The contacts of an earlier run that have not been asked yet whether they are still there. Says in
 * what order: one of each part of the network first, and those near us, where the parts are small,
 * soonest. Sends nothing: maintain.c asks, a few at once and the others over minutes. */
#ifndef XORD_DHT_RESTORED_H
#define XORD_DHT_RESTORED_H

#include "common/now.h"
#include "common/rng.h"
#include "daemon/dht/routing/contact.h"

#define RESTORED_MAX       512u /* full tables of both families have far fewer; more: not asked */
#define RESTORED_SPREAD_MS 240000u /* all have been asked after this */

struct restored {
    struct contact *contacts; /* owned; NULL when none is left */
    uint16_t count, capacity;
    uint8_t turns[ID_BITS + 1]; /* how many were taken, by the bits that they share with us */
    uint64_t next_ms;           /* when the next one is to be asked */
    uint64_t end_ms;            /* and the last */
};

void restored_clear(struct restored *r);
/* One more; the first ones are to be asked at once. Forgotten without memory. */
void restored_add(struct restored *r, struct now now, const struct contact *contact);
/* Takes the next one out; false when none is left. */
bool restored_take(struct restored *r, const struct id *self, struct contact *out);
/* It is one of those that have not been asked yet. */
bool restored_has(const struct restored *r, const struct contact *contact);
/* When the next one is to be asked: after so long, or so that all are spread over the rest of the
 * time, at random. */
void restored_wait(struct restored *r, struct now now, uint32_t wait_ms);
void restored_spread(struct restored *r, struct now now, struct rng *rng);
/* When the next one is to be asked; UINT64_MAX when none is left. */
uint64_t restored_next_ms(const struct restored *r);

#endif
