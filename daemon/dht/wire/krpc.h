/* KRPC messages (BEP 5, 32, 42, 43, 44, xord's network tag and its queries for multis): one struct
 * both ways. Parsing fills it with views into the packet; writing emits, in canonical order, the
 * fields that are present. Knows nothing of tables, tokens or transactions; allocates nothing. */
#ifndef XORD_DHT_KRPC_H
#define XORD_DHT_KRPC_H

#include "common/addr.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/wire.h"
#include "daemon/dht/wire/id.h"

#define KRPC_PACKET_MAX      1400 /* the largest packet sent: an item of 1000 bytes makes 1274 */
#define KRPC_PACKET_SOFT_MAX 1024 /* replies drop nodes to stay within it where the item allows */
#define KRPC_T_SIZE          4    /* our transaction ids; libtorrent and others assume no more */
#define KRPC_T_MAX           64   /* a peer's longest transaction id that is echoed */
#define KRPC_TOKEN_MAX       64   /* a peer's longest token that is kept and echoed */
#define KRPC_NODES_MAX       8    /* listed in one reply, a family */
#define KRPC_NODES_WIDE      20 /* to a command, which may want so many: of a family asked alone */
#define KRPC_COMPACT_V4      26 /* id and compact address */
#define KRPC_COMPACT_V6      38

enum krpc_type { KRPC_QUERY = 'q', KRPC_RESPONSE = 'r', KRPC_ERROR = 'e' };

enum krpc_method {
    KRPC_PING,
    KRPC_FIND_NODE,
    KRPC_GET_PEERS,
    KRPC_ANNOUNCE_PEER,
    KRPC_GET,
    KRPC_PUT,
    KRPC_XGET,    /* xord's own: the entries of a multi */
    KRPC_XPUT,    /* xord's own: an entry of a multi */
    KRPC_BYE,     /* xord's own: the sender is about to stop; never answered */
    KRPC_LISTEN,  /* xord's own: takes, renews and gives up leases on a target's changes */
    KRPC_PUSH,    /* xord's own: a holder hands a subscriber what was stored */
    KRPC_COMMAND, /* xord's own: a command of some program behind the node */
    KRPC_UNKNOWN, /* a query by any other name */
    KRPC_METHOD_COUNT
};

/* Absent views have data NULL; absent scalars their `has_` flag false. */
struct krpc {
    enum krpc_type type;
    enum krpc_method method; /* of queries alone; a response's follows from its transaction */
    struct bytes t;
    struct bytes version; /* `v` at top level: client and version */
    struct bytes ip;      /* BEP 42: our address as the peer saw it, compact */
    bool read_only;       /* BEP 43 */
    bool has_network;     /* xord's `nw` */
    uint32_t network;
    bool has_id;
    struct id id;
    bool has_target; /* `target` or `info_hash`, whichever was there */
    struct id target;
    bool want_v4, want_v6; /* BEP 32 `want`; both false when absent */
    bool has_port, implied_port;
    uint16_t port;
    struct bytes token;
    struct bytes nodes, nodes6; /* compact, a whole number of contacts */
    struct bytes values;        /* BEP 5: the raw bencoded list of compact addresses */
    struct bytes k, salt, sig;  /* BEP 44; k and sig of any size as sent: the reader checks */
    struct bytes v;             /* BEP 44: the value's raw encoding, as received */
    bool has_seq, has_cas;
    int64_t seq, cas;
    /* Of multis (multi.h), of any size as sent: the reader checks. */
    struct bytes slot;
    struct bytes keys;         /* of the entries that are asked for, one after the other */
    struct bytes after;        /* position; empty: the start. Asks what entries there are */
    struct bytes briefs, next; /* what there is, and the position to go on after */
    struct bytes digest;       /* of all entries there are */
    struct bytes entries;      /* raw bencoded list */
    bool has_count;
    int64_t count; /* of all entries there are */
    /* Of listen and push (lease.h), of any size as sent: the reader checks. */
    struct bytes kind;  /* "s" or "m" */
    struct bytes sub;   /* the subscription's id */
    struct bytes subs;  /* ids and digests of those that are renewed */
    struct bytes gone;  /* ids of those that are given up */
    struct bytes lost;  /* ids of those that there is no lease of */
    struct bytes moved; /* ids of those whose target has got closer nodes */
    struct bytes news;  /* ids of those whose digest differs, and the holder's digest */
    bool has_lease;
    int64_t lease_s;
    /* Of commands: the name, and in a response what went wrong; 0: nothing. */
    struct bytes command;
    int64_t command_error;
    int64_t error_code;
    struct bytes error_text;
};

/* ERR_OK, or ERR_MALFORMED when the packet is not a KRPC message: not one dictionary, no `t` or one
 * over KRPC_T_MAX, no known `y`, a known key with a value of a wrong type, an id or target that is
 * not 20 bytes, a key twice, nested too deep, bytes after the end. Unknown keys are skipped. When
 * it fails but `t` and `y` could be read, `out->t` and `out->type` are set, so a query can be
 * answered 203, and the network if there is one; else out->t is absent. */
enum err krpc_parse(struct bytes packet, struct krpc *out);

/* Appends the message; sets w->failed when it does not fit. */
void krpc_write(struct wire_writer *w, const struct krpc *message);

/* xord's own queries: other software knows nothing of them. */
static inline bool krpc_is_extension(enum krpc_method method)
{
    return method == KRPC_XGET || method == KRPC_XPUT || method == KRPC_BYE ||
           method == KRPC_LISTEN || method == KRPC_PUSH || method == KRPC_COMMAND;
}
/* The sender's version says that it is a xord. */
static inline bool krpc_is_xord(const struct krpc *message)
{
    return message->version.size == 4 && memcmp(message->version.data, "XO", 2) == 0;
}

/* The `q` of a method, static; "" for KRPC_UNKNOWN. */
const char *krpc_method_name(enum krpc_method method);

/* One contact in compact form: 26 or 38 bytes by its family. Appends; a node list is many. */
void krpc_write_contact(struct wire_writer *w, const struct id *id, const struct addr *addr);
/* The `index`-th contact of a `nodes` (ADDR_V4) or `nodes6` (ADDR_V6) list; false past the end. */
bool krpc_read_contact(struct bytes nodes, enum addr_family family, size_t index, struct id *id,
                       struct addr *addr);

#endif
