/* An iterative lookup (Kademlia; BEP 5): which contact to ask next, and when the k closest live
 * nodes have answered. A state machine on contacts alone: sends nothing, times nothing. */
#ifndef XORD_DHT_LOOKUP_H
#define XORD_DHT_LOOKUP_H

#include "common/addr.h"
#include "daemon/dht/routing/contact.h"

#define LOOKUP_K          8
#define LOOKUP_ALPHA      4
#define LOOKUP_CANDIDATES 64 /* kept, nearest; farther ones fall out */
#define LOOKUP_TRIES      2  /* of a peer that answered before, and of a bootstrap address */
#define LOOKUP_TOKEN_MAX  64

enum lookup_state {
    LOOKUP_FRESH,  /* not asked yet */
    LOOKUP_ASKED,  /* asked, in time */
    LOOKUP_LATE,   /* asked, past its time: bypassed, still counted if it answers */
    LOOKUP_PROBED, /* the same, and its answer may take long: pinged, to learn whether it lives;
                      waited for until that is known, and not asked again meanwhile */
    LOOKUP_ANSWERED,
    LOOKUP_DEAD /* refused, or out of tries: never asked again by this lookup */
};

struct lookup_candidate {
    struct contact contact;
    enum lookup_state state;
    uint8_t tries;
    uint8_t hop;        /* distance from our own table in steps */
    uint8_t token_size; /* its write token, when it gave one */
    bool has_id;        /* false for a bootstrap address whose id is unknown */
    bool is_retriable;  /* it answered before, or all starts from it: worth LOOKUP_TRIES */
    bool is_silent;     /* DEAD for want of an answer; else it refused */
    bool was_live;      /* by our own table, when the lookup began */
    bool is_xord;
    bool has_seq; /* it reported a record with this seq */
    int64_t seq;
    uint32_t rtt_ms;
    uint8_t token[LOOKUP_TOKEN_MAX];
};

struct lookup {
    struct id target;
    struct id self; /* never a candidate */
    uint8_t k;      /* how many closest must have answered */
    uint8_t alpha;  /* asked and not late at once */
    uint16_t count;
    uint16_t asked, answered;            /* totals for the caller's report */
    struct lookup_candidate *candidates; /* sorted, nearest first; owned */
    uint16_t capacity;
};

void lookup_init(struct lookup *l, const struct id *target, const struct id *self, unsigned k,
                 unsigned alpha);
void lookup_clear(struct lookup *l);

/* Adds a contact heard of at `hop`; ignores ourselves, known ids, known addresses (one address can
 * hold one place), unusable addresses, and those too far to matter. True when it was added. */
bool lookup_add(struct lookup *l, const struct contact *contact, unsigned hop, bool is_retriable);
/* All that it has so far are members of our own table that answered when they were asked last. */
void lookup_trust(struct lookup *l);
/* A bootstrap address whose id is not known: asked first, sorted last. */
bool lookup_add_unknown(struct lookup *l, const struct addr *addr);
/* The next candidate to ask now, marked ASKED with one more try; NULL when none should be asked at
 * present. One that was late holds no place among the k nearest, even while it is asked again, so
 * the next beyond is asked as well. `asked` counts queries, `answered` candidates. Call until NULL
 * after every change. Borrowed until the next lookup_* call. */
struct lookup_candidate *lookup_next(struct lookup *l);
/* The outcomes. Candidates are named by address, since ids may be unknown: NULL when the address is
 * none of ours. lookup_answered sets the id when it was unknown (and re-sorts); an id other than
 * the expected one makes the candidate DEAD and answers NULL. Borrowed until the next lookup_*
 * call. */
struct lookup_candidate *lookup_answered(struct lookup *l, const struct addr *from,
                                         const struct id *id, uint32_t rtt_ms);
void lookup_late(struct lookup *l,
                 const struct addr *addr); /* past its time, or again after a retry */
/* Instead of lookup_late: it is pinged. It ends by lookup_late, or by lookup_alive: it lives, so it
 * is waited for as one in time. */
void lookup_probed(struct lookup *l, const struct addr *addr);
void lookup_alive(struct lookup *l, const struct addr *addr);
void lookup_dead(struct lookup *l, const struct addr *addr); /* it refused */
/* Its query number `tries` will not be answered any more: DEAD, unless it was asked again since. */
void lookup_silent(struct lookup *l, const struct addr *addr, unsigned tries);
/* Goes on past its end, until the `k` nearest have answered, `alpha` at once: those silent within
 * the present k get LOOKUP_TRIES too. False, and nothing has changed, when all within it answered,
 * or nobody at all did. */
bool lookup_widen(struct lookup *l, unsigned k, unsigned alpha);
/* True when the k nearest that are not dead (late and out of tries counts as dead) have answered,
 * or nobody is left to ask. */
bool lookup_is_exhausted(const struct lookup *l);
/* The same, but while nobody at all has answered, the late ones are waited for until they are dead.
 */
bool lookup_is_done(const struct lookup *l);
/* True when one of the LOOKUP_K nearest was alive and has not answered: what it has is not known.
 */
bool lookup_has_doubt(const struct lookup *l);
/* The nearest that answered, nearest first, at most `max`; returns how many. Borrowed. */
size_t lookup_closest(const struct lookup *l, const struct lookup_candidate *out[], size_t max);
unsigned lookup_hops(const struct lookup *l); /* the most steps any answering candidate was away */

#endif
