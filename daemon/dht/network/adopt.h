/* Taking an id that BEP 42 allows: on the public network an id must follow from the node's external
 * address, which is known only once others have told it. */
#ifndef XORD_DHT_ADOPT_H
#define XORD_DHT_ADOPT_H

#include "common/now.h"

struct node;

/* When the external address has become known and our id does not follow from it: takes one that
 * does, moves the tables' members over, and searches the new neighbourhood. */
void adopt_secure_id(struct node *node, struct now now);

#endif
