/* The followers of a feed who are shown the same texts: they asked under the same name, with the
 * same access. So what happens is formatted once for all of them, whoever of them wants it. */
#ifndef XORD_RPC_VIEW_H
#define XORD_RPC_VIEW_H

#include "daemon/dht/event.h"
#include "rpc/streams/follower.h"
#include "rpc/streams/replay.h"

struct feed;

struct view_key {
    const char *username, *resource; /* as asked */
    enum rpc_access access;
};

/* Of one feed. There are two of a multi, and of a single one for each way to name its owner: so
 * many are more than people think of, and formatted in a millisecond. */
#define VIEWS_MAX 64u

struct view {
    struct feed *feed;
    struct view *previous, *next; /* of the feed */
    struct follower *followers;
    char *username, *resource; /* owned */
    enum rpc_access access;
};

/* What there is to tell. */
struct view_change {
    enum listen_what what;
    const struct record *record;
    struct bytes v;     /* the record's, or a large value's whole */
    const char *reason; /* why a large value's content is missing; else NULL */
};

/* The feed's view with this key, made where there is none. ERR_BUSY beyond VIEWS_MAX,
 * ERR_NO_MEMORY: then *out is NULL. */
enum err view_open(struct feed *feed, const struct view_key *key, struct view **out);
void view_end(struct view *view); /* without followers */
void view_add(struct view *view, struct follower *follower);
void view_remove(struct view *view, struct follower *follower);

/* Tells each follower that is not joining. */
void view_tell(struct view *view, const struct view_change *change);
/* A reading that is done. */
struct view_replay {
    const struct replay *records;
    struct bytes whole; /* the content of a large single, the only record; else absent */
    const char *reason; /* as of a view_change */
    size_t missed;      /* what is missing in `records` for want of memory */
    struct notice *synced;
    uint32_t round;
    const struct held *held; /* what came meanwhile; NULL: nothing is held */
};
/* Tells those who joined for this reading, or an earlier one: the records, `synced`, and of what
 * was held since they joined all that the records do not cover. */
void view_replay(struct view *view, const struct view_replay *replay);

#endif
