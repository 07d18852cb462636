/* Operations under way: what a caller (or the node itself) asked for, with a deadline. Each ends by
 * op_finish, exactly once. The kinds are in op_get.c, op_gather.c, op_put.c, op_peers.c and
 * op_lookup.c, the node's own also in op_push.c, op_sync.c, op_seek.c and op_catchup.c; this room
 * holds the table, ends what is over, and watches the deadlines. */
#ifndef XORD_DHT_OP_H
#define XORD_DHT_OP_H

#include "common/alarms.h"
#include "daemon/dht/node.h"
#include "daemon/dht/ops/search.h"

#define OPS_INTERNAL_MAX 96u /* the node's own work beside NODE_OPS_MAX: half is listenings' */
#define PUT_HOLDERS_MAX  24u /* closest of both families and spares for those that fail */

enum op_kind {
    OP_GET,
    OP_GATHER,
    OP_PUT,
    OP_LOOKUP,
    OP_PEERS,
    OP_ANNOUNCE,
    OP_PING,
    OP_QUERY,
    OP_REQUEST,
    OP_DROP,
    OP_PUSH,
    OP_SYNC,
    OP_SEEK,
    OP_CATCHUP,
    OP_LEAVE,
    OP_KIND_COUNT
};

enum put_phase { PUT_QUEUED, PUT_SEARCHING, PUT_SIGNING, PUT_STORING, PUT_KEEPING };

enum holder_state { HOLDER_SPARE, HOLDER_ASKED, HOLDER_STORED, HOLDER_REJECTED, HOLDER_SILENT };

struct put_holder {
    struct contact contact;
    enum holder_state state;
    bool is_late; /* it was, with an answer: another is asked in its place, still it counts */
    uint8_t tries;
    bool is_xord;
    bool has_seq; /* it reported a record with this seq */
    int64_t seq;
    int64_t code; /* why it rejected */
    uint8_t token_size;
    uint8_t token[LOOKUP_TOKEN_MAX];
};

struct op_get {
    enum record_kind kind;
    struct bytes salt; /* into `memory` */
    uint8_t k[KEYS_PUBLIC_SIZE];
    bool has_min_seq;
    int64_t min_seq;
    bool is_found;
    struct record best; /* views into `best_memory` */
    uint8_t *best_memory;
    uint32_t refused; /* answers with a value that did not verify */
};

struct op_put {
    enum put_phase phase;
    enum record_kind kind;
    struct id key;    /* record_key: puts of one queue behind each other */
    bool is_announce; /* BEP 5's announce_peer in a put's clothes: no record, a port */
    uint16_t port;
    uint8_t k[KEYS_PUBLIC_SIZE], sig[KEYS_SIGNATURE_SIZE];
    bool is_signed;    /* `sig` is the caller's own, or made for the present seq */
    bool is_presigned; /* the caller's own: seq and sig can't be changed */
    bool has_cas, is_auto_seq, is_kept, is_quick, is_local, is_republish;
    bool was_kept;  /* when its own keeping began, a record of this place was kept already */
    bool has_rival; /* a verified record with the caller's own seq but other content was seen */
    bool is_seen;   /* a verified record was seen, with this seq: */
    int64_t seen_seq;
    int64_t adopted_seq; /* of a newer record that a republish met and now keeps */
    int64_t seq, cas;
    struct bytes salt, v; /* into `memory` */
    uint8_t attempts;     /* rounds that ended in 301 or 302 */
    bool is_self_holder, is_self_stored, is_keep_done;
    uint64_t self_write, keep_write; /* under way; 0: none */
    enum err keep_err, self_err;
    uint8_t wanted; /* remote holders wanted */
    uint8_t holder_count;
    struct put_holder *holders; /* owned, PUT_HOLDERS_MAX */
};

struct op_push {
    enum record_kind kind; /* with the target: a record we hold */
    struct contact to;
    bool is_giving; /* it lacks the record: the put is under way, else the question */
    uint8_t tries;  /* of what is under way */
    uint8_t token_size;
    uint8_t token[LOOKUP_TOKEN_MAX];
};

struct op_peers {
    struct addr *addrs; /* owned */
    size_t count;
};

struct op {
    struct alarm deadline; /* ms, first member */
    uint64_t number;
    enum op_kind kind;
    bool is_internal; /* no event at its end */
    bool is_answered; /* the caller has its event; the rest is our own affair */
    bool is_join;     /* the search of our own id */
    bool is_searching;
    uint32_t queries; /* of its own under way: counted, so that most ends need not look for them */
    uint64_t started_ms;
    struct search search;
    uint8_t *memory; /* owned: copies of what the request pointed to */
    union {
        struct op_get get;
        struct op_gather *gather; /* owned */
        struct op_put put;
        struct op_peers peers;
        struct {
            struct contact contact; /* its id once it has answered */
            uint32_t rtt_ms;
            uint8_t tries;
        } ping;
        struct op_push push;
        struct op_command *command; /* owned; of OP_QUERY and OP_REQUEST */
        struct op_sync *sync;       /* owned */
        struct {
            uint64_t listening;
            bool is_known; /* some of what is listened to: values stay away */
        } seek;
        struct op_catchup *catchup; /* owned */
        enum record_kind drop_kind;
    };
};

struct ops {
    struct op **slots;
    uint32_t capacity;
    uint32_t external, internal; /* under way */
    struct alarms deadlines;
    uint64_t sequence;
};

void ops_clear(struct ops *ops);
/* A new operation of this kind; NULL with *err ERR_BUSY or ERR_NO_MEMORY. timeout_ms 0: the
 * default. */
struct op *op_new(struct node *node, struct now now, enum op_kind kind, bool is_internal,
                  uint32_t timeout_ms, enum err *err);
/* Its time is up then instead; ALARM_NEVER: something else will end it. */
void op_set_deadline(struct node *node, struct op *op, uint64_t at_ms);
struct op *op_find(const struct ops *ops, uint64_t number); /* NULL when it has ended */
/* Ends it with its one event (none when internal or already answered), and frees it. */
void op_finish(struct node *node, struct now now, struct op *op, enum err err, struct outbox *out);
/* Its caller gives it up: the event comes now. What is on its way to our disk can't be called back,
 * so then the operation itself ends with the write. */
void op_cancel(struct node *node, struct now now, struct op *op, struct outbox *out);
/* Frees one that was refused before it began: no event. */
void op_discard(struct node *node, struct op *op);
/* Queues a write for this operation: gives it a number (also to *number unless NULL) and sees that
 * op_stored is told of its end. False when too many are under way. */
bool op_write(struct node *node, struct op *op, const struct store_write *write, uint64_t *number,
              struct outbox *out);

/* A query of operation `owner` (0: none) was sent (1), or is over in any way (-1). */
void op_count_query(struct node *node, uint64_t owner, int change);

/* A write of this operation finished. */
void op_stored(struct node *node, struct now now, uint64_t op, uint64_t write, enum err err,
               int64_t seq, struct outbox *out);
void ops_tick(struct node *node, struct now now, struct outbox *out);
uint64_t ops_next_ms(const struct ops *ops);

#endif
