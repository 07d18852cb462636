/* The checks of a peer's put, cheapest first, up to handing it to the store (BEP 44). */
#ifndef XORD_DHT_SERVE_PUT_H
#define XORD_DHT_SERVE_PUT_H

#include "common/now.h"
#include "daemon/dht/counters.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"

struct node;

struct put_verdict {
    enum err err;         /* ERR_OK: accepted so far, or stored already */
    const char *text;     /* for the error reply; NULL: the error's own */
    enum counter counter; /* of the refusal */
    bool is_stored;       /* equal to what is on disk: can be acknowledged at once */
};

/* Refuses, recognises as stored, or queues the write whose end serve_stored will see. */
void serve_put_check(struct node *node, struct now now, const struct addr *from,
                     const struct krpc *query, struct put_verdict *verdict, struct outbox *out);
/* Which counter a write's refusal belongs to. */
enum counter serve_put_counter(enum err err);

#endif
