/* lookup, announce, peers, ping, addnode and listnodes: the network under the values. */
#include <stdlib.h>

#include "common/addr_text.h"
#include "common/hex.h"
#include "rpc/methods/method_files.h"
#include "rpc/methods/multi_name.h"
#include "rpc/methods/single.h"
#include "rpc/values/contact_show.h"

static bool read_id(struct rpc_call *call, const char *param, struct id *out)
{
    const char *text = rpc_string(call, param);
    return text != NULL && hex_decode(text, strlen(text), out->b, ID_SIZE);
}

static json_t *show_step(const struct id *target, const struct lookup_step *step)
{
    json_t *shown = contact_show(&step->contact);
    int distance = contact_distance(&step->contact, target);
    json_t *rest =
        json_pack("{s:i, s:I, s:o, s:b}", "distance", distance, "hop", (json_int_t)step->hop,
                  "rtt_ms", step->has_answered ? json_integer(step->rtt_ms) : json_null(),
                  "answered", (int)step->has_answered);
    if (rest == NULL || json_object_update(shown, rest) != 0) {
        json_decref(shown);
        shown = NULL;
    }
    json_decref(rest);
    return shown;
}

static struct rpc_result on_lookup(struct rpc_call *call, void *state, const struct event *event)
{
    const struct id *target = state;
    if (event->err != ERR_OK && event->lookup.closest_count == 0) {
        return rpc_fail(call, event->err, NULL);
    }
    json_t *closest = json_array();
    for (size_t i = 0; i < event->lookup.closest_count; i++) {
        json_array_append_new(closest, contact_show(&event->lookup.closest[i]));
    }
    json_t *trace = json_array();
    for (size_t i = 0; i < event->lookup.step_count; i++) {
        json_array_append_new(trace, show_step(target, &event->lookup.steps[i]));
    }
    char text[2 * ID_SIZE + 1];
    hex_encode(id_bytes(target), text);
    return rpc_reply(call, json_pack("{s:s, s:o, s:o, s:I, s:I}", "target", text, "closest",
                                     closest, "trace", trace, "hops", (json_int_t)event->stats.hops,
                                     "ms", (json_int_t)event->stats.ms));
}

static bool named_target(struct rpc_call *call, struct id *out, struct rpc_result *refusal)
{
    if (multi_name_is_meant(call)) {
        struct multi_name multi;
        bool is_named = multi_name_of_call(call, &multi, refusal);
        *out = multi.target;
        return is_named;
    }
    struct single single;
    bool is_named = single_of_call(call, &single, refusal);
    *out = single.target;
    return is_named;
}

/* The target named by id, or by username, resource and type. */
static bool lookup_target(struct rpc_call *call, struct id *out, struct rpc_result *refusal)
{
    if (rpc_has(call, "target")) {
        if (!read_id(call, "target", out)) {
            *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "target: must be 40 hex digits");
            return false;
        }
        return true;
    }
    if (!rpc_has(call, "username") || !rpc_has(call, "resource") || !rpc_has(call, "type")) {
        *refusal = rpc_fail(call, ERR_INVALID_PARAMS, "username, resource and type go together");
        return false;
    }
    return named_target(call, out, refusal);
}

struct rpc_result method_lookup(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct id target;
    struct rpc_result refusal;
    if (!lookup_target(call, &target, &refusal)) {
        return refusal;
    }
    struct id *state = malloc(sizeof *state);
    if (state == NULL) {
        return rpc_fail(call, ERR_NO_MEMORY, NULL);
    }
    *state = target;
    struct rpc_pending_on on = {.on_event = on_lookup, .state = state};
    enum err err =
        node_lookup(host->node, host->now(host->context), &target, 0, &on.op, host->outbox);
    if (err != ERR_OK) {
        free(state);
        return rpc_fail(call, err, NULL);
    }
    return rpc_pending(call, &on);
}

static struct rpc_result on_announced(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    if (event->put.stored == 0 && event->err != ERR_OK) {
        return rpc_fail(call, event->err, NULL);
    }
    char target[2 * ID_SIZE + 1];
    hex_encode(id_bytes(&event->put.target), target);
    return rpc_reply(call, json_pack("{s:s, s:I, s:I}", "target", target, "stored",
                                     (json_int_t)event->put.stored, "tried",
                                     (json_int_t)event->put.tried));
}

struct rpc_result method_announce(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct id target;
    if (!read_id(call, "target", &target)) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "target: must be 40 hex digits");
    }
    struct rpc_pending_on on = {.on_event = on_announced};
    enum err err = node_announce(host->node, host->now(host->context), &target,
                                 (uint16_t)rpc_int(call, "port"), 0, &on.op, host->outbox);
    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}

static struct rpc_result on_peers(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    if (event->err != ERR_OK && event->peers.count == 0) {
        return rpc_fail(call, event->err, NULL);
    }
    json_t *peers = json_array();
    for (size_t i = 0; i < event->peers.count; i++) {
        char addr[ADDR_TEXT_SIZE];
        json_array_append_new(peers, json_string(addr_format(&event->peers.addrs[i], addr)));
    }
    return rpc_reply(call, peers);
}

