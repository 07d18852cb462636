#include "daemon/dht/node.h"

#include <stdlib.h>

#include "daemon/dht/network/adopt.h"
#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/ops/query.h"
#include "daemon/dht/routing/changes.h"
#include "daemon/dht/serve/serve.h"
#include "daemon/dht/serve/serve_command.h"

struct node *node_new(const struct node_config *config, struct now now)
{
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return NULL;
    rng_init(&node->rng, config->seed);
    node->id = config->id;
    if (id_is_zero(&node->id))
        id_random(&node->id, &node->rng);
    node_set_role(node, config->role);
    node->has_family[FAMILY_V4] = config->has_v4;
    node->has_family[FAMILY_V6] = config->has_v6;
    node->has_network = config->has_network;
    node->network = config->network;
    memcpy(node->version, config->version, sizeof node->version);
    node->store = config->store;
    token_secret_init(&node->token_secret, &node->rng);
    budget_init(&node->budget, &node->rng);
    leases_init(&node->leases, &node->rng);
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        reach_init(&node->reach[i]);
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        routing_init(&node->tables[i], &node->id, family_at(i));
    uint8_t seen_key[HASH_KEY_SIZE];
    rng_bytes(&node->rng, seen_key, sizeof seen_key);
    node->inflight = inflight_new();
    node->peers = peers_new();
    node->seen = seen_new(seen_key);
    if (!node->has_network)
        node->overlay = overlay_new(&node->id);
    maintain_init(&node->maintain, now);
    keep_init(&node->keep);
    repair_init(&node->repair, node, now);
    if (node->inflight != NULL && node->peers != NULL && node->seen != NULL &&
        (node->has_network || node->overlay != NULL))
        return node;
    node_free(node);
    return NULL;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    ops_clear(&node->ops);
    listenings_free(node->listenings);
    budget_clear(&node->budget);
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        reach_clear(&node->reach[i]);
    maintain_clear(&node->maintain);
    keep_clear(&node->keep);
    repair_clear(&node->repair);
    deliver_clear(&node->deliver, &node->leases);
    leases_clear(&node->leases);
    writes_clear(&node->writes);
    watch_clear(&node->watch);
    requests_clear(&node->requests);
    answers_clear(&node->answers);
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        routing_clear(&node->tables[i]);
        neighbours_clear(&node->neighbours[i]);
    }
    overlay_free(node->overlay);
    seen_free(node->seen);
    peers_free(node->peers);
    inflight_free(node->inflight);
    free(node);
}

static enum reach_state best_reach(const struct node *node)
{
    enum reach_state v4 = node->reach[FAMILY_V4].state, v6 = node->reach[FAMILY_V6].state;
    return v4 > v6 ? v4 : v6;
}

/* What is known of our being reachable has changed. One that is leaving stays a client. */
static void follow_reach(struct node *node)
{
    if (node->is_role_auto && !repair_is_leaving(node))
        node->role = best_reach(node) == REACH_UNKNOWN ? NODE_CLIENT : NODE_SERVER;
}

static bool is_own_check(const struct inflight_query *query)
{
    return query->purpose == QUERY_CHECK || query->purpose == QUERY_MEET;
}

/* Finds the query that a reply belongs to. What nobody asked for counts for nothing. */
static bool take_query(struct node *node, const struct addr *from, const struct krpc *reply,
                       struct inflight_query *query)
{
    if (reply->t.size == KRPC_T_SIZE) {
        const uint8_t *t = reply->t.data;
        uint32_t number = (uint32_t)t[0] << 24 | (uint32_t)t[1] << 16 | (uint32_t)t[2] << 8 | t[3];
        if (inflight_take(node->inflight, number, from, query)) {
            op_count_query(node, query->owner, -1);
            return true;
        }
    }
    node_count(node, COUNTER_REPLIES_UNEXPECTED);
    return false;
}

/* It was there before us: that it answers has changed nothing. */
static bool is_of_earlier_run(const struct node *node, const struct inflight_query *query,
                              const struct contact *contact)
{
    return (query->purpose == QUERY_MEET && query->owner_index == MAINTAIN_RESTORED) ||
           restored_has(&node->maintain.restored, contact);
}

/* A command's answer waits for a program: it says nothing about the way there. */
static uint32_t rtt_of(struct now now, const struct inflight_query *query)
{
    return query->method == KRPC_COMMAND ? RTT_NONE : (uint32_t)(now.ms - query->sent_ms);
}

