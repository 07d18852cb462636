/* What a multi's followers are told: the entries of a reading, then what came during it and is not
 * among them, then each change as it comes. */
#include <stdlib.h>

#include "daemon/dht/records/multi.h"
#include "rpc/dispatch.h"
#include "rpc/streams/feed_parts.h"

static void tell(struct feed *feed, const struct event *event)
{
    const struct view_change change = {
        .what = event->listen.what, .record = &event->listen.record, .v = event->listen.record.v};
    for (struct view *view = feed->views; view != NULL; view = view->next)
        view_tell(view, &change);
}

/* Kept for those who join: as a part of their replay, or for after it. */
static void hold(struct feed *feed, const struct event *event)
{
    struct held *held = &feed->held;
    size_t limit = feed->is_synced ? FEED_HELD_MAX : MULTI_ENTRIES_MAX + FEED_HELD_MAX;
    if (held->count == limit)
        held_change_free(held_take(held));
    if (!held_add(held, event->listen.what, event->listen.is_replay, &event->listen.record))
        held_lose(held);
}

void feed_multi_take(struct feed *feed, const struct event *event)
{
    bool is_replay = event->listen.is_replay && !feed->is_synced;
    if (feed->joining_count > 0 || !feed->is_synced)
        hold(feed, event);
    if (!is_replay)
        tell(feed, event);
}

static void tell_replay(struct feed *feed, const struct replay *records, enum err err,
                        size_t missed, const struct held *held)
{
    struct notice *synced = feed_make_synced(err);
    const struct view_replay replay = {
        .records = records, .missed = missed, .synced = synced, .round = feed->round, .held = held};
    for (struct view *view = feed->views; view != NULL; view = view->next)
        view_replay(view, &replay);
    notice_drop(synced);
    if (feed->joining_count == 0)
        held_clear(&feed->held);
}

/* What the node's own reading found, and whatever came with it: the latest of each place. */
void feed_multi_synced(struct feed *feed)
{
    struct replay records;
    size_t missed = (size_t)feed->held.taken;
    if (!replay_of_held(&feed->held, &records))
        missed += feed->held.count;
    tell_replay(feed, &records, feed->synced_err, missed, NULL);
    replay_clear(&records);
}

/* ---- later readings ---- */

static bool start_reading(struct feed *feed)
{
    struct feed_set *set = feed->set;
    const struct rpc_host *host = &set->dispatch->host;
    const struct gather_request request = {.target = feed->target};
    uint64_t op;
    struct now now = host->now(host->context);
    if (set->readings == FEED_READINGS_MAX ||
        node_gather(host->node, now, &request, &op, host->outbox) != ERR_OK)
        return false;
    if (!feed_op_add(feed, &feed->reading, op)) {
        node_cancel(host->node, now, op, host->outbox);
        return false;
    }
    set->readings++;
    feed->need = FEED_IS_SERVED;
    feed->round++;
    return true;
}

void feed_multi_go_on(struct feed *feed)
{
    if (feed->is_synced && feed->joining_count > 0 && feed->need == FEED_NEEDS_NOTHING &&
        !start_reading(feed))
        feed_wait(feed);
}

void feed_multi_read(struct feed *feed, const struct event *event)
{
    struct feed_set *set = feed->set;
    struct replay records;
    size_t missed = 0;
    feed_op_remove(feed, &feed->reading);
    set->readings--;
    feed->need = FEED_NEEDS_NOTHING;
    if (!replay_of_entries(event->gather.first, event->gather.count, &records))
        missed = event->gather.count;
    bool is_partial = event->err == ERR_OK && event->gather.count > 0 && !event->stats.is_complete;
    tell_replay(feed, &records, is_partial ? ERR_TIMEOUT : event->err, missed, &feed->held);
    replay_clear(&records);
    feed_multi_go_on(feed);
    feed_set_retry(set);
}
