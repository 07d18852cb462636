/* Polling sources that grant no leases: a conditional get (BEP 44 `seq`) of a few of them in turn,
 * often after a change and ever more rarely while nothing changes. */
#ifndef XORD_DHT_POLL_H
#define XORD_DHT_POLL_H

#include "daemon/dht/listen/listening.h"

#define POLL_MS       10000u  /* between polls at first, and after a change; */
#define POLL_MAX_MS   300000u /* half as long again each time, up to this */
#define POLL_SOURCES  2u /* asked each time: one packet may be lost, one may not have heard yet */
#define POLL_SILENCES 3u /* in a row: it is lost */

/* What a source is asked: for what is newer than all that is known (BEP 44 `seq`). */
struct krpc poll_question(const struct listening *l);
/* Asks those whose turn it is, and plans the next time. */
void poll_ask(struct node *node, struct now now, struct listening *l, struct outbox *out);
void poll_answered(struct node *node, struct now now, const struct inflight_query *query,
                   const struct krpc *reply, struct outbox *out);
/* Late, or refused. */
void poll_unanswered(struct node *node, struct now now, const struct inflight_query *query,
                     struct outbox *out);

#endif
