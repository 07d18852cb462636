#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/daemon_parts.h"
#include "daemon/settings_paths.h"

/* What the service manager hands over (sd_listen_fds(3)) and is told (sd_notify(3)): the stage
 * whenever it has changed, one line of status at most every few seconds, and that loop and store
 * worker are alive. */

static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};

enum err daemon_manager_open(struct daemon *d, char *detail)
{
    const char *usec = settings_variable(d->input, "WATCHDOG_USEC");
    const char *pid = settings_variable(d->input, "WATCHDOG_PID");
    notify_open(&d->notify, settings_variable(d->input, "NOTIFY_SOCKET"));
    d->told = MANAGER_NOTHING;
    d->status_ms = d->started_ms;
    if (!watchdog_init(&d->watchdog, usec, pid, getpid(), d->started_ms))
        log_warn(LOG_DAEMON, "WATCHDOG_USEC or WATCHDOG_PID is no number; no watchdog is fed");
    enum err err = passed_find(&d->passed, d->input, PASSED_FIRST_FD, detail);
    /* They were for this process alone. */
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    return err;
}

static void write_status(struct daemon *d, char out[MANAGER_STATUS_SIZE])
{
    struct node_info info;
    node_get_info(d->node, &info);
    size_t nodes = info.nodes_v4 + info.nodes_v6;
    snprintf(out, MANAGER_STATUS_SIZE, "STATUS=%s, %zu node%s, %s%s\n",
             info.role == NODE_SERVER ? "server" : "client", nodes, nodes == 1 ? "" : "s",
             node_state_name(info.state), info.state == NODE_OFFLINE ? ": no node answers" : "");
}

static enum manager_stage stage_of(const struct daemon *d)
{
    if (d->stage != DAEMON_RUNNING)
        return MANAGER_STOPPING;
    return d->is_reloading ? MANAGER_RELOADING : MANAGER_READY;
}

static bool tell_stage(struct daemon *d, enum manager_stage stage)
{
    char lines[96];
    struct timespec now;
    switch (stage) {
    case MANAGER_NOTHING:
        return true;
    case MANAGER_READY:
        return notify_send(&d->notify, "READY=1\n");
    case MANAGER_RELOADING:
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
        return notify_send(&d->notify, lines);
    case MANAGER_STOPPING:
        return notify_send(&d->notify, "STOPPING=1\nSTATUS=stopping\n");
    }
    return true;
}

/* A manager that is slow to read hears it later. */
static void tell_status(struct daemon *d, uint64_t now_ms)
{
    char status[MANAGER_STATUS_SIZE];
    write_status(d, status);
    d->status_ms = now_ms + MANAGER_STATUS_MS;
    d->is_status_due = false;
    if (strcmp(status, d->status_told) == 0)
        return;
    if (notify_send(&d->notify, status))
        memcpy(d->status_told, status, sizeof(status));
    else
        d->is_status_due = true;
}

void daemon_manager_flush(struct daemon *d)
{
    enum manager_stage stage = stage_of(d);
    uint64_t now_ms = uv_now(&d->loop);
    if (!d->is_ready || d->notify.fd < 0)
        return;
    if (stage != d->told && tell_stage(d, stage))
        d->told = stage;
    if (stage == MANAGER_STOPPING)
        return;
    if (now_ms >= d->status_ms)
        tell_status(d, now_ms);
    else
        d->is_status_due = true;
}

uint64_t daemon_manager_next_ms(const struct daemon *d)
{
    bool is_due = d->is_status_due || (d->is_ready && d->told != stage_of(d));
    return is_due && d->notify.fd >= 0 ? d->status_ms : UINT64_MAX;
}

static void on_watchdog(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    if (watchdog_look(&d->watchdog, uv_now(&d->loop), writer_is_idle(d->writer),
                      writer_progress(d->writer)))
        notify_send(&d->notify, "WATCHDOG=1\n");
    else
        log_error(LOG_DAEMON, "the store's worker is stuck; the watchdog is not fed");
}

void daemon_manager_start(struct daemon *d)
{
    uint64_t period_ms = watchdog_period_ms(&d->watchdog);
    if (period_ms > 0 && d->notify.fd >= 0)
        uv_timer_start(&d->watchdog_timer, on_watchdog, period_ms, period_ms);
}

void daemon_manager_fail(struct daemon *d, const char *why)
{
    char lines[DAEMON_DETAIL_SIZE + 32];
    snprintf(lines, sizeof(lines), "STATUS=%s\n", why);
    notify_send(&d->notify, lines);
}
