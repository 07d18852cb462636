/* What a node tells its caller: the one completion of each operation, and requests to sign. */
#ifndef XORD_DHT_EVENT_H
#define XORD_DHT_EVENT_H

#include "common/err.h"
#include "daemon/dht/contact.h"
#include "daemon/dht/record.h"

#define EVENT_REJECTED_MAX 8 /* different error codes counted in one put */

enum event_kind {
    EVENT_GET,
    EVENT_GATHER,
    EVENT_PUT,
    EVENT_LOOKUP,
    EVENT_PEERS,
    EVENT_ANNOUNCE, /* fills `put`: stored, tried, rejected */
    EVENT_PING,
    EVENT_DROPPED,       /* node_drop_kept */
    EVENT_LEFT,          /* node_leave */
    EVENT_NEED_SIGNATURE /* not a completion: answer with node_put_signed */
};

/* How the lookup of an operation went. */
struct lookup_stats {
    uint32_t queried, replied, hops, ms;
    bool is_complete; /* the k closest live nodes answered before the deadline */
};

struct lookup_step { /* one node of a trace, nearest first */
    struct contact contact;
    uint32_t hop, rtt_ms;
    bool has_answered;
};

struct event_entry { /* an entry of a multi */
    struct record record;
    const struct event_entry *next; /* NULL after the last */
};

struct event {
    enum event_kind kind;
    uint64_t op;
    /* ERR_OK; ERR_TIMEOUT: the deadline passed before the lookup was complete (what was found is
     * there); ERR_OFFLINE: nobody answers; for a put the error that refused it; ERR_CANCELLED. */
    enum err err;
    struct lookup_stats stats;
    union {
        struct {
            bool is_found;
            struct record record;
            uint32_t refused; /* answers that did not verify, or had ended */
        } get;
        struct {
            const struct event_entry *first; /* newest first; deletions are not among them */
            size_t count;
        } gather;
        struct {
            struct id target;
            int64_t seq;     /* the one stored, or when refused (301, 302) the one seen */
            uint32_t stored; /* holders, by distinct id, this node included */
            uint32_t tried;
            bool is_kept;
            uint32_t rejected_count;
            struct {
                int64_t code; /* KRPC's number; 0: no answer */
                uint32_t count;
            } rejected[EVENT_REJECTED_MAX];
        } put;
        struct {
            const struct lookup_step *steps; /* all candidates, nearest first */
            size_t step_count;
            const struct contact *closest; /* the k nearest that answered */
            size_t closest_count;
        } lookup;
        struct {
            const struct addr *addrs; /* distinct */
            size_t count;
        } peers;
        struct {
            struct contact contact;
            uint32_t rtt_ms;
        } ping;
        struct record sign; /* sign this: k, salt, seq and v are set, sig is NULL */
    };
};

#endif
