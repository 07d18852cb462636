/* Keeping the copies of held records alive without their owners. When one of a record's k closest
 * nodes is lost, or a closer one joins, the nearest surviving holder passes the record on; a
 * round, hourly or when many neighbours were lost, suppressed where another holder has just done
 * it, is the backstop, each record in a slot of the hour of its own, so that rounds are spread
 * evenly whenever nodes have started; a node that stops hands over to whoever takes its place.
 * Decides from the table alone which of its records a change touches, so nothing is kept in memory
 * a record. Sends through pushes (op_push.c) and, of a multi, syncs (op_sync.c): each asks first,
 * so what a node has already is not sent again.
 *
 * Only records with a signed expiry are passed on: what has none ends after its keeper, or
 * 2 hours (BEP 44). */
#ifndef XORD_DHT_REPAIR_H
#define XORD_DHT_REPAIR_H

#include "common/now.h"
#include "daemon/dht/keep/circle.h"
#include "daemon/dht/keep/notices.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/routing/contact.h"

#define REPAIR_CHANGES_MAX   16u    /* in one scan; more: a round follows it */
#define REPAIR_WAIT_MS       60000u /* after a change: more may come, and the lost may come back */
#define REPAIR_JITTER_MS     30000u
#define REPAIR_LOSSES_MAX    4u   /* neighbours lost since the last round: the next is due */
#define REPAIR_SLOTS         12u  /* of the hourly round: a record has one of them, */
#define REPAIR_SLOT_S        300u /* by its target, on the wall clock */
#define REPAIR_SLOT_JITTER_S 240u /* when in it a node begins: never at the same time */
#define REPAIR_AGAIN_MIN     50u  /* not asked about again before */
#define REPAIR_RECENT_MIN    10u  /* the same after losses, when it is urgent */
#define REPAIR_START_MS      (5u * 60u * 1000u) /* after a restart: who is met was there before */
#define REPAIR_START_JOINS   4u                 /* when it is more than so many */
#define REPAIR_SLICE         64u                /* records looked at in one tick */
#define REPAIR_PAUSE_MS      5u  /* between slices: the loop's other work comes first */
#define REPAIR_QUEUE_MAX     64u /* pushes waiting */
#define REPAIR_AT_ONCE       8u  /* pushes under way */
#define REPAIR_LEAVE_AT_ONCE 24u /* the same while leaving */

struct node;

struct repair_push { /* what is to be pushed to whom */
    struct contact to;
    struct id target;
    uint8_t kind; /* enum record_kind; RECORD_MULTI: all entries of the target */
};

enum repair_mode {
    REPAIR_IDLE,
    REPAIR_CHANGES,   /* what the last changes near us touch */
    REPAIR_SLOT,      /* a slot of the hourly round */
    REPAIR_ROUND,     /* all of it at once */
    REPAIR_LEAVE_FEW, /* leaving: first what has less than k holders */
    REPAIR_LEAVE_ALL,
};

struct repair {
    /* Both of REPAIR_CHANGES_MAX, owned, there only while there are any: */
    struct circle_change *changes; /* since the last scan began */
    struct circle_change *scanned; /* those that the scan under way is about */
    uint8_t change_count, scanned_count;
    uint8_t losses; /* neighbours lost since the last round */
    uint8_t met;    /* neighbours that answered first since the start, while it is new */
    uint64_t started_ms;
    uint64_t restarted_ms;      /* when the first contact of an earlier run was restored; or 0 */
    uint32_t last_round_min;    /* when it began, in minutes */
    uint32_t noticed_since_min; /* what is noticed later need not be done in the scan under way */
    uint32_t slot;              /* the one that the scan under way is about */
    uint64_t slot_rank_max;     /* up for so many slots: farther holders than this leave it */
    bool has_overflown;         /* more changes than fit */
    uint8_t mode;               /* enum repair_mode: the scan under way */
    uint8_t cursor_kind;        /* where it goes on; 0: from the start */
    struct id cursor;           /* record_key; of multis, which come last, the target */
    uint64_t scan_at_ms;        /* when the next scan for changes begins; UINT64_MAX: no change */
    uint64_t slot_at_ms;        /* when the next slot's scan begins */
    uint64_t round_at_ms;       /* when all at once; UINT64_MAX: nothing calls for it */
    uint64_t slice_at_ms;       /* when the scan under way goes on */
    struct repair_push *queue;  /* REPAIR_QUEUE_MAX, owned; there only while it is used */
    uint8_t queue_first, queue_count;
    uint8_t running;        /* pushes under way */
    uint64_t leave_op;      /* the operation that waits for the end of leaving; 0: none */
    struct notices notices; /* of other holders that asked about a record */
};

void repair_init(struct repair *repair, struct node *node, struct now now);
void repair_clear(struct repair *repair);
/* This node was here before, and so were others: a contact of an earlier run is restored. */
void repair_restarted(struct node *node, struct now now);
/* A neighbour (neighbours.h) answers that did not before, or is lost. */
void repair_joined(struct node *node, struct now now, const struct contact *contact);
void repair_lost(struct node *node, struct now now, const struct contact *contact);
/* A node asked whether we have this record, or this multi, as it is: when it is another holder, it
 * is doing its round. */
void repair_noticed(struct node *node, struct now now, enum record_kind kind,
                    const struct id *target, const struct contact *asker);
/* Begins to hand over all that we hold; the end is announced to operation `op`. */
void repair_leave(struct node *node, struct now now, uint64_t op);
/* It says itself when it ends: what has no expiry is not passed on. */
bool repair_is_passed_on(const struct record *record);
/* All that we hold is being handed over. */
bool repair_is_leaving(const struct node *node);
/* A push or sync ended, however it ended. */
void repair_push_finished(struct node *node);
void repair_tick(struct node *node, struct now now, struct outbox *out);
uint64_t repair_next_ms(const struct node *node);

#endif
