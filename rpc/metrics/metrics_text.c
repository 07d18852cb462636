/* All that the daemon's metrics text shows, family by family. */
#include <stdio.h>

#include "rpc/host.h"
#include "rpc/method.h"
#include "rpc/metrics/exposition.h"
#include "rpc/metrics/metrics.h"

#define NAME_SIZE 64 /* of a family: xord_, a counter's name, _total */

static const struct exposition_label no_label;

/* ---- numbers of the node and the store ---- */

static void write_number(struct json_text *out, const char *name, const char *type,
                         const char *help, uint64_t value)
{
    exposition_family(out, name, type, help);
    exposition_sample(out, name, no_label, value);
}

static void write_gauge(struct json_text *out, const char *name, const char *help, uint64_t value)
{
    write_number(out, name, "gauge", help, value);
}

static void write_load(struct json_text *out, const struct node_info *info,
                       const struct metrics_load *load)
{
    write_gauge(out, "xord_nodes_xord", "Known nodes of xord's own make.", info->nodes_xord);
    write_gauge(out, "xord_network_nodes", "Estimate of how many nodes the network has.",
                info->estimate);
    write_gauge(out, "xord_operations", "Node operations under way.", info->operations);
    write_gauge(out, "xord_queries", "Queries waiting for their reply.", info->queries);
    write_gauge(out, "xord_writes", "Writes not yet on disk.", info->writes);
    write_gauge(out, "xord_torrents", "Info-hashes with announced peers (BEP 5).", info->torrents);
    write_gauge(out, "xord_listens", "Keys that this node listens to.", info->listens);
    write_gauge(out, "xord_listens_polled", "Of these, keys whose holders must be asked again.",
                info->listens_polled);
    write_gauge(out, "xord_leases", "Leases granted to others that listen here.", info->leases);
    write_gauge(out, "xord_clients", "Clients connected.", load->clients);
    write_gauge(out, "xord_streams", "Streams of events to clients.", load->streams);
    write_gauge(out, "xord_unread_bytes", "Output that clients have not read, and lines not ended.",
                load->unread_bytes);
    write_gauge(out, "xord_large_values", "Large values under way.", load->large_values);
}

static void write_process(struct json_text *out, const struct rpc_host *host)
{
    struct rpc_process process = {0};

    host->process(host->context, &process);
    write_gauge(out, "xord_resident_bytes", "Memory of the process that is in use.",
                process.resident_bytes);
    exposition_family(out, "xord_processor_seconds_total", "counter",
                      "Processor time of the process.");
    exposition_seconds(out, "xord_processor_seconds_total", no_label, process.processor_ns);
}

static void write_store(struct json_text *out, const struct rpc_status *status)
{
    write_gauge(out, "xord_stored_records", "Records held for the network.",
                status->stored_records);
    write_gauge(out, "xord_stored_bytes", "Size of the records held, as the quota counts it.",
                status->stored_bytes);
    write_gauge(out, "xord_stored_quota_bytes", "Room for records held (max-bytes).",
                status->quota_bytes);
    write_gauge(out, "xord_kept_records", "Own puts kept alive.", status->kept_records);
    write_gauge(out, "xord_kept_bytes", "Size of the own puts kept alive.", status->kept_bytes);
    write_number(out, "xord_evicted_records_total", "counter", "Records that made room for others.",
                 status->evicted_records);
    write_number(out, "xord_packets_lost_total", "counter", "Packets that the system did not take.",
                 status->lost_packets);
}

static void write_counters(struct json_text *out, const struct node *node)
{
    char name[NAME_SIZE], help[NAME_SIZE + 8];

    for (int i = 0; i < COUNTER_COUNT; i++) {
        enum counter counter = (enum counter)i;
        snprintf(name, sizeof name, "xord_%s_total", counter_name(counter));
        snprintf(help, sizeof help, "Number of %s.", counter_help(counter));
        exposition_family(out, name, "counter", help);
        exposition_sample(out, name, no_label, node_counter(node, counter));
    }
}

/* ---- states ---- */

static void write_identity(struct json_text *out, const struct rpc_status *status,
                           const struct node_info *info)
{
    static const char *const states[] = {
        [NODE_STARTING] = "starting",
        [NODE_ONLINE] = "online",
        [NODE_ALONE] = "alone",
        [NODE_OFFLINE] = "offline",
    };

    exposition_family(out, "xord_build_info", "gauge", "The version that runs; always 1.");
    exposition_sample(out, "xord_build_info", (struct exposition_label){"version", status->version},
                      1);
    exposition_family(out, "xord_state", "gauge", "1 for the state that the node is in.");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        exposition_sample(out, "xord_state", (struct exposition_label){"state", states[i]},
                          info->state == (enum node_state)i);
    exposition_family(out, "xord_server", "gauge", "1 as a server, 0 as a client (BEP 43).");
    exposition_sample(out, "xord_server", no_label, info->role == NODE_SERVER);
}

/* BEP 5's words: good, questionable (silent for 15 minutes), bad (did not answer its last query).
 */
