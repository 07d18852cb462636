/* xord's own nodes on the public network. Most nodes there are of other make and know nothing of
 * xord's own queries (krpc_is_extension), so these go by tables of their own, which hold only nodes
 * whose answers say that they are xord. They are met in ordinary traffic and at the rendezvous
 * (rendezvous.h); from there on they find each other by xget, whose answers list nodes of these
 * tables. Checked and refreshed by maintain.c, as the other tables are.
 *
 * On a private network every node is xord: there is no overlay, and node->overlay is NULL. All
 * functions that take a node do nothing then. */
#ifndef XORD_DHT_OVERLAY_H
#define XORD_DHT_OVERLAY_H

#include "common/now.h"
#include "daemon/dht/network/rendezvous.h"
#include "daemon/dht/node.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/routing/family.h"
#include "daemon/dht/routing/neighbours.h"
#include "daemon/dht/routing/routing.h"
#include "daemon/dht/wire/krpc.h"

#define OVERLAY_FEW           8u   /* while fewer are known, others are looked for */
#define OVERLAY_GATHER_MS     100u /* from the first one to the search for its neighbours */
#define OVERLAY_MEET_AT_ONCE  4u   /* of those found at the rendezvous, */
#define OVERLAY_MEET_PAUSE_MS 250u /* and then a pause */

struct node;
struct op;

struct overlay {
    struct routing tables[FAMILY_COUNT];
    struct neighbours neighbours[FAMILY_COUNT];
    bool is_joining;        /* a search of our own id is under way */
    uint64_t join_at_ms;    /* when the next begins; UINT64_MAX: when somebody is known */
    uint32_t join_again_ms; /* and how long after that again */
    uint64_t meet_at_ms;    /* when the next found at the rendezvous are asked */
    struct rendezvous rendezvous;
};

/* NULL without memory. */
struct overlay *overlay_new(const struct id *self);
void overlay_free(struct overlay *o);
size_t overlay_live_count(const struct overlay *o);
/* As for the whole network: ALONE when others were looked for and there are none. */
enum node_state overlay_state(const struct overlay *o);
/* It is in one of the tables, or a neighbour. */
bool overlay_has(const struct overlay *o, const struct contact *contact);

/* A node answered, and `is_xord` or not. True when it joined our neighbours. */
bool overlay_answered(struct node *node, struct now now, const struct contact *contact,
                      bool is_xord, uint32_t rtt_ms);
/* It did not answer. True when it was a neighbour and is lost. */
bool overlay_failed(struct node *node, struct now now, const struct contact *contact);
/* Another node answers at its address. True when it was a neighbour. */
bool overlay_replaced(struct node *node, const struct contact *contact);
/* A node that says it is xord sent us a query. True when a ping could make it a member. */
bool overlay_queried_us(struct node *node, struct now now, const struct contact *contact);

/* The public network is joined: whoever is xord there can be looked for. */
void overlay_begin(struct node *node, struct now now);
/* BEP 5 `values` came in at the rendezvous. */
void overlay_told(struct node *node, struct now now, struct bytes values);
/* It is over; or the search of our own id is. */
void overlay_sought(struct node *node, struct now now, const struct op *op);
void overlay_search_finished(struct node *node, struct now now, const struct op *op);
void overlay_tick(struct node *node, struct now now, struct outbox *out);
uint64_t overlay_next_ms(const struct overlay *o);

#endif
