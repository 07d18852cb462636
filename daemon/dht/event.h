/* What a node tells its caller: the one completion of each operation, and requests to sign. */
#ifndef XORD_DHT_EVENT_H
#define XORD_DHT_EVENT_H

#include "common/err.h"
#include "daemon/dht/records/record.h"
#include "daemon/dht/routing/contact.h"

#define EVENT_REJECTED_MAX 8 /* different error codes counted in one put */

#define COMMAND_NAME_MAX 32 /* [a-z0-9._-]{1,32} */
/* Errors in replies to commands; a handler's own are from COMMAND_ERROR_OWN on. A node that answers
 * a command with an error of KRPC's counts as COMMAND_FAILED. */
#define COMMAND_UNKNOWN   1 /* nobody handles it there */
#define COMMAND_BUSY      2 /* too many wait there */
#define COMMAND_TIMEOUT   3 /* the handler did not answer in time */
#define COMMAND_FAILED    4 /* the handler has gone */
#define COMMAND_ERROR_OWN 16
#define COMMAND_ERROR_MAX 65535

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
    EVENT_LISTEN,        /* of node_listen: many, the last of them LISTEN_END */
    EVENT_REPLY,         /* one node's reply to a node_query: many, before its EVENT_QUERY */
    EVENT_QUERY,         /* node_query */
    EVENT_REQUEST,       /* node_request */
    EVENT_COMMAND,       /* not a completion: answer with node_respond */
    EVENT_WATCH,         /* not a completion: what node_watch asked to see */
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

enum listen_what {
    LISTEN_VALUE,
    LISTEN_DELETED, /* the record is the deletion */
    LISTEN_EXPIRED, /* only place and seq of the record are set: kind, target, k, salt, seq */
    LISTEN_SYNCED,  /* all that was stored before has come; once. `err` ERR_TIMEOUT, ERR_OFFLINE:
                       what could be read in time has, the rest follows as it is found */
    LISTEN_END      /* `err` says why; nothing follows */
};

/* What a node answered to a command. Views live until the outbox is reset. */
struct command_reply {
    struct contact from;
    uint32_t rtt_ms;
    int64_t error;  /* 0: none; under 16 see COMMAND_*, else the handler's own */
    struct bytes v; /* raw bencoding; absent: none */
};

enum watch_class { /* bits, for node_watch */
                   WATCH_LOOKUPS = 1,
                   WATCH_NODES = 2,
                   WATCH_STORE = 4
};

enum watch_what {
    /* Of a lookup: its start, its steps, its end (with `err` and `stats`). */
    WATCH_STARTED,
    WATCH_ASKED,
    WATCH_ANSWERED,
    WATCH_LATE,
    WATCH_DEAD,
    WATCH_REFUSED,
    WATCH_ENDED,
    /* Of the tables. */
    WATCH_SEEN,     /* new in a table */
    WATCH_REPLACED, /* `contact` took the place of `old` */
    WATCH_LOST,     /* it failed too often, or is another node now */
    WATCH_JOINED,   /* new among the nodes nearest to us */
    WATCH_PARTED,   /* no longer among them */
    /* Of the store. */
    WATCH_STORED,
    WATCH_TURNED_AWAY, /* `err` says why */
    WATCH_EVICTED,
    WATCH_EXPIRED,
    WATCH_DROPPED
};

/* What EVENT_WATCH shows: no value, no key, no token. Texts are constants. */
struct watch_event {
    enum watch_class class;
    enum watch_what what;
    union {
        struct {
            uint64_t number;        /* of the operation that looks; a put may look more than once */
            const char *purpose;    /* "get", "put", "join", … */
            struct id target;       /* of a step also what distances are measured from */
            struct contact contact; /* of a step: whom; */
            bool has_id;            /* false: a bootstrap address, whose id is not known yet */
            uint32_t hop;           /* how many steps from our own table */
            uint32_t attempt;       /* of WATCH_ASKED: 1, or 2 for the second chance */
            uint32_t rtt_ms;        /* since it was asked */
            int64_t code;           /* of WATCH_REFUSED: KRPC's number; 0: a wrong id */
        } lookup;
        struct {
            struct contact contact, old;
        } node;
        struct {
            bool is_kept; /* among this node's own puts; else held for the network */
            enum record_kind kind;
            struct id target;
            bool has_seq;
            int64_t seq;
            uint32_t size;     /* of v, in bytes; of what was let go: as the store counts it */
            struct addr from;  /* who put it; ADDR_NONE: this node */
            const char *check; /* of WATCH_TURNED_AWAY: "token", "seq", … */
            const char *text;  /* the reason in words; may be NULL */
            uint32_t more;     /* not 0: so many others at once, of which nothing is told */
        } store;
    };
};

struct event {
    enum event_kind kind;
    uint64_t op;
    /* ERR_OK; ERR_TIMEOUT: the deadline passed before the lookup was complete (what was found is
     * there), or nothing was found and somebody who may have it did not answer; ERR_OFFLINE: nobody
     * answers; for a put the error that refused it; ERR_CANCELLED. */
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
        struct {
            enum listen_what what;
            bool is_replay; /* it was stored before the listening began */
            struct record record;
        } listen;
        struct command_reply reply; /* of EVENT_REPLY and EVENT_REQUEST */
        struct {
            const struct command_reply *closest; /* the k nearest that answered without an error */
            size_t closest_count;
            uint32_t replied, errors; /* replies without and with an error */
            struct {
                uint32_t tried, accepted, refused, silent;
                const struct command_reply *replies; /* `accepted` and `refused` together */
            } commit;                                /* all zero without one */
        } query;
        struct {
            uint64_t request;           /* for node_respond */
            struct bytes command;       /* its name, COMMAND_NAME_MAX at most */
            bool has_target, has_token; /* has_token: it bore a valid one of ours */
            struct id target;
            struct bytes v; /* raw bencoding; absent: none */
            struct contact from;
        } command;
        struct watch_event watch;
        struct record sign; /* sign this: k, salt, seq and v are set, sig is NULL */
    };
};

#endif
