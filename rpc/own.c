#include "rpc/own.h"

#include <assert.h>

#include "rpc/call.h"

bool own_start(struct dispatch *d, struct rpc_result (*start)(struct rpc_call *own, void *state),
               void *state)
{
    struct rpc_call *call = d->is_stopping ? NULL : call_take(&d->own, NULL, NULL);

    if (call == NULL)
        return false;
    start(call, state);
    assert(call->is_answered != call->is_pending);
    if (call->is_answered)
        call_drop(call);
    return true;
}

void own_stop(struct dispatch *d)
{
    assert(d->is_stopping); /* so that what ends starts nothing again */
    while (d->own.calls != NULL)
        call_abort(d->own.calls, ERR_STOPPING);
}

size_t own_count(const struct rpc_call *call)
{
    return call->dispatch->own.call_count;
}

void rpc_hush(struct rpc_call *own)
{
    own->is_quiet = true;
}

bool rpc_start_own(const struct rpc_call *call,
                   struct rpc_result (*start)(struct rpc_call *own, void *state), void *state)
{
    return own_start(call->dispatch, start, state);
}
