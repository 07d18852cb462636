/* Private to the files of feed.h: what a single and a multi do with what comes. */
#ifndef XORD_RPC_FEED_PARTS_H
#define XORD_RPC_FEED_PARTS_H

#include "rpc/streams/feed.h"

/* A value, a deletion or an end of one. */
void feed_single_take(struct feed *feed, const struct event *event);
void feed_multi_take(struct feed *feed, const struct event *event);
/* Somebody joins, or what was found so far may now be told. */
void feed_single_go_on(struct feed *feed);
void feed_multi_go_on(struct feed *feed);
/* EVENT_GATHER of feed->reading. */
void feed_multi_read(struct feed *feed, const struct event *event);
/* LISTEN_SYNCED: the first reading's changes are all there. */
void feed_multi_synced(struct feed *feed);
/* The feed ends with a fetch under way. */
void feed_single_forget(struct feed *feed);

/* `synced`, with the error where the reading had one; NULL without memory. */
struct notice *feed_make_synced(enum err err);
/* Puts the feed among those that wait for their turn, or takes it out. */
void feed_wait(struct feed *feed);
void feed_stop_waiting(struct feed *feed);
/* A reading or a fetch is done: the next one's turn. */
void feed_set_retry(struct feed_set *set);
/* Numbers the operation, so that its events find the feed. False without memory. */
bool feed_op_add(struct feed *feed, struct feed_op *op, uint64_t number);
void feed_op_remove(struct feed *feed, struct feed_op *op);

#endif
