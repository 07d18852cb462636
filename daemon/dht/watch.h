/* What a node lets be seen of its inside while somebody watches (node_watch): EVENT_WATCH for each
 * step of a lookup, each change of a table, each put turned away. Those who would tell ask
 * watch_is_on first, so that it costs a test of a bit while nobody watches. Draws no random numbers
 * and changes nothing that the node does. */
#ifndef XORD_DHT_WATCH_H
#define XORD_DHT_WATCH_H

#include "common/now.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/routing/changes.h"
#include "daemon/dht/wire/krpc.h"

struct node;
struct op;
struct inflight_query;
struct lookup_candidate;
struct put_verdict;

struct watch {
    unsigned classes;        /* bits of enum watch_class */
    struct changes *changes; /* owned; the tables note into it while WATCH_NODES is on; else NULL */
};

void watch_clear(struct watch *w);
/* Tells what the tables have noted. */
void watch_flush(struct node *node, struct outbox *out);

/* While WATCH_LOOKUPS is on: a search of this operation begins, ... */
void watch_started(struct node *node, const struct op *op, struct outbox *out);
/* ... asks (`owner`: the operation's number), ... */
void watch_asked(struct node *node, uint64_t owner, const struct lookup_candidate *candidate,
                 struct outbox *out);
/* ... and ends. */
void watch_ended(struct node *node, struct now now, const struct op *op, enum err err,
                 struct outbox *out);
/* What came of one query: WATCH_ANSWERED with the reply, _LATE, _DEAD, or _REFUSED with KRPC's
 * code. */
struct watch_outcome {
    enum watch_what what;
    int64_t code;
    const struct krpc *reply;
};
/* Tells nothing while WATCH_LOOKUPS is off, or when its search is over. */
void watch_step(struct node *node, struct now now, const struct op *op,
                const struct inflight_query *query, const struct watch_outcome *outcome,
                struct outbox *out);
/* While WATCH_STORE is on: a peer's put was refused before it came to the store. */
void watch_turned_away(struct node *node, const struct addr *from, const struct krpc *query,
                       const struct put_verdict *verdict, struct outbox *out);

#endif
