/* How xord's own nodes find each other among all others of the public network: each announces
 * itself as a peer (BEP 5) of one info_hash, and looks there for others. Says when to go there,
 * often while few are known and seldom after, and who was found and is to be asked whether it is
 * xord. Sends nothing: overlay.c does. */
#ifndef XORD_DHT_RENDEZVOUS_H
#define XORD_DHT_RENDEZVOUS_H

#include "common/now.h"
#include "common/rng.h"
#include "daemon/dht/wire/id.h"

#define RENDEZVOUS_NAME         "xord rendezvous 1" /* the info_hash is its SHA-1 */
#define RENDEZVOUS_RETRY_MIN_MS 10000u              /* while few are known; doubled each time, */
#define RENDEZVOUS_RETRY_MAX_MS (15u * 60u * 1000u) /* up to this */
/* Past that, so that announces (30 minutes of life) of about so many nodes are there at any time:
 * more would be a burden to whoever lives near the info_hash, and none would be found by it. */
#define RENDEZVOUS_PAUSE_MS     (25u * 60u * 1000u)
#define RENDEZVOUS_SHARE        64u
#define RENDEZVOUS_PAUSE_MAX_MS (24u * 60u * 60u * 1000u)
#define RENDEZVOUS_FOUND_MAX    64u /* found and not yet asked */
#define RENDEZVOUS_ANSWER_MAX   8u  /* taken from one answer: no one node can name all of them */

struct rendezvous {
    struct id info_hash;
    uint64_t at_ms;    /* when to go there; UINT64_MAX: not yet, or under way */
    uint32_t retry_ms; /* the next pause while few are known */
    bool is_under_way;
    bool has_been;      /* it was once looked for, and somebody answered */
    struct addr *found; /* RENDEZVOUS_FOUND_MAX, owned; there only while there are any */
    uint8_t found_count;
};

void rendezvous_init(struct rendezvous *r);
void rendezvous_clear(struct rendezvous *r);
/* Now or at the next tick, unless it has a time already. */
void rendezvous_call(struct rendezvous *r, struct now now);
/* Few are left: not later than the longest pause while few are known. */
void rendezvous_hasten(struct rendezvous *r, struct now now);
void rendezvous_begin(struct rendezvous *r);
/* It is over. `estimate`: how many xord nodes there may be; `is_few`: too few of them are known. */
void rendezvous_end(struct rendezvous *r, struct now now, bool is_answered, bool is_few,
                    uint64_t estimate, struct rng *rng);
/* An address was named there. False when there is no room, or it is there already. */
bool rendezvous_add(struct rendezvous *r, const struct addr *addr);
/* Takes one that is to be asked; false when none is left. */
bool rendezvous_take(struct rendezvous *r, struct addr *out);

#endif
