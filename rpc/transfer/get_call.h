/* What a lookup for values found, as an answer: for methods with the parameters of dhtget. */
#ifndef XORD_RPC_GET_CALL_H
#define XORD_RPC_GET_CALL_H

#include "daemon/dht/event.h"
#include "rpc/method.h"
#include "rpc/values/opener.h"

/* The element of dhtget's array for this record, with `raw` its hexdata too. Its content is read
 * from `v`: the record's own, or that of the whole large value. A new reference, NULL without
 * memory. */
json_t *get_call_show(const struct rpc_call *call, struct opener *opener,
                      const struct record *record, struct bytes v);
/* Answers an array of this one record; a large value's content is fetched first. */
struct rpc_result get_call_one(struct rpc_call *call, const struct record *record,
                               const struct lookup_stats *stats);
/* Answers the array, or with `verbose` {values, complete, lookup}. Takes the reference to `values`
 * (NULL: out of memory). */
struct rpc_result get_call_answer(struct rpc_call *call, json_t *values,
                                  const struct lookup_stats *stats);
/* Answers why there is nothing to show: the time passed, nobody answers, … */
struct rpc_result get_call_fail(struct rpc_call *call, enum err err,
                                const struct lookup_stats *stats);

#endif
