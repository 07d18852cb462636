/* Any bytes as lines of a client: each line is answered with nothing or with whole lines of JSON,
 * whatever it asks of a host and a real node; and the node's events end what is pending. */
#include <assert.h>

#include "rpc/dispatch.h"
/* Fuzz targets are linked with the library and a store alone. */
#include "tests/rpc/fake_host.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_output(struct rpc_client *client)
{
    const char *at = client->out.data, *end = at + client->out.size;

    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        assert(feed != NULL);
        /* An answer holds what was asked for and its own frame around it. */
        json_t *answer = json_read(bytes_of(at, (size_t)(feed - at)), RPC_DEPTH_MAX + 4, NULL, 0);
        assert(json_is_object(answer) || json_is_array(answer));
        json_decref(answer);
        at = feed + 1;
    }
    client->out.size = 0;
}

static void take_events(struct fake_host *fake, struct dispatch *d)
{
    for (size_t i = 0; i < fake->outbox.event_count; i++) {
        struct event event = fake->outbox.events[i];
        if (event.kind == EVENT_NEED_SIGNATURE)
            node_put_signed(fake->host.node, fake->now, event.op, NULL, &fake->outbox);
        else
            dispatch_event(d, &event);
    }
    outbox_reset(&fake->outbox);
}

static void answer_tickets(struct fake_host *fake, struct dispatch *d)
{
    struct addr addr = addr_v4((const uint8_t[]){127, 0, 0, 1}, 1);

    if (fake->ticket != 0)
        dispatch_done(d, fake->ticket, ERR_OK, NULL);
    if (fake->resolve_ticket != 0)
        dispatch_resolved(d, fake->resolve_ticket, ERR_OK, &addr, 1);
    fake->ticket = fake->resolve_ticket = 0;
}

static void run_lines(struct fake_host *fake, struct rpc_client *client, struct bytes input)
{
    while (input.size > 0) {
        const uint8_t *feed = memchr(input.data, '\n', input.size);
        size_t size = feed != NULL ? (size_t)(feed - input.data) : input.size;
        if (fake->key_count < FAKE_IDENTITIES_MAX && fake->contact_count < FAKE_IDENTITIES_MAX)
            dispatch_line(client, bytes_of(input.data, size));
        answer_tickets(fake, client->dispatch);
        check_output(client);
        size += feed != NULL;
        input = bytes_of(input.data + size, input.size - size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_host fake;
    struct dispatch dispatch;
    struct rpc_client client;

    fake_host_init(&fake);
    dispatch_init(&dispatch, &fake.host, NULL);
    dispatch_client_init(&dispatch, &client, RPC_ACCESS_FULL, 0);
    fake_host_tick(&fake);
    run_lines(&fake, &client, bytes_of(data, size));
    take_events(&fake, &dispatch);
    check_output(&client);
    dispatch_client_stop(&client);
    check_output(&client);
    dispatch_client_clear(&client);
    dispatch_clear(&dispatch);
    fake_host_clear(&fake);
    return 0;
}
