#include "rpc/streams/budget.h"

#include <assert.h>

bool budget_take(struct budget *budget, enum rpc_access access, size_t size)
{
    size_t read_size = access == RPC_ACCESS_READ ? size : 0;
    if (size > BUDGET_BYTES - budget->used || read_size > BUDGET_READ_BYTES - budget->read_used)
        return false;
    budget->used += size;
    budget->read_used += read_size;
    return true;
}

void budget_give(struct budget *budget, enum rpc_access access, size_t size)
{
    size_t read_size = access == RPC_ACCESS_READ ? size : 0;
    assert(size <= budget->used && read_size <= budget->read_used);
    budget->used -= size;
    budget->read_used -= read_size;
}
