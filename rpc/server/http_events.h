/* What the daemon does, for the status page: server-sent events (the HTML standard's event streams)
 * over one HTTP answer that does not end. Each is a line `data: {…}` as `monitor` has it (tap.h),
 * of lookups, nodes and the store; what calls clients make is not among it. A reader that is too
 * slow loses events and is told how many. */
#ifndef XORD_RPC_HTTP_EVENTS_H
#define XORD_RPC_HTTP_EVENTS_H

#include "rpc/json/json.h"
#include "rpc/streams/tap.h"

#define HTTP_EVENTS_MAX     16             /* streams at once: each has the node tell more */
#define HTTP_EVENTS_QUEUE   (256u * 1024u) /* unread bytes of one; beyond them events are lost */
#define HTTP_EVENTS_BEAT_MS 15000u         /* silence until a comment shows that both ends live */

struct http_events { /* zeroed it is none */
    struct tap tap;
    struct dispatch *dispatch; /* NULL: not open */
    struct json_text queue;
    size_t taken; /* of the queue, already sent */
    size_t dropped;
    uint64_t told_ms; /* when it last told anything */
    bool is_ended;    /* nothing more comes */
    /* There is more to send, or it has ended. `context` is the opener's. */
    void (*on_more)(void *context);
    void *context;
};

void http_events_open(struct http_events *e, struct dispatch *dispatch,
                      void (*on_more)(void *context), void *context);
/* Frees what it holds. Idempotent. */
void http_events_close(struct http_events *e);
bool http_events_is_open(const struct http_events *e);

/* Copies at most `size` of the bytes to send; 0: none now. */
size_t http_events_take(struct http_events *e, char *out, size_t size);
/* There is something to send, or it has ended. */
bool http_events_is_due(const struct http_events *e);
/* Says something if it has long said nothing. */
void http_events_beat(struct http_events *e, uint64_t now_ms);
/* No more after what is queued. */
void http_events_end(struct http_events *e);

#endif
