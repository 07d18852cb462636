/* Answering other nodes' queries (BEP 5, 32, 42, 43, 44). Cheap checks come first: token, size,
 * sequence number, and the signature is left to the store's pipeline; a put is acknowledged when
 * its write is on disk. */
#ifndef XORD_DHT_SERVE_H
#define XORD_DHT_SERVE_H

#include "common/now.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"
#include "daemon/dht/writes.h"

struct node;

/* A well-formed query. */
void serve_query(struct node *node, struct now now, const struct addr *from,
                 const struct krpc *query, struct outbox *out);
/* A query that is not well formed but whose t could be read: answered 203. */
void serve_malformed(struct node *node, const struct addr *from, const struct krpc *query,
                     struct outbox *out);
/* The write of a peer's put finished. */
void serve_stored(struct node *node, const struct pending_write *pending, enum err err,
                  struct outbox *out);

#endif
