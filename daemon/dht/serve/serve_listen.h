/* Answering listen (docs/PROTOCOL.md, "Listening"): granting leases, renewing many at once, and
 * saying of each what the subscriber may have missed: that there is no such lease, that this
 * holder's digest is another, that nearer nodes have joined. */
#ifndef XORD_DHT_SERVE_LISTEN_H
#define XORD_DHT_SERVE_LISTEN_H

#include "common/now.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/serve/lease.h"
#include "daemon/dht/wire/krpc.h"

#define LISTEN_DIGEST_SIZE 8
#define LISTEN_RENEWAL     (LEASE_SUB_SIZE + LISTEN_DIGEST_SIZE)
#define LISTEN_SUBS_MAX    50u  /* renewed by one query, which stays below 1024 bytes */
#define LISTEN_GONE_MAX    100u /* given up by one query */

struct node;

/* A listen with an id. */
void serve_listen(struct node *node, struct now now, const struct addr *from,
                  const struct krpc *query, struct outbox *out);
/* The digest of what is held of a target, by which holder and subscriber see that they have the
 * same: of a single multi_digest, of a multi that of all entries together; 0 for nothing. */
uint64_t listen_digest(const struct node *node, enum record_kind kind, const struct id *target);

#endif
