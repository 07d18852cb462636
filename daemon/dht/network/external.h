/* Our address as others see it (BEP 42 `ip`): an address that enough different voters name. One
 * vote a voter's prefix, so one host cannot decide it. */
#ifndef XORD_DHT_EXTERNAL_H
#define XORD_DHT_EXTERNAL_H

#include "common/addr.h"

#define EXTERNAL_VOTERS 8 /* remembered; the oldest goes */
#define EXTERNAL_AGREE  3 /* voters that must name the same address */

struct external_vote {
    struct addr voter; /* its prefix */
    struct addr seen;  /* what it says we are */
};

struct external {
    struct external_vote votes[EXTERNAL_VOTERS];
    uint8_t next;
    struct addr agreed; /* ADDR_NONE until enough agree; its port is one voter's word */
};

/* A reply from `voter` said that we are at the compact address `ip`; malformed ones are ignored.
 * True when the agreed address has changed. */
bool external_vote(struct external *e, const struct addr *voter, struct bytes ip);
/* The agreed address with its port, when most who name the address name that port: no NAT gives us
 * another one for each peer. Else ADDR_NONE. */
struct addr external_steady(const struct external *e);

#endif
