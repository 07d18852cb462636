/* The circle of a held record: the k nodes nearest to its target that are to have it, as this node
 * sees them, itself left out. Says where this node stands among them, and marks those that a copy
 * may have to be passed on to. Sends nothing, remembers nothing. */
#ifndef XORD_DHT_CIRCLE_H
#define XORD_DHT_CIRCLE_H

#include "daemon/dht/lookup/lookup.h"
#include "daemon/dht/records/record.h"

#define CIRCLE_SIZE LOOKUP_K /* copies of a record */

struct node;

struct circle_change { /* near us */
    struct contact contact;
    bool is_lost; /* else it joined */
    bool is_new;  /* it was not there at the last scan */
};

struct circle {
    struct contact nodes[CIRCLE_SIZE]; /* the live nodes nearest to the target */
    bool is_marked[CIRCLE_SIZE];
    size_t count;
    size_t rank; /* how many of them are nearer than we are */
};

void circle_find(const struct node *node, enum record_kind kind, const struct id *target,
                 struct circle *out);
bool circle_has(const struct circle *c, const struct contact *contact);

/* Marks all others among the k closest. */
void circle_mark_all(struct circle *c);
/* Marks those that these changes made holders: those that joined, and for each that was lost the
 * farthest, who has moved up into its place. True when there are any. */
bool circle_mark_changed(struct circle *c, const struct id *target,
                         const struct circle_change *changes, size_t count);
/* The nearest of those that are not marked, and so had the record before, pass it on; the others
 * leave it to them. More than one, since one of them may lack it itself. True: we are one. */
bool circle_is_ours(const struct circle *c);
/* For who leaves: marks the node that becomes the last of the k closest in our stead. Where there
 * are not even k others, any of them may lack it: all. False when it is not one of few, or of many,
 * as `is_few` says: where few have it comes first. */
bool circle_mark_successor(struct circle *c, bool is_few);

#endif
