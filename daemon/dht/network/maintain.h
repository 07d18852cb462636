/* Keeping a place in the network: starting from bootstrap addresses, filling and refreshing the
 * tables, checking members that went quiet, meeting nodes that asked us. Bounded in what it sends:
 * MAINTAIN_SEARCHES_MAX lookups, and pings, of members and of strangers apart: whoever floods us
 * with questions in the names of many does not keep us from noticing who is gone. */
#ifndef XORD_DHT_MAINTAIN_H
#define XORD_DHT_MAINTAIN_H

#include "common/now.h"
#include "daemon/dht/network/restored.h"
#include "daemon/dht/node.h"
#include "daemon/dht/outbox.h"
#include "daemon/dht/routing/contact.h"
#include "daemon/dht/wire/krpc.h"

#define MAINTAIN_SEARCHES_MAX 2  /* refreshes at once */
#define MAINTAIN_CHECKS_MAX   16 /* pings of members under way at once, */
#define MAINTAIN_MEETINGS_MAX 16 /* and of strangers */
#define MAINTAIN_RESTORED     2  /* tag of meetings with contacts of an earlier run */
#define MAINTAIN_RETRY_MIN_MS 1000u
#define MAINTAIN_RETRY_MAX_MS 60000u
/* Our own id is searched so soon after the first time, and thrice as long after each time, since
 * others may start together with us; up to the second: so soon is a change near us noticed, for
 * which repair waits. */
#define MAINTAIN_JOIN_SOON_MS  10000u
#define MAINTAIN_JOIN_AGAIN_MS (2u * 60u * 1000u)

struct node;
struct op;
struct inflight_query;

struct maintain {
    struct addr bootstrap[NODE_BOOTSTRAP_MAX];
    uint8_t bootstrap_count;
    uint8_t bootstrap_next;  /* where the next one goes */
    bool had_sources;        /* there was somebody to start from: silence means offline */
    bool has_joined;         /* a search of our own id was answered, or none after several tries */
    uint8_t failed_joins;    /* searches of our own id in a row that nobody answered */
    bool is_joining;         /* a search of our own id is under way */
    bool has_failed;         /* somebody did not answer: there is something to check */
    uint8_t searches;        /* refreshes under way, that one included */
    uint16_t checks;         /* pings under way: of members, */
    uint16_t meetings;       /* and of strangers and restored contacts */
    uint8_t fill_prefix;     /* after joining: the next bucket to fill, one lookup each */
    uint8_t fill_count;      /* how many buckets are to be filled */
    uint32_t fill_pause_ms;  /* at most so long between them; 0: at once */
    uint64_t fill_at_ms;     /* when the next is filled */
    uint32_t retry_ms;       /* pause before the next attempt while nobody answers */
    uint64_t join_at_ms;     /* when to search our own id next, */
    uint32_t join_again_ms;  /* and how long after that again */
    uint64_t check_after_ms; /* the tables are not looked at before */
    uint64_t expire_at_ms;   /* when to forget old torrent peers */
    struct restored restored;
};

void maintain_init(struct maintain *m, struct now now);
void maintain_clear(struct maintain *m);
void maintain_tick(struct node *node, struct now now, struct outbox *out);
uint64_t maintain_next_ms(const struct node *node);
/* Starts a search that fills tables: FIND_NODE for those of all nodes, XGET for the overlay's.
 * `is_join`: of our own id. False when it cannot be started. */
bool maintain_search(struct node *node, struct now now, enum krpc_method method,
                     const struct id *target, bool is_join, struct outbox *out);
/* When our own id is to be searched again; *again_ms becomes the pause after that. */
uint64_t maintain_join_again_ms(struct node *node, struct now now, uint32_t *again_ms);
/* A refresh, or the search of our own id, ended. */
void maintain_search_finished(struct node *node, struct now now, const struct op *op);
bool maintain_can_meet(const struct node *node);
/* A stranger that is not read-only sent us a query, or was named at the rendezvous (its id is zero:
 * not known): meets it when there is room. */
void maintain_heard(struct node *node, struct now now, const struct contact *contact,
                    struct outbox *out);
/* A contact of an earlier run: it is met among the first, for which a warm start waits, or in the
 * minutes after (restored.h). */
void maintain_restore(struct node *node, struct now now, const struct contact *contact);
/* A node said that it stops: looks whether it is gone. */
void maintain_bye(struct node *node, struct now now, const struct contact *contact,
                  struct outbox *out);
/* A check or a meeting was answered (or refused: that is an answer too), is late, or dead. */
void maintain_answered(struct node *node, struct now now, const struct inflight_query *query);
void maintain_late(struct node *node, struct now now, const struct inflight_query *query,
                   struct outbox *out);
void maintain_dead(struct node *node, const struct inflight_query *query);
/* A member of a table did not answer, for good this time. When nobody is left, starts over. */
void maintain_failed(struct node *node, struct now now, const struct contact *contact);

/* Another node answers at its address: it is out of the tables at once. */
void maintain_replaced(struct node *node, struct now now, const struct contact *contact);

#endif