static void write_family_nodes(struct json_text *out, const struct routing *table,
                               const char *family, uint64_t now_ms)
{
    uint64_t good = 0, questionable = 0, bad = 0;
    struct exposition_label label = {"family", family};
    const struct routing_node *node;
    size_t bucket = 0, index = 0;

    while (table != NULL && (node = routing_each(table, &bucket, &index)) != NULL) {
        if (node->fails > 0)
            bad++;
        else if (now_ms - node->answered_ms > ROUTING_QUESTIONABLE_MS)
            questionable++;
        else
            good++;
    }
    exposition_sample2(out, "xord_nodes", label, (struct exposition_label){"state", "good"}, good);
    exposition_sample2(out, "xord_nodes", label, (struct exposition_label){"state", "questionable"},
                       questionable);
    exposition_sample2(out, "xord_nodes", label, (struct exposition_label){"state", "bad"}, bad);
}

static void write_nodes(struct json_text *out, const struct rpc_host *host)
{
    uint64_t now_ms = host->now(host->context).ms;

    exposition_family(out, "xord_nodes", "gauge",
                      "Nodes in the routing tables, by BEP 5's states.");
    write_family_nodes(out, node_routing(host->node, ADDR_V4), "ipv4", now_ms);
    write_family_nodes(out, node_routing(host->node, ADDR_V6), "ipv6", now_ms);
}

/* ---- calls and lookups ---- */

/* Methods that were never called have no sample: most of the table is never used by one daemon. */
static void write_calls(struct json_text *out, const struct metrics *m)
{
    size_t count;
    const struct method *table = method_table(&count);

    exposition_family(out, "xord_rpc_call_seconds", "histogram",
                      "Time from a call to its answer, by method.");
    for (size_t i = 0; i < count; i++)
        if (histogram_count(&m->calls[i]) > 0)
            exposition_histogram(out, "xord_rpc_call_seconds",
                                 (struct exposition_label){"method", table[i].name}, &m->calls[i],
                                 &histogram_calls);
    exposition_family(out, "xord_rpc_errors_total", "counter", "Error replies, by name.");
    for (int i = ERR_OK + 1; i < ERR_COUNT; i++)
        if (m->errors[i] > 0)
            exposition_sample(out, "xord_rpc_errors_total",
                              (struct exposition_label){"name", err_name((enum err)i)},
                              m->errors[i]);
}

static void write_refused(struct json_text *out, const struct metrics *m)
{
    static const char *const limits[METRICS_LIMIT_COUNT] = {
        [METRICS_LINE_BYTES] = "line_bytes",
        [METRICS_ELEMENTS] = "elements",
        [METRICS_UNREAD] = "unread",
    };

    exposition_family(out, "xord_rpc_refused_total", "counter",
                      "Lines and answers refused because of a limit, by limit.");
    for (size_t i = 0; i < METRICS_LIMIT_COUNT; i++)
        exposition_sample(out, "xord_rpc_refused_total",
                          (struct exposition_label){"limit", limits[i]}, m->refused[i]);
}

static void write_http(struct json_text *out, const struct metrics *m)
{
    char status[12];

    exposition_family(out, "xord_http_requests_total", "counter",
                      "HTTP requests answered, by status.");
    for (size_t i = 0; i < METRICS_HTTP_STATUSES && m->http[i].status != 0; i++) {
        snprintf(status, sizeof status, "%u", m->http[i].status);
        exposition_sample(out, "xord_http_requests_total",
                          (struct exposition_label){"code", status}, m->http[i].count);
    }
}

static void write_lookups(struct json_text *out, const struct metrics *m)
{
    static const char *const kinds[METRICS_LOOKUP_COUNT] = {
        [METRICS_GET] = "get",       [METRICS_GATHER] = "gather", [METRICS_PUT] = "put",
        [METRICS_LOOKUP] = "lookup", [METRICS_PEERS] = "peers",   [METRICS_ANNOUNCE] = "announce",
        [METRICS_QUERY] = "query",
    };

    exposition_family(out, "xord_lookup_seconds", "histogram",
                      "Time of the lookups that calls asked for, by what for.");
    for (size_t i = 0; i < METRICS_LOOKUP_COUNT; i++)
        exposition_histogram(out, "xord_lookup_seconds",
                             (struct exposition_label){"kind", kinds[i]}, &m->lookups[i],
                             &histogram_lookups);
}

void metrics_write(const struct metrics *m, const struct rpc_host *host,
                   const struct metrics_load *load, struct json_text *out)
{
    struct rpc_status status = {0};
    struct node_info info;

    host->status(host->context, &status);
    node_get_info(host->node, &info);
    write_identity(out, &status, &info);
    write_gauge(out, "xord_uptime_seconds", "Time since the daemon started.", status.uptime_s);
    write_process(out, host);
    write_nodes(out, host);
    write_load(out, &info, load);
    write_store(out, &status);
    write_counters(out, host->node);
    write_lookups(out, m);
    write_calls(out, m);
    write_refused(out, m);
    write_http(out, m);
}
