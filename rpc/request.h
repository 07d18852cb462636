/* One request: its frame is read, its method found, its parameters checked, and the handler runs.
 * Private to the dispatcher's files, but for request_check. */
#ifndef XORD_RPC_REQUEST_H
#define XORD_RPC_REQUEST_H

#include "rpc/call.h"

/* Answers it, or leaves it pending. `request` is borrowed; `batch` NULL: it came alone. */
void request_run(struct rpc_client *client, struct rpc_batch *batch, json_t *request);
/* What stops a caller with this access from calling `method` with these parameters: ERR_READ_ONLY,
 * ERR_INVALID_PARAMS; one line in `detail`. */
enum err request_check(const struct method *method, enum rpc_access access, json_t *given,
                       json_t *values[], char detail[RPC_DETAIL_SIZE]);

#endif
