/* An operation's queries: the steps of its search, and what came of any query that it sent, handed
 * to the kind that it is of. What comes after its end is ignored. */
#ifndef XORD_DHT_OP_QUERIES_H
#define XORD_DHT_OP_QUERIES_H

#include "daemon/dht/ops/op.h"

/* Starts its search, and goes on with what can be done at once. */
void op_search(struct node *node, struct now now, struct op *op, enum krpc_method method,
               const struct id *target, struct outbox *out);
/* Its search, prepared by search_start, begins: the first steps. */
void op_search_begun(struct node *node, struct now now, struct op *op, struct outbox *out);
/* Its search is over; the operation may go on. */
void op_search_over(struct node *node, struct now now, struct op *op, enum err err,
                    struct outbox *out);
/* One of those that its search asked is late: it goes on without it. */
void op_search_late(struct node *node, struct now now, struct op *op,
                    const struct inflight_query *query, struct outbox *out);
/* Takes the next steps of its search; acts on it when it is done. */
void op_step(struct node *node, struct now now, struct op *op, struct outbox *out);

/* What came of a query of operation query->owner. Ignored when the operation has ended. */
void op_answered(struct node *node, struct now now, const struct inflight_query *query,
                 const struct krpc *reply, struct outbox *out);
void op_refused(struct node *node, struct now now, const struct inflight_query *query, int64_t code,
                struct outbox *out);
void op_late(struct node *node, struct now now, const struct inflight_query *query,
             struct outbox *out);
/* A query of a search got no answer for so long that none will count. */
void op_dead(struct node *node, struct now now, const struct inflight_query *query,
             struct outbox *out);
/* What a finished search, or a deadline before it, means when nothing was found. */
enum err op_nothing_err(const struct node *node, const struct op *op, bool is_complete);
/* What a finished search for a value means that has found none: ERR_OK, a miss, where all that
 * could be asked have answered; ERR_TIMEOUT where one that was alive stayed silent. */
enum err op_miss_err(const struct node *node, const struct op *op);

#endif
