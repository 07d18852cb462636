/* A client's `listen`: one stream on a feed (feed.h). Keeps what it is told in order: the replay,
 * `synced`, then each change. While its client does not read, of a single the newest change is kept
 * and of a multi FOLLOWER_QUEUE_MAX, the rest is counted and told as a gap where it is missing. */
#ifndef XORD_RPC_FOLLOWER_H
#define XORD_RPC_FOLLOWER_H

#include "rpc/streams/backlog.h"
#include "rpc/streams/stream.h"

/* A burst of a busy multi while a client is slow; 10,000 streams share the budget. */
#define FOLLOWER_QUEUE_MAX 1024u

struct view;
struct follower_item;

struct follower {
    struct stream stream; /* first */
    struct view *view;
    struct follower *previous, *next; /* of the view */
    uint64_t since_unix_s; /* of what is signed before nothing is told; set by its maker */
    bool is_merging;       /* of a single */
    bool is_joining;       /* told nothing until its replay is read */
    bool is_fresh;         /* has just been given it */
    bool awaits_synced;    /* without a replay */
    uint32_t round;        /* the reading that brings it */
    uint64_t held_from;    /* the first of the feed's held changes that is its own */
    /* What it is owed, in this order. */
    struct backlog *backlog;
    size_t backlog_at;
    size_t missed; /* of the replay */
    struct notice *synced;
    struct follower_item *first, *last;
    size_t queued;
    size_t dropped;
};

extern const struct stream_kind follower_kind;

/* A change: sent, or kept for later, or counted as dropped. The notice is borrowed; NULL: there was
 * no memory for it. */
void follower_tell(struct follower *follower, struct notice *notice);
/* The replay is read: `backlog` (shared, may be NULL), `missed` that are beyond it, then `synced`
 * (borrowed, may be NULL). */
void follower_replay(struct follower *follower, struct backlog *backlog, size_t missed,
                     struct notice *synced);

#endif
