/* Answering xget: what entries a multi has here, in pages of briefs, and the entries themselves
 * (docs/PROTOCOL.md). More than the one entry that a get of BEP 44 would bring is said only to
 * whoever has a token. xput is a put like others: serve_put. */
#ifndef XORD_DHT_SERVE_MULTI_H
#define XORD_DHT_SERVE_MULTI_H

#include "common/now.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"

struct node;

/* An xget with id and target. */
void serve_multi(struct node *node, struct now now, const struct addr *from,
                 const struct krpc *query, struct outbox *out);

#endif
