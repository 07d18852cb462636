/* What the files of a put share: op_put.c walks its phases, put_seen.c knows what it has seen and
 * which seq follows, put_keep.c keeps it on our own disk, put_holders.c stores it on others'.
 * Private to these. */
#ifndef XORD_DHT_PUT_PARTS_H
#define XORD_DHT_PUT_PARTS_H

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"

/* op_put.c */
/* The record as it stands: unsigned (sig NULL) until it is. Views into the operation. */
struct record put_record(const struct op *op);

/* put_seen.c */
void put_saw_seq(struct op_put *put, int64_t seq);
/* What is stored and remembered here. */
void put_look_at_home(struct node *node, struct now now, struct op *op, struct outbox *out);
/* The next seq after the highest seen; false when there is none. */
bool put_next_seq(const struct op_put *put, int64_t *seq);
/* Decides seq before anything is stored: ERR_CAS_MISMATCH and ERR_STALE_SEQ leave no trace on any
 * holder. */
enum err put_settle_seq(struct op_put *put);

/* put_keep.c */
/* A record of this place is kept, and will be when the writes under way are done. */
bool put_is_kept(struct node *node, const struct op *op);
/* Writes it to disk and waits for that alone; false when it cannot be written. */
bool put_begin_keeping(struct node *node, struct now now, struct op *op, struct outbox *out);
/* The same beside the other holders, where nothing is kept yet that a refusal would have to bring
 * back. */
void put_keep_beside(struct node *node, struct now now, struct op *op, struct outbox *out);
/* A republish has met `record`, verified: keeps it instead when it is newer. */
void put_adopt_newer(struct node *node, struct now now, struct op *op, const struct record *record,
                     struct outbox *out);

#endif
