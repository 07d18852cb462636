/* Changes of what is listened to: copies of the node's events, kept while something else must come
 * first. Lists of them are bounded by the budget they are paid from. */
#ifndef XORD_RPC_HELD_H
#define XORD_RPC_HELD_H

#include "daemon/dht/event.h"
#include "rpc/streams/budget.h"

struct held_change {
    enum listen_what what; /* LISTEN_VALUE, LISTEN_DELETED or LISTEN_EXPIRED */
    bool is_replay;
    struct record record; /* points into `bytes`; of LISTEN_EXPIRED without sig and v */
    struct held_change *next;
    size_t paid; /* for all this */
    uint8_t bytes[];
};

struct held { /* oldest first */
    struct budget *budget;
    enum rpc_access access; /* whose part of it */
    struct held_change *first, *last;
    size_t count;
    uint64_t taken; /* how many have left it since the beginning, also lost ones */
};

void held_init(struct held *list, struct budget *budget, enum rpc_access access);
/* Appends a copy; false when the budget is spent, or without memory. */
bool held_add(struct held *list, enum listen_what what, bool is_replay,
              const struct record *record);
/* The copy alone, in the place of all that is there, and not paid for: of a single the newest is
 * never lost. False without memory. */
bool held_replace(struct held *list, enum listen_what what, bool is_replay,
                  const struct record *record);
/* It is paid from the owner's part from now on. */
void held_own(struct held *list);
/* The oldest, the caller's from now on (held_change_free), and no longer paid for; NULL: none. */
struct held_change *held_take(struct held *list);
/* One could not be added: all before it go too, so that what is missing is in front. */
void held_lose(struct held *list);
void held_clear(struct held *list);
void held_change_free(struct held_change *change); /* NULL does nothing */

#endif
