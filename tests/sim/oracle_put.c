#include "tests/sim/oracle_put.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/sim/oracle_node.h"

/* Places by process and asker; a later put in the same place takes it, and the earlier goes
 * unwatched. */
#define PLACES      4096u
#define TAIL_SIZE   64u /* where a query's method stands, behind all that can be long */
#define PUT_METHOD  "1:q3:put"
#define XPUT_METHOD "1:q4:xput"

struct pending_put {
    bool is_used;
    uint32_t process;
    struct addr from;
    uint8_t t_size, t[KRPC_T_MAX];
    enum record_kind kind;
    struct id key; /* record_key */
    int64_t seq;
};

struct pending_put *pending_put_new(void)
{
    struct pending_put *pending = calloc(PLACES, sizeof *pending);
    assert(pending != NULL);
    return pending;
}

void pending_put_forget(struct pending_put *pending, uint32_t process)
{
    for (uint32_t i = 0; i < PLACES; i++)
        if (pending[i].process == process)
            pending[i].is_used = false;
}

static struct pending_put *place_of(struct oracle *o, uint32_t process, const struct addr *from)
{
    return &o->pending[addr_hash(from, process) % PLACES];
}

static bool is_put(struct bytes packet)
{
    size_t tail = packet.size < TAIL_SIZE ? packet.size : TAIL_SIZE;
    const uint8_t *at = packet.data + packet.size - tail;
    return memmem(at, tail, PUT_METHOD, sizeof PUT_METHOD - 1) != NULL ||
           memmem(at, tail, XPUT_METHOD, sizeof XPUT_METHOD - 1) != NULL;
}

/* Which record the query is about. */
static void name_record(struct pending_put *put, const struct krpc *query)
{
    struct record record = {.target = query->target, .salt = query->salt, .v = query->v};
    put->kind = RECORD_IMMUTABLE;
    put->seq = query->seq;
    if (query->k.size != KEYS_PUBLIC_SIZE) {
        record_immutable_target(query->v, &put->key);
        return;
    }
    put->kind = query->method == KRPC_XPUT ? RECORD_MULTI : RECORD_SINGLE;
    if (put->kind == RECORD_SINGLE) {
        record_single_target(query->k.data, query->salt, &put->key);
        return;
    }
    record.kind = RECORD_MULTI;
    record.k = query->k.data;
    record.salt = query->slot;
    record_key(&record, &put->key);
}

void oracle_arrived(void *context, struct world *w, struct process *p, const struct addr *from,
                    struct bytes packet)
{
    struct oracle *o = context;
    struct krpc query;
    (void)w;
    if (p->is_adversary || !is_put(packet) || krpc_parse(packet, &query) != ERR_OK ||
        query.v.data == NULL)
        return;
    struct pending_put *put = place_of(o, p->number, from);
    *put = (struct pending_put){
        .is_used = true, .process = p->number, .from = *from, .t_size = (uint8_t)query.t.size};
    memcpy(put->t, query.t.data, query.t.size);
    name_record(put, &query);
}

void oracle_sent(void *context, struct world *w, struct process *p, const struct out_packet *packet)
{
    struct oracle *o = context;
    struct pending_put *put = place_of(o, p->number, &packet->to);
    struct krpc reply;
    struct stored stored;
    oracle_check_role(o, w, p, packet);
    oracle_check_served(o, p, packet);
    if (!put->is_used || put->process != p->number || !addr_equal(&put->from, &packet->to) ||
        krpc_parse(packet->data, &reply) != ERR_OK || reply.type == KRPC_QUERY ||
        !bytes_equal(reply.t, bytes_of(put->t, put->t_size)))
        return;
    put->is_used = false;
    if (reply.type == KRPC_RESPONSE && (disk_get(&p->disk, process_now(p).unix_s, STORE_HELD,
                                                 put->kind, &put->key, &stored) != ERR_OK ||
                                        stored.record.seq < put->seq))
        oracle_fail(o, p, "seq %" PRId64 " was acknowledged and is not on disk", put->seq);
}
