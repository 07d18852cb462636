/* The sources of listenings: nodes near a target that tell of its changes (holders of whom there is
 * a lease) or are asked for them (foreign ones). A node is mostly a source of many listenings at
 * once, so leases are grouped by peer: each peer has one alarm, and all its leases are renewed in
 * turn, SOURCES_BATCH in a packet, evenly over one round. Composes and keeps account; sends
 * nothing. */
#ifndef XORD_DHT_SOURCES_H
#define XORD_DHT_SOURCES_H

#include "common/alarms.h"
#include "common/chains.h"
#include "common/hash.h"
#include "common/now.h"
#include "common/rng.h"
#include "common/wire.h"
#include "daemon/dht/routing/contact.h"

#define SOURCES_SUB_SIZE     8u      /* of a subscription's id */
#define SOURCES_RENEWAL_SIZE 16u     /* the id, and the digest of what was seen of that source */
#define SOURCES_BATCH        50u     /* leases renewed, */
#define SOURCES_GONE_BATCH   100u    /* and given up, in one packet, */
#define SOURCES_BATCH_BYTES  840u    /* of this size together, so that it stays in the soft size */
#define SOURCES_ROUND_MS     30000u  /* each lease is renewed so often, */
#define SOURCES_ROUND_MAX_MS 120000u /* or so, to stay within the next: a lease has 300 s */
#define SOURCES_PACKETS_S    40u     /* a second, of all peers together */
#define SOURCES_GONE_MS      250u    /* given up so soon: what is given up together goes together */
#define SOURCES_CLOCK_STEP_S 60      /* less is no step of the wall clock */
#define SOURCES_GONE_MAX     16384u  /* waiting for that at one peer; others run out there */

struct listening;

enum source_state {
    SOURCE_ASKED,  /* for a lease: under way */
    SOURCE_LEASED, /* it pushes what changes */
    SOURCE_POLLED  /* it grants no leases: asked now and then */
};

struct source_peer;

struct source {
    struct listening *listening;
    struct source_peer *peer;
    uint32_t lease_at; /* among the peer's leases, while LEASED */
    uint8_t state;     /* enum source_state */
    uint8_t tries;     /* of what is asked */
    uint8_t silences;  /* polls without an answer, in a row */
    bool is_behind;    /* of what it has something may be unknown here: to be caught up with */
    bool is_near;      /* the last seek found it among the closest */
    uint64_t since_ms; /* it is one */
    uint64_t digest;   /* of what it has, as it said last */
    /* XOR of that and of what was known here when nothing of it was found missing. */
    uint64_t difference;
    uint8_t token_size;
    uint8_t *token; /* owned; only while it is asked */
};

struct source_peer {
    struct alarm alarm; /* ms, first member: its next packet; ALARM_NEVER while one is under way */
    struct chain_link by_addr;
    struct contact contact;
    struct source **leases; /* owned */
    uint32_t lease_count, lease_capacity;
    uint32_t cursor;                   /* leases before it are still to be renewed in this round */
    uint32_t users;                    /* sources at this peer, leased or not */
    uint8_t mask[SOURCES_SUB_SIZE];    /* sources_mask of its address */
    uint8_t (*gone)[SOURCES_SUB_SIZE]; /* subscriptions to be given up; owned */
    uint32_t gone_count, gone_capacity;
    uint32_t clock_steps; /* as many as when its leases' differences were last doubted */
    uint32_t serial;      /* of the packet under way */
    bool is_asked;        /* it is under way, */
    uint8_t tries;        /* sent so often */
    uint8_t sent_leases, sent_gone;
};

struct sources {
    struct chains by_addr;
    struct alarms alarms;
    uint64_t hash_salt;
    uint8_t mask_key[HASH_KEY_SIZE];
    int64_t wall_ahead_s; /* of the monotonic clock */
    uint32_t clock_steps; /* of the wall clock, counted */
    uint32_t batches;     /* packets that a round takes, of all peers */
    uint32_t serial;
};

/* Notices when the wall clock was set. What was refused by the old time (too far ahead, ended) may
 * be good by the new one: each peer's differences are forgotten with its next packet, and what it
 * has is read once more. */
void sources_notice_clock(struct sources *s, struct now now);
/* When no source is left: forgets the peers that would still be told of it. */
void sources_clear(struct sources *s);
/* The peer at this address; NULL when it is no source of anything. */
struct source_peer *sources_peer(const struct sources *s, const struct addr *addr);
/* By what the id of each subscription differs at whoever is at this address (XOR): so no holder
 * knows the ids that others know, and can give up or renew a lease there in the subscriber's name.
 */
void sources_mask(const struct sources *s, const struct addr *addr, uint8_t out[SOURCES_SUB_SIZE]);
/* The peer whose packet is due; NULL when there is none. */
struct source_peer *sources_due(const struct sources *s, struct now now);

/* A new source: ASKED with this token, or where that is absent POLLED. Owned by the listening. Any
 * at the same address under another id must have been freed before. NULL without memory. */
struct source *source_new(struct sources *s, struct listening *listening,
                          const struct contact *contact, struct bytes token, struct now now);
/* It granted a lease: renewed for the first time within a round. False without memory. */
bool source_leased(struct sources *s, struct source *source, struct now now, struct rng *rng);
/* It grants none: from now on it is polled. */
void source_polled(struct source *source);
/* Frees it, and its peer with the last one. */
void source_free(struct sources *s, struct source *source);
/* The same, but the peer is told that this subscription is given up. */
void source_give_up(struct sources *s, struct source *source, const uint8_t sub[SOURCES_SUB_SIZE],
                    struct now now);

/* What one renewal says of this source: SOURCES_RENEWAL_SIZE bytes. */
typedef void source_write_fn(struct wire_writer *w, const struct source *source);
/* Composes the peer's next packet, or the one that is under way once more: renewals into `subs`,
 * what is given up into `gone`. From here on it is under way. False when nothing is left to say. */
bool source_peer_compose(struct sources *s, struct source_peer *peer, source_write_fn *write,
                         struct wire_writer *subs, struct wire_writer *gone);
/* It came through. Plans the next; may free the peer. */
void source_peer_acknowledged(struct sources *s, struct source_peer *peer, struct now now);
/* It was turned away for now: the same goes once more at this time. */
void source_peer_repeat(struct sources *s, struct source_peer *peer, uint64_t at_ms);
/* It could not be sent: composed anew at this time. */
void source_peer_postpone(struct sources *s, struct source_peer *peer, uint64_t at_ms);
/* It cannot be reached: what was to be given up there is forgotten. The caller frees its leases. */
void source_peer_lost(struct sources *s, struct source_peer *peer);

#endif
