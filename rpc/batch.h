/* Batches: requests that come in one line and are answered in one. They are begun one after the
 * other; what is not begun when the turn is spent waits for the next, so that a hundred slow ones
 * hold the loop no longer than a few. Private to the dispatcher's files. */
#ifndef XORD_RPC_BATCH_H
#define XORD_RPC_BATCH_H

#include "rpc/call.h"

/* Begins the requests, an array; borrowed. The client has no unfinished batch. */
void batch_begin(struct rpc_client *client, json_t *requests);
/* A new turn: goes on with unfinished ones, the longest waiting first. */
void batch_go_on(struct dispatch *d);
/* Begins what is left of the client's unfinished batch, if there is one, whatever time it takes. */
void batch_hurry(struct rpc_client *client);
/* What is left of it is never begun: its client is gone. */
void batch_give_up(struct rpc_client *client);

#endif
