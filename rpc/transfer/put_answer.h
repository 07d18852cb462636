/* What became of a put, as an answer: for all methods that put. */
#ifndef XORD_RPC_PUT_ANSWER_H
#define XORD_RPC_PUT_ANSWER_H

#include "daemon/dht/event.h"
#include "rpc/method.h"

/* A put that some node or the disk took is a result, however few they are; a refusal is not. */
bool put_answer_is_taken(const struct event *event);
/* {target, seq, stored, tried, kept, rejected}; without waiting {target, seq, kept}. Of an entry
 * with its `slot`, or `slot_hex`; absent: it is none. A new reference; NULL without memory. */
json_t *put_answer_show(const struct event *event, bool is_waiting, struct bytes slot);
/* {tried, rejected}, as of an error's data. A new reference. */
json_t *put_answer_refusals(const struct event *event);
/* Answers what was not taken. */
struct rpc_result put_answer_fail(struct rpc_call *call, const struct event *event);

#endif
