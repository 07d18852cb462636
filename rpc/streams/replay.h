/* What a new listener is told first: what is stored now, the latest of each place, oldest first by
 * the time it was signed and then by its key. An order over others' records; owns none of them. */
#ifndef XORD_RPC_REPLAY_H
#define XORD_RPC_REPLAY_H

#include "rpc/streams/held.h"

struct replay {
    const struct record **records; /* owned; the records are not */
    size_t count;
};

/* Of changes of one reading: deletions and what has expired take their places' values away. False
 * without memory; clear it in either case. */
bool replay_of_held(const struct held *held, struct replay *out);
/* Of a gather's entries. */
bool replay_of_entries(const struct event_entry *first, size_t count, struct replay *out);
/* It has this record's place with this seq or a higher one. */
bool replay_covers(const struct replay *replay, const struct record *record);
void replay_clear(struct replay *replay);

#endif