/* Who answers a query of ours is a node that others may be told of. */
static void meet(struct node *node, struct now now, const struct inflight_query *query,
                 const struct contact *contact, bool is_xord)
{
    uint32_t rtt_ms = rtt_of(now, query);
    unsigned family = family_index(contact->addr.family);
    routing_answered(&node->tables[family], contact, is_xord, rtt_ms, now.ms);
    bool is_neighbour = neighbours_answered(&node->neighbours[family], &node->id, contact);
    bool is_xord_neighbour = overlay_answered(node, now, contact, is_xord, rtt_ms);
    if (is_neighbour || is_xord_neighbour) {
        changes_add_neighbour(node->watch.changes, NULL, contact);
        seeks_met(node, now, contact);
    }
    if ((is_neighbour || is_xord_neighbour) && !is_of_earlier_run(node, query, contact)) {
        repair_joined(node, now, contact);
        leases_joined(&node->leases, &contact->id);
    }
}

/* What came of a query goes to whoever asked it. */
static void refused(struct node *node, struct now now, const struct inflight_query *query,
                    int64_t code, struct outbox *out)
{
    if (query->purpose == QUERY_DELIVER)
        deliver_refused(node, now, query, code, out);
    else if (listening_has_asked(query))
        listening_refused(node, now, query, code, out);
    else
        op_refused(node, now, query, code, out);
}

static void recv_response(struct node *node, struct now now, const struct addr *from,
                          const struct krpc *reply, struct outbox *out)
{
    struct inflight_query query;
    if (!take_query(node, from, reply, &query))
        return;
    if (is_own_check(&query))
        maintain_answered(node, now, &query);
    bool is_right = reply->has_id && (!query.has_id || id_equal(&reply->id, &query.contact.id)) &&
                    !id_equal(&reply->id, &node->id);
    if (!is_right) {
        node_count(node, COUNTER_REPLIES_WRONG_ID);
        if (query.has_id)
            maintain_replaced(node, now, &query.contact);
        refused(node, now, &query, 0, out);
        return;
    }
    node_count(node, COUNTER_REPLIES_IN);
    budget_prove(&node->budget, now, from);
    node->maintain.had_sources = true;
    rtt_network_add(&node->rtt, rtt_of(now, &query));
    if (query.purpose != QUERY_DELIVER) /* a subscriber may be read-only (BEP 43) */
        meet(node, now, &query, &(struct contact){.id = reply->id, .addr = *from},
             krpc_is_xord(reply));
    unsigned family = family_index(from->family);
    if (external_vote(&node->external[family], from, reply->ip))
        adopt_secure_id(node, now);
    if (reach_seen(&node->reach[family], now, &node->external[family]))
        follow_reach(node);
    if (query.purpose == QUERY_DELIVER)
        deliver_answered(node, now, &query, out);
    else if (listening_has_asked(&query))
        listening_answered(node, now, &query, reply, out);
    else
        op_answered(node, now, &query, reply, out);
}

static void recv_error(struct node *node, struct now now, const struct addr *from,
                       const struct krpc *reply, struct outbox *out)
{
    struct inflight_query query;
    if (!take_query(node, from, reply, &query))
        return;
    if (is_own_check(&query)) {
        maintain_answered(node, now, &query);
        /* Whoever cannot answer a ping is no use in the table. */
        maintain_failed(node, now, &query.contact);
    }
    node_count(node, COUNTER_REPLIES_IN);
    refused(node, now, &query, reply->error_code, out);
}

static void recv_packet(struct node *node, struct now now, const struct addr *from,
                        struct bytes packet, struct outbox *out)
{
    struct krpc message;
    node_count(node, COUNTER_PACKETS_IN);
    node->counters[COUNTER_BYTES_IN] += packet.size;
    if (!addr_is_usable(from) || !node_can_reach(node, from)) {
        node_count(node, COUNTER_PACKETS_UNUSABLE_SOURCE);
        return;
    }
    enum err err = krpc_parse(packet, &message);
    if (message.t.data != NULL && (message.has_network != node->has_network ||
                                   (node->has_network && message.network != node->network))) {
        node_count(node, COUNTER_PACKETS_FOREIGN_NETWORK);
        return;
    }
    if (err != ERR_OK) {
        node_count(node, COUNTER_PACKETS_MALFORMED);
        if (message.t.data != NULL && message.type == KRPC_QUERY)
            serve_malformed(node, from, &message, out);
        return;
    }
    if (message.type == KRPC_QUERY && reach_queried(&node->reach[family_index(from->family)], from))
        follow_reach(node);
    if (message.type == KRPC_QUERY)
        serve_query(node, now, from, &message, out);
    else if (message.type == KRPC_RESPONSE)
        recv_response(node, now, from, &message, out);
    else
        recv_error(node, now, from, &message, out);
}

void node_recv(struct node *node, struct now now, const struct addr *from, const uint8_t *packet,
               size_t size, struct outbox *out)
{
    recv_packet(node, now, from, bytes_of(packet, size), out);
    watch_flush(node, out);
}

