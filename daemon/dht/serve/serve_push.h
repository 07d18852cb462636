/* Answering pushes: a holder hands over a record that it has just stored, under a subscription of
 * ours. It is taken from sources of that subscription alone, and verified like one that was asked
 * for. The only query that a client answers. */
#ifndef XORD_DHT_SERVE_PUSH_H
#define XORD_DHT_SERVE_PUSH_H

#include "common/now.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"

struct node;

void serve_push(struct node *node, struct now now, const struct addr *from,
                const struct krpc *query, struct outbox *out);

#endif
