#include "rpc/pending.h"

#include "rpc/call.h"

static size_t bucket_of(uint64_t number)
{
    return number & (PENDING_BUCKETS - 1);
}

static void link_op(struct pending *p, struct rpc_call *call, struct rpc_op *op)
{
    struct rpc_op **bucket = &p->ops[bucket_of(op->number)];

    if (op->number == 0)
        return;
    op->call = call;
    op->next = *bucket;
    *bucket = op;
}

static void unlink_op(struct pending *p, const struct rpc_op *op)
{
    struct rpc_op **at = &p->ops[bucket_of(op->number)];

    if (op->number == 0)
        return;
    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
}

static void unlink_ticket(struct pending *p, struct rpc_call *call)
{
    struct rpc_call **at = &p->tickets[bucket_of(call->ticket)];

    while (*at != call)
        at = &(*at)->ticket_next;
    *at = call->ticket_next;
}

static void link_ready(struct pending *p, struct rpc_call *call)
{
    call->ready_previous = NULL;
    call->ready_next = p->ready;
    if (p->ready != NULL)
        p->ready->ready_previous = call;
    p->ready = call;
}

static void unlink_ready(struct pending *p, struct rpc_call *call)
{
    if (call->ready_next != NULL)
        call->ready_next->ready_previous = call->ready_previous;
    if (call->ready_previous != NULL)
        call->ready_previous->ready_next = call->ready_next;
    else
        p->ready = call->ready_next;
}

static void link_deadline(struct pending *p, struct rpc_call *call)
{
    call->deadline_previous = NULL;
    call->deadline_next = p->deadlines;
    if (p->deadlines != NULL)
        p->deadlines->deadline_previous = call;
    if (p->deadlines == NULL || call->on.deadline_ms < p->earliest_ms)
        p->earliest_ms = call->on.deadline_ms;
    p->deadlines = call;
}

static void unlink_deadline(struct pending *p, struct rpc_call *call)
{
    if (call->deadline_next != NULL)
        call->deadline_next->deadline_previous = call->deadline_previous;
    if (call->deadline_previous != NULL)
        call->deadline_previous->deadline_next = call->deadline_next;
    else
        p->deadlines = call->deadline_next;
}

void pending_add(struct pending *p, struct rpc_call *call)
{
    call->op.number = call->on.op;
    link_op(p, call, &call->op);
    for (size_t i = 0; i < call->on.op_count; i++)
        link_op(p, call, &call->on.ops[i]);
    if (call->on.is_ticket) {
        call->ticket_next = p->tickets[bucket_of(call->ticket)];
        p->tickets[bucket_of(call->ticket)] = call;
    }
    if (call->on.is_ready)
        link_ready(p, call);
    if (call->on.deadline_ms != 0)
        link_deadline(p, call);
}

void pending_remove(struct pending *p, struct rpc_call *call)
{
    unlink_op(p, &call->op);
    for (size_t i = 0; i < call->on.op_count; i++)
        unlink_op(p, &call->on.ops[i]);
    if (call->on.is_ticket)
        unlink_ticket(p, call);
    if (call->on.is_ready)
        unlink_ready(p, call);
    if (call->on.deadline_ms != 0)
        unlink_deadline(p, call);
}

struct rpc_call *pending_find_op(const struct pending *p, uint64_t op)
{
    const struct rpc_op *at = p->ops[bucket_of(op)];

    while (at != NULL && at->number != op)
        at = at->next;
    return at != NULL ? at->call : NULL;
}

struct rpc_call *pending_find_ticket(const struct pending *p, uint64_t ticket)
{
    struct rpc_call *call = p->tickets[bucket_of(ticket)];

    while (call != NULL && call->ticket != ticket)
        call = call->ticket_next;
    return call;
}

struct rpc_call *pending_find_late(struct pending *p, uint64_t now_ms)
{
    if (p->deadlines == NULL || now_ms < p->earliest_ms)
        return NULL;
    p->earliest_ms = UINT64_MAX;
    for (struct rpc_call *call = p->deadlines; call != NULL; call = call->deadline_next) {
        if (call->on.deadline_ms < p->earliest_ms)
            p->earliest_ms = call->on.deadline_ms;
        if (call->on.deadline_ms <= now_ms)
            return call;
    }
    return NULL;
}

uint64_t pending_next_ms(const struct pending *p)
{
    return p->deadlines == NULL ? UINT64_MAX : p->earliest_ms;
}
