#include "daemon/dht/wire/krpc.h"

#include "common/bencode.h"

/* Compares a key whose size a switch has already settled. */
#define KEY_IS(key, literal) (memcmp((key).data, "" literal, sizeof(literal) - 1) == 0)

/* Every key that is known, so that one met twice is noticed. */
enum field {
    FIELD_A,
    FIELD_E,
    FIELD_IP,
    FIELD_NW,
    FIELD_Q,
    FIELD_R,
    FIELD_RO,
    FIELD_T,
    FIELD_VERSION,
    FIELD_Y,
    FIELD_CAS,
    FIELD_ID,
    FIELD_IMPLIED_PORT,
    FIELD_INFO_HASH,
    FIELD_K,
    FIELD_NODES,
    FIELD_NODES6,
    FIELD_PORT,
    FIELD_SALT,
    FIELD_SEQ,
    FIELD_SIG,
    FIELD_TARGET,
    FIELD_TOKEN,
    FIELD_V,
    FIELD_VALUES,
    FIELD_WANT,
    FIELD_AFTER,
    FIELD_BRIEFS,
    FIELD_COUNT,
    FIELD_DIGEST,
    FIELD_ENTRIES,
    FIELD_KEYS,
    FIELD_NEXT,
    FIELD_SLOT,
    FIELD_CMD,
    FIELD_ERROR,
    FIELD_GONE,
    FIELD_KIND,
    FIELD_LEASE,
    FIELD_LOST,
    FIELD_MOVED,
    FIELD_NEWS,
    FIELD_SUB,
    FIELD_SUBS
};

/* One pass over a packet. Whatever is wrong with it, in form or meaning, sets reader.failed, which
 * ends the pass. */
struct parser {
    struct bencode_reader reader;
    struct krpc *out;
    uint64_t seen; /* bits of enum field */
};

static inline bool has_seen(const struct parser *p, enum field field)
{
    return (p->seen >> field & 1) != 0;
}

static inline struct bencode_reader *once(struct parser *p, enum field field)
{
    p->reader.failed |= has_seen(p, field);
    p->seen |= UINT64_C(1) << field;
    return &p->reader;
}

static inline struct bytes read_bytes(struct parser *p, enum field field)
{
    return bencode_read_bytes(once(p, field));
}

static inline int64_t read_int(struct parser *p, enum field field)
{
    return bencode_read_int(once(p, field));
}

static inline void read_id(struct parser *p, enum field field, struct id *out)
{
    struct bytes id = read_bytes(p, field);
    if (id.size == ID_SIZE)
        memcpy(out->b, id.data, ID_SIZE);
    else
        p->reader.failed = true;
}

/* `target` and `info_hash` are one thing under two names; both may be there if they agree. */
static inline void read_target(struct parser *p, enum field field)
{
    struct id target = {0};
    read_id(p, field, &target);
    if (p->out->has_target && !id_equal(&target, &p->out->target))
        p->reader.failed = true;
    p->out->has_target = true;
    p->out->target = target;
}

/* What is left over after the last whole contact names nobody. */
static inline struct bytes read_nodes(struct parser *p, enum field field, size_t contact_size)
{
    struct bytes nodes = read_bytes(p, field);
    return bytes_of(nodes.data, nodes.size - nodes.size % contact_size);
}

static void read_port(struct parser *p)
{
    int64_t port = read_int(p, FIELD_PORT);
    if (port < 0 || port > UINT16_MAX)
        p->reader.failed = true;
    p->out->has_port = true;
    p->out->port = (uint16_t)port;
}

static void read_want(struct parser *p)
{
    bencode_read_list(once(p, FIELD_WANT));
    while (bencode_more(&p->reader)) {
        struct bytes family = bencode_read_bytes(&p->reader);
        p->out->want_v4 |= bytes_is_string(family, "n4");
        p->out->want_v6 |= bytes_is_string(family, "n6");
    }
}

static struct bytes read_list(struct parser *p, enum field field)
{
    if (bencode_peek(once(p, field)) != BENCODE_LIST)
        p->reader.failed = true;
    return bencode_read_raw(&p->reader);
}

/* BEP 44: an empty salt is as one not given. */
static void read_salt(struct parser *p)
{
    p->out->salt = read_bytes(p, FIELD_SALT);
    if (p->out->salt.size == 0)
        p->out->salt.data = NULL;
}

