/* Which multi a call speaks of: its username and resource, taken literally. They are resolved
 * nowhere, so the same words are the same multi on every daemon. */
#ifndef XORD_RPC_MULTI_NAME_H
#define XORD_RPC_MULTI_NAME_H

#include "daemon/dht/records/record.h"
#include "rpc/method.h"

struct multi_name {
    struct record_name name; /* borrowed from the call */
    struct id target;
};

/* Whether the call's `type` is m. */
bool multi_name_is_meant(const struct rpc_call *call);
/* False when the call is answered already, with *refusal. */
bool multi_name_of_call(struct rpc_call *call, struct multi_name *out, struct rpc_result *refusal);

#endif
