/* The one table of settings. */
#include "daemon/settings.h"

static const struct setting_row rows[SETTING_COUNT] = {
    [SETTING_CONF] = {.name = "conf",
                      .type = SETTING_PATH,
                      .shown = "/etc/xord/xord.conf",
                      .is_flag_only = true,
                      .help = "the configuration file; a user's own: ~/.config/xord/xord.conf"},
    [SETTING_DATADIR] = {.name = "datadir",
                         .type = SETTING_PATH,
                         .shown = "/var/lib/xord",
                         .help =
                             "keys, contacts, records, table; a user's own: ~/.local/state/xord"},
    [SETTING_PORT] = {.name = "port",
                      .type = SETTING_NUMBER,
                      .fallback = SETTINGS_PORT_DEFAULT,
                      .shown = SETTINGS_PORT_DEFAULT,
                      .max = 65535,
                      .help = "the UDP port, of all bound addresses; 0 takes a free one"},
    [SETTING_BIND] = {.name = "bind",
                      .type = SETTING_IP,
                      .shown = "0.0.0.0 ::",
                      .repeats = true,
                      .help = "an address to listen on; repeats, one an IP family"},
    [SETTING_BOOTSTRAP] =
        {.name = "bootstrap",
         .type = SETTING_HOST_PORT,
         .shown = "none",
         .none = "none",
         .repeats = true,
         .is_reloaded = true,
         .help = "a node to start from, HOST:PORT; repeats; on mainline the public ones"},
    [SETTING_NETWORK] = {.name = "network",
                         .type = SETTING_NAME,
                         .fallback = "xord",
                         .shown = "xord",
                         .help = "mainline, the public network, or a private one's name"},
    [SETTING_ROLE] = {.name = "role",
                      .type = SETTING_ROLE_NAME,
                      .fallback = "auto",
                      .shown = "auto",
                      .help = "server answers others, client only asks, auto decides"},
    [SETTING_AUTHORITY] = {.name = "authority",
                           .type = SETTING_KEY_NAME,
                           .shown = "none",
                           .none = "none",
                           .is_reloaded = true,
                           .help = "who registers names used bare: a key's or contact's name, or "
                                   "64 hex digits"},
    [SETTING_RPC_SOCKET] =
        {.name = "rpc-socket",
         .type = SETTING_PATH,
         .shown = "/run/xord/rpc.sock",
         .help = "the JSON-RPC socket with all methods; with datadir set: inside it"},
    [SETTING_RPC_READONLY_SOCKET] =
        {.name = "rpc-readonly-socket",
         .type = SETTING_PATH,
         .shown = "/run/xord/ro.sock",
         .help = "the socket for methods that change nothing; ro.sock beside rpc-socket"},
    [SETTING_HTTP] = {.name = "http",
                      .type = SETTING_IP_PORT,
                      .shown = "off",
                      .none = "off",
                      .help = "where the status page and metrics are served, as 127.0.0.1:9673"},
    [SETTING_HTTP_HOST] = {.name = "http-host",
                           .type = SETTING_HOST_NAME,
                           .shown = "none",
                           .none = "none",
                           .repeats = true,
                           .help = "a name that the page may be asked for by, beside localhost; "
                                   "repeats"},
    [SETTING_HTTP_PUBLIC] = {.name = "http-public",
                             .type = SETTING_BOOL,
                             .fallback = "false",
                             .shown = "false",
                             .help = "allow http on an address that others can reach"},
    [SETTING_METRICS_FILE] = {.name = "metrics-file",
                              .type = SETTING_PATH,
                              .shown = "none",
                              .none = "none",
                              .is_reloaded = true,
                              .help = "a file to write metrics to every 15 s, for Prometheus' "
                                      "textfile collector"},
    [SETTING_MAX_BYTES] = {.name = "max-bytes",
                           .type = SETTING_SIZE,
                           .fallback = "256M",
                           .shown = "256M",
                           .min = 65536,
                           .max = INT64_C(1) << 40,
                           .help = "room for other nodes' records, with K, M, G or T"},
    [SETTING_MULTI_ENTRIES] = {.name = "multi-entries",
                               .type = SETTING_NUMBER,
                               .fallback = "512",
                               .shown = "512",
                               .min = 1,
                               .max = 4096,
                               .help = "entries held for others of one multi, shared by signer"},
    [SETTING_MULTI_BYTES] = {.name = "multi-bytes",
                             .type = SETTING_SIZE,
                             .fallback = "640K",
                             .shown = "640K",
                             .min = 16384,
                             .max = INT64_C(1) << 30,
                             .help = "room for them, keys and signatures counted"},
    [SETTING_LOG_LEVEL] = {.name = "log-level",
                           .type = SETTING_TEXT,
                           .fallback = "info",
                           .shown = "info",
                           .is_reloaded = true,
                           .help = "error, warn, info or debug; by room: info,rpc=debug,net=error"},
    [SETTING_CHECK_CONFIG] = {.name = "check-config",
                              .type = SETTING_BOOL,
                              .fallback = "false",
                              .shown = "false",
                              .is_flag_only = true,
                              .help = "check the settings and exit"},
    [SETTING_HELP] = {.name = "help",
                      .type = SETTING_BOOL,
                      .fallback = "false",
                      .shown = "false",
                      .is_flag_only = true,
                      .help = "show this and exit"},
    [SETTING_VERSION] = {.name = "version",
                         .type = SETTING_BOOL,
                         .fallback = "false",
                         .shown = "false",
                         .is_flag_only = true,
                         .help = "show the version and exit"},
};

const struct setting_row *settings_row(enum setting key)
{
    return &rows[key];
}

void settings_print_help(FILE *out)
{
    fputs(
        "xord: a DHT daemon.\n\n"
        "  xord [OPTIONS]               the daemon, in the foreground\n"
        "  xord [OPTIONS] METHOD ARG... a call to a running daemon; xord help lists the methods\n"
        "  xord top                     a running daemon on the terminal, until q is pressed\n"
        "\nOptions of the daemon; each but conf, check-config, help and version is also a key of\n"
        "the configuration file, and XORD_KEY in the environment:\n\n",
        out);
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        fprintf(out, "  --%-20s %s\n", rows[i].name, rows[i].help);
        if (rows[i].type != SETTING_BOOL)
            fprintf(out, "  %-22s (default: %s)\n", "", rows[i].shown);
    }
}
