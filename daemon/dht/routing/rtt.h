/* Round-trip estimates: a peer's SRTT and RTTVAR (RFC 6298's filter, integers), and the network's
 * 90th percentile. From them the time after which a lookup goes past a silent peer. */
#ifndef XORD_DHT_RTT_H
#define XORD_DHT_RTT_H

#include <stdint.h>

#define RTT_FLOOR_MS         30u  /* below this, scheduling noise is mistaken for death */
#define RTT_UNKNOWN_MAX_MS   500u /* for peers never asked before: 4 x p90, within floor and this */
#define RTT_UNKNOWN_START_MS 500u /* until the network has been measured */
#define RTT_PEER_MAX_MS      2000u
#define RTT_BUCKETS          24
#define RTT_NONE             UINT32_MAX /* no sample: the answer waited for more than the network */

struct rtt_peer {          /* zero: never measured */
    uint16_t srtt_x8_ms;   /* 8 x SRTT */
    uint16_t rttvar_x4_ms; /* 4 x RTTVAR */
};

struct rtt_network { /* a decaying histogram with doubling buckets */
    uint16_t count[RTT_BUCKETS];
    uint16_t total;
};

/* RTT_NONE changes nothing. */
void rtt_peer_add(struct rtt_peer *peer, uint32_t rtt_ms);
void rtt_network_add(struct rtt_network *network, uint32_t rtt_ms);
uint32_t rtt_network_p90_ms(const struct rtt_network *network);
/* SRTT + 4 RTTVAR within [RTT_FLOOR_MS, RTT_PEER_MAX_MS]; for an unmeasured peer (or NULL) 4 x p90
 * within [RTT_FLOOR_MS, RTT_UNKNOWN_MAX_MS]. */
uint32_t rtt_timeout_ms(const struct rtt_peer *peer, const struct rtt_network *network);

#endif
