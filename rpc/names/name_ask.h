/* One question to the network: which key does this authority register for this name. Starts the
 * node's get, and takes what comes of it into the name cache. Answers no call. */
#ifndef XORD_RPC_NAME_ASK_H
#define XORD_RPC_NAME_ASK_H

#include "daemon/dht/event.h"
#include "rpc/names/name_path.h"

#define NAME_REFRESH_MS 3000u /* for what is known already, and asked only in case it changed */

/* Starts the get: it completes with EVENT_GET under `*op`. The errors of node_get. */
enum err name_ask(const struct rpc_host *host, const struct name_link *link, uint32_t timeout_ms,
                  uint64_t *op);
/* Notes what came, or that nothing did. `*entry` is what the cache has now, borrowed until its next
 * change. ERR_BAD_REGISTRATION: what is registered is no key, which is noted as a deletion;
 * ERR_NO_MEMORY: nothing was noted. */
enum err name_answered(const struct rpc_host *host, const struct name_link *link,
                       const struct event *event, struct name_entry **entry);

#endif
