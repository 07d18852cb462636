/* Memory for what clients have not read yet, in all streams together. Clients of the read-only
 * socket share a part of it: whatever they leave unread, the owner's streams have the rest. */
#ifndef XORD_RPC_BUDGET_H
#define XORD_RPC_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/limits.h"

#define BUDGET_BYTES      (64u * 1024u * 1024u) /* tens of thousands of values, or some 40 large */
#define BUDGET_READ_BYTES (32u * 1024u * 1024u)

struct budget { /* zeroed nothing is taken */
    size_t used;
    size_t read_used; /* of it for the read-only socket */
};

/* False, and nothing is taken, when it is spent. */
bool budget_take(struct budget *budget, enum rpc_access access, size_t size);
void budget_give(struct budget *budget, enum rpc_access access, size_t size);

#endif