/* Keys of up to three bytes. False for an unknown one, its value not yet read. */
static inline bool read_short_argument(struct parser *p, struct bytes key)
{
    struct krpc *out = p->out;
    if (key.size == 2 && KEY_IS(key, "id")) {
        read_id(p, FIELD_ID, &out->id);
        out->has_id = true;
    } else if (key.size == 1 && key.data[0] == 'v') {
        out->v = bencode_read_raw(once(p, FIELD_V));
    } else if (key.size == 1 && key.data[0] == 'k') {
        out->k = read_bytes(p, FIELD_K);
    } else if (key.size == 3 && KEY_IS(key, "seq")) {
        out->seq = read_int(p, FIELD_SEQ);
        out->has_seq = true;
    } else if (key.size == 3 && KEY_IS(key, "sig")) {
        out->sig = read_bytes(p, FIELD_SIG);
    } else if (key.size == 3 && KEY_IS(key, "cas")) {
        out->cas = read_int(p, FIELD_CAS);
        out->has_cas = true;
    } else if (key.size == 3 && KEY_IS(key, "cmd")) {
        out->command = read_bytes(p, FIELD_CMD);
    } else if (key.size == 3 && KEY_IS(key, "sub")) {
        out->sub = read_bytes(p, FIELD_SUB);
    } else {
        return false;
    }
    return true;
}

static inline bool read_long_argument(struct parser *p, struct bytes key)
{
    struct krpc *out = p->out;
    if (key.size == 6 && KEY_IS(key, "target"))
        read_target(p, FIELD_TARGET);
    else if (key.size == 5 && KEY_IS(key, "token"))
        out->token = read_bytes(p, FIELD_TOKEN);
    else if (key.size == 5 && KEY_IS(key, "nodes"))
        out->nodes = read_nodes(p, FIELD_NODES, KRPC_COMPACT_V4);
    else if (key.size == 6 && KEY_IS(key, "nodes6"))
        out->nodes6 = read_nodes(p, FIELD_NODES6, KRPC_COMPACT_V6);
    else if (key.size == 9 && KEY_IS(key, "info_hash"))
        read_target(p, FIELD_INFO_HASH);
    else if (key.size == 4 && KEY_IS(key, "salt"))
        read_salt(p);
    else if (key.size == 4 && KEY_IS(key, "want"))
        read_want(p);
    else if (key.size == 4 && KEY_IS(key, "port"))
        read_port(p);
    else if (key.size == 6 && KEY_IS(key, "values"))
        out->values = read_list(p, FIELD_VALUES);
    else if (key.size == 12 && KEY_IS(key, "implied_port"))
        out->implied_port = read_int(p, FIELD_IMPLIED_PORT) != 0;
    else
        return false;
    return true;
}

/* Of xget and xput. */
static bool read_multi_argument(struct parser *p, struct bytes key)
{
    struct krpc *out = p->out;
    if (key.size == 4 && KEY_IS(key, "keys")) {
        out->keys = read_bytes(p, FIELD_KEYS);
    } else if (key.size == 4 && KEY_IS(key, "slot")) {
        out->slot = read_bytes(p, FIELD_SLOT);
    } else if (key.size == 4 && KEY_IS(key, "next")) {
        out->next = read_bytes(p, FIELD_NEXT);
    } else if (key.size == 5 && KEY_IS(key, "after")) {
        out->after = read_bytes(p, FIELD_AFTER);
    } else if (key.size == 5 && KEY_IS(key, "count")) {
        out->count = read_int(p, FIELD_COUNT);
        out->has_count = true;
    } else if (key.size == 6 && KEY_IS(key, "briefs")) {
        out->briefs = read_bytes(p, FIELD_BRIEFS);
    } else if (key.size == 6 && KEY_IS(key, "digest")) {
        out->digest = read_bytes(p, FIELD_DIGEST);
    } else if (key.size == 7 && KEY_IS(key, "entries")) {
        out->entries = read_list(p, FIELD_ENTRIES);
    } else {
        return false;
    }
    return true;
}

