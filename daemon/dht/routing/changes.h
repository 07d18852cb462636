/* Who came into the tables and who went out of them, noted until it is told to those who watch. A
 * table without such a list notes nothing. */
#ifndef XORD_DHT_CHANGES_H
#define XORD_DHT_CHANGES_H

#include "daemon/dht/routing/contact.h"

/* One packet or tick changes a few places, a wave of time-outs a hundred; more are not told of. */
#define CHANGES_MAX 256u

struct change {
    bool is_neighbour; /* among the nodes nearest to us; else in a table */
    bool has_come, has_gone;
    struct contact came, gone;
};

struct changes {
    uint32_t count;
    struct change list[CHANGES_MAX];
};

/* One of `gone` and `came` may be NULL: nobody. `changes` may be NULL. */
void changes_add(struct changes *changes, const struct contact *gone, const struct contact *came);
void changes_add_neighbour(struct changes *changes, const struct contact *gone,
                           const struct contact *came);

#endif
