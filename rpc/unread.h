/* What the daemon holds in memory for its clients: answers and events that they have not read, and
 * lines that they have not ended. Each may leave some; when all of it together grows too large,
 * each may leave but little, so that nobody fills the memory by connecting often and not reading.
 * Clients of the read-only socket share a part: the owner has the rest. */
#ifndef XORD_RPC_UNREAD_H
#define XORD_RPC_UNREAD_H

#include <stdbool.h>
#include <stddef.h>

#define UNREAD_ANSWERS_MAX (16u * 1024u * 1024u)  /* of one client; what comes more is refused */
#define UNREAD_ALL_MAX     (128u * 1024u * 1024u) /* of all together: then each may leave: */
#define UNREAD_READERS_MAX (64u * 1024u * 1024u)  /* as above, of the read-only socket's */
/* A hundred answers. From all readers no more than half of what makes it crowded for the owner. */
#define UNREAD_LITTLE (64u * 1024u)

struct rpc_client;

struct unread { /* zeroed nothing is held */
    size_t all;
    size_t by_readers; /* of it */
};

/* Notes what the client has now, instead of what it had. Between two notes its part is not known to
 * others. */
void unread_note(struct rpc_client *client);
/* It has nothing any more. */
void unread_forget(struct rpc_client *client);
/* Too much is held for such clients as this one. */
bool unread_is_crowded(const struct rpc_client *client);
/* How much output this client may leave where `usually` is what one may. */
size_t unread_limit(const struct rpc_client *client, size_t usually);

#endif
