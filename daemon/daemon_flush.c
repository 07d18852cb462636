#include "common/log.h"
#include "daemon/daemon_parts.h"

#define FLUSH_ROUNDS_MAX 16 /* answers that start operations; the rest waits for the next turn */

static void hand_write(struct daemon *d, const struct store_write *write)
{
    enum err err = d->is_drained ? ERR_STOPPING : writer_submit(d->writer, write);
    if (err != ERR_OK)
        daemon_on_stored(d, write, err, 0);
}

static void sign(struct daemon *d, const struct event *event)
{
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    bool is_signed = !rpc_server_renew(d->rpc, &event->sign) &&
                     keyring_sign_record(&d->keyring, &event->sign, signature);
    node_put_signed(d->node, daemon_now(d), event->op, is_signed ? signature : NULL, &d->outbox);
}

static void hand_event(struct daemon *d, const struct event *event)
{
    switch (event->kind) {
    case EVENT_NEED_SIGNATURE:
        sign(d, event);
        return;
    case EVENT_GET:
    case EVENT_GATHER:
    case EVENT_PUT:
    case EVENT_LOOKUP:
    case EVENT_PEERS:
    case EVENT_ANNOUNCE:
    case EVENT_PING:
    case EVENT_DROPPED:
    case EVENT_LISTEN:
    case EVENT_REPLY:
    case EVENT_QUERY:
    case EVENT_REQUEST:
    case EVENT_COMMAND:
    case EVENT_WATCH:
        rpc_server_event(d->rpc, event);
        return;
    case EVENT_LEFT:
        daemon_on_left(d);
        return;
    }
}

/* Acting on an effect may add effects, which may move the outbox's arrays: each is copied out, and
 * the counts are read anew. The bytes that effects point to stay where they are. */
void daemon_act(struct daemon *d)
{
    struct outbox *out = &d->outbox;
    size_t writes = 0, events = 0;
    if (outbox_is_empty(out))
        return;
    while (writes < out->write_count || events < out->event_count) {
        for (; writes < out->write_count; writes++) {
            struct store_write write = out->writes[writes];
            hand_write(d, &write);
        }
        for (; events < out->event_count; events++) {
            struct event event = out->events[events];
            hand_event(d, &event);
        }
    }
    if (out->packet_count > 0)
        udp_send(d->udp, out->packets, out->packet_count);
    outbox_reset(out);
}

void daemon_on_stored(void *context, const struct store_write *write, enum err err, int64_t seq)
{
    struct daemon *d = context;
    node_watch_written(d->node, write, err, &d->outbox);
    store_pause(d->store); /* so that the node sees what has just been written */
    node_stored(d->node, daemon_now(d), write->write, err, seq, &d->outbox);
}

static void on_removed(void *context, const struct store_removed *removed)
{
    struct daemon *d = context;
    node_watch_removed(d->node, removed, &d->outbox);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void rearm(struct daemon *d)
{
    uint64_t due = earlier(node_next_ms(d->node), d->chores_ms);
    due = earlier(due, bootstrap_next_ms(&d->bootstrap));
    due = earlier(due, d->names_ms);
    if (settings_text(&d->settings, SETTING_METRICS_FILE) != NULL)
        due = earlier(due, d->metrics_ms);
    due = earlier(due, daemon_manager_next_ms(d));
    due = earlier(due, condition_next_ms(&d->condition));
    if (d->stage == DAEMON_LEAVING)
        due = earlier(node_next_ms(d->node), d->stop_by_ms);
    else if (d->stage != DAEMON_RUNNING)
        due = d->stop_by_ms;
    if (due == d->timer_ms)
        return;
    uint64_t now_ms = uv_now(&d->loop);
    d->timer_ms = due;
    uv_timer_start(&d->timer, daemon_on_timer, due > now_ms ? due - now_ms : 0, 0);
}

static void write_metrics(struct daemon *d)
{
    const char *path = settings_text(&d->settings, SETTING_METRICS_FILE);
    size_t size;
    if (path == NULL)
        return;
    char *text = rpc_server_metrics(d->rpc, &size);
    if (text != NULL)
        metrics_file_write(&d->metrics_file, path, text, size);
}

void daemon_on_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    struct now now = daemon_now(d);
    d->timer_ms = UINT64_MAX;
    if (d->stage > DAEMON_LEAVING)
        return;
    if (now.ms >= node_next_ms(d->node))
        node_tick(d->node, now, &d->outbox);
    if (d->stage != DAEMON_RUNNING)
        return;
    bootstrap_tick(&d->bootstrap, now.ms);
    if (now.ms >= d->names_ms) {
        d->names_ms = UINT64_MAX;
        saved_names_save(&d->names);
    }
    if (now.ms >= d->metrics_ms) {
        d->metrics_ms = now.ms + METRICS_FILE_MS;
        write_metrics(d);
    }
    if (now.ms >= d->chores_ms) {
        d->chores_ms = now.ms + DAEMON_CHORES_MS;
        tables_save(&d->tables, d->node);
        saved_id_update(&d->saved_id, d->node);
        writer_expire(d->writer);
    }
}

static void log_condition(struct daemon *d)
{
    struct node_info info;
    if (!d->is_ready || d->stage != DAEMON_RUNNING ||
        !condition_is_due(&d->condition, uv_now(&d->loop)))
        return;
    node_get_info(d->node, &info);
    condition_look(&d->condition, &info, daemon_role_why(d));
}

void daemon_flush(struct daemon *d)
{
    for (unsigned i = 0; i < FLUSH_ROUNDS_MAX; i++) {
        daemon_act(d);
        resolve_flush(&d->bootstrap.resolve);
        resolve_flush(&d->resolve);
        rpc_server_flush(d->rpc);
        if (outbox_is_empty(&d->outbox))
            break;
    }
    if (d->is_stop_wanted)
        daemon_stop_begin(d);
    writer_watch(d->writer, node_watched(d->node) & WATCH_STORE ? on_removed : NULL);
    writer_flush(d->writer);
    daemon_act(d); /* what a refused write or the stop has left */
    rpc_server_flush(d->rpc);
    daemon_act(d);
    writer_flush(d->writer);
    if (d->stage != DAEMON_RUNNING)
        daemon_stop_step(d);
    if (d->names_ms == UINT64_MAX && saved_names_is_changed(&d->names))
        d->names_ms = uv_now(&d->loop) + (d->names.has_failed ? DAEMON_CHORES_MS : DAEMON_NAMES_MS);
    daemon_manager_flush(d);
    log_condition(d);
    store_pause(d->store);
    rearm(d);
}
