/* What replies may cost before the asker has proved that its address is its own: a UDP source can
 * be forged, and a reply with content is many times its query. Content for an address without proof
 * is paid from its prefix's share (v4 /24, v6 /56), which fills again with time; when that is
 * spent, replies shrink to nodes and token. A valid token proves an address, and so does the answer
 * to a query of ours. Loopback and private addresses pay nothing: nobody outside can be flooded by
 * them. Two tables that grow as they fill, there only once somebody outside asks; when one is as
 * large as it gets, places that collide under the secret key share a fate, which costs a stranger a
 * repeated question and nobody a flood. */
#ifndef XORD_DHT_BUDGET_H
#define XORD_DHT_BUDGET_H

#include "common/addr.h"
#include "common/hash.h"
#include "common/now.h"
#include "common/rng.h"

#define BUDGET_PLACES 512u   /* a table at most; 8 KiB each; half as many hardly ever collide */
#define BUDGET_SHARE  65536u /* bytes a prefix can have at once: some 60 of the largest items */
#define BUDGET_REFILL 2048u  /* bytes a second: less than any line, and two items */
#define BUDGET_PROOF_MS                                                                            \
    1800000u /* how long a proof holds: twice the time a table waits for news                      \
              */

struct budget_place;

struct budget_table {
    struct budget_place *places; /* owned; NULL: none yet */
    uint32_t count;              /* a power of two */
};

struct budget {
    uint8_t key[HASH_KEY_SIZE];
    struct budget_table proofs; /* by address and port */
    struct budget_table shares; /* by prefix */
};

void budget_init(struct budget *b, struct rng *rng);
void budget_clear(struct budget *b);
/* This address has shown that it gets what is sent to it. */
void budget_prove(struct budget *b, struct now now, const struct addr *addr);
/* May `size` bytes of content be sent there? When it has to be paid for, it is. */
bool budget_pay(struct budget *b, struct now now, const struct addr *addr, size_t size);

#endif
