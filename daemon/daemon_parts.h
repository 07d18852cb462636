/* The daemon's parts, and the files that move them, each of which may call those after it:
 * daemon.c, from the command line to the exit; daemon_start.c, beginning; daemon_host.c, what the
 * RPC rooms ask for; daemon_flush.c, acting on what the node wants before the loop sleeps;
 * daemon_stop.c and daemon_reload.c, what signals ask; daemon_manager.c, what the service manager
 * is told; daemon_now.c, the time. Private to these. */
#ifndef XORD_DAEMON_PARTS_H
#define XORD_DAEMON_PARTS_H

#include <uv.h>

#include "daemon/bootstrap.h"
#include "daemon/condition.h"
#include "daemon/contacts.h"
#include "daemon/daemon.h"
#include "daemon/datadir.h"
#include "daemon/keyring.h"
#include "daemon/metrics_file.h"
#include "daemon/notify.h"
#include "daemon/passed.h"
#include "daemon/resolve.h"
#include "daemon/saved_id.h"
#include "daemon/saved_names.h"
#include "daemon/settings.h"
#include "daemon/store/store_lmdb.h"
#include "daemon/store/writer.h"
#include "daemon/tables.h"
#include "daemon/udp.h"
#include "daemon/watchdog.h"
#include "rpc/server/server.h"

#define DAEMON_DETAIL_SIZE     512
#define DAEMON_CHORES_MS       60000u /* between savings of the table and expiries of the store */
#define DAEMON_FIRST_CHORES_MS 5000u  /* a young table is worth saving soon */
#define DAEMON_NAMES_MS        1000u  /* after a name changed; many in a row are saved as one */
#define DAEMON_LEAVE_MS        5000u  /* of it, for handing over what the network would lose */
#define DAEMON_STOP_MS         10000u /* a graceful stop takes no longer, whatever hangs */
#define DAEMON_WARNINGS        4
#define MANAGER_STATUS_MS      5000u /* between two lines of status: for a person, not a meter */
#define MANAGER_STATUS_SIZE    96
#define DAEMON_SIGNALS         3

enum daemon_stage {
    DAEMON_RUNNING,
    DAEMON_LEAVING,
    DAEMON_DRAINING,
    DAEMON_CLOSING,
    DAEMON_CLOSED
};

/* What the service manager was told last. */
enum manager_stage { MANAGER_NOTHING, MANAGER_READY, MANAGER_RELOADING, MANAGER_STOPPING };

struct daemon {
    const struct settings_input *input;
    struct settings settings;
    uv_loop_t loop;
    bool has_loop;

    struct datadir datadir;
    struct store *store;
    struct keyring keyring;
    struct contacts contacts;
    struct saved_names names;
    struct udp *udp;
    struct node *node;
    struct outbox outbox;
    struct writer *writer;
    struct rpc_server *rpc;
    struct resolve resolve; /* for calls; bootstrap has its own */
    struct bootstrap bootstrap;
    struct tables tables;
    struct saved_id saved_id;
    struct metrics_file metrics_file;
    struct condition condition; /* as the log has it */

    uv_prepare_t prepare;
    uv_timer_t timer;
    uv_timer_t watchdog_timer;
    uv_signal_t signals[DAEMON_SIGNALS];
    bool has_handles;

    struct passed passed;
    const char *rpc_path; /* of the socket with all methods, for a person */
    struct notify notify;
    struct watchdog watchdog;
    enum manager_stage told;
    char status_told[MANAGER_STATUS_SIZE];
    uint64_t status_ms; /* when the next line of status may go */
    bool is_status_due; /* it may have changed since */

    enum daemon_stage stage;
    enum daemon_exit status;
    bool is_ready, is_stop_wanted, is_drained, is_urgent, is_reloading;
    uint64_t started_ms, stop_by_ms, chores_ms, names_ms, metrics_ms, timer_ms;
    uint64_t unix_s; /* the store's clock */

    const char *role_why; /* NULL: the node finds out */
    const char *warnings[DAEMON_WARNINGS];
    size_t warning_count;
    char config_text[4096]; /* what config_at lends */
};

/* daemon_now.c */
struct now daemon_now(struct daemon *d);

/* daemon_start.c */
/* All its parts, in their order, up to where it is ready; `detail` (DAEMON_DETAIL_SIZE) says in one
 * line what failed, where there is more to say than the error. What was started is ended by
 * daemon.c, whatever this returns. */
enum err daemon_start(struct daemon *d, char *detail);

/* daemon_flush.c */
void daemon_act(struct daemon *d);   /* empties the outbox: writes, events, packets */
void daemon_flush(struct daemon *d); /* all that is due before the loop sleeps */
void daemon_on_timer(uv_timer_t *timer);
void daemon_on_stored(void *context, const struct store_write *write, enum err err, int64_t seq);

/* daemon_host.c */
void daemon_fill_host(struct daemon *d, struct rpc_host *host);
const char *daemon_role_why(const struct daemon *d); /* for a person */

/* daemon_stop.c */
void daemon_on_signal(uv_signal_t *handle, int number);
void daemon_stop_begin(struct daemon *d); /* idempotent */
void daemon_on_left(struct daemon *d);    /* the node has handed over and said goodbye */
void daemon_stop_step(struct daemon *d);  /* goes on when what it waits for has come */

/* daemon_manager.c */
/* Takes what the service manager has put into the environment. ERR_MALFORMED as passed_find. */
enum err daemon_manager_open(struct daemon *d, char *detail);
void daemon_manager_start(struct daemon *d); /* the watchdog */
void daemon_manager_flush(struct daemon *d); /* tells what has changed; costs little otherwise */
uint64_t daemon_manager_next_ms(const struct daemon *d);     /* when to flush at the latest */
void daemon_manager_fail(struct daemon *d, const char *why); /* it does not start */

/* daemon_reload.c. Answered by rpc_server_done when `has_ticket`. ERR_BUSY: one is under way. */
enum err daemon_reload(struct daemon *d, bool has_ticket, uint64_t ticket);

#endif
