/* Which held records another holder has asked about lately, and when: what it sees to need not be
 * seen to again (repair.h). Remembers a hash of the target and a minute a record; grows as it
 * fills, up to NOTICES_MAX, and forgets nothing by growing. Beyond that the oldest make way, which
 * costs a question that need not be asked. */
#ifndef XORD_DHT_NOTICES_H
#define XORD_DHT_NOTICES_H

#include "daemon/dht/wire/id.h"

#define NOTICES_MAX      65536u /* records; 512 KiB */
#define NOTICES_KEPT_MIN 60u    /* an older one's place is free again: it is due once an hour */

struct notice {
    uint32_t record; /* a hash of its target */
    uint32_t minute; /* of the monotonic clock; 0: a free place */
};

struct notices {
    struct notice *places; /* owned */
    uint32_t size;
};

void notices_clear(struct notices *n);
/* Somebody asked about it in this minute. Forgotten without memory. */
void notices_add(struct notices *n, const struct id *target, uint32_t minute);
/* The minute in which it was asked about last; 0: not lately. */
uint32_t notices_last(const struct notices *n, const struct id *target);

#endif
