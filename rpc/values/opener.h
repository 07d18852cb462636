/* Opens sealed values to show them, for one call: with the host's keys, and only where the record's
 * signer and target are those that the content was sealed under. Says why where it does not.
 * On the read-only socket nothing is opened. */
#ifndef XORD_RPC_OPENER_H
#define XORD_RPC_OPENER_H

#include <jansson.h>

#include "daemon/dht/records/record.h"
#include "rpc/method.h"

/* Keys that one call may try, over all its values: 60 ms of the loop. 500 entries of a multi that
 * each open with the first key tried fit twice. */
#define OPENER_TRIES_MAX 1024

struct opener {
    const struct rpc_host *host;
    bool is_allowed;
    uint32_t tries_left;
};

void opener_of_call(const struct rpc_call *call, struct opener *out);
/* Adds `encrypted`: true to `element`, and `reason` when it cannot be opened, else the content to
 * `part`: `v` or `v_base64`. `body` is the sealed bytes that the record, or its manifest, stands
 * for. False without memory. */
bool opener_show(struct opener *opener, const struct record *record, struct bytes body,
                 json_t *element, json_t *part);
/* The same for what is never opened. */
bool opener_show_closed(json_t *element, const char *reason);

#endif