/* Of listen and push. */
static bool read_listen_argument(struct parser *p, struct bytes key)
{
    struct krpc *out = p->out;
    if (key.size == 4 && KEY_IS(key, "kind")) {
        out->kind = read_bytes(p, FIELD_KIND);
    } else if (key.size == 4 && KEY_IS(key, "subs")) {
        out->subs = read_bytes(p, FIELD_SUBS);
    } else if (key.size == 4 && KEY_IS(key, "gone")) {
        out->gone = read_bytes(p, FIELD_GONE);
    } else if (key.size == 4 && KEY_IS(key, "lost")) {
        out->lost = read_bytes(p, FIELD_LOST);
    } else if (key.size == 4 && KEY_IS(key, "news")) {
        out->news = read_bytes(p, FIELD_NEWS);
    } else if (key.size == 5 && KEY_IS(key, "moved")) {
        out->moved = read_bytes(p, FIELD_MOVED);
    } else if (key.size == 5 && KEY_IS(key, "lease")) {
        out->lease_s = read_int(p, FIELD_LEASE);
        out->has_lease = true;
    } else if (key.size == 5 && KEY_IS(key, "error")) {
        out->command_error = read_int(p, FIELD_ERROR);
    } else {
        return false;
    }
    return true;
}

static void read_arguments(struct parser *p, enum field field)
{
    bencode_read_dict(once(p, field));
    while (bencode_more(&p->reader)) {
        struct bytes key = bencode_read_bytes(&p->reader);
        bool is_known = key.size <= 3 ? read_short_argument(p, key)
                                      : read_long_argument(p, key) || read_multi_argument(p, key) ||
                                            read_listen_argument(p, key);
        if (!is_known)
            bencode_read_raw(&p->reader);
    }
}

static enum krpc_method method_of(struct bytes name)
{
    switch (name.size) {
    case 3:
        return KEY_IS(name, "get")   ? KRPC_GET
               : KEY_IS(name, "put") ? KRPC_PUT
               : KEY_IS(name, "bye") ? KRPC_BYE
               : KEY_IS(name, "cmd") ? KRPC_COMMAND
                                     : KRPC_UNKNOWN;
    case 4:
        return KEY_IS(name, "ping")   ? KRPC_PING
               : KEY_IS(name, "xget") ? KRPC_XGET
               : KEY_IS(name, "xput") ? KRPC_XPUT
               : KEY_IS(name, "push") ? KRPC_PUSH
                                      : KRPC_UNKNOWN;
    case 6:
        return KEY_IS(name, "listen") ? KRPC_LISTEN : KRPC_UNKNOWN;
    case 9:
        return KEY_IS(name, "find_node")   ? KRPC_FIND_NODE
               : KEY_IS(name, "get_peers") ? KRPC_GET_PEERS
                                           : KRPC_UNKNOWN;
    case 13:
        return KEY_IS(name, "announce_peer") ? KRPC_ANNOUNCE_PEER : KRPC_UNKNOWN;
    default:
        return KRPC_UNKNOWN;
    }
}

static bool is_type(struct bytes y)
{
    return y.size == 1 && (y.data[0] == 'q' || y.data[0] == 'r' || y.data[0] == 'e');
}

static void read_type(struct parser *p)
{
    struct bytes y = read_bytes(p, FIELD_Y);
    if (is_type(y))
        p->out->type = (enum krpc_type)y.data[0];
    else
        p->reader.failed = true;
}

/* BEP 5: a list of the number and a sentence; some leave the sentence out. */
static void read_error(struct parser *p)
{
    bencode_read_list(once(p, FIELD_E));
    if (!bencode_more(&p->reader))
        p->reader.failed = true;
    p->out->error_code = bencode_read_int(&p->reader);
    if (bencode_more(&p->reader)) {
        p->out->error_text = bencode_read_bytes(&p->reader);
        while (bencode_more(&p->reader))
            bencode_read_raw(&p->reader);
    }
}

static bool read_tag(struct bytes tag, uint32_t *network)
{
    struct wire_reader r;
    wire_reader_init(&r, tag);
    uint32_t value = wire_read_u32(&r);
    if (!wire_reader_is_done(&r))
        return false;
    *network = value;
    return true;
}

static void read_network(struct parser *p)
{
    p->out->has_network = read_tag(read_bytes(p, FIELD_NW), &p->out->network);
    p->reader.failed |= !p->out->has_network;
}

static void read_t(struct parser *p)
{
    p->out->t = read_bytes(p, FIELD_T);
    p->reader.failed |= p->out->t.size > KRPC_T_MAX;
}

