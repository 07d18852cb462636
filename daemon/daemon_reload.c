#include <stdlib.h>

#include "common/log.h"
#include "daemon/background.h"
#include "daemon/daemon_parts.h"

/* The settings are read again on a worker; the loop then takes over the keys that allow it. */
struct reload {
    struct daemon *daemon;
    bool has_ticket;
    uint64_t ticket;
    struct settings fresh;
    char detail[SETTINGS_ERROR_SIZE];
};

static enum err run_reload(void *argument)
{
    struct reload *r = argument;
    return settings_load(&r->fresh, r->daemon->input, r->detail);
}

static void take_over(struct daemon *d, struct settings *fresh, enum setting key)
{
    struct setting_value old = d->settings.values[key];
    d->settings.values[key] = fresh->values[key];
    fresh->values[key] = old;
}

/* Takes over what may change now; names what needs a restart in `detail`. */
static void apply(struct daemon *d, struct settings *fresh, char detail[SETTINGS_ERROR_SIZE])
{
    size_t used = 0;
    bool has_bootstrap = !settings_is_same(&d->settings, fresh, SETTING_BOOTSTRAP);
    if (!settings_is_same(&d->settings, fresh, SETTING_METRICS_FILE))
        d->metrics_ms = uv_now(&d->loop);
    detail[0] = '\0';
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        enum setting key = (enum setting)i;
        if (settings_is_same(&d->settings, fresh, key))
            continue;
        if (settings_row(key)->is_reloaded)
            take_over(d, fresh, key);
        else if (used < SETTINGS_ERROR_SIZE)
            used += (size_t)snprintf(detail + used, SETTINGS_ERROR_SIZE - used, "%s%s",
                                     used == 0 ? "a restart is needed for: " : ", ",
                                     settings_row(key)->name);
    }
    log_set_levels(settings_text(&d->settings, SETTING_LOG_LEVEL));
    if (has_bootstrap)
        bootstrap_start(&d->bootstrap, &d->settings, uv_now(&d->loop));
}

static void on_reloaded(void *argument, enum err err)
{
    struct reload *r = argument;
    struct daemon *d = r->daemon;
    d->is_reloading = false;
    if (err == ERR_OK && d->stage == DAEMON_RUNNING)
        apply(d, &r->fresh, r->detail);
    if (err != ERR_OK)
        log_error(LOG_DAEMON, "the settings stay as they were: %s", r->detail);
    else
        log_info(LOG_DAEMON, "settings reloaded%s%s", r->detail[0] != '\0' ? "; " : "", r->detail);
    if (r->has_ticket && d->stage == DAEMON_RUNNING)
        rpc_server_done(d->rpc, r->ticket, err == ERR_OK ? ERR_OK : ERR_INVALID_PARAMS,
                        r->detail[0] != '\0' ? r->detail : NULL);
    settings_clear(&r->fresh);
    free(r);
}

enum err daemon_reload(struct daemon *d, bool has_ticket, uint64_t ticket)
{
    if (d->is_reloading)
        return ERR_BUSY;
    struct reload *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NO_MEMORY;
    r->daemon = d;
    r->has_ticket = has_ticket;
    r->ticket = ticket;
    if (background_start(&d->loop, run_reload, on_reloaded, r) != ERR_OK) {
        free(r);
        return ERR_NO_MEMORY;
    }
    d->is_reloading = true;
    daemon_manager_flush(d); /* it may be over before the loop sleeps again */
    return ERR_OK;
}
