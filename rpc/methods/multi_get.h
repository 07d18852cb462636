/* dhtget of type m: the entries of a multi, gathered and verified by the node, newest first. */
#ifndef XORD_RPC_MULTI_GET_H
#define XORD_RPC_MULTI_GET_H

#include "rpc/method.h"

struct rpc_result multi_get_start(struct rpc_call *call);

#endif
