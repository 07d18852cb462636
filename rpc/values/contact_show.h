/* How another node is shown in results and notifications. */
#ifndef XORD_RPC_CONTACT_SHOW_H
#define XORD_RPC_CONTACT_SHOW_H

#include <jansson.h>

#include "daemon/dht/routing/contact.h"

/* {id, addr}. A new reference; NULL without memory. */
json_t *contact_show(const struct contact *contact);
/* How far it is from `target`: the place of the first bit in which their ids differ, counted from
 * the last one; 0: they are equal. */
int contact_distance(const struct contact *contact, const struct id *target);

#endif
