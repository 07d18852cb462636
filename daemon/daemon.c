#include "daemon/daemon.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/daemon_parts.h"
#include "daemon/settings_environment.h"
#include "daemon/settings_paths.h"

static void close_handles(struct daemon *d)
{
    if (d->rpc != NULL)
        rpc_server_close(d->rpc);
    if (d->udp != NULL)
        udp_close(d->udp);
    if (d->has_handles) {
        uv_close((uv_handle_t *)&d->prepare, NULL);
        uv_close((uv_handle_t *)&d->timer, NULL);
        uv_close((uv_handle_t *)&d->watchdog_timer, NULL);
        for (size_t i = 0; i < DAEMON_SIGNALS; i++)
            uv_close((uv_handle_t *)&d->signals[i], NULL);
    }
    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_loop_close(&d->loop);
}

/* The reverse of starting, from wherever it got to. */
static void clear(struct daemon *d)
{
    if (d->has_loop)
        close_handles(d);
    if (d->rpc != NULL)
        rpc_server_free(d->rpc);
    if (d->writer != NULL)
        writer_free(d->writer);
    if (d->node != NULL)
        node_free(d->node);
    udp_free(d->udp);
    saved_names_clear(&d->names);
    contacts_clear(&d->contacts);
    keyring_clear(&d->keyring);
    store_close(d->store);
    datadir_close(&d->datadir);
    outbox_clear(&d->outbox);
    passed_clear(&d->passed);
    notify_close(&d->notify);
}

static enum daemon_exit exit_of(enum err err)
{
    bool needs_person =
        err == ERR_NEWER || err == ERR_CORRUPT || err == ERR_TOO_BIG || err == ERR_MALFORMED;
    return needs_person ? DAEMON_NEEDS_PERSON : DAEMON_MAY_PASS;
}

static enum daemon_exit run(struct daemon *d)
{
    char detail[DAEMON_DETAIL_SIZE] = "";
    enum err err = daemon_start(d, detail);
    if (err == ERR_OK) {
        uv_run(&d->loop, UV_RUN_DEFAULT);
    } else {
        const char *why = detail[0] != '\0' ? detail : err_text(err);
        log_failure(why);
        daemon_manager_fail(d, why);
        d->status = exit_of(err);
    }
    if (!d->is_urgent)
        clear(d);
    return d->status;
}

/* True when standard error goes to the journal (systemd.exec(5), JOURNAL_STREAM). */
static bool is_journal(const struct settings_input *input)
{
    const char *stream = settings_variable(input, "JOURNAL_STREAM");
    struct stat status;
    unsigned long long device, inode;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

static void warn_of_variables(const struct settings_input *input)
{
    char text[SETTINGS_ERROR_SIZE];
    for (size_t at = 0; settings_unknown_variable(input, &at, text);)
        log_warn(LOG_DAEMON, "%s", text);
}

enum daemon_exit daemon_main(const struct settings_input *input, bool *is_urgent)
{
    char error[SETTINGS_ERROR_SIZE];
    enum daemon_exit status = DAEMON_STOPPED;
    *is_urgent = false;
    struct daemon *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return DAEMON_MAY_PASS;
    d->input = input;
    d->datadir.lock_fd = -1;
    d->notify.fd = -1;
    log_set_journal(is_journal(input));
    enum err err = settings_load(&d->settings, input, error);
    if (err != ERR_OK) {
        log_failure(error);
        status = err == ERR_INVALID_PARAMS ? DAEMON_USAGE : DAEMON_NEEDS_PERSON;
    } else if (settings_is_on(&d->settings, SETTING_HELP)) {
        settings_print_help(stdout);
    } else if (settings_is_on(&d->settings, SETTING_VERSION)) {
        puts("xord " XORD_VERSION);
    } else if (settings_is_on(&d->settings, SETTING_CHECK_CONFIG)) {
        warn_of_variables(input);
        puts("the configuration is valid");
    } else {
        log_set_levels(settings_text(&d->settings, SETTING_LOG_LEVEL));
        warn_of_variables(input);
        status = run(d);
        *is_urgent = d->is_urgent;
        if (d->is_urgent)
            return status; /* threads may still use what it holds */
    }
    settings_clear(&d->settings);
    free(d);
    return status;
}
