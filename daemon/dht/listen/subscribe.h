/* Asking for leases: a source that a seek found is asked, with the token that it gave, to tell of
 * what changes. One that grants none is polled where that is possible. */
#ifndef XORD_DHT_SUBSCRIBE_H
#define XORD_DHT_SUBSCRIBE_H

#include "daemon/dht/listen/listening.h"

#define SUBSCRIBE_TRIES       5u
#define SUBSCRIBE_PATIENCE_MS 100u /* beyond the measured RTT, twice as long with each try */

/* Of a source that is SOURCE_ASKED. */
void subscribe_ask(struct node *node, struct now now, struct source *source, struct outbox *out);
void subscribe_answered(struct node *node, struct now now, const struct inflight_query *query,
                        const struct krpc *reply, struct outbox *out);
void subscribe_refused(struct node *node, struct now now, const struct inflight_query *query,
                       int64_t code, struct outbox *out);
void subscribe_late(struct node *node, struct now now, const struct inflight_query *query,
                    struct outbox *out);

#endif
