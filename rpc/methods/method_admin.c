/* help, getinfo, getmetrics, waitready, check, getconfig, setlog, reload, stop: the daemon itself.
 */
#include <stdlib.h>

#include "common/addr_text.h"
#include "common/hex.h"
#include "rpc/dispatch.h"
#include "rpc/help.h"
#include "rpc/methods/method_files.h"
#include "rpc/names/name_watch.h"
#include "rpc/request.h"
#include "rpc/server/server.h"

#define ADDRESSES_MAX 4 /* of struct rpc_status */

/* ---- help ---- */

struct rpc_result method_help(struct rpc_call *call)
{
    const char *command = rpc_string(call, "command");

    if (command != NULL && method_find(command) == NULL)
        return rpc_fail(call, ERR_UNKNOWN_METHOD, "no method \"%.64s\"; `help` lists them",
                        command);
    char *text = help_text(command);
    json_t *page = text != NULL ? json_string(text) : NULL;
    free(text);
    return rpc_reply(call, page);
}

/* ---- getinfo ---- */

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new_nocheck(object, key, value);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    set(object, key, json_string(text != NULL ? text : ""));
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
    set(object, key, json_integer((json_int_t)value));
}

static json_t *show_addresses(const struct rpc_status *status, const struct node_info *info)
{
    json_t *addresses = json_object(), *bound = json_array();
    char text[ADDR_TEXT_SIZE];

    for (size_t i = 0; i < status->bound_count && i < ADDRESSES_MAX; i++)
        json_array_append_new(bound, json_string(addr_format(&status->bound[i], text)));
    set(addresses, "bound", bound);
    set(addresses, "external",
        info->external.family == ADDR_NONE ? json_null()
                                           : json_string(addr_format(&info->external, text)));
    return addresses;
}

/* What a person looks for; getmetrics has all that is counted. */
static json_t *show_traffic(const struct node *node)
{
    static const enum counter shown[] = {
        COUNTER_PACKETS_IN,
        COUNTER_PACKETS_OUT,
        COUNTER_BYTES_IN,
        COUNTER_BYTES_OUT,
        COUNTER_QUERIES_SERVED,
        COUNTER_QUERIES_SENT,
        COUNTER_REPLIES_IN,
        COUNTER_QUERIES_LATE,
        COUNTER_QUERIES_DEAD,
        COUNTER_PUTS_ACCEPTED,
        COUNTER_PACKETS_MALFORMED,
        COUNTER_PACKETS_FOREIGN_NETWORK,
        COUNTER_PACKETS_UNUSABLE_SOURCE,
    };
    json_t *traffic = json_object();

    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        set_number(traffic, counter_name(shown[i]), node_counter(node, shown[i]));
    return traffic;
}

static json_t *show_http(const struct rpc_call *call)
{
    const struct rpc_server *server = rpc_server_of(call);
    char text[ADDR_TEXT_SIZE];

    if (server == NULL)
        return json_null();
    struct addr bound = rpc_server_http_bound(server);
    return bound.family == ADDR_NONE ? json_null() : json_string(addr_format(&bound, text));
}

/* Which names are pinned is the owner's alone to know. */
static json_t *show_warnings(const struct rpc_call *call, const struct rpc_status *status)
{
    json_t *warnings = json_array();

    for (size_t i = 0; i < status->warning_count; i++)
        json_array_append_new(warnings, json_string(status->warnings[i]));
    if (rpc_access_of(call) == RPC_ACCESS_FULL)
        name_watch_show(rpc_host_of(call), warnings);
    return warnings;
}

static void show_identity(json_t *object, const struct rpc_status *status,
                          const struct node_info *info)
{
    char id[2 * ID_SIZE + 1];

    set_text(object, "version", status->version);
    set_text(object, "network", status->network);
    set_text(object, "id", hex_encode(id_bytes(&info->id), id));
    set_number(object, "port", status->bound_count > 0 ? status->bound[0].port : 0);
    set_text(object, "role", info->role == NODE_SERVER ? "server" : "client");
    set_text(object, "role_why", status->role_why);
    set_text(object, "state", node_state_name(info->state));
    set_number(object, "uptime", status->uptime_s);
    set(object, "addresses", show_addresses(status, info));
}

/* What is listened to here, how much of it needs polling, and what others listen to here. */
static json_t *show_subscriptions(const struct node_info *info)
{
    json_t *subscriptions = json_object();

    set_number(subscriptions, "listening", info->listens);
    set_number(subscriptions, "polling", info->listens_polled);
    set_number(subscriptions, "serving", info->leases);
    return subscriptions;
}

static void show_load(json_t *object, const struct rpc_status *status, const struct node_info *info)
{
    set_number(object, "dht_nodes", info->nodes_v4 + info->nodes_v6);
    set_number(object, "dht_xord_nodes", info->nodes_xord);
    set_number(object, "dht_global_nodes", info->estimate);
    set_number(object, "stored", status->stored_records);
    set_number(object, "stored_bytes", status->stored_bytes);
    set_number(object, "max_bytes", status->quota_bytes);
    set_number(object, "evicted", status->evicted_records);
    set_number(object, "kept_puts", status->kept_records);
    set_number(object, "kept_bytes", status->kept_bytes);
    set_number(object, "under_way", info->operations);
    set(object, "subscriptions", show_subscriptions(info));
}

