/* The nodes nearest to our own id, more of them than the buckets can hold: the holders of the
 * records that we hold are among them, so repair must know each one. (S/Kademlia calls it a sibling
 * list.) Holds live nodes only; says who joined and who was lost. Sends nothing. */
#ifndef XORD_DHT_NEIGHBOURS_H
#define XORD_DHT_NEIGHBOURS_H

#include "daemon/dht/routing/contact.h"

#define NEIGHBOURS_MAX       24 /* 3 k: all k holders of what we are nearest to are within */
#define NEIGHBOURS_FAILS_MAX 2  /* unanswered in a row: lost */

struct neighbour {
    struct contact contact;
    uint8_t fails;
    bool is_checked; /* a check is under way */
};

struct neighbours {
    struct neighbour *nodes; /* nearest to our id first; owned, grows as it fills */
    uint8_t count, capacity;
};

void neighbours_clear(struct neighbours *n);
/* A node we heard of would have a place here, if it answered. */
bool neighbours_wants(const struct neighbours *n, const struct id *self,
                      const struct contact *contact);
/* It answered. True when it is new here: it joined, or came back. Forgotten without memory. */
bool neighbours_answered(struct neighbours *n, const struct id *self,
                         const struct contact *contact);
bool neighbours_has(const struct neighbours *n, const struct contact *contact);
/* It did not answer. True when that was once too often: it is lost. */
bool neighbours_failed(struct neighbours *n, const struct contact *contact);
/* Its id changed. True when it was here. */
bool neighbours_remove(struct neighbours *n, const struct contact *contact);
/* One that failed and should be asked again, marked as checked; false when there is none. */
bool neighbours_next_check(struct neighbours *n, struct contact *out);
/* Merges those nearest to `target` that answered last time into `out`: `count` contacts, nearest
 * first, at most `max` after. The new count. */
size_t neighbours_merge(const struct neighbours *n, const struct id *self, const struct id *target,
                        struct contact *out, size_t count, size_t max);

#endif
