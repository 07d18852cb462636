/* What the daemon is told: one table of keys, each the same as a flag (--key), in the environment
 * (XORD_KEY) and in the configuration file, in that order, before its default. Checks each value
 * where it stands, so an error names the place. Opens no socket and creates nothing. */
#ifndef XORD_DAEMON_SETTINGS_H
#define XORD_DAEMON_SETTINGS_H

#include <stdio.h>

#include "common/addr.h"
#include "common/err.h"

#define SETTINGS_REPEATS_MAX  32  /* values of one key: as many as a node starts from */
#define SETTINGS_SOCKET_MAX   107 /* sun_path without its terminator; libuv cuts silently */
#define SETTINGS_NETWORK_MAX  32
#define SETTINGS_HOST_MAX     253 /* of a name in the DNS */
#define SETTINGS_ERROR_SIZE   512
#define SETTINGS_MAINLINE     "mainline" /* the public network */
#define SETTINGS_PORT_DEFAULT "9673"     /* "xord" on a telephone's keys; 6881 is BitTorrent's */

enum setting {
    SETTING_CONF,
    SETTING_DATADIR,
    SETTING_PORT,
    SETTING_BIND,
    SETTING_BOOTSTRAP,
    SETTING_NETWORK,
    SETTING_ROLE,
    SETTING_AUTHORITY,
    SETTING_RPC_SOCKET,
    SETTING_RPC_READONLY_SOCKET,
    SETTING_HTTP,
    SETTING_HTTP_HOST,
    SETTING_HTTP_PUBLIC,
    SETTING_METRICS_FILE,
    SETTING_MAX_BYTES,
    SETTING_MULTI_ENTRIES,
    SETTING_MULTI_BYTES,
    SETTING_LOG_LEVEL,
    SETTING_CHECK_CONFIG,
    SETTING_HELP,
    SETTING_VERSION,
    SETTING_COUNT
};

enum setting_type {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_NUMBER,
    SETTING_SIZE, /* bytes, with K, M, G or T for powers of 1024 */
    SETTING_IP,
    SETTING_IP_PORT,
    SETTING_HOST_NAME, /* as in a Host header, without a port */
    SETTING_HOST_PORT,
    SETTING_NAME, /* [a-z0-9_-]{1,32} */
    SETTING_ROLE_NAME,
    SETTING_KEY_NAME, /* a name, or 64 hex digits */
    SETTING_BOOL
};

struct setting_row {
    const char *name;
    enum setting_type type;
    const char *fallback; /* NULL: made from the environment, or empty */
    const char *shown;    /* the default as help and xord.conf show it; blanks between several */
    const char *none;     /* the word that stands for no value; NULL: there is none */
    int64_t min, max;     /* of numbers and sizes */
    bool repeats;
    bool is_flag_only; /* neither in the environment nor in a file; `conf` is in the environment */
    bool is_reloaded;  /* taken over by a reload; the others need a restart */
    const char *help;  /* one line */
};

enum settings_source { SETTINGS_DEFAULT, SETTINGS_FILE, SETTINGS_ENVIRONMENT, SETTINGS_FLAG };

struct setting_value {
    char *texts[SETTINGS_REPEATS_MAX];
    unsigned count;
    enum settings_source source;
    char *where; /* "--port", "XORD_PORT", "/etc/xord/xord.conf:3"; NULL for a default */
};

struct settings {
    struct setting_value values[SETTING_COUNT];
};

/* Where settings come from. Borrowed; read again by a reload. */
struct settings_input {
    int argc;
    char **argv;
    char **environment; /* as environ */
    bool is_root;
};

const struct setting_row *settings_row(enum setting key);
/* Appends a value, replacing those of a weaker source; false with `error` filled. */
bool settings_add(struct settings *s, enum setting key, enum settings_source source,
                  const char *where, const char *text, char error[SETTINGS_ERROR_SIZE]);
/* True when the text is a value of this key; else `reason` says what is expected. */
bool settings_is_valid(enum setting key, const char *text, char *reason, size_t reason_size);

/* Reads all sources and checks the whole. ERR_OK; ERR_INVALID_PARAMS: the command line is wrong;
 * ERR_MALFORMED: a value or the file is. `s` must be cleared in each case. --help and --version are
 * settings: with either of them nothing else is read. */
enum err settings_load(struct settings *s, const struct settings_input *input,
                       char error[SETTINGS_ERROR_SIZE]);
void settings_clear(struct settings *s);

/* The value, or NULL when there is none; of keys that repeat the first. Borrowed from `s`. */
const char *settings_text(const struct settings *s, enum setting key);
const char *settings_at(const struct settings *s, enum setting key, unsigned index);
int64_t settings_number(const struct settings *s, enum setting key); /* numbers and sizes */
bool settings_is_on(const struct settings *s, enum setting key);
bool settings_is_mainline(const struct settings *s);
bool settings_is_loopback(const struct settings *s); /* each bound address is */
bool settings_is_same(const struct settings *a, const struct settings *b, enum setting key);

void settings_print_help(FILE *out);

#endif
