#include "tests/sim/oracle_node.h"

#include <inttypes.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/sim/genuine.h"

#define TAIL_SIZE    7u /* where a packet says what it is: 1:y1:qe */
#define QUERY_TAIL   "1:y1:qe"
#define SERVED_MIN   150u /* a packet that carries a signed record is longer */
#define LOADED_MS    120000u
#define TURN_MS      7200000u /* twice the hour: by then a kept record has had a turn */
#define COPIES       8u
#define GIVEN_IN     10u  /* of so many questions about a record, one at most ends in giving it */
#define ASKED_HOURLY 28u  /* about a record; half of what all 8 holders would ask 7 others */
#define ASKED_ENOUGH 100u /* fewer say nothing */

/* The one query that a client answers; the answer says no more than that. */
static bool is_of_push(struct bytes packet)
{
    struct krpc message;
    if (krpc_parse(packet, &message) != ERR_OK)
        return false;
    return message.type == KRPC_QUERY
               ? message.method == KRPC_PUSH
               : message.token.data == NULL && message.nodes.data == NULL && message.v.data == NULL;
}

void oracle_check_role(struct oracle *o, struct world *w, const struct process *p,
                       const struct out_packet *packet)
{
    const struct process *to = world_find(w, &packet->to);
    bool is_to_client = to != NULL && to->nat != NULL;
    o->has_damage = o->has_damage || w->wires.config.corrupt_permille > 0;
    if ((p->nat == NULL && !is_to_client) || packet->data.size < TAIL_SIZE)
        return;
    bool is_query =
        memcmp(packet->data.data + packet->data.size - TAIL_SIZE, QUERY_TAIL, TAIL_SIZE) == 0;
    if (p->nat != NULL && !is_query && !is_of_push(packet->data))
        oracle_fail(o, p, "a client answered a query");
    else if (is_to_client && is_query && !o->has_damage && !is_of_push(packet->data))
        oracle_fail(o, p, "a client was asked");
}

void oracle_check_served(struct oracle *o, const struct process *p, const struct out_packet *packet)
{
    struct krpc reply;
    if (packet->data.size < SERVED_MIN || krpc_parse(packet->data, &reply) != ERR_OK ||
        reply.type != KRPC_RESPONSE || reply.v.data == NULL)
        return;
    const struct record record = {.kind = RECORD_SINGLE, .v = reply.v};
    if (genuine_has_ended(&record, process_now(p).unix_s))
        oracle_fail(o, p, "a holder served a record that has ended");
}

/* How many records it keeps on its disk, and when the last of them was put. */
static uint32_t count_kept(const struct process *p, uint64_t *last_put_unix_s)
{
    uint32_t kept = 0;
    *last_put_unix_s = 0;
    for (uint32_t i = 0; i < p->disk.count; i++) {
        if (p->disk.entries[i].space != STORE_KEPT)
            continue;
        kept++;
        if (p->disk.entries[i].put_unix_s > *last_put_unix_s)
            *last_put_unix_s = p->disk.entries[i].put_unix_s;
    }
    return kept;
}

void oracle_check_kept(struct oracle *o, const struct process *p)
{
    uint64_t last_put_unix_s, up_ms = o->world->now_ms - p->up_ms;
    uint32_t kept = count_kept(p, &last_put_unix_s);
    struct node_info info;
    if (kept == 0 || up_ms < LOADED_MS || p->state != PROCESS_UP)
        return;
    node_get_info(p->node, &info);
    if (info.kept != kept)
        oracle_fail(o, p, "%u records are kept on its disk, and %zu have their turn", kept,
                    info.kept);
    else if (up_ms > TURN_MS && process_now(p).unix_s > last_put_unix_s + TURN_MS / 1000 &&
             node_counter(p->node, COUNTER_REPUBLISHES) + node_counter(p->node, COUNTER_RENEWALS) ==
                 0)
        oracle_fail(o, p, "%u records are kept for hours and none was republished", kept);
}

/* The live servers nearest to a target, nearest first. */
static uint32_t find_closest(const struct world *w, const struct id *target,
                             const struct process *out[COPIES])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->live_count; i++) {
        const struct process *p = w->processes[w->live[i]];
        if (p->state != PROCESS_UP || p->node == NULL || p->nat != NULL)
            continue;
        uint32_t at = count;
        while (at > 0 && id_compare_distance(target, &p->id, &out[at - 1]->id) < 0)
            at--;
        if (at == COPIES)
            continue;
        count -= count == COPIES;
        memmove(&out[at + 1], &out[at], (count - at) * sizeof(struct process *));
        out[at] = p;
        count++;
    }
    return count;
}

void oracle_count_copies(const struct oracle *o, struct oracle_copies *out)
{
    *out = (struct oracle_copies){0};
    for (uint32_t i = 0; i < o->ledger->key_count; i++) {
        const struct ledger_key *key = &o->ledger->keys[i];
        const struct process *closest[COPIES];
        if (key->acked_seq == 0 || key->holders == 0)
            continue;
        uint32_t count = find_closest(o->world, &key->target, closest);
        out->wanted += count;
        for (uint32_t n = 0; n < count; n++) {
            struct stored stored;
            out->there += disk_get(&closest[n]->disk, process_now(closest[n]).unix_s, STORE_HELD,
                                   RECORD_SINGLE, &key->target, &stored) == ERR_OK &&
                          stored.record.seq >= key->top_seq;
        }
    }
}

static uint64_t count_all(const struct world *w, enum counter counter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->live_count; i++)
        if (w->processes[w->live[i]]->node != NULL)
            sum += node_counter(w->processes[w->live[i]]->node, counter);
    return sum;
}

static void check_asked(struct oracle *o, const char *of, uint64_t asked, uint64_t count,
                        uint64_t minutes)
{
    if (asked * 60 > count * (minutes + 60) * ASKED_HOURLY)
        oracle_fail(o, NULL,
                    "nothing changed, and %" PRIu64 " questions about %" PRIu64
                    " %s were asked in %" PRIu64 " minutes",
                    asked, count, of, minutes);
}

void oracle_check_upkeep(struct oracle *o, uint32_t multis, uint64_t minutes)
{
    uint64_t asked = count_all(o->world, COUNTER_PUSHES_ASKED);
    uint64_t given = count_all(o->world, COUNTER_PUSHES);
    if (asked > ASKED_ENOUGH && given * GIVEN_IN > asked)
        oracle_fail(o, NULL,
                    "nothing changed, and of %" PRIu64 " questions about records %" PRIu64
                    " ended in giving them",
                    asked, given);
    check_asked(o, "records", asked, o->ledger->key_count, minutes);
    check_asked(o, "multis", count_all(o->world, COUNTER_SYNCS_ASKED), multis, minutes);
}
