/* Joining a large value: which chunks a manifest needs, in which order their targets become known,
 * and the whole once all are there. Takes only chunks of exactly the form and size that the
 * manifest calls for, and gives nothing before the length and the hash of the whole are right.
 * Chunks are numbered as in cut.h. Fetches nothing: the caller brings each chunk's v, verified
 * against its target. */
#ifndef XORD_RPC_JOIN_H
#define XORD_RPC_JOIN_H

#include "rpc/values/manifest.h"

/* One allocation with all it holds: free() ends it. */
struct join {
    struct manifest manifest;
    size_t list_count, data_count;
    size_t next;                              /* the first chunk not yet handed out */
    size_t taken;                             /* chunks that have come */
    bool is_list_taken[CHUNK_LIST_COUNT_MAX]; /* so its data's targets are known */
    struct id targets[CHUNK_COUNT_MAX];       /* as far as they are known */
    uint8_t content[];                        /* manifest.size bytes */
};

/* NULL without memory. */
struct join *join_new(const struct manifest *manifest);
/* The next chunk to fetch, each once; false when there is none, or its target is not known yet. */
bool join_next(struct join *join, size_t *index);
const struct id *join_target(const struct join *join, size_t index);
/* Takes the v of chunk `index`, once for each; false when it is not what stands there. */
bool join_take(struct join *join, size_t index, struct bytes v);
bool join_is_full(const struct join *join);
/* The whole, borrowed, of a full join; false when it is not what the manifest's hash is of. */
bool join_whole(const struct join *join, struct bytes *out);

#endif
