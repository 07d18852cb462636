/* Handing subscribers what is new here: when a record that is held has been stored, each lease on
 * its target (lease.h) gets a push, with up to DELIVER_TRIES tries until it is acknowledged. The
 * record is read from the store for each try, so the newest goes and no copies are kept. Paced, so
 * that many leases on one target never make one burst, and fair among targets. What is dropped
 * here, or never acknowledged, is found by the digest of the subscriber's next refresh. */
#ifndef XORD_DHT_DELIVER_H
#define XORD_DHT_DELIVER_H

#include "common/now.h"
#include "daemon/dht/lookup/inflight.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/serve/lease.h"
#include "daemon/dht/writes.h"

#define DELIVER_WAITING_MAX 1024u /* records whose leases are not through; more are dropped */
#define DELIVER_AT_ONCE     1024u /* pushes under way, of INFLIGHT_MAX queries */
#define DELIVER_PEER_MAX    128u  /* of them to one peer (lease.h) */
#define DELIVER_TRIES       3u
#define DELIVER_TURN_MAX    64u /* leases served in a turn, */
#define DELIVER_SLICE       16u /* of one record, before the next has its turn, */
#define DELIVER_PAUSE_MS    5u  /* and so long between turns */
#define DELIVER_SILENT_MAX  2u  /* left unanswered, a lease gets nothing until it is renewed */
#define DELIVER_PEER_SILENT 8u  /* left unanswered by a peer in a row: then one at a time */

struct node;
struct deliver_record;
struct deliver_push;

struct deliver {
    struct deliver_record *first, *last; /* waiting, owned */
    uint32_t waiting;
    struct deliver_push *pushes; /* slots, owned; given back when none is under way */
    uint32_t capacity, under_way;
    uint32_t free; /* slot + 1; 0: none */
    uint16_t sequence;
    bool is_blocked;  /* nothing can be sent until a push ends */
    uint32_t served;  /* in the present turn, */
    uint64_t turn_ms; /* which began then */
};

/* Lets go of the leases' peers, so before leases_clear. */
void deliver_clear(struct deliver *d, struct leases *l);
/* Remembers with a write, before it is queued, whether it changes what is held. */
void deliver_note(const struct node *node, const struct store_write *write,
                  struct pending_write *pending);
/* That write is on disk: whoever listens is told, here and elsewhere. */
void deliver_stored(struct node *node, struct now now, const struct pending_write *pending,
                    struct outbox *out);
/* What came of a push: acknowledged, refused with this code (0: by the wrong id), late. */
void deliver_answered(struct node *node, struct now now, const struct inflight_query *query,
                      struct outbox *out);
void deliver_refused(struct node *node, struct now now, const struct inflight_query *query,
                     int64_t code, struct outbox *out);
void deliver_late(struct node *node, struct now now, const struct inflight_query *query,
                  struct outbox *out);
void deliver_tick(struct node *node, struct now now, struct outbox *out);
uint64_t deliver_next_ms(const struct deliver *d);

#endif
