/* What the parameters of a put (or of dhtsign) say, checked once: whose single, which value, until
 * when. Sends nothing and signs nothing. */
#ifndef XORD_RPC_PUT_PLAN_H
#define XORD_RPC_PUT_PLAN_H

#include "rpc/single.h"
#include "rpc/value.h"

struct put_plan {
    struct single single; /* not of an immutable */
    struct value value;   /* within RECORD_V_MAX, or a large one; owned */
};

/* Both answer the call themselves (*refusal) when they are false; nothing is owned then. Where
 * `may_be_large`, the value's v may be over RECORD_V_MAX, with at most LARGE_SIZE_MAX of content.
 */
bool put_plan_single(struct rpc_call *call, bool may_be_large, struct put_plan *out,
                     struct rpc_result *refusal);
bool put_plan_immutable(struct rpc_call *call, struct put_plan *out, struct rpc_result *refusal);
void put_plan_clear(struct put_plan *plan);

#endif
