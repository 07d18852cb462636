/* Which single a call speaks of: its `username resource type`, resolved and checked once, with the
 * answers that a caller can act on when they do not name one. */
#ifndef XORD_RPC_SINGLE_H
#define XORD_RPC_SINGLE_H

#include "daemon/dht/records/record.h"
#include "rpc/method.h"

struct single {
    uint8_t key[KEYS_PUBLIC_SIZE];
    bool is_local;     /* its secret key is here */
    struct bytes salt; /* the resource; borrowed from the call */
    struct id target;
};

/* Of a call with all three, its type being s. False when the call is answered already, or waits for
 * a name's lookup, with *refusal: the handler returns that. */
bool single_of_call(struct rpc_call *call, struct single *out, struct rpc_result *refusal);
/* The key that the text names, looked up where it is an authority's word (name_lookup.h); false as
 * above. `param` is the parameter it came by. */
bool single_resolve(struct rpc_call *call, const char *param, const char *name,
                    uint8_t key[KEYS_PUBLIC_SIZE], bool *is_local, struct rpc_result *refusal);
/* A salt, or a part of a multi's name: 1 to RECORD_SALT_MAX bytes. False as above. */
bool single_check_text(struct rpc_call *call, const char *param, struct bytes text,
                       struct rpc_result *refusal);

#endif