static bool read_top_byte(struct parser *p, uint8_t key)
{
    switch (key) {
    case 't':
        read_t(p);
        return true;
    case 'y':
        read_type(p);
        return true;
    case 'q':
        p->out->method = method_of(read_bytes(p, FIELD_Q));
        return true;
    case 'a':
        read_arguments(p, FIELD_A);
        return true;
    case 'r':
        read_arguments(p, FIELD_R);
        return true;
    case 'e':
        read_error(p);
        return true;
    case 'v':
        p->out->version = read_bytes(p, FIELD_VERSION);
        return true;
    default:
        return false;
    }
}

static bool read_top_pair(struct parser *p, struct bytes key)
{
    if (KEY_IS(key, "nw"))
        read_network(p);
    else if (KEY_IS(key, "ip"))
        p->out->ip = read_bytes(p, FIELD_IP);
    else if (KEY_IS(key, "ro"))
        p->out->read_only = read_int(p, FIELD_RO) != 0;
    else
        return false;
    return true;
}

static void read_top(struct parser *p)
{
    bencode_read_dict(&p->reader);
    while (bencode_more(&p->reader)) {
        struct bytes key = bencode_read_bytes(&p->reader);
        bool is_known = key.size == 1   ? read_top_byte(p, key.data[0])
                        : key.size == 2 ? read_top_pair(p, key)
                                        : false;
        if (!is_known)
            bencode_read_raw(&p->reader);
    }
}

/* An error carries no arguments, though libtorrent puts an `r` beside it; only an error carries a
 * number. So nobody can mistake what belongs to another type of message. */
static void keep_what_fits_type(struct krpc *m)
{
    if (m->type == KRPC_ERROR) {
        *m = (struct krpc){.type = m->type,
                           .t = m->t,
                           .version = m->version,
                           .ip = m->ip,
                           .read_only = m->read_only,
                           .has_network = m->has_network,
                           .network = m->network,
                           .error_code = m->error_code,
                           .error_text = m->error_text};
    } else {
        m->error_code = 0;
        m->error_text = bytes_of(NULL, 0);
    }
    if (m->type != KRPC_QUERY)
        m->method = KRPC_UNKNOWN;
}

/* The second look at a packet that is refused: enough of it to answer, or nothing. */
static void salvage(struct bytes packet, struct krpc *out)
{
    *out = (struct krpc){.method = KRPC_UNKNOWN};
    struct bytes t = {0}, y = {0}, tag = {0};
    struct bencode_reader r;
    bencode_reader_init(&r, packet);
    bencode_read_dict(&r);
    while (bencode_more(&r)) {
        struct bytes key = bencode_read_bytes(&r);
        bool is_text = bencode_peek(&r) == BENCODE_BYTES;
        if (is_text && bytes_is_string(key, "t"))
            t = bencode_read_bytes(&r);
        else if (is_text && bytes_is_string(key, "y"))
            y = bencode_read_bytes(&r);
        else if (is_text && bytes_is_string(key, "nw"))
            tag = bencode_read_bytes(&r);
        else
            bencode_read_raw(&r);
    }
    if (t.data == NULL || t.size > KRPC_T_MAX || !is_type(y))
        return;
    out->t = t;
    out->type = (enum krpc_type)y.data[0];
    out->has_network = read_tag(tag, &out->network);
}

enum err krpc_parse(struct bytes packet, struct krpc *out)
{
    struct parser p = {.out = out};
    *out = (struct krpc){.method = KRPC_UNKNOWN};
    bencode_reader_init(&p.reader, packet);
    read_top(&p);
    bool is_message = bencode_is_done(&p.reader) && has_seen(&p, FIELD_T) && has_seen(&p, FIELD_Y);
    /* Arguments under the other type's key would be a message that means two things. */
    enum field foreign = out->type == KRPC_QUERY ? FIELD_R : FIELD_A;
    if (!is_message || (out->type != KRPC_ERROR && has_seen(&p, foreign))) {
        salvage(packet, out);
        return ERR_MALFORMED;
    }
    if (out->type != KRPC_QUERY || has_seen(&p, FIELD_E))
        keep_what_fits_type(out);
    return ERR_OK;
}

bool krpc_read_contact(struct bytes nodes, enum addr_family family, size_t index, struct id *id,
                       struct addr *addr)
{
    size_t size = family == ADDR_V6 ? KRPC_COMPACT_V6 : KRPC_COMPACT_V4;
    if (index >= nodes.size / size)
        return false;
    const uint8_t *at = nodes.data + index * size;
    memcpy(id->b, at, ID_SIZE);
    return addr_from_compact(bytes_of(at + ID_SIZE, size - ID_SIZE), addr);
}
