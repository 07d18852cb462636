#include "tests/sim/meter.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/dht/wire/krpc.h"

static uint8_t *place_of(struct meter *m, uint32_t asker, struct bytes t)
{
    uint32_t hash = asker * 0x9e3779b1u;
    for (size_t i = 0; i < t.size; i++)
        hash = (hash ^ t.data[i]) * 0x01000193u;
    return &m->kinds[(hash ^ hash >> 15) & (METER_PLACES - 1)];
}

static bool has_on_disk(const struct process *p, const struct id *target)
{
    struct stored stored;
    uint64_t now_unix_s = process_now(p).unix_s;
    return disk_get(&p->disk, now_unix_s, STORE_HELD, RECORD_SINGLE, target, &stored) == ERR_OK ||
           disk_get(&p->disk, now_unix_s, STORE_KEPT, RECORD_SINGLE, target, &stored) == ERR_OK;
}

static bool has_entry(const struct process *p, const struct krpc *query)
{
    const struct record entry = {
        .kind = RECORD_MULTI, .target = query->target, .k = query->k.data, .salt = query->slot};
    struct stored stored;
    struct id key;
    if (query->k.size != KEYS_PUBLIC_SIZE)
        return false;
    record_key(&entry, &key);
    return disk_get(&p->disk, process_now(p).unix_s, STORE_HELD, RECORD_MULTI, &key, &stored) ==
           ERR_OK;
}

static bool has_multi(const struct process *p, const struct id *target)
{
    struct store_summary summary;
    return disk_summary(&p->disk, STORE_HELD, target, &summary) == ERR_OK;
}

/* A get by a node that has the record itself is for others; so is a put by one. So counts a holder
 * that reads a multi for a user of its own, which is rare. */
static enum meter_kind kind_of_query(const struct process *p, const struct krpc *query)
{
    struct id target = query->target;
    if (query->method == KRPC_XPUT)
        return has_entry(p, query) ? METER_VALUES : METER_USE;
    if (query->method == KRPC_XGET)
        return has_multi(p, &target) ? METER_VALUES : METER_USE;
    if (query->method != KRPC_GET && query->method != KRPC_PUT)
        return METER_TABLES;
    if (query->method == KRPC_PUT && query->k.size == KEYS_PUBLIC_SIZE)
        record_single_target(query->k.data, query->salt, &target);
    return has_on_disk(p, &target) ? METER_VALUES : METER_USE;
}

static void sent(void *context, struct world *w, struct process *p, const struct out_packet *packet)
{
    struct meter *m = context;
    struct krpc message;
    enum meter_kind kind;
    (void)w;
    if (p->node == NULL || krpc_parse(packet->data, &message) != ERR_OK)
        return;
    if (message.type == KRPC_QUERY) {
        kind = kind_of_query(p, &message);
        *place_of(m, p->number, message.t) = (uint8_t)kind;
    } else {
        kind = (enum meter_kind) * place_of(m, process_number(&packet->to), message.t);
    }
    m->packets[kind]++;
    m->bytes[kind] += packet->data.size;
}

void meter_init(struct meter *m, struct world *w)
{
    const struct watcher watcher = {.context = m, .sent = sent};
    *m = (struct meter){.world = w, .kinds = calloc(METER_PLACES, 1)};
    assert(m->kinds != NULL);
    world_watch(w, &watcher);
}

void meter_clear(struct meter *m)
{
    free(m->kinds);
}
