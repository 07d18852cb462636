/* Whom a value is encrypted for: the parameter `to`, names as `bob,carol`, resolved and checked.
 * Each key counts once, however it is named. */
#ifndef XORD_RPC_RECIPIENTS_H
#define XORD_RPC_RECIPIENTS_H

#include "rpc/method.h"
#include "rpc/values/value.h"

/* Of a call whose method has `to`. False when the call is answered already, with *refusal. */
bool recipients_of_call(struct rpc_call *call, struct recipients *out, struct rpc_result *refusal);

#endif
