#include "daemon/dht/routing/rtt.h"

#include <stddef.h>

#define SAMPLE_MAX_MS 8000u /* 8 times it still fits the 16 bits of srtt_x8_ms */
#define TOTAL_MAX     1024u /* samples until all counts are halved: the old ones fade */

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* RFC 6298 section 2 with the usual gains, 1/8 and 1/4, on scaled integers. A sample is at least
 * 1 ms, so that a measured peer is never taken for an unmeasured one. */
void rtt_peer_add(struct rtt_peer *peer, uint32_t rtt_ms)
{
    uint32_t sample = clamp(rtt_ms, 1, SAMPLE_MAX_MS);

    if (rtt_ms == RTT_NONE)
        return;
    if (peer->srtt_x8_ms == 0) {
        peer->srtt_x8_ms = (uint16_t)(sample * 8);
        peer->rttvar_x4_ms = (uint16_t)(sample * 2);
        return;
    }
    uint32_t srtt = peer->srtt_x8_ms / 8u;
    uint32_t error = sample > srtt ? sample - srtt : srtt - sample;
    peer->rttvar_x4_ms = (uint16_t)(peer->rttvar_x4_ms - peer->rttvar_x4_ms / 4u + error);
    uint32_t srtt_x8 = peer->srtt_x8_ms - srtt + sample;
    peer->srtt_x8_ms = (uint16_t)srtt_x8;
}

/* Bucket 0 is for 0 ms; bucket i > 0 for 2^(i-1) to 2^i - 1 ms. */
void rtt_network_add(struct rtt_network *network, uint32_t rtt_ms)
{
    unsigned bucket = rtt_ms == 0 ? 0 : 32u - (unsigned)__builtin_clz(rtt_ms);

    if (rtt_ms == RTT_NONE)
        return;
    if (bucket >= RTT_BUCKETS)
        bucket = RTT_BUCKETS - 1;
    network->count[bucket]++;
    network->total++;
    if (network->total < TOTAL_MAX)
        return;
    network->total = 0;
    for (size_t i = 0; i < RTT_BUCKETS; i++) {
        network->count[i] /= 2;
        network->total = (uint16_t)(network->total + network->count[i]);
    }
}

uint32_t rtt_network_p90_ms(const struct rtt_network *network)
{
    uint32_t rank = (network->total * 9u + 9u) / 10u; /* of the sample asked for, from 1 */

    if (rank == 0)
        return RTT_UNKNOWN_START_MS / 4;
    for (unsigned i = 0; i < RTT_BUCKETS; i++) {
        if (rank <= network->count[i]) {
            /* Samples are taken as spread evenly over their bucket. */
            uint32_t width = i == 0 ? 0 : 1u << (i - 1);
            return width + (uint32_t)((uint64_t)width * (rank - 1) / network->count[i]);
        }
        rank -= network->count[i];
    }
    return RTT_UNKNOWN_START_MS / 4;
}

uint32_t rtt_timeout_ms(const struct rtt_peer *peer, const struct rtt_network *network)
{
    if (peer == NULL || peer->srtt_x8_ms == 0)
        return clamp(4 * rtt_network_p90_ms(network), RTT_FLOOR_MS, RTT_UNKNOWN_MAX_MS);
    return clamp(peer->srtt_x8_ms / 8u + peer->rttvar_x4_ms, RTT_FLOOR_MS, RTT_PEER_MAX_MS);
}
