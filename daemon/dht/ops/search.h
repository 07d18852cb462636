/* An operation's way to the nodes closest to a target: one lookup a bound family, driven over the
 * network. Seeds from the tables (from the bootstrap addresses while nobody is known), asks,
 * hedges, and says when it is done. What replies carry is the operation's business. */
#ifndef XORD_DHT_SEARCH_H
#define XORD_DHT_SEARCH_H

#include "common/now.h"
#include "daemon/dht/event.h"
#include "daemon/dht/lookup/lookup.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/wire/krpc.h"

#define SEARCH_FAMILIES    2
#define SEARCH_NEIGHBOURS  20 /* k of the search of our own id: who our records' holders may be */
#define SEARCH_WIDE        24 /* k of one that goes on, see search_widen: thrice the usual */
#define SEARCH_CLOSEST_MAX (SEARCH_FAMILIES * LOOKUP_K)

struct node;
struct inflight_query;

struct search {
    enum krpc_method method; /* FIND_NODE, GET_PEERS, GET, XGET or COMMAND */
    struct id target;
    struct bytes keys;       /* of an XGET: the entries that are asked for; borrowed */
    struct bytes command, v; /* of a COMMAND: its name and value; borrowed */
    bool has_seq;            /* BEP 44: do not send values that are not above this */
    int64_t seq;
    bool is_exact; /* it is about the k nearest themselves: none is passed over for one lost packet
                    */
    bool is_wide;  /* it went on */
    bool is_among_xord; /* by the overlay: all candidates are said to be xord, and must be */
    bool is_used[SEARCH_FAMILIES];
    struct lookup lookups[SEARCH_FAMILIES];
    uint64_t started_ms;
};

/* Prepares and seeds it, to end when the k nearest have answered; nothing is sent until
 * search_step. */
void search_start(struct search *s, struct node *node, struct now now, enum krpc_method method,
                  const struct id *target, unsigned k);
void search_clear(struct search *s);
/* Sends what should be sent now, for operation `owner`. True when the search is done. */
bool search_step(struct search *s, struct node *node, struct now now, uint64_t owner,
                 struct outbox *out);
/* A reply to a query of this search: notes the answer, its token and the nodes it lists. The
 * candidate, or NULL when the reply counts for nothing. Borrowed until the next search_* call. */
struct lookup_candidate *search_answered(struct search *s, struct now now,
                                         const struct inflight_query *query,
                                         const struct krpc *reply);
/* It is done, and what should be there was not found: goes on once where some of the nearest were
 * silent and others answered. They are asked again, and SEARCH_WIDE instead of k, from all that the
 * table knows, its replacements too: where half of a network has gone at once, the same few that
 * everybody has known longest may all be among them. False when it does not go on. */
bool search_widen(struct search *s, struct node *node);
/* A query of this search is late; is given up; or was answered by an error. */
void search_late(struct search *s, struct node *node, struct now now,
                 const struct inflight_query *query);
/* Instead of search_late: it was pinged, see lookup_probed. */
void search_probed(struct search *s, const struct inflight_query *query);
/* It answered that: the query with this t goes to it again, and is late again after patience_ms. */
void search_alive(struct search *s, struct node *node, struct now now, const struct addr *addr,
                  uint32_t t, uint32_t patience_ms, struct outbox *out);
void search_silent(struct search *s, const struct inflight_query *query);
void search_refused(struct search *s, const struct inflight_query *query);
/* A search can be ended before all of the k closest have answered; only then is the report of what
 * was found not the whole truth. */
bool search_is_complete(const struct search *s);
/* One of the nearest that was alive when it began has not answered: that nothing was found is not
 * the whole truth. */
bool search_has_doubt(const struct search *s);
/* True when an answer may still come in time. */
bool search_is_waiting(const struct search *s);
/* The search is over: who was late and lost the second chance with it counts as failed, so that a
 * check finds out; else lookups that end early would spare a dead node for good. */
void search_end(struct search *s, struct node *node, struct now now);
/* The nearest that answered, of all families, distinct by id, nearest first; at most `max`. */
size_t search_closest(const struct search *s, const struct lookup_candidate *out[], size_t max);
/* How it went so far; is_complete is the caller's to set. */
void search_stats(const struct search *s, struct now now, struct lookup_stats *out);

#endif