struct rpc_result method_getinfo(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_status status = {0};
    struct node_info info;
    json_t *object = json_object();

    host->status(host->context, &status);
    node_get_info(host->node, &info);
    show_identity(object, &status, &info);
    show_load(object, &status, &info);
    set_number(object, "clients", dispatch_clients(call));
    set(object, "commands", handlers_show(&dispatch_of(call)->handlers));
    set(object, "http", show_http(call));
    set(object, "traffic", show_traffic(host->node));
    set_text(object, "data_dir", status.data_dir);
    set(object, "warnings", show_warnings(call, &status));
    return rpc_reply(call, object);
}

struct rpc_result method_getmetrics(struct rpc_call *call)
{
    struct json_text text = {0};

    dispatch_write_metrics(dispatch_of(call), &text);
    json_t *page = text.failed ? NULL : json_stringn(text.data, text.size);
    json_text_clear(&text);
    return rpc_reply(call, page);
}

/* ---- waitready ---- */

static struct rpc_result on_ready(struct rpc_call *call, void *state)
{
    struct node_info info;

    (void)state;
    node_get_info(rpc_host_of(call)->node, &info);
    if (info.state == NODE_OFFLINE)
        return rpc_fail(call, ERR_OFFLINE,
                        "no node answers; addnode HOST:PORT adds one to start from");
    return rpc_reply(call, json_string_nocheck(node_state_name(info.state)));
}

struct rpc_result method_waitready(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_pending_on on = {.is_ready = true, .on_ready = on_ready};
    struct node_info info;

    node_get_info(host->node, &info);
    if (info.state != NODE_STARTING)
        return on_ready(call, NULL);
    if (rpc_has(call, "timeout_ms"))
        on.deadline_ms = host->now(host->context).ms + (uint64_t)rpc_int(call, "timeout_ms");
    return rpc_pending(call, &on);
}

/* ---- check, getconfig, setlog, reload, stop ---- */

struct rpc_result method_check(struct rpc_call *call)
{
    const char *name = rpc_string(call, "method");
    const struct method *method = method_find(name);
    json_t *params = rpc_json(call, "params");
    json_t *values[METHOD_PARAMS_MAX];
    char detail[RPC_DETAIL_SIZE];

    if (method == NULL)
        return rpc_fail(call, ERR_UNKNOWN_METHOD, "no method \"%.64s\"; `help` lists them", name);
    if (params != NULL && !json_is_array(params) && !json_is_object(params) &&
        !json_is_null(params))
        return rpc_fail(call, ERR_INVALID_PARAMS,
                        "check: parameter \"params\" must be an array or an object");
    enum err err = request_check(method, rpc_access_of(call), params, values, detail);
    return err == ERR_OK ? rpc_reply(call, json_true()) : rpc_fail(call, err, "%s", detail);
}

struct rpc_result method_getconfig(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *wanted = rpc_string(call, "key"), *key, *value;
    json_t *settings = json_object();

    for (size_t i = 0;; i++) {
        host->config_at(host->context, i, &key, &value);
        if (key == NULL)
            break;
        if (wanted == NULL || strcmp(wanted, key) == 0)
            set_text(settings, key, value);
    }
    if (wanted == NULL)
        return rpc_reply(call, settings);
    json_t *found = json_incref(json_object_get(settings, wanted));
    json_decref(settings);
    if (found == NULL)
        return rpc_fail(call, ERR_INVALID_PARAMS, "getconfig: no setting \"%.64s\"", wanted);
    return rpc_reply(call, found);
}

struct rpc_result method_setlog(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    const char *levels = rpc_string(call, "levels");

    if (!host->set_log(host->context, levels))
        return rpc_fail(call, ERR_INVALID_PARAMS,
                        "levels must be like info or info,rpc=debug; levels: "
                        "error, warn, info, debug; rooms: daemon, node, net, store, rpc");
    return rpc_reply(call, json_true());
}

static struct rpc_result on_reloaded(struct rpc_call *call, void *state, enum err err,
                                     const char *detail)
{
    (void)state;
    if (err == ERR_OK)
        return rpc_reply(call, json_true());
    return rpc_fail(call, err, "%s", detail != NULL ? detail : err_text(err));
}

struct rpc_result method_reload(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);
    struct rpc_pending_on on = {.is_ticket = true, .on_done = on_reloaded};
    enum err err = host->reload(host->context, rpc_ticket(call));

    return err == ERR_OK ? rpc_pending(call, &on) : rpc_fail(call, err, NULL);
}

struct rpc_result method_stop(struct rpc_call *call)
{
    const struct rpc_host *host = rpc_host_of(call);

    host->stop(host->context);
    return rpc_reply(call, json_string("xord is stopping"));
}
