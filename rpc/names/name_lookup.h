/* Names in calls, wherever they lead. What is not known here is looked up while the call waits, and
 * then the method's handler is called again from its beginning: so a handler resolves the names it
 * is given before it does anything else, and stays as simple as if all were known. */
#ifndef XORD_RPC_NAME_LOOKUP_H
#define XORD_RPC_NAME_LOOKUP_H

#include "rpc/method.h"
#include "rpc/names/name_path.h"

/* Where `text` leads; `param` is the parameter that it came by. With `since_ms` (monotonic) nothing
 * counts that was looked up before, and the use of a pin is not watched (name_watch.h). False when
 * the call has been answered with an error, or waits for a lookup: the handler returns `*refusal`.
 */
bool name_lookup(struct rpc_call *call, const char *param, const char *text, uint64_t since_ms,
                 struct name_path *out, struct rpc_result *refusal);
/* What the authority of `link` says since the call began, be it nothing: false while the call waits
 * for it, as above. */
bool name_lookup_said(struct rpc_call *call, const struct name_link *link,
                      struct name_entry **entry, struct rpc_result *refusal);

#endif
