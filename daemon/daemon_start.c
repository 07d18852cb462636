#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/addr_text.h"
#include "common/hash.h"
#include "common/log.h"
#include "daemon/daemon_parts.h"
#include "daemon/http_socket.h"
#include "rpc/server/http_host.h"

#define FILES_MAX 4096 /* the RPC server's clients and room for all else */

/* What libuv and the other parts call. */

static void on_prepare(uv_prepare_t *handle)
{
    daemon_flush(handle->data);
}

/* A stopping node answers for what it accepted and accepts nothing new: else a busy network would
 * keep it from coming to an end. */
static void on_packet(void *context, const struct addr *from, const uint8_t *data, size_t size)
{
    struct daemon *d = context;
    if (d->stage <= DAEMON_LEAVING)
        node_recv(d->node, daemon_now(d), from, data, size, &d->outbox);
}

/* A long run of packets is answered in parts, while the answers are warm in the cache. */
static void on_batch(void *context)
{
    struct daemon *d = context;
    if (d->outbox.packet_count >= UDP_SEND_BATCH)
        daemon_act(d);
}

static void on_change_done(void *context, uint64_t ticket, enum err err, const char *detail)
{
    struct daemon *d = context;
    rpc_server_done(d->rpc, ticket, err, detail);
}

static void on_resolved(void *context, uint64_t ticket, enum err err, const struct addr *addrs,
                        size_t count)
{
    struct daemon *d = context;
    rpc_server_resolved(d->rpc, ticket, err, addrs, count);
}

/* Starting, in this order: the directory, what lies in it, the network, the node, the calls. */

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_MAX)
        return;
    limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static enum err open_data(struct daemon *d, char *detail)
{
    char path[PATH_MAX];
    uint8_t seed[RNG_SEED_SIZE];
    struct id id;
    enum err err = datadir_open(&d->datadir, settings_text(&d->settings, SETTING_DATADIR), detail);
    if (err != ERR_OK)
        return err;
    randombytes_buf(seed, sizeof(seed));
    err = datadir_id(&d->datadir, seed, &id, detail);
    if (err != ERR_OK)
        return err;
    saved_id_init(&d->saved_id, &d->loop, &d->datadir, &id);
    if (!datadir_path(&d->datadir, "store", path, sizeof(path)))
        return ERR_TOO_BIG;
    const struct store_limits limits = {
        .quota_bytes = (uint64_t)settings_number(&d->settings, SETTING_MAX_BYTES),
        .multi_entries = (uint32_t)settings_number(&d->settings, SETTING_MULTI_ENTRIES),
        .multi_bytes = (uint64_t)settings_number(&d->settings, SETTING_MULTI_BYTES),
    };
    err = store_open(path, &limits, &id, &d->store, detail);
    if (err != ERR_OK)
        return err;
    if (!datadir_path(&d->datadir, "keys", path, sizeof(path)))
        return ERR_TOO_BIG;
    err = keyring_init(&d->keyring, &d->loop, path, on_change_done, d, detail);
    if (err != ERR_OK)
        return err;
    if (!datadir_path(&d->datadir, "contacts", path, sizeof(path)))
        return ERR_TOO_BIG;
    err = contacts_init(&d->contacts, &d->loop, path, on_change_done, d, detail);
    if (err != ERR_OK)
        return err;
    if (!datadir_path(&d->datadir, "names", path, sizeof(path)))
        return ERR_TOO_BIG;
    saved_names_init(&d->names, &d->loop, path);
    return ERR_OK;
}

static enum err open_network(struct daemon *d, char *detail)
{
    struct udp_bind binds[UDP_SOCKETS_MAX];
    struct udp_handler handler = {.context = d, .packet = on_packet, .batch = on_batch};
    const struct setting_value *values = &d->settings.values[SETTING_BIND];
    for (unsigned i = 0; i < values->count; i++) {
        binds[i] = (struct udp_bind){.is_optional = values->source == SETTINGS_DEFAULT};
        addr_parse_ip(values->texts[i], &binds[i].addr);
        binds[i].addr.port = (uint16_t)settings_number(&d->settings, SETTING_PORT);
    }
    d->udp = udp_new(&d->loop, &handler);
    if (d->udp == NULL)
        return ERR_NO_MEMORY;
    return udp_open(d->udp, binds, values->count, detail);
}

