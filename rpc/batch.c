#include "rpc/batch.h"

#include <stdlib.h>

#include "rpc/request.h"

static void await_turn(struct rpc_batch *batch)
{
    struct dispatch *d = batch->client->dispatch;

    batch->client->unfinished = batch;
    batch->client->call_count++; /* who has something unfinished has calls under way */
    json_incref(batch->requests);
    batch->next_unfinished = NULL;
    *(d->unfinished_last != NULL ? &d->unfinished_last->next_unfinished : &d->unfinished_first) =
        batch;
    d->unfinished_last = batch;
}

/* Its requests are the caller's to let go. */
static void stop_awaiting(struct rpc_batch *batch)
{
    struct dispatch *d = batch->client->dispatch;
    struct rpc_batch *before = NULL, *at = d->unfinished_first;

    for (; at != batch; at = at->next_unfinished)
        before = at;
    *(before != NULL ? &before->next_unfinished : &d->unfinished_first) = batch->next_unfinished;
    if (d->unfinished_last == batch)
        d->unfinished_last = before;
    batch->client->unfinished = NULL;
    batch->client->call_count--;
}

/* Begins requests until the turn is spent, or all of them. The last one may end the batch. */
static void run(struct rpc_batch *batch, bool is_hurried)
{
    struct rpc_client *client = batch->client;
    struct dispatch *d = client->dispatch;
    json_t *requests = batch->requests;
    size_t count = json_array_size(requests), i = batch->next;

    for (; i < count && (is_hurried || !turn_is_spent(&d->turn)); i++) {
        batch->next = i + 1;
        request_run(client, batch, json_array_get(requests, i));
        turn_spend(&d->turn, d->host.clock_ns(d->host.context));
    }
    if (i < count)
        await_turn(batch);
}

void batch_begin(struct rpc_client *client, json_t *requests)
{
    struct rpc_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL) {
        client->out.failed = true;
        return;
    }
    batch->client = client;
    batch->requests = requests;
    batch->left = json_array_size(requests);
    run(batch, false);
}

static void go_on(struct rpc_batch *batch, bool is_hurried)
{
    json_t *requests = batch->requests;

    stop_awaiting(batch);
    run(batch, is_hurried);
    json_decref(requests);
}

void batch_go_on(struct dispatch *d)
{
    const struct rpc_batch *last = d->unfinished_last;
    struct rpc_batch *batch;
    bool was_last = false;

    turn_begin(&d->turn, d->host.clock_ns(d->host.context));
    while (!was_last && (batch = d->unfinished_first) != NULL && !turn_is_spent(&d->turn)) {
        was_last = batch == last;
        go_on(batch, false);
    }
}

void batch_hurry(struct rpc_client *client)
{
    if (client->unfinished != NULL)
        go_on(client->unfinished, true);
}

void batch_give_up(struct rpc_client *client)
{
    struct rpc_batch *batch = client->unfinished;

    if (batch == NULL)
        return;
    json_t *requests = batch->requests;
    size_t rest = json_array_size(requests) - batch->next;
    stop_awaiting(batch);
    while (rest-- > 0)
        call_batch_answered(client, batch);
    json_decref(requests);
}
