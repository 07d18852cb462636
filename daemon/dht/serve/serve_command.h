/* Answering commands: a command that comes in is handed to whoever calls the node, as
 * EVENT_COMMAND, and its answer goes back by node_respond; what is not answered in time is answered
 * for it. Errors of commands are part of a response, beside the token and the nodes that a query
 * goes on by. */
#ifndef XORD_DHT_SERVE_COMMAND_H
#define XORD_DHT_SERVE_COMMAND_H

#include "common/now.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"

struct node;

void serve_command(struct node *node, struct now now, const struct addr *from,
                   const struct krpc *query, struct outbox *out);
/* Those whose handler takes too long get COMMAND_TIMEOUT. */
void serve_command_tick(struct node *node, struct now now, struct outbox *out);
uint64_t serve_command_next_ms(const struct node *node);

#endif