/* Where nothing stands between, a node is a server by itself; elsewhere it finds out. */
static enum node_role choose_role(struct daemon *d)
{
    const char *role = settings_text(&d->settings, SETTING_ROLE);
    if (strcmp(role, "auto") != 0) {
        d->role_why = "as configured";
        return strcmp(role, "server") == 0 ? NODE_SERVER : NODE_CLIENT;
    }
    if (settings_is_loopback(&d->settings)) {
        d->role_why = "bound to loopback";
        return NODE_SERVER;
    }
    if (!settings_is_mainline(&d->settings)) {
        d->role_why = "on a private network";
        return NODE_SERVER;
    }
    return NODE_AUTO;
}

/* The tag of a private network: the first four bytes of its name's SHA-1. */
static uint32_t network_tag(const char *name)
{
    uint8_t digest[HASH_SHA1_SIZE];
    struct bytes part = bytes_of_string(name);
    hash_sha1(&part, 1, digest);
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
           digest[3];
}

static enum err make_node(struct daemon *d)
{
    struct node_config config = {
        .id = d->saved_id.id,
        .role = choose_role(d),
        .has_v4 = udp_has_family(d->udp, ADDR_V4),
        .has_v6 = udp_has_family(d->udp, ADDR_V6),
        .has_network = !settings_is_mainline(&d->settings),
        .network = network_tag(settings_text(&d->settings, SETTING_NETWORK)),
        .version = {'X', 'O', 0, 1},
        .store = store_reader(d->store),
    };
    randombytes_buf(config.seed, sizeof(config.seed));
    d->node = node_new(&config, daemon_now(d));
    sodium_memzero(config.seed, sizeof(config.seed));
    return d->node != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err listen_at(struct daemon *d, const char *path, mode_t mode, enum rpc_access access,
                          char *detail)
{
    char parent[PATH_MAX];
    if (!datadir_parent(path, parent, sizeof(parent)) || !datadir_make(parent, 0755)) {
        snprintf(detail, DAEMON_DETAIL_SIZE, "cannot make the directory of socket %.300s: %s", path,
                 strerror(errno));
        return ERR_IO;
    }
    return rpc_server_listen(d->rpc, path, mode, access, detail);
}

/* On the sockets that were passed for this; only where there is none, on one of our own. */
static enum err listen_on(struct daemon *d, enum setting key, mode_t mode, enum rpc_access access,
                          char *detail)
{
    struct passed_socket *socket = passed_next(&d->passed, access);
    if (socket == NULL)
        return listen_at(d, settings_text(&d->settings, key), mode, access, detail);
    for (; socket != NULL; socket = passed_next(&d->passed, access)) {
        int fd = socket->fd;
        socket->fd = -1;
        enum err err = rpc_server_adopt(d->rpc, fd, access);
        if (err != ERR_OK) {
            snprintf(detail, DAEMON_DETAIL_SIZE, "cannot listen on the passed socket %s",
                     socket->path);
            return err;
        }
        d->rpc_path = access == RPC_ACCESS_FULL ? socket->path : d->rpc_path;
    }
    return ERR_OK;
}

static enum err open_http(struct daemon *d, char *detail)
{
    const char *text = settings_text(&d->settings, SETTING_HTTP), *name;
    struct http_hosts hosts = {.name_count = 0};
    int fd;
    if (text == NULL)
        return ERR_OK;
    while ((name = settings_at(&d->settings, SETTING_HTTP_HOST, (unsigned)hosts.name_count)) !=
           NULL)
        hosts.names[hosts.name_count++] = name;
    addr_parse(text, &hosts.bound);
    enum err err = http_socket_listen(&hosts.bound, &fd, detail, DAEMON_DETAIL_SIZE);
    return err == ERR_OK ? rpc_server_listen_http(d->rpc, fd, &hosts, detail) : err;
}

static enum err open_calls(struct daemon *d, char *detail)
{
    struct rpc_host host;
    enum err err = writer_new(&d->loop, d->store, daemon_on_stored, d, &d->writer);
    if (err != ERR_OK)
        return err;
    daemon_fill_host(d, &host);
    d->rpc = rpc_server_new(&d->loop, &host);
    d->rpc_path = settings_text(&d->settings, SETTING_RPC_SOCKET);
    if (d->rpc == NULL)
        return ERR_NO_MEMORY;
    err = listen_on(d, SETTING_RPC_SOCKET, 0660, RPC_ACCESS_FULL, detail);
    if (err != ERR_OK)
        return err;
    err = listen_on(d, SETTING_RPC_READONLY_SOCKET, 0666, RPC_ACCESS_READ, detail);
    return err == ERR_OK ? open_http(d, detail) : err;
}

static enum err start_handles(struct daemon *d)
{
    static const int numbers[DAEMON_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    uv_prepare_init(&d->loop, &d->prepare); /* this and the timers' cannot fail */
    uv_timer_init(&d->loop, &d->timer);
    uv_timer_init(&d->loop, &d->watchdog_timer);
    for (size_t i = 0; i < DAEMON_SIGNALS; i++)
        uv_signal_init(&d->loop, &d->signals[i]);
    d->has_handles = true;
    d->prepare.data = d;
    d->timer.data = d;
    d->watchdog_timer.data = d;
    uv_prepare_start(&d->prepare, on_prepare);
    for (size_t i = 0; i < DAEMON_SIGNALS; i++) {
        d->signals[i].data = d;
        if (uv_signal_start(&d->signals[i], daemon_on_signal, numbers[i]) != 0)
            return ERR_IO;
    }
    return udp_start(d->udp);
}

static void join_network(struct daemon *d)
{
    char path[PATH_MAX];
    struct now now = daemon_now(d);
    if (datadir_path(&d->datadir, "table", path, sizeof(path))) {
        tables_init(&d->tables, &d->loop, path);
        tables_restore(&d->tables, d->node, now);
    }
    bootstrap_init(&d->bootstrap, &d->loop, d->node);
    bootstrap_start(&d->bootstrap, &d->settings, now.ms);
}

static void note_warnings(struct daemon *d)
{
    struct addr http = rpc_server_http_bound(d->rpc);
    if (http.family != ADDR_NONE && !addr_is_loopback(&http))
        d->warnings[d->warning_count++] = "the status page can be read by all who reach its "
                                          "address (http-public)";
    if (!datadir_is_ours_alone(&d->datadir))
        d->warnings[d->warning_count++] = "others can put keys and contacts into the data "
                                          "directory; chmod -R go-w it";
    for (size_t i = 0; i < d->warning_count; i++)
        log_warn(LOG_DAEMON, "%s", d->warnings[i]);
}

static void say_ready(const struct daemon *d)
{
    char bound[2 * ADDR_TEXT_SIZE + 2] = "", text[ADDR_TEXT_SIZE];
    struct addr addr;
    for (size_t i = 0, used = 0; udp_bound_at(d->udp, i, &addr); i++)
        used += (size_t)snprintf(bound + used, sizeof(bound) - used, "%s%s", i > 0 ? " " : "",
                                 addr_format(&addr, text));
    log_info(LOG_DAEMON, "ready: network %s, UDP %s, socket %s",
             settings_text(&d->settings, SETTING_NETWORK), bound, d->rpc_path);
    addr = rpc_server_http_bound(d->rpc);
    if (addr.family != ADDR_NONE)
        log_info(LOG_DAEMON, "status page: http://%s/", addr_format(&addr, text));
}

enum err daemon_start(struct daemon *d, char *detail)
{
    enum err err;
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (keys_init() != ERR_OK || uv_loop_init(&d->loop) != 0)
        return ERR_INTERNAL;
    d->has_loop = true;
    d->started_ms = uv_now(&d->loop);
    d->chores_ms = d->started_ms + DAEMON_FIRST_CHORES_MS;
    d->timer_ms = d->names_ms = UINT64_MAX;
    d->metrics_ms = d->started_ms;
    metrics_file_init(&d->metrics_file, &d->loop);
    outbox_init(&d->outbox);
    resolve_init(&d->resolve, &d->loop, on_resolved, d);
    if ((err = daemon_manager_open(d, detail)) != ERR_OK ||
        (err = open_data(d, detail)) != ERR_OK || (err = open_network(d, detail)) != ERR_OK ||
        (err = make_node(d)) != ERR_OK || (err = open_calls(d, detail)) != ERR_OK ||
        (err = start_handles(d)) != ERR_OK)
        return err;
    join_network(d);
    note_warnings(d);
    daemon_flush(d);
    say_ready(d);
    d->is_ready = true;
    daemon_manager_flush(d);
    daemon_manager_start(d);
    return ERR_OK;
}
