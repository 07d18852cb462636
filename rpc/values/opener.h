/* What one answer may spend on showing values. Opens sealed ones: with the host's keys, and only
 * where the record's signer and target are those that the content was sealed under; on the
 * read-only socket none. Reads JSON as long as it is not too much of it, whoever wrote it; what is
 * left over is shown as its text. Says why where it does not. */
#ifndef XORD_RPC_OPENER_H
#define XORD_RPC_OPENER_H

#include <jansson.h>

#include "daemon/dht/records/record.h"
#include "rpc/method.h"

/* Keys that one call may try, over all its values: 60 ms of the loop. 500 entries of a multi that
 * each open with the first key tried fit twice. */
#define OPENER_TRIES_MAX   1024
#define OPENER_TEXT_REASON "JSON of too many values and keys to be read here: shown as its text"

struct opener {
    const struct rpc_host *host;
    bool is_allowed;
    uint32_t tries_left;
    size_t elements_left;
};

void opener_of_call(const struct rpc_call *call, struct opener *out);
/* Adds `encrypted`: true to `element`, and `reason` when it cannot be opened, else the content to
 * `part`: `v` or `v_base64`. `body` is the sealed bytes that the record, or its manifest, stands
 * for. False without memory. */
bool opener_show(struct opener *opener, const struct record *record, struct bytes body,
                 json_t *element, json_t *part);
/* The same for what is never opened. */
bool opener_show_closed(json_t *element, const char *reason);
/* Adds JSON text to `part` as `v`; where all values of the answer have over RPC_ELEMENTS_MAX
 * elements with it, as `v_base64`, with `reason` in `element`. *is_json is false, and nothing
 * is added, when the text is no JSON. False without memory. */
bool opener_show_json(struct opener *opener, struct bytes text, json_t *element, json_t *part,
                      bool *is_json);

#endif
