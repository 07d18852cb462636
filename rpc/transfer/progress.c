#include "rpc/transfer/progress.h"

static uint64_t now_ms(const struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    return host->now(host->context).ms;
}

void progress_begin(struct progress *p, const struct rpc_call *call, bool is_wanted)
{
    *p = (struct progress){.is_wanted = is_wanted, .last_ms = now_ms(call)};
}

void progress_tell(struct progress *p, struct rpc_call *call, size_t done, size_t of, size_t bytes)
{
    if (!p->is_wanted || !rpc_has_room(call) ||
        (done < of && now_ms(call) < p->last_ms + PROGRESS_EVERY_MS)) {
        return;
    }
    p->last_ms = now_ms(call);
    rpc_notify(call, "progress",
               json_pack("{s:I, s:I, s:I}", "done", (json_int_t)done, "of", (json_int_t)of, "bytes",
                         (json_int_t)bytes));
}
