#include <signal.h>

#include "common/log.h"
#include "daemon/daemon_parts.h"

/* The order of a graceful stop: no new calls, those under way are answered; the node hands over
 * what the network would lose with it; writes that were accepted reach the disk and are
 * acknowledged, the table is saved; then the sockets close. */

static void on_drained(void *context)
{
    struct daemon *d = context;
    d->is_drained = true;
}

void daemon_stop_begin(struct daemon *d)
{
    if (d->stage != DAEMON_RUNNING)
        return;
    log_info(LOG_DAEMON, "stopping");
    d->stage = DAEMON_LEAVING;
    d->stop_by_ms = uv_now(&d->loop) + DAEMON_STOP_MS;
    rpc_server_close(d->rpc);
    resolve_cancel(&d->resolve);
    resolve_cancel(&d->bootstrap.resolve);
    tables_save(&d->tables, d->node);
    saved_id_update(&d->saved_id, d->node);
    saved_names_save(&d->names);
    uint64_t op;
    if (node_leave(d->node, daemon_now(d), DAEMON_LEAVE_MS, &op, &d->outbox) != ERR_OK)
        daemon_on_left(d);
}

void daemon_on_left(struct daemon *d)
{
    if (d->stage != DAEMON_LEAVING)
        return;
    d->stage = DAEMON_DRAINING;
    writer_drain(d->writer, on_drained);
}

static bool is_idle(const struct daemon *d)
{
    return d->is_drained && !d->is_reloading && tables_is_idle(&d->tables) &&
           saved_id_is_idle(&d->saved_id) && saved_names_is_idle(&d->names) &&
           metrics_file_is_idle(&d->metrics_file) && keyring_is_idle(&d->keyring) &&
           contacts_is_idle(&d->contacts);
}

static bool is_resolving(const struct daemon *d)
{
    return !resolve_is_idle(&d->resolve) || !resolve_is_idle(&d->bootstrap.resolve);
}

/* What was on its way to the disk when the stop began may have been overtaken since. */
static void save_anew(struct daemon *d)
{
    if (!d->names.has_failed)
        saved_names_save(&d->names);
}

void daemon_stop_step(struct daemon *d)
{
    if (d->stage == DAEMON_DRAINING)
        save_anew(d);
    if (d->stage == DAEMON_DRAINING && is_idle(d)) {
        d->stage = DAEMON_CLOSING;
        udp_close(d->udp);
    }
    if (d->stage == DAEMON_CLOSING && udp_is_closed(d->udp) && rpc_server_is_closed(d->rpc)) {
        d->stage = DAEMON_CLOSED;
        /* A resolver that hangs is not waited for. */
        d->is_urgent = is_resolving(d);
        uv_stop(&d->loop);
    } else if (d->stage != DAEMON_CLOSED && uv_now(&d->loop) >= d->stop_by_ms) {
        log_warn(LOG_DAEMON, "stopping took too long; some work is left undone");
        d->is_urgent = true;
        d->status = DAEMON_MAY_PASS;
        uv_stop(&d->loop);
    }
}

void daemon_on_signal(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (number == SIGHUP) {
        if (daemon_reload(d, false, 0) != ERR_OK)
            log_warn(LOG_DAEMON, "a reload is under way already");
        return;
    }
    if (d->stage == DAEMON_RUNNING) {
        d->is_stop_wanted = true;
        return;
    }
    log_warn(LOG_DAEMON, "stopping at once");
    d->is_urgent = true;
    d->status = DAEMON_MAY_PASS;
    uv_stop(&d->loop);
}
