/* The kinds of operation: what each does when a reply comes, when its search is done, when its time
 * is up, and what its event says. op.c and op_queries.c call them; each lives in the file that
 * bears its name. */
#ifndef XORD_DHT_OP_KINDS_H
#define XORD_DHT_OP_KINDS_H

#include "daemon/dht/lookup/gather.h"
#include "daemon/dht/ops/op.h"
#include "daemon/dht/ops/op_queries.h"

/* op_get.c */
/* A reply that may carry a record. True when the get has what it wanted: finish it now. */
bool get_answered(struct node *node, struct now now, struct op *op, const struct krpc *reply);
void get_fill_event(const struct op *op, struct now now, struct event *event, struct outbox *out);
void get_clear(struct op *op);
/* A record in a reply, when it is exactly what (kind, target, k, salt) asks for, verified; else
 * false. Counts what is refused. */
bool get_read_record(struct node *node, struct now now, const struct record *wanted,
                     const struct krpc *reply, struct record *out);

/* node.c */
/* As node_drop_kept; an internal one is the node's own work and has no event. */
enum err drop_start(struct node *node, struct now now, enum record_kind kind,
                    const struct id *target, bool is_internal, uint64_t *number,
                    struct outbox *out);

/* A record that comes from the network is what it says: its form, its times, and its signature
 * where that was not verified before. */
bool get_is_genuine(struct node *node, struct now now, const struct record *record);

/* By its own signed word: it is not told any more, though it was good when it came. */
bool get_has_ended(const struct record *record, struct now now);

/* Behind what this node has seen already in this place: it would take a reader back. */
bool get_is_behind(struct node *node, const struct record *record);

/* op_gather.c */
/* A node on the way may say that it holds entries. */
void gather_found(struct op *op, const struct contact *from, const struct krpc *reply);
/* Asks what can be asked now, or finishes it. */
void gather_go_on(struct node *node, struct now now, struct op *op, struct outbox *out);
void gather_answered(struct node *node, struct now now, struct op *op,
                     const struct inflight_query *query, const struct krpc *reply,
                     struct outbox *out);
/* The query with this tag is late, or was refused. */
void gather_op_late(struct node *node, struct now now, struct op *op, uint32_t tag,
                    struct outbox *out);
void gather_op_refused(struct node *node, struct now now, struct op *op, uint32_t tag,
                       struct outbox *out);
/* Nothing has come, and nobody has said that there is anything. */
bool gather_is_empty(const struct op *op);
void gather_deadline(struct node *node, struct now now, struct op *op, struct outbox *out);
void gather_fill_event(const struct op *op, struct now now, struct event *event,
                       struct outbox *out);
void gather_op_clear(struct op *op);
/* Asks all that `gather` wants to know of op->search.target now; op_sync.c has one of its own. */
void gather_ask_all(struct node *node, struct now now, const struct op *op, struct gather *gather,
                    struct outbox *out);
/* An entry of a reply that is wanted and genuine. True when it was taken. */
typedef bool gather_take_fn(struct node *node, struct now now, struct op *op,
                            const struct record *entry, struct outbox *out);
/* Checks each entry of a reply, in order of cost; the signature only of what was claimed, is better
 * than what has come, and was not verified before. Those that pass are taken: returns how many. */
size_t gather_read_entries(struct node *node, struct now now, struct op *op, struct gather *gather,
                           const struct krpc *reply, gather_take_fn *take, struct outbox *out);

/* op_put.c, put_seen.c, put_keep.c */
struct put_origin {
    bool is_internal;  /* the node's own: no event */
    bool is_republish; /* of a kept put */
};
enum err put_start(struct node *node, struct now now, const struct put_request *request,
                   const struct put_origin *origin, uint64_t *number, struct outbox *out);
void put_answered(struct node *node, struct now now, struct op *op, struct lookup_candidate *from,
                  const struct krpc *reply, struct outbox *out);
/* Its search is done, or something came of its storing: on to what is next. */
void put_go_on(struct node *node, struct now now, struct op *op, struct outbox *out);
void put_deadline(struct node *node, struct now now, struct op *op, struct outbox *out);
void put_wrote(struct node *node, struct now now, struct op *op, uint64_t write, enum err err,
               int64_t seq, struct outbox *out);
