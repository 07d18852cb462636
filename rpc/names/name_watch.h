/* Where a pin and an authority disagree about a name: the pin counts, and a warning says so, in the
 * log once and in getinfo as long as it lasts. A pinned name that is used while an authority is
 * configured is looked up there behind the scenes, at most once in NAME_FRESH_MS. */
#ifndef XORD_RPC_NAME_WATCH_H
#define XORD_RPC_NAME_WATCH_H

#include "rpc/method.h"
#include "rpc/names/name_ask.h"

#define NAME_WATCH_MAX    8   /* beside so many own calls no lookup begins: at the next use then */
#define NAME_WARNINGS_MAX 8   /* shown at once */
#define NAME_WARNING_SIZE 384 /* three keys in hex and a sentence */

/* A bare name in a call was resolved by its pin. */
void name_watch_used(struct rpc_call *call, const char *name);
/* True when `entry` binds its name to another key than it is pinned to here: `*pin`. */
bool name_watch_differs(const struct rpc_host *host, const struct name_entry *entry,
                        struct rpc_identity *pin);
/* Logs that they differ, once a key. */
void name_watch_compare(const struct rpc_host *host, struct name_entry *entry);
/* The sentence, as it is logged and shown. */
char *name_watch_text(const struct rpc_host *host, const struct name_entry *entry,
                      const struct rpc_identity *pin, char out[NAME_WARNING_SIZE]);
/* Appends the warnings that hold now, as strings. */
void name_watch_show(const struct rpc_host *host, json_t *warnings);

#endif
