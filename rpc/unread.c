#include "rpc/unread.h"

#include "rpc/dispatch.h"

static void change(struct rpc_client *client, size_t size)
{
    struct unread *unread = &client->dispatch->unread;
    bool is_reader = client->access == RPC_ACCESS_READ;

    unread->all += size - client->noted;
    unread->by_readers += is_reader ? size - client->noted : 0;
    client->noted = size;
}

void unread_note(struct rpc_client *client)
{
    change(client, client->out.size + client->sending + client->unended);
}

void unread_forget(struct rpc_client *client)
{
    change(client, 0);
}

bool unread_is_crowded(const struct rpc_client *client)
{
    const struct unread *unread = &client->dispatch->unread;

    return unread->all > UNREAD_ALL_MAX ||
           (client->access == RPC_ACCESS_READ && unread->by_readers > UNREAD_READERS_MAX);
}

size_t unread_limit(const struct rpc_client *client, size_t usually)
{
    return unread_is_crowded(client) ? UNREAD_LITTLE : usually;
}
