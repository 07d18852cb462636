/* How the node fares, for the log: its state, its role and the address that others see it at. A
 * line at a change, and at most one look in CONDITION_MS, so a node that goes to and fro fills no
 * log. Costs a comparison while nothing is due. */
#ifndef XORD_DAEMON_CONDITION_H
#define XORD_DAEMON_CONDITION_H

#include <stdbool.h>

#include "daemon/dht/node.h"

#define CONDITION_MS 2000u

struct condition { /* zeroed: nothing has been said yet */
    bool has_told;
    enum node_state state; /* what was said last */
    enum node_role role;
    struct addr external;
    uint64_t look_ms; /* when to look again, */
    bool is_due;      /* as something may have changed since */
};

/* `role_why` is for a person. */
void condition_look(struct condition *c, const struct node_info *info, const char *role_why);
/* True when it is time for a look; then the next is CONDITION_MS later. */
bool condition_is_due(struct condition *c, uint64_t now_ms);
uint64_t condition_next_ms(const struct condition *c); /* UINT64_MAX: not until something happens */

#endif
