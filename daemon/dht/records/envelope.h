/* The envelope: what a xord value looks like inside a record's v. Bencode with canonical keys:
 * exactly one of b (bytes), c (sealed bytes), j (JSON text), m (manifest), or none for a deletion;
 * t (unix seconds, may be missing in an immutable); x (expiry, unix seconds, may be missing). */
#ifndef XORD_DHT_ENVELOPE_H
#define XORD_DHT_ENVELOPE_H

#include "common/bytes.h"
#include "common/wire.h"

enum envelope_content {
    ENVELOPE_FOREIGN, /* not an envelope: a foreign writer's value, `body` is the raw v */
    ENVELOPE_JSON,
    ENVELOPE_BYTES,
    ENVELOPE_SEALED,
    ENVELOPE_MANIFEST,
    ENVELOPE_DELETED
};

struct envelope {
    enum envelope_content content;
    struct bytes body; /* a view into v; absent for a deletion */
    bool has_time, has_expiry;
    uint64_t time_unix_s;
    uint64_t expiry_unix_s;
};

/* Reads v. Anything that is not exactly an envelope is ENVELOPE_FOREIGN; it never fails. */
void envelope_parse(struct bytes v, struct envelope *out);
/* Appends it (ENVELOPE_FOREIGN: the body as it is); w->failed when it does not fit. */
void envelope_write(struct wire_writer *w, const struct envelope *e);

#endif
