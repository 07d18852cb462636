/* Large values on their way: put as chunks and then the record that holds their manifest, got as
 * the record and then its chunks, kept and dropped together. Each is a call with a window of node
 * operations. Nothing is returned or kept in part. The form is manifest.h's, cut.h's and join.h's.
 */
#ifndef XORD_RPC_LARGE_H
#define XORD_RPC_LARGE_H

#include "rpc/method.h"
#include "rpc/transfer/cut.h"
#include "rpc/transfer/progress.h"

#define LARGE_CALLS_MAX                                                                            \
    16u /* under way at once, a mebibyte or two of memory each; else ERR_BUSY                      \
         */
#define LARGE_READ_MAX                                                                             \
    8u /* of these for clients of the read-only socket: they leave the owner some */
#define LARGE_TRIES_MAX 3u               /* of one chunk: a lost packet is no missing chunk */
#define LARGE_LIFE_S    RECORD_TTL_S_MAX /* of chunks: renewals of the record need no others */

/* What of large values is under way in this daemon; zeroed it is nothing. */
struct large_set {
    struct large_put *puts;
    struct large_drop *drops;
    const struct large_drop *sifting; /* of these the one that looks through what is kept */
    size_t count;                     /* puts and gets */
    size_t read_count;                /* of these by clients of the read-only socket */
};
struct large_set *rpc_large_set(const struct rpc_call *call);

/* Answers ERR_BUSY where as many as this client may have are under way (false, with *refusal); else
 * it counts as one more until large_leave. */
bool large_enter(struct rpc_call *call, struct rpc_result *refusal);
void large_leave(const struct rpc_call *call);
#define LARGE_ENVELOPE_MAX 128u /* around the whole content, generously */
/* The envelope of `v` with the whole content in place of the manifest, written into `buffer`, of
 * whole.size + LARGE_ENVELOPE_MAX bytes. */
struct bytes large_write_v(struct bytes v, enum envelope_content content, struct bytes whole,
                           uint8_t *buffer);
/* Answers that chunk `index` of `count` made the call fail. `why` is one clause; what is in `more`,
 * an object or NULL, is added to error.data. Takes the reference. */
struct rpc_result large_fail_chunk(struct rpc_call *call, enum err err, size_t index, size_t count,
                                   const struct id *target, const char *why, json_t *more);

struct large_put_options {
    bool is_kept, is_quick; /* as of a put_request; not read from there */
    bool has_progress;
};
/* Puts a value whose envelope, in request->v, is over RECORD_V_MAX: its content is at most
 * LARGE_SIZE_MAX. All that the request points to is copied. Answers as dhtput does, with `chunks`.
 */
struct rpc_result large_put_start(struct rpc_call *call, const struct put_request *request,
                                  const struct large_put_options *options);

/* Called with the value's v: an envelope like any other, but with the whole content. Owns `state`.
 */
typedef struct rpc_result large_got_fn(struct rpc_call *call, void *state, struct bytes v);

struct large_get_request {
    const struct record *record; /* whose v holds a manifest */
    uint32_t timeout_ms;         /* of each chunk's lookup; 0: NODE_TIMEOUT_MS */
    bool has_progress;
    large_got_fn *then;
    void *state; /* of `then`; when that is not called, it is for `on_failed`, else freed */
    void (*on_failed)(void *state); /* the call was answered with an error; may be NULL */
};
/* Fetches and checks the whole, then calls `then`; answers what is damaged or missing itself. */
struct rpc_result large_get_start(struct rpc_call *call, const struct large_get_request *request);

/* Chunks that this node keeps, as a set. */
struct large_chunks {
    uint64_t expiry_unix_s; /* of each */
    size_t count;
    struct id targets[];
};
struct join;
/* What of the manifest's value is kept here: the lists alone, or the data too. To be freed; NULL
 * without memory. */
struct join *large_join_kept(const struct rpc_host *host, const struct manifest *manifest,
                             bool has_data);
/* Those of the large value that is kept under (kind, key), `key` being what record_key says. NULL
 * when none is, or without memory. To be freed. */
struct large_chunks *large_kept_chunks(const struct rpc_host *host, enum record_kind kind,
                                       const struct id *key);
/* Those that the manifest names and, as far as its lists are kept here, those that these name. */
struct large_chunks *large_chunks_of(const struct rpc_host *host, const struct manifest *manifest);
/* The record_key of what this put makes; not of an immutable. */
void large_key(const struct put_request *request, struct id *out);
/* Begins to drop those that no kept value and no put under way needs; `chunks` (may be NULL) is not
 * needed any more when this returns. */
void large_drop_chunks(const struct rpc_call *call, const struct large_chunks *chunks);
/* A put that begins will need its chunks: no drop under way takes them any more. */
void large_drop_spare(struct large_set *set, struct large_put *put);

struct dispatch;
/* The node wants a renewed record signed. When it is a large value's and would outlive the chunks,
 * the whole is put anew instead, from the kept chunks: true, and the record is not to be signed. */
bool large_renew(struct dispatch *d, const struct record *record);

#endif
