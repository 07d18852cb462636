/* A node as others name it: where it is and what its id is; and lists of such, the nearest to a
 * target first. */
#ifndef XORD_DHT_CONTACT_H
#define XORD_DHT_CONTACT_H

#include "common/addr.h"
#include "daemon/dht/wire/id.h"

struct contact {
    struct id id;
    struct addr addr;
};

/* Puts a copy of it in its place among `count`, unless its id is there already; at most `max` are
 * kept, and the farthest falls out. The new count. */
size_t contact_insert(struct contact *out, size_t count, size_t max, const struct id *target,
                      const struct contact *contact);

#endif
