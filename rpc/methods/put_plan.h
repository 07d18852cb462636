/* What the parameters of a put (or of dhtsign) say, checked once: which record, which value, until
 * when. Sends nothing and signs nothing. */
#ifndef XORD_RPC_PUT_PLAN_H
#define XORD_RPC_PUT_PLAN_H

#include "rpc/values/slot.h"
#include "rpc/values/value.h"

/* Not to be copied: `record` points into it, and into the call. */
struct put_plan {
    struct record record;    /* without seq and signature; of an immutable v alone */
    struct record_name name; /* of an entry */
    uint8_t key[KEYS_PUBLIC_SIZE];
    struct slot slot;   /* of an entry */
    struct value value; /* within RECORD_V_MAX, or a large one; owned */
};

/* Both answer the call themselves (*refusal) when they are false; nothing is owned then. Where
 * `may_be_large`, the value's v may be over RECORD_V_MAX, with at most LARGE_SIZE_MAX of content.
 */
bool put_plan_signed(struct rpc_call *call, bool may_be_large, struct put_plan *out,
                     struct rpc_result *refusal);
bool put_plan_immutable(struct rpc_call *call, struct put_plan *out, struct rpc_result *refusal);
void put_plan_clear(struct put_plan *plan);

#endif