static void tick_queries(struct node *node, struct now now, struct outbox *out)
{
    struct inflight_query query;
    bool is_dead;
    while (inflight_next_due(node->inflight, now.ms, &query, &is_dead)) {
        node_count(node, is_dead ? COUNTER_QUERIES_DEAD : COUNTER_QUERIES_LATE);
        if (is_dead)
            op_count_query(node, query.owner, -1);
        if (is_dead && is_own_check(&query))
            maintain_dead(node, &query);
        else if (is_own_check(&query))
            maintain_late(node, now, &query, out);
        else if (query.purpose == QUERY_DELIVER && !is_dead)
            deliver_late(node, now, &query, out);
        else if (is_dead)
            op_dead(node, now, &query, out);
        else if (listening_has_asked(&query))
            listening_late(node, now, &query, out);
        else
            op_late(node, now, &query, out);
    }
}

void node_tick(struct node *node, struct now now, struct outbox *out)
{
    for (unsigned i = 0; i < FAMILY_COUNT && node->is_role_auto; i++)
        if (reach_tick(&node->reach[i], now))
            follow_reach(node);
    tick_queries(node, now, out);
    ops_tick(node, now, out);
    listenings_tick(node, now, out);
    maintain_tick(node, now, out);
    overlay_tick(node, now, out);
    keep_tick(node, now, out);
    repair_tick(node, now, out);
    serve_command_tick(node, now, out);
    node->counters[COUNTER_LEASES_ENDED] += leases_expire(&node->leases, now.ms);
    deliver_tick(node, now, out);
    watch_flush(node, out);
}

