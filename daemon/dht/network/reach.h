/* Whether others can reach us in one family, found out by living there: BEP 43's `ro` keeps a node
 * that nobody can reach out of other nodes' tables, and no node can tell from inside. While we do
 * not know we are read-only. Once enough nodes agree on our address and port, we go without `ro`
 * for a while, so that others may hear of us; queries of strangers, from prefixes that no packet of
 * ours has gone to, pass no NAT and no firewall that would not let everybody in: enough of those,
 * and we are reachable until our address changes. None, and we are read-only again, and try later.
 */
#ifndef XORD_DHT_REACH_H
#define XORD_DHT_REACH_H

#include "common/addr.h"
#include "common/now.h"
#include "daemon/dht/network/external.h"

#define REACH_STRANGERS    3u        /* prefixes that must have come by themselves */
#define REACH_STEADY_MS    60000u    /* our address must have been the same for so long */
#define REACH_TRIAL_MS     600000u   /* how long strangers are waited for */
#define REACH_PAUSE_MS     3600000u  /* after a trial without; twice as long each time, up to */
#define REACH_PAUSE_MAX_MS 86400000u /* a day */
#define REACH_SENT_BITS    8192u     /* of prefixes that we sent to; a collision only costs time */

enum reach_state {
    REACH_UNKNOWN, /* read-only */
    REACH_TRYING,  /* not read-only, to find out */
    REACH_OPEN     /* others reach us */
};

struct reach {
    enum reach_state state;
    struct addr external; /* the address that this is about; ADDR_NONE: there is none */
    uint64_t at_ms;       /* when a trial begins or ends; UINT64_MAX: not now */
    uint64_t not_before_ms;
    uint32_t pause_ms;
    uint8_t stranger_count;
    struct addr strangers[REACH_STRANGERS]; /* prefixes */
    uint64_t *sent; /* bits, by prefix; owned, NULL while nothing was sent */
};

void reach_init(struct reach *r);
void reach_clear(struct reach *r);
/* What others say that our address is has been heard again. True when the state has changed. */
bool reach_seen(struct reach *r, struct now now, const struct external *external);
/* A packet goes to this address. */
void reach_sent(struct reach *r, const struct addr *to);
/* A query came from there. True when the state has changed. */
bool reach_queried(struct reach *r, const struct addr *from);
/* True when the state has changed. */
bool reach_tick(struct reach *r, struct now now);

#endif
