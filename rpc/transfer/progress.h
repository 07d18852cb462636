/* How far a call has come, told to a client that asked for it with `progress`: a notification
 * `progress` with {done, of, bytes}, not more often than PROGRESS_EVERY_MS, and the last one in any
 * case; but none to who does not read. */
#ifndef XORD_RPC_PROGRESS_H
#define XORD_RPC_PROGRESS_H

#include "rpc/method.h"

#define PROGRESS_EVERY_MS 100u

struct progress {
    bool is_wanted;
    uint64_t last_ms; /* monotonic; at first when the call began */
};

void progress_begin(struct progress *p, const struct rpc_call *call, bool is_wanted);
void progress_tell(struct progress *p, struct rpc_call *call, size_t done, size_t of, size_t bytes);

#endif
