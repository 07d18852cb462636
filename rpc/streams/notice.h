/* What happened, as text: formatted once and sent to many streams, each with its own numbers around
 * it. Shared by counting its holders. */
#ifndef XORD_RPC_NOTICE_H
#define XORD_RPC_NOTICE_H

#include "rpc/json/json.h"

struct notice {
    size_t holders;
    size_t size;
    char text[]; /* members of an object, without its braces: "event":"synced" */
};

/* A copy of the text, with one holder. NULL without memory, also where the text failed. */
struct notice *notice_new(const struct json_text *text);
struct notice *notice_hold(struct notice *notice);
void notice_drop(struct notice *notice); /* the last holder's frees it; NULL does nothing */

#endif
