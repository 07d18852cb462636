/* A client's `listen`: one stream on a feed (feed.h). Keeps what it is told in order: the replay,
 * `synced`, then each change. While its client does not read, of a single the newest change is kept
 * and of a multi FOLLOWER_QUEUE_MAX, the rest is counted and told as a gap where it is missing. */
#ifndef XORD_RPC_FOLLOWER_H
#define XORD_RPC_FOLLOWER_H

#include "rpc/streams/budget.h"
#include "rpc/streams/notice.h"
#include "rpc/streams/stream.h"

/* A burst of a busy multi while a client is slow; 10,000 streams share the budget. */
#define FOLLOWER_QUEUE_MAX 1024u

struct view;
struct follower_item;

/* A replay's notices, shared by the followers of a view. */
struct backlog {
    size_t holders;
    struct budget *budget;
    enum rpc_access access;
    size_t size; /* paid for */
    size_t count;
    struct notice *notices[];
};

/* Room for `count` notices, with one holder. NULL without memory. */
struct backlog *backlog_new(struct budget *budget, enum rpc_access access, size_t count);
/* Appends it, taking the reference; false, with the notice dropped, when the budget is spent. */
bool backlog_add(struct backlog *backlog, struct notice *notice);
void backlog_drop(struct backlog *backlog); /* NULL does nothing */

struct follower {
    struct stream stream; /* first */
    struct view *view;
    struct follower *previous, *next; /* of the view */
    bool is_merging;                  /* of a single */
    bool is_joining;                  /* told nothing until its replay is read */
    bool is_fresh;                    /* has just been given it */
    bool awaits_synced;               /* without a replay */
    uint32_t round;                   /* the reading that brings it */
    uint64_t held_from;               /* the first of the feed's held changes that is its own */
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
/* The replay is read: `backlog` (shared, may be NULL), `missed` that are not in it, then `synced`
 * (borrowed, may be NULL). */
void follower_replay(struct follower *follower, struct backlog *backlog, size_t missed,
                     struct notice *synced);

#endif
