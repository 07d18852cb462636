#include "common/bencode.h"
#include "daemon/dht/wire/krpc.h"

/* Writes a string literal, its size known at compile time: packets are mostly such constants. */
#define WRITE_LITERAL(w, literal) wire_write((w), "" literal, sizeof(literal) - 1)
/* `literal` is the encoded key, and the start of the value where that is fixed too. */
#define WRITE_BYTES(w, literal, value)                                                             \
    do {                                                                                           \
        if ((value).data != NULL) {                                                                \
            WRITE_LITERAL(w, literal);                                                             \
            bencode_write_bytes((w), (value));                                                     \
        }                                                                                          \
    } while (0)
#define WRITE_RAW(w, literal, value)                                                               \
    do {                                                                                           \
        if ((value).data != NULL) {                                                                \
            WRITE_LITERAL(w, literal);                                                             \
            wire_write((w), (value).data, (value).size);                                           \
        }                                                                                          \
    } while (0)
#define WRITE_INT(w, literal, has, value)                                                          \
    do {                                                                                           \
        if (has) {                                                                                 \
            WRITE_LITERAL(w, literal);                                                             \
            bencode_write_int((w), (value));                                                       \
        }                                                                                          \
    } while (0)

static const char *const method_names[KRPC_METHOD_COUNT] = {
    [KRPC_PING] = "ping",
    [KRPC_FIND_NODE] = "find_node",
    [KRPC_GET_PEERS] = "get_peers",
    [KRPC_ANNOUNCE_PEER] = "announce_peer",
    [KRPC_GET] = "get",
    [KRPC_PUT] = "put",
    [KRPC_XGET] = "xget",
    [KRPC_XPUT] = "xput",
    [KRPC_BYE] = "bye",
    [KRPC_LISTEN] = "listen",
    [KRPC_PUSH] = "push",
    [KRPC_COMMAND] = "cmd",
    [KRPC_UNKNOWN] = "",
};

const char *krpc_method_name(enum krpc_method method)
{
    return method_names[method];
}

static bool names_info_hash(const struct krpc *m)
{
    return m->type == KRPC_QUERY &&
           (m->method == KRPC_GET_PEERS || m->method == KRPC_ANNOUNCE_PEER);
}

static void write_want(struct wire_writer *w, const struct krpc *m)
{
    if (!m->want_v4 && !m->want_v6)
        return;
    WRITE_LITERAL(w, "4:wantl");
    if (m->want_v4)
        WRITE_LITERAL(w, "2:n4");
    if (m->want_v6)
        WRITE_LITERAL(w, "2:n6");
    WRITE_LITERAL(w, "e");
}

/* The keys in canonical order, in two halves. */
static void write_first_arguments(struct wire_writer *w, const struct krpc *m)
{
    WRITE_BYTES(w, "5:after", m->after);
    WRITE_BYTES(w, "6:briefs", m->briefs);
    WRITE_INT(w, "3:cas", m->has_cas, m->cas);
    WRITE_BYTES(w, "3:cmd", m->command);
    WRITE_INT(w, "5:count", m->has_count, m->count);
    WRITE_BYTES(w, "6:digest", m->digest);
    WRITE_RAW(w, "7:entries", m->entries);
    WRITE_INT(w, "5:error", m->command_error != 0, m->command_error);
    WRITE_BYTES(w, "4:gone", m->gone);
    if (m->has_id) {
        WRITE_LITERAL(w, "2:id20:");
        wire_write(w, m->id.b, ID_SIZE);
    }
    if (m->implied_port)
        WRITE_LITERAL(w, "12:implied_porti1e");
    if (m->has_target && names_info_hash(m)) {
        WRITE_LITERAL(w, "9:info_hash20:");
        wire_write(w, m->target.b, ID_SIZE);
    }
    WRITE_BYTES(w, "1:k", m->k);
    WRITE_BYTES(w, "4:keys", m->keys);
    WRITE_BYTES(w, "4:kind", m->kind);
    WRITE_INT(w, "5:lease", m->has_lease, m->lease_s);
    WRITE_BYTES(w, "4:lost", m->lost);
    WRITE_BYTES(w, "5:moved", m->moved);
    WRITE_BYTES(w, "4:news", m->news);
}

static void write_arguments(struct wire_writer *w, const struct krpc *m)
{
    write_first_arguments(w, m);
    WRITE_BYTES(w, "4:next", m->next);
    WRITE_BYTES(w, "5:nodes", m->nodes);
    WRITE_BYTES(w, "6:nodes6", m->nodes6);
    WRITE_INT(w, "4:port", m->has_port, m->port);
    if (m->salt.size > 0)
        WRITE_BYTES(w, "4:salt", m->salt);
    WRITE_INT(w, "3:seq", m->has_seq, m->seq);
    WRITE_BYTES(w, "3:sig", m->sig);
    WRITE_BYTES(w, "4:slot", m->slot);
    WRITE_BYTES(w, "3:sub", m->sub);
    WRITE_BYTES(w, "4:subs", m->subs);
    if (m->has_target && !names_info_hash(m)) {
        WRITE_LITERAL(w, "6:target20:");
        wire_write(w, m->target.b, ID_SIZE);
    }
    WRITE_BYTES(w, "5:token", m->token);
    WRITE_RAW(w, "1:v", m->v);
    WRITE_RAW(w, "6:values", m->values);
    write_want(w, m);
}

static void write_error(struct wire_writer *w, const struct krpc *m)
{
    WRITE_LITERAL(w, "1:el");
    bencode_write_int(w, m->error_code);
    if (m->error_text.data != NULL)
        bencode_write_bytes(w, m->error_text);
    WRITE_LITERAL(w, "e");
}

void krpc_write(struct wire_writer *w, const struct krpc *m)
{
    WRITE_LITERAL(w, "d");
    if (m->type == KRPC_QUERY) {
        WRITE_LITERAL(w, "1:ad");
        write_arguments(w, m);
        WRITE_LITERAL(w, "e");
    }
    if (m->type == KRPC_ERROR)
        write_error(w, m);
    WRITE_BYTES(w, "2:ip", m->ip);
    if (m->has_network) {
        WRITE_LITERAL(w, "2:nw4:");
        wire_write_u32(w, m->network);
    }
    if (m->type == KRPC_QUERY) {
        WRITE_LITERAL(w, "1:q");
        bencode_write_string(w, krpc_method_name(m->method));
    }
    if (m->type == KRPC_RESPONSE) {
        WRITE_LITERAL(w, "1:rd");
        write_arguments(w, m);
        WRITE_LITERAL(w, "e");
    }
    if (m->read_only)
        WRITE_LITERAL(w, "2:roi1e");
    WRITE_BYTES(w, "1:t", m->t);
    WRITE_BYTES(w, "1:v", m->version);
    WRITE_LITERAL(w, "1:y1:");
    wire_write_u8(w, (uint8_t)m->type);
    WRITE_LITERAL(w, "e");
}

void krpc_write_contact(struct wire_writer *w, const struct id *id, const struct addr *addr)
{
    uint8_t compact[ADDR_COMPACT_V6];
    size_t size = addr_to_compact(addr, compact);
    wire_write(w, id->b, ID_SIZE);
    wire_write(w, compact, size);
}