static uint64_t min_ms(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t node_next_ms(const struct node *node)
{
    uint64_t next = min_ms(inflight_next_ms(node->inflight), ops_next_ms(&node->ops));
    next = min_ms(next, min_ms(maintain_next_ms(node), keep_next_ms(&node->keep)));
    next = min_ms(next, min_ms(overlay_next_ms(node->overlay), serve_command_next_ms(node)));
    next = min_ms(next, listenings_next_ms(node));
    for (unsigned i = 0; i < FAMILY_COUNT && node->is_role_auto; i++)
        next = min_ms(next, node->reach[i].at_ms);
    next = min_ms(next, min_ms(leases_next_ms(&node->leases), deliver_next_ms(&node->deliver)));
    return min_ms(next, repair_next_ms(node));
}

void node_stored(struct node *node, struct now now, uint64_t write, enum err err, int64_t seq,
                 struct outbox *out)
{
    struct pending_write pending;
    if (!writes_take(&node->writes, write, &pending))
        return;
    if (pending.op != 0)
        op_stored(node, now, pending.op, write, err, seq, out);
    else
        serve_stored(node, &pending, err, out);
    if (err == ERR_OK)
        deliver_stored(node, now, &pending, out);
}

void node_bootstrap(struct node *node, const struct addr *addr)
{
    struct maintain *m = &node->maintain;
    if (!addr_is_usable(addr))
        return;
    for (unsigned i = 0; i < m->bootstrap_count; i++)
        if (addr_equal(&m->bootstrap[i], addr))
            return;
    m->bootstrap[m->bootstrap_next] = *addr;
    m->bootstrap_next = (uint8_t)((m->bootstrap_next + 1u) % NODE_BOOTSTRAP_MAX);
    if (m->bootstrap_count < NODE_BOOTSTRAP_MAX)
        m->bootstrap_count++;
    m->had_sources = true;
    if (!m->is_joining)
        m->join_at_ms = 0;
}

void node_restore(struct node *node, struct now now, const struct contact *contact)
{
    node->maintain.had_sources = true;
    repair_restarted(node, now);
    if (addr_is_usable(&contact->addr) && node_can_reach(node, &contact->addr))
        maintain_restore(node, now, contact);
}

void node_set_role(struct node *node, enum node_role role)
{
    node->is_role_auto = role == NODE_AUTO;
    node->role = node->is_role_auto ? NODE_CLIENT : role;
}

enum err drop_start(struct node *node, struct now now, enum record_kind kind,
                    const struct id *target, bool is_internal, uint64_t *number, struct outbox *out)
{
    enum err err;
    struct op *op = op_new(node, now, OP_DROP, is_internal, 0, &err);
    if (op == NULL)
        return err;
    const struct store_write drop = {
        .action = STORE_DROP,
        .space = STORE_KEPT,
        .record = {.kind = kind, .target = *target},
    };
    if (!op_write(node, op, &drop, NULL, out)) {
        op_discard(node, op);
        return ERR_BUSY;
    }
    op->drop_kind = kind;
    op->search.target = *target;
    op_set_deadline(node, op, ALARM_NEVER);
    *number = op->number;
    return ERR_OK;
}

struct put_request node_put_request(const struct record *record)
{
    return (struct put_request){
        .kind = record->kind,
        .target = record->target,
        .k = record->k,
        .salt = record->salt,
        .v = record->v,
        .sig = record->sig,
        .has_seq = record->kind != RECORD_IMMUTABLE,
        .seq = record->seq,
    };
}

enum err node_drop_kept(struct node *node, struct now now, enum record_kind kind,
                        const struct id *target, uint64_t *number, struct outbox *out)
{
    return drop_start(node, now, kind, target, false, number, out);
}

void node_cancel(struct node *node, struct now now, uint64_t number, struct outbox *out)
{
    struct op *op = op_find(&node->ops, number);
    if (op != NULL)
        op_cancel(node, now, op, out);
    else
        listening_cancel(node, now, number, out);
}

const struct routing *node_table(const struct node *node, enum krpc_method method, unsigned family)
{
    const struct overlay *overlay = node_overlay(node, method);
    return overlay != NULL ? &overlay->tables[family] : &node->tables[family];
}

const struct neighbours *node_neighbours(const struct node *node, enum krpc_method method,
                                         unsigned family)
{
    const struct overlay *overlay = node_overlay(node, method);
    return overlay != NULL ? &overlay->neighbours[family] : &node->neighbours[family];
}

size_t node_closest(const struct node *node, enum krpc_method method, unsigned family,
                    const struct id *target, struct contact *out, size_t max)
{
    const struct routing *table = node_table(node, method, family);
    size_t count = routing_closest(table, target, false, out, max);
    return neighbours_merge(node_neighbours(node, method, family), &node->id, target, out, count,
                            max);
}

size_t node_live_count(const struct node *node)
{
    size_t live = 0;
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        live += routing_live_count(&node->tables[i]);
    return live;
}

const char *node_state_name(enum node_state state)
{
    switch (state) {
    case NODE_STARTING:
        return "starting";
    case NODE_ONLINE:
        return "online";
    case NODE_ALONE:
        return "alone";
    case NODE_OFFLINE:
        return "offline";
    }
    return "unknown";
}

enum node_state node_state_now(const struct node *node)
{
    if (node_live_count(node) > 0)
        return NODE_ONLINE;
    if (!node->maintain.had_sources)
        return node->maintain.has_joined ? NODE_ALONE : NODE_STARTING;
    return node->maintain.has_joined ? NODE_OFFLINE : NODE_STARTING;
}

/* On a private network everybody is. */
static size_t known_xord(const struct node *node)
{
    return node_table(node, KRPC_XGET, FAMILY_V4)->node_count +
           node_table(node, KRPC_XGET, FAMILY_V6)->node_count;
}

enum node_state node_state_for(const struct node *node, enum krpc_method method)
{
    const struct overlay *overlay = node_overlay(node, method);
    enum node_state state = node_state_now(node);
    return overlay != NULL && state == NODE_ONLINE ? overlay_state(overlay) : state;
}

void node_get_info(const struct node *node, struct node_info *out)
{
    uint64_t v4 = routing_estimate(&node->tables[FAMILY_V4]);
    uint64_t v6 = routing_estimate(&node->tables[FAMILY_V6]);
    *out = (struct node_info){
        .id = node->id,
        .role = node->role,
        .reach = best_reach(node),
        .state = node_state_now(node),
        .nodes_v4 = node->tables[FAMILY_V4].node_count,
        .nodes_v6 = node->tables[FAMILY_V6].node_count,
        .nodes_xord = known_xord(node),
        .estimate = v4 > v6 ? v4 : v6,
        .operations = node->ops.external,
        .queries = inflight_count(node->inflight),
        .writes = node->writes.used,
        .kept = node->keep.turns.count,
        .torrents = peers_count(node->peers),
        .listens = node->listenings != NULL ? node->listenings->count : 0,
        .listens_polled = node->listenings != NULL ? node->listenings->polled : 0,
        .leases = leases_count(&node->leases),
        .external = node->external[node->has_family[FAMILY_V4] ? FAMILY_V4 : FAMILY_V6].agreed,
    };
}

uint64_t node_counter(const struct node *node, enum counter counter)
{
    return node->counters[counter];
}

const struct routing *node_routing(const struct node *node, enum addr_family family)
{
    unsigned index = family_index(family);
    return node->has_family[index] ? &node->tables[index] : NULL;
}

const struct routing *node_routing_xord(const struct node *node, enum addr_family family)
{
    unsigned index = family_index(family);
    return node->has_family[index] && node->overlay != NULL ? &node->overlay->tables[index] : NULL;
}
