/* A put on its way for a call: handed to the node, and what its event means as an answer. For
 * methods with the parameters `keep` and `wait`. */
#ifndef XORD_RPC_PUT_CALL_H
#define XORD_RPC_PUT_CALL_H

#include "rpc/method.h"

/* Hands the put to the node and waits for its event; is_kept and is_quick are filled in from the
 * call. `then` (may be NULL: the event is answered as dhtput does) says by its on_event and state
 * what becomes of it; its state is owned from here on. */
struct rpc_result put_call_start(struct rpc_call *call, struct put_request *request,
                                 const struct rpc_pending_on *then);
/* Reads `keep` and `wait`; false when they do not go together, with *refusal. */
bool put_call_options(struct rpc_call *call, bool *is_kept, bool *is_quick,
                      struct rpc_result *refusal);
/* A put that some node or the disk took is a result, however few they are; a refusal is not. */
bool put_call_is_taken(const struct event *event);
/* {target, seq, stored, tried, kept, rejected}; without waiting {target, seq, kept}. A new
 * reference. */
json_t *put_call_show(const struct event *event, bool is_waiting);
/* {tried, rejected}, as of an error's data. A new reference. */
json_t *put_call_refusals(const struct event *event);
/* Answers what was not taken. */
struct rpc_result put_call_fail(struct rpc_call *call, const struct event *event);

#endif
