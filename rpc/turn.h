/* The turn that requests take in the loop: how long they have been handled since the network, the
 * timers and other clients had theirs. Reads no clock. */
#ifndef XORD_RPC_TURN_H
#define XORD_RPC_TURN_H

#include <stdbool.h>
#include <stdint.h>

/* Over a thousand calls. There are three in one turn of the loop (rpc/server/server.c), and ten
 * milliseconds are no more than a packet takes across one country. */
#define TURN_NS UINT64_C(3000000)

struct turn {
    uint64_t at_ns; /* up to when it is counted; what is being handled was read then */
    uint64_t spent_ns;
};

/* Something is to be handled from now on; what the loop did since is not counted. */
static inline void turn_begin(struct turn *turn, uint64_t now_ns)
{
    turn->at_ns = now_ns;
}

static inline void turn_spend(struct turn *turn, uint64_t now_ns)
{
    turn->spent_ns += now_ns - turn->at_ns;
    turn->at_ns = now_ns;
}

/* Others have had theirs. */
static inline void turn_renew(struct turn *turn)
{
    turn->spent_ns = 0;
}

/* What is not yet begun waits until the others have had their turn. */
static inline bool turn_is_spent(const struct turn *turn)
{
    return turn->spent_ns >= TURN_NS;
}

#endif
