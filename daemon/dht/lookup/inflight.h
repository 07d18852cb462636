/* Our queries under way. A reply counts only from the address asked, with the random t. Each query
 * has two times: `late` (hedging: the lookup goes past it) and `dead` (given up and forgotten).
 * Bounded; knows nothing of what the queries say. */
#ifndef XORD_DHT_INFLIGHT_H
#define XORD_DHT_INFLIGHT_H

#include "common/rng.h"
#include "daemon/dht/routing/contact.h"

#define INFLIGHT_MAX     4096  /* queries under way; 16 lookups of 8 and room for a flood of puts */
#define INFLIGHT_DEAD_MS 3000u /* an answer later than this is nobody's */

struct inflight_query {
    uint32_t t;             /* the random transaction id, as 4 big-endian bytes on the wire */
    uint8_t method;         /* enum krpc_method */
    uint8_t purpose;        /* the owner's own tag */
    bool is_late;           /* `late` has been reported */
    bool has_id;            /* an id is expected in the reply */
    struct contact contact; /* who was asked */
    uint64_t owner;         /* the operation that asked; 0: the node itself */
    uint32_t owner_index;   /* the owner's own tag */
    uint64_t sent_ms;
    uint64_t late_ms; /* when to report it late */
};

struct inflight; /* tables grow as they fill */

struct inflight *inflight_new(void); /* NULL without memory */
void inflight_free(struct inflight *f);
size_t inflight_count(const struct inflight *f);

/* Starts a query: fills in t (unique, from rng). NULL when INFLIGHT_MAX are under way. The result
 * is borrowed until the next inflight_* call. Copies *query. */
const struct inflight_query *inflight_add(struct inflight *f, const struct inflight_query *query,
                                          struct rng *rng);
/* The query that a reply from `from` with this t answers, copied and forgotten; false when there is
 * none. */
bool inflight_take(struct inflight *f, uint32_t t, const struct addr *from,
                   struct inflight_query *out);
/* The next query whose time has come, copied: late the first time (stays under way, is_late set
 * after), dead the second (forgotten). False when none is due. */
bool inflight_next_due(struct inflight *f, uint64_t now_ms, struct inflight_query *out,
                       bool *is_dead);
uint64_t inflight_next_ms(const struct inflight *f); /* UINT64_MAX when none is under way */
/* The query with this t is sent once more: reported late again at `late_ms`; when it is dead stays.
 * NULL when it is not under way any more. Borrowed as inflight_add's. */
const struct inflight_query *inflight_again(struct inflight *f, uint32_t t, uint64_t late_ms);
/* The query of this owner and purpose to this address; NULL when none is under way. Its owner_index
 * may be changed. Looks through all: for rare use. Borrowed as inflight_add's. */
struct inflight_query *inflight_find(struct inflight *f, uint64_t owner, uint8_t purpose,
                                     const struct addr *addr);
/* Forgets every query of this owner. */
void inflight_drop_owner(struct inflight *f, uint64_t owner);

#endif
