/* The one door by which records come to a listening, wherever they are from: what is genuine and
 * newer than all that was known in its place becomes exactly one event. */
#ifndef XORD_DHT_HEARING_H
#define XORD_DHT_HEARING_H

#include "daemon/dht/listen/listening.h"

/* Where a record comes from. */
enum hearing {
    HEARING_HOME,   /* stored here, and so verified, before the listening began */
    HEARING_STORED, /* stored here just now, verified too */
    HEARING_READ,   /* asked for: until LISTEN_SYNCED a replay */
    HEARING_PUSHED
};

enum heard {
    HEARD_NEWS,   /* it was told */
    HEARD_KNOWN,  /* this one or a newer one was known */
    HEARD_NOTHING /* not genuine, ended, or there is no memory for it */
};

/* The record must be one that it listens to. */
enum heard listening_hear(struct node *node, struct now now, struct listening *l,
                          const struct record *record, enum hearing from, struct outbox *out);
/* What is stored here already. */
void listening_look_at_home(struct node *node, struct now now, struct listening *l,
                            struct outbox *out);
/* Tells LISTEN_SYNCED or LISTEN_END. */
void listening_tell(struct node *node, const struct listening *l, enum listen_what what,
                    enum err err, struct outbox *out);
/* Tells of records whose signed time has passed, at most LISTENING_SLICE. */
void listenings_tell_ends(struct node *node, struct now now, struct outbox *out);

#endif
