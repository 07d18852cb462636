/* Listening to a target, the subscriber's side: node_listen. A listening seeks the nodes closest to
 * its target, takes a lease of each (subscribe.h), catches up with what they hold (op_catchup.c),
 * and from then on hears what they push (serve_push.h), each record once (hearing.h). Leases are
 * renewed in batches (renew.h), whereby what was lost on the way is noticed; who is lost is
 * replaced by a new seek (op_seek.c). Foreign nodes grant no leases and are polled (poll.h).
 *
 * This room owns the listenings, finds them, and decides when each does what: nothing it does looks
 * at all of them at once. A node that listens to nothing has none of it. */
#ifndef XORD_DHT_LISTENING_H
#define XORD_DHT_LISTENING_H

#include "daemon/dht/listen/catchups.h"
#include "daemon/dht/listen/places.h"
#include "daemon/dht/listen/seeks.h"
#include "daemon/dht/listen/sources.h"
#include "daemon/dht/lookup/inflight.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/records/record.h"
#include "daemon/dht/wire/krpc.h"

#define LISTENING_SOURCES_MAX 16u /* the 8 closest of both families */
#define LISTENING_SLICE       64u /* of what is due, done in one tick */

struct node;

struct listening {
    struct alarm alarm;         /* ms, first member: a deadline or a poll */
    struct alarm seek, catchup; /* ms: wanted from then on */
    struct chain_link by_sub, by_target;
    uint64_t number; /* from the operations' sequence: none has the same */
    enum record_kind kind;
    struct id target;
    uint8_t k[KEYS_PUBLIC_SIZE];
    uint8_t salt_size;
    uint8_t salt[RECORD_SALT_MAX];
    uint8_t sub[SOURCES_SUB_SIZE]; /* random; its holders know it masked (sources_mask) */
    struct places places;
    uint8_t source_count;
    struct source *sources[LISTENING_SOURCES_MAX]; /* owned */
    bool has_sought;                               /* a seek came to its end */
    bool is_seek_wanted;                           /* again, after the one under way */
    bool is_synced, is_polled;
    uint8_t poll_turn; /* the source that is polled next */
    bool is_paused;    /* the pause was lengthened since the last seek began */
    bool is_moved;     /* the next seek is for who is said to have joined */
    uint32_t pause_ms; /* from one seek to the next, */
    uint32_t moved_ms; /* and to one for who is said to have joined */
    uint32_t poll_every_ms;
    uint64_t sought_ms;  /* when the last seek began */
    uint64_t sync_at_ms; /* the first reading's deadline */
    uint64_t poll_at_ms;
    uint64_t seek_op, catchup_op; /* under way; 0: none */
};

struct listenings {
    struct listening **slots; /* by the low bits of their numbers; owned */
    uint32_t capacity, count;
    uint32_t first_free; /* no slot before it is free */
    uint32_t polled;     /* listenings with a source that is polled */
    struct chains by_sub, by_target;
    struct alarms alarms;
    struct seeks seeks;
    struct catchups catchups;
    struct sources sources;
    struct place_pool places;
    uint64_t ends_at_ms; /* when the next place may have ended */
};

/* This node's own part of all that follows: */
void listenings_free(struct listenings *all);
void listenings_tick(struct node *node, struct now now, struct outbox *out);
uint64_t listenings_next_ms(const struct node *node);
/* What came of a query of a listening's. */
bool listening_has_asked(const struct inflight_query *query);
void listening_answered(struct node *node, struct now now, const struct inflight_query *query,
                        const struct krpc *reply, struct outbox *out);
void listening_refused(struct node *node, struct now now, const struct inflight_query *query,
                       int64_t code, struct outbox *out);
void listening_late(struct node *node, struct now now, const struct inflight_query *query,
                    struct outbox *out);
/* A record was stored here, for the network: what is new to a listening of this node is told. */
void listening_stored(struct node *node, struct now now, const struct record *record,
                      struct outbox *out);
/* node_cancel of a listening. False when it is none. */
bool listening_cancel(struct node *node, struct now now, uint64_t number, struct outbox *out);

/* NULL when it has ended. */
struct listening *listening_find(const struct node *node, uint64_t number);
/* The subscription's id as this source knows it. */
void listening_sub(const struct source *source, uint8_t out[SOURCES_SUB_SIZE]);
/* NULL when there is none of this id, as a source at this address would know it. */
struct listening *listening_of_sub(const struct node *node, const struct addr *addr,
                                   struct bytes sub);
/* What it listens to, as a record of which only the place is set (of a multi, kind and target). */
struct record listening_wanted(const struct listening *l);
/* Its source at this address; NULL when that is none. */
struct source *listening_source(const struct listening *l, const struct addr *addr);
bool listening_is_about(const struct listening *l, const struct record *record);
/* A new source, see source_new; NULL when it has too many, or without memory. */
struct source *listening_add_source(struct node *node, struct now now, struct listening *l,
                                    const struct contact *contact, struct bytes token);
/* It is none any more; when `is_told` it is told so. */
void listening_drop_source(struct node *node, struct now now, struct source *source, bool is_told);
/* It does not answer, or knows nothing of us: a seek replaces it. */
void listening_lose_source(struct node *node, struct now now, struct source *source);
/* Something of it changed: says that the first reading has come to its end, when it has, and plans
 * what is next. */
void listening_go_on(struct node *node, struct now now, struct listening *l, struct outbox *out);

#endif
