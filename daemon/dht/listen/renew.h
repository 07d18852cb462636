/* Renewing leases, all of a peer together: who is asked says which it does not know, of which the
 * target has got closer nodes, and of which it has something else than we have seen. A peer that
 * does not answer, or with errors alone, is lost, and all its leases with it. */
#ifndef XORD_DHT_RENEW_H
#define XORD_DHT_RENEW_H

#include "daemon/dht/listen/listening.h"

#define RENEW_TRIES       5u    /* until the peer is lost */
#define RENEW_PATIENCE_MS 100u  /* beyond the measured RTT, twice as long with each try */
#define RENEW_REFUSED_MS  1000u /* after an error that may pass, twice as long with each try */

void renew_tick(struct node *node, struct now now, struct outbox *out);
void renew_answered(struct node *node, struct now now, const struct inflight_query *query,
                    const struct krpc *reply, struct outbox *out);
void renew_refused(struct node *node, struct now now, const struct inflight_query *query,
                   int64_t code, struct outbox *out);
void renew_late(struct node *node, struct now now, const struct inflight_query *query,
                struct outbox *out);
/* All leases of this peer are lost: others are sought in its place. */
void renew_lost(struct node *node, struct now now, struct source_peer *peer, struct outbox *out);

#endif