/* Only the end of its own keeping is still awaited: the disk always answers. */
void put_await_keeping(struct node *node, struct op *op);
void put_fill_event(const struct op *op, struct event *event);
void put_clear(struct op *op);
/* Starts the put that waits behind one of this record_key, when there is one. */
void put_start_next(struct node *node, struct now now, const struct id *key, struct outbox *out);

/* put_holders.c: the storing phase, shared by puts and announces */
/* Chooses the holders from the finished search. */
bool holders_choose(struct node *node, struct op *op);
/* Sends what should be sent now. True when nothing is awaited any more: all have spoken or are
 * silent, or as many as are wanted have spoken and the rest are late. */
bool holders_step(struct node *node, struct now now, struct op *op, struct outbox *out);
/* What came of a query, named by the owner_index it was sent with; that of an earlier round counts
 * for nothing. */
void holders_stored(struct op *op, uint32_t tag);
void holders_rejected(struct op *op, uint32_t tag, int64_t code);
void holders_late(struct node *node, struct now now, struct op *op, uint32_t tag,
                  struct outbox *out);
uint32_t holders_count(const struct op *op, enum holder_state state);
/* True when one refused for its seq or cas: 301 or 302. */
bool holders_has_conflict(const struct op *op, int64_t *code);
/* True when one refused at all; *code is the nearest's. */
bool holders_has_rejection(const struct op *op, int64_t *code);

/* op_peers.c */
/* The node's own: collects the peers of this info_hash for the overlay, and announces itself when
 * `is_announced`. False when too much is under way. */
bool peers_seek(struct node *node, struct now now, const struct id *info_hash, bool is_announced,
                struct outbox *out);
void peers_answered(struct node *node, struct now now, struct op *op, const struct krpc *reply);
void peers_fill_event(struct node *node, struct now now, const struct op *op, struct event *event,
                      struct outbox *out);
void peers_clear(struct op *op);

/* op_push.c */
struct repair_push;
void push_start(struct node *node, struct now now, const struct repair_push *what,
                struct outbox *out);
void push_answered(struct node *node, struct now now, struct op *op,
                   const struct inflight_query *query, const struct krpc *reply,
                   struct outbox *out);
void push_late(struct node *node, struct now now, struct op *op, const struct inflight_query *query,
               struct outbox *out);

/* op_sync.c */
void sync_start(struct node *node, struct now now, const struct repair_push *what,
                struct outbox *out);
void sync_answered(struct node *node, struct now now, struct op *op,
                   const struct inflight_query *query, const struct krpc *reply,
                   struct outbox *out);
void sync_refused(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out);
void sync_late(struct node *node, struct now now, struct op *op, const struct inflight_query *query,
               struct outbox *out);
void sync_clear(struct op *op);

/* op_seek.c */
struct listening;
void seek_start(struct node *node, struct now now, struct listening *l, struct outbox *out);
/* Its search is about to begin. */
void seek_prepare(struct op *op);
void seek_answered(struct node *node, struct now now, struct op *op, struct lookup_candidate *from,
                   const struct krpc *reply, struct outbox *out);
/* Its search is complete, or its time is up. */
void seek_done(struct node *node, struct now now, struct op *op, bool is_complete,
               struct outbox *out);

/* op_catchup.c */
struct source;
void catchup_start(struct node *node, struct now now, struct source *source, struct outbox *out);
void catchup_answered(struct node *node, struct now now, struct op *op,
                      const struct inflight_query *query, const struct krpc *reply,
                      struct outbox *out);
void catchup_refused(struct node *node, struct now now, struct op *op,
                     const struct inflight_query *query, struct outbox *out);
void catchup_late(struct node *node, struct now now, struct op *op,
                  const struct inflight_query *query, struct outbox *out);
void catchup_deadline(struct node *node, struct now now, struct op *op, struct outbox *out);
void catchup_clear(struct op *op);

/* op_leave.c */
/* All is handed over (ERR_OK), or time ran out on the way (ERR_TIMEOUT): the neighbours are told.
 */
void leave_handed_over(struct node *node, struct now now, struct op *op, enum err err,
                       struct outbox *out);

/* op_lookup.c */
void lookup_fill_event(const struct op *op, struct event *event, struct outbox *out);
void ping_late(struct node *node, struct now now, struct op *op, struct outbox *out);

#endif
