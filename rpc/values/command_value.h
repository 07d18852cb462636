/* Between the value of a custom command and the JSON of a call. On the wire it is an envelope
 * without a time, d1:j<JSON text>e or d1:b<bytes>e; a null is no value at all. */
#ifndef XORD_RPC_COMMAND_VALUE_H
#define XORD_RPC_COMMAND_VALUE_H

#include "rpc/method.h"
#include "rpc/values/value.h"

/* From the call's `value` or `value_base64`: raw bencoding of at most COMMAND_V_MAX bytes; data
 * NULL when there is none. To be cleared with value_clear. False when the call was answered. */
bool command_value_of_call(struct rpc_call *call, struct value *out, struct rpc_result *refusal);
struct bytes command_value_bytes(const struct value *value);
/* Adds `value` to the object, null when there is none; bytes are `value_base64` instead. A value by
 * other software that is no envelope is shown as one in a record would be. False without memory. */
bool command_value_show(json_t *object, struct bytes v);

#endif
