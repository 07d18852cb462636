/* Streams: what a client subscribed to, told as notifications until the stream ends. Each belongs
 * to one connection, where it has its number, `sub`; its notifications are numbered, `n`, from 1
 * without holes. What is told, and what becomes of it while the client does not read, is its kind's
 * (`listen`: follower.h). Memory stays bounded because a stream that has no room waits for it. */
#ifndef XORD_RPC_STREAM_H
#define XORD_RPC_STREAM_H

#include "common/chains.h"
#include "rpc/json/json.h"
#include "rpc/method.h"

#define STREAMS_CLIENT_MAX 10000u /* of one connection; a few MB */
#define STREAMS_MAX        32768u /* in all */
#define STREAMS_READ_MAX   16384u /* of these on the read-only socket: the owner keeps some */
/* Unread output of a client beyond which its streams wait: what a burst of thousands of events
 * makes in one turn of the loop, and half of where its calls are not read any more. */
#define STREAM_OUTPUT_MAX (2u * 1024u * 1024u)

struct rpc_batch;
struct rpc_client;
struct stream;

struct stream_kind { /* one for each method that makes streams */
    const char *method;
    /* There is room again, or for the first time; not asked for again but by stream_wait. */
    void (*on_room)(struct stream *stream);
    /* The daemon is about to end it: the last chance to say what was not told. May be NULL. */
    void (*on_last)(struct stream *stream);
    /* It is no longer its client's: frees it. */
    void (*on_ended)(struct stream *stream);
};

struct stream {
    struct chain_link link; /* by sub */
    const struct stream_kind *kind;
    struct rpc_client *client;
    const struct rpc_batch *batch; /* whose reply has its sub and is not out yet; else NULL */
    uint32_t sub;
    uint64_t n;      /* of the last notification */
    bool is_wanting; /* room; */
    bool is_waiting; /* in the list for it: with a batch not before that is answered */
    struct stream *previous, *next;           /* of the client */
    struct stream *wait_previous, *wait_next; /* of those that wait for room */
};

struct stream_set { /* of one client; zeroed it is empty */
    struct chains by_sub;
    struct stream *all;
    struct stream *wait_first, *wait_last;
    uint32_t last_sub;
    bool is_closed; /* the client has half-closed: no stream begins any more */
};

/* How many there are, in the daemon. */
struct stream_count {
    size_t all, read_only;
};

/* In a handler: numbers the stream and adds it to the call's client, then answers {"sub": N}. False
 * when it cannot be: the call was answered with ERR_BUSY, ERR_NO_MEMORY or ERR_CANCELLED, and the
 * stream is still the caller's. */
bool stream_open(struct rpc_call *call, struct stream *stream, const struct stream_kind *kind,
                 struct rpc_result *result);
/* Ends it with an `end` that says why. */
void stream_end(struct stream *stream, enum err err);
/* Ends it without a word. */
void stream_close(struct stream *stream);
/* The call's client's own, of this kind; NULL when there is none. */
struct stream *stream_find(const struct rpc_call *call, const struct stream_kind *kind,
                           int64_t sub);

/* False: what is to be told must be kept back, merged or dropped; stream_wait tells when not. */
bool stream_has_room(const struct stream *stream);
void stream_wait(struct stream *stream);
/* Sends {"sub":…,"n":…,MEMBERS} as a notification of the kind's method. */
void stream_send(struct stream *stream, struct bytes members);
/* As the above: "event":"gap", and how many events it stands for. */
void stream_send_gap(struct stream *stream, size_t dropped);
/* Appends `"error":{code, message, data:{name}}`, as replies have it. */
void stream_write_error(struct json_text *text, enum err err);

/* For the dispatcher. */
/* The client reads: each stream that waits has a go, until the room is used up. */
void stream_set_room(struct stream_set *set);
/* The batch's reply is out: so may be what its streams tell. */
void stream_set_answered(struct stream_set *set, const struct rpc_batch *batch);
/* Ends all, each with an `end` that says why. */
void stream_set_end(struct stream_set *set, enum err err);
/* Ends all without a word. */
void stream_set_clear(struct stream_set *set);

#endif
