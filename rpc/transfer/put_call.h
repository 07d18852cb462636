/* A put of one record on its way for a call: handed to the node, and its event waited for. For
 * methods with the parameters `keep` and `wait`. */
#ifndef XORD_RPC_PUT_CALL_H
#define XORD_RPC_PUT_CALL_H

#include "rpc/method.h"

/* Hands the put to the node, waits for its event and answers it as dhtput does; is_kept and
 * is_quick are filled in from the call. */
struct rpc_result put_call_record(struct rpc_call *call, struct put_request *request);
/* The same, but `then` says by its on_event and state what becomes of the event; its state, freed
 * with free(), is owned from here on. */
struct rpc_result put_call_start(struct rpc_call *call, struct put_request *request,
                                 const struct rpc_pending_on *then);
/* Reads `keep` and `wait`; false when they do not go together, with *refusal. */
bool put_call_options(struct rpc_call *call, bool *is_kept, bool *is_quick,
                      struct rpc_result *refusal);

#endif