struct rpc_result method_peers(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct id target;
    if (!read_id(call, "target", &target)) {
        return rpc_fail(call, ERR_INVALID_PARAMS, "target: must be 40 hex digits");
    }
    struct rpc_pending_on on = {.on_event = on_peers};
    enum err err =
        node_peers(host->node, host->now(host->context), &target, 0, &on.op, host->outbox);
    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}

static struct rpc_result on_pong(struct rpc_call *call, void *state, const struct event *event)
{
    (void)state;
    if (event->err != ERR_OK) {
        return rpc_fail(call, event->err, "%s does not answer", rpc_string(call, "addr"));
    }
    char id[2 * ID_SIZE + 1];
    hex_encode(id_bytes(&event->ping.contact.id), id);
    return rpc_reply(call,
                     json_pack("{s:s, s:I}", "id", id, "rtt_ms", (json_int_t)event->ping.rtt_ms));
}

/* `addr` resolves to nothing. */
static struct rpc_result refuse_address(struct rpc_call *call, enum err err)
{
    return rpc_fail(call, err != ERR_OK ? err : ERR_UNKNOWN_NAME, "addr: %s resolves to no address",
                    rpc_string(call, "addr"));
}

/* The first address of the name is the one pinged. */
static struct rpc_result on_ping_resolved(struct rpc_call *call, void *state, enum err err,
                                          const struct addr *addrs, size_t count)
{
    (void)state;
    if (err != ERR_OK || count == 0) {
        return refuse_address(call, err);
    }
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_pending_on on = {.on_event = on_pong};
    err = node_ping(host->node, host->now(host->context), &addrs[0], 0, &on.op, host->outbox);
    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}

static struct rpc_result on_node_resolved(struct rpc_call *call, void *state, enum err err,
                                          const struct addr *addrs, size_t count)
{
    (void)state;
    if (err != ERR_OK || count == 0) {
        return refuse_address(call, err);
    }
    const struct rpc_host *host = rpc_host_of(call);
    for (size_t i = 0; i < count; i++) {
        uint64_t op;
        node_bootstrap(host->node, &addrs[i]);
        node_ping(host->node, host->now(host->context), &addrs[i], 0, &op, host->outbox);
    }
    return rpc_reply(call, json_true());
}

static struct rpc_result resolve(struct rpc_call *call, const struct rpc_pending_on *on)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *addr = rpc_string(call, "addr");
    enum err err = host->resolve(host->context, addr, rpc_ticket(call));
    if (err != ERR_OK) {
        return rpc_fail(call, err, "addr: %s cannot be resolved", addr);
    }
    return rpc_pending(call, on);
}

struct rpc_result method_ping(struct rpc_call *call)
{
    struct rpc_pending_on on = {.is_ticket = true, .on_resolved = on_ping_resolved};
    return resolve(call, &on);
}

struct rpc_result method_addnode(struct rpc_call *call)
{
    struct rpc_pending_on on = {.is_ticket = true, .on_resolved = on_node_resolved};
    return resolve(call, &on);
}

static json_t *show_node(const struct routing_node *node, uint64_t now_ms)
{
    json_t *shown = contact_show(&node->contact);
    json_t *rest = json_pack("{s:i, s:i, s:b, s:I, s:I}", "rtt_ms", node->rtt.srtt_x8_ms / 8,
                             "fails", (int)node->fails, "xord", (int)node->is_xord, "known_s",
                             (json_int_t)((now_ms - node->first_ms) / 1000), "answered_s_ago",
                             (json_int_t)((now_ms - node->answered_ms) / 1000));
    if (rest == NULL || json_object_update(shown, rest) != 0) {
        json_decref(shown);
        shown = NULL;
    }
    json_decref(rest);
    return shown;
}

/* Appends the buckets of one family, each with its nodes; only `bucket_wanted`, when it is >= 0. */
static void show_table(json_t *buckets, const struct routing *table, int64_t bucket_wanted,
                       uint64_t now_ms)
{
    size_t bucket = 0, index = 0, bucket_shown = SIZE_MAX;
    json_t *nodes = NULL; /* borrowed: the list of the bucket being shown */
    const struct routing_node *node;
    while ((node = routing_each(table, &bucket, &index)) != NULL) {
        if (bucket_wanted >= 0 && (size_t)bucket_wanted != bucket) {
            continue;
        }
        if (bucket != bucket_shown) {
            nodes = json_array();
            bucket_shown = bucket;
            json_array_append_new(buckets, json_pack("{s:s, s:I, s:o}", "family",
                                                     table->family == ADDR_V4 ? "ipv4" : "ipv6",
                                                     "bucket", (json_int_t)bucket, "nodes", nodes));
        }
        json_array_append_new(nodes, show_node(node, now_ms));
    }
}

struct rpc_result method_listnodes(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    int64_t bucket = rpc_has(call, "bucket") ? rpc_int(call, "bucket") : -1;
    json_t *buckets = json_array();
    const enum addr_family families[] = {ADDR_V4, ADDR_V6};
    for (size_t i = 0; i < 2; i++) {
        const struct routing *table = node_routing(host->node, families[i]);
        if (table != NULL) {
            show_table(buckets, table, bucket, host->now(host->context).ms);
        }
    }
    return rpc_reply(call, buckets);
}
