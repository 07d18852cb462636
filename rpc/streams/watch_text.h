/* What a watched daemon does, as text: each event as the members of a JSON object, on one line and
 * without the braces. All words in it are constants, hex digits, addresses and names of methods, so
 * nothing needs escaping. */
#ifndef XORD_RPC_WATCH_TEXT_H
#define XORD_RPC_WATCH_TEXT_H

#include <sys/types.h>

#include "common/err.h"
#include "daemon/dht/event.h"
#include "rpc/json/json.h"

/* An EVENT_WATCH. */
void watch_text(struct json_text *out, const struct event *event);
/* A call was answered; `method` NULL: none of ours was asked for. */
void watch_text_call(struct json_text *out, const char *method, uid_t uid, enum err err,
                     uint64_t took_ns);

#endif
