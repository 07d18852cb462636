/* The slot of an entry: with its signer, the place in its multi. Said in a call, or by default a
 * hash of the content, so that posts pile up and a repeated one is in its old place. */
#ifndef XORD_RPC_SLOT_H
#define XORD_RPC_SLOT_H

#include "daemon/dht/records/record.h"
#include "rpc/method.h"

struct slot {
    uint8_t data[RECORD_SLOT_MAX];
    size_t size; /* 0: the call says none */
};

/* What the call's `slot` or `slot_hex` says. False when the call is answered already, with
 * *refusal. */
bool slot_of_call(struct rpc_call *call, struct slot *out, struct rpc_result *refusal);
/* The default: 20 bytes of BLAKE2b over the envelope's content, its key and its body, without the
 * times. `v` is an envelope that is no deletion, of any size. */
void slot_of_content(struct bytes v, struct slot *out);
/* Adds `slot`, or `slot_hex` where it is not printable UTF-8. False without memory. */
bool slot_show(json_t *object, struct bytes slot);

#endif
