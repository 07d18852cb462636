/* Calls of the daemon's own: what it does on its own account in the form of a call, so that
 * waiting, deadlines and the stop are those of all calls. Nobody reads their answers. */
#ifndef XORD_RPC_OWN_H
#define XORD_RPC_OWN_H

#include "rpc/dispatch.h"
#include "rpc/method.h"

/* As rpc_start_own. */
bool own_start(struct dispatch *d, struct rpc_result (*start)(struct rpc_call *own, void *state),
               void *state);
/* Ends them with ERR_STOPPING, after is_stopping was set. */
void own_stop(struct dispatch *d);
/* How many are under way. */
size_t own_count(const struct rpc_call *call);

#endif
