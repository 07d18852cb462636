/* What a single's followers are told: the value it has, then each that replaces it. The content of
 * a large one is fetched first; what comes meanwhile waits, so that the order stays. */
#include <stdlib.h>

#include "rpc/own.h"
#include "rpc/streams/feed_parts.h"
#include "rpc/values/value.h"

#define LOST_REASON "large: its content could not be fetched; dhtget tries again"

struct fetch {
    struct feed_set *set;
    struct feed *feed; /* NULL when it has ended meanwhile */
};

static bool has_live(const struct feed *feed)
{
    return feed->follower_count > feed->joining_count;
}

static bool is_large(const struct held_change *change)
{
    return change->what == LISTEN_VALUE && value_is_manifest(change->record.v);
}

/* The last change, to those who follow already. */
static void tell(struct feed *feed, struct bytes whole, const char *reason)
{
    const struct view_change change = {
        .what = feed->last->what, .record = &feed->last->record, .v = whole, .reason = reason};
    for (struct view *view = feed->views; view != NULL; view = view->next)
        view_tell(view, &change);
}

/* The value there is, to those who join. */
static void tell_joining(struct feed *feed, struct bytes whole, const char *reason)
{
    const struct held_change *last = feed->last;
    const struct record *record = last != NULL ? &last->record : NULL;
    const struct replay records = {.records = &record,
                                   .count = last != NULL && last->what == LISTEN_VALUE};
    struct notice *synced = feed_make_synced(feed->synced_err);
    const struct view_replay replay = {.records = &records,
                                       .whole = whole,
                                       .reason = reason,
                                       .synced = synced,
                                       .round = UINT32_MAX};
    for (struct view *view = feed->views; view != NULL; view = view->next)
        view_replay(view, &replay);
    notice_drop(synced);
}

/* ---- fetching ---- */

/* Ends the fetch with the content, or the reason why there is none. */
static void fetched(struct fetch *fetch, struct bytes whole, const char *reason)
{
    struct feed *feed = fetch->feed;
    fetch->set->fetches--;
    free(fetch);
    if (feed == NULL)
        return;
    feed->fetch = NULL;
    feed->need = FEED_NEEDS_NOTHING;
    if (feed->is_for_joining)
        tell_joining(feed, whole, reason);
    else
        tell(feed, whole, reason);
    feed_single_go_on(feed);
}

static struct rpc_result on_whole(struct rpc_call *own, void *state, struct bytes v)
{
    fetched(state, v, NULL);
    return rpc_reply(own, json_true());
}

static void on_failed(void *state)
{
    fetched(state, (struct bytes){0}, LOST_REASON);
}

static struct rpc_result fetch(struct rpc_call *own, void *state)
{
    const struct fetch *fetch = state;
    const struct large_get_request request = {.record = &fetch->feed->last->record,
                                              .then = on_whole,
                                              .on_failed = on_failed,
                                              .state = state};
    rpc_hush(own);
    return large_get_start(own, &request);
}

static bool start_fetch(struct feed *feed)
{
    struct feed_set *set = feed->set;
    bool is_full =
        set->fetches == FEED_FETCHES_MAX || set->dispatch->large.count == LARGE_CALLS_MAX;
    struct fetch *state = is_full ? NULL : malloc(sizeof *state);
    if (state == NULL)
        return false;
    *state = (struct fetch){.set = set, .feed = feed};
    feed->fetch = state;
    feed->need = FEED_IS_SERVED;
    feed->is_fetch_due = false;
    set->fetches++;
    if (!own_start(set->dispatch, fetch, state))
        fetched(state, (struct bytes){0}, LOST_REASON); /* the daemon stops, or has no memory */
    return true;
}

void feed_single_forget(struct feed *feed)
{
    if (feed->fetch != NULL)
        feed->fetch->feed = NULL;
}

/* ---- one after the other ---- */

static void take_next(struct feed *feed)
{
    held_change_free(feed->last);
    feed->last = held_take(&feed->held);
    if (feed->last->is_replay)
        return; /* those who join are told together */
    feed->is_fetch_due = is_large(feed->last) && has_live(feed);
    feed->is_for_joining = false;
    if (!feed->is_fetch_due)
        tell(feed, feed->last->record.v, NULL);
}

static void serve_joining(struct feed *feed)
{
    feed->is_fetch_due = feed->last != NULL && is_large(feed->last);
    feed->is_for_joining = true;
    if (!feed->is_fetch_due)
        tell_joining(feed, (struct bytes){0}, NULL);
}

void feed_single_go_on(struct feed *feed)
{
    while (feed->need == FEED_NEEDS_NOTHING) {
        if (feed->is_fetch_due && !start_fetch(feed)) {
            feed_wait(feed);
        } else if (feed->need != FEED_NEEDS_NOTHING) {
            return; /* the fetch is under way */
        } else if (feed->held.count > 0) {
            take_next(feed);
        } else if (feed->is_synced && feed->joining_count > 0) {
            serve_joining(feed);
        } else {
            return;
        }
    }
}

void feed_single_take(struct feed *feed, const struct event *event)
{
    struct held *held = &feed->held;
    if (held->count == FEED_CHANGES_MAX)
        held_change_free(held_take(held));
    enum listen_what what = event->listen.what;
    bool is_replay = event->listen.is_replay && !feed->is_synced;
    if (!held_add(held, what, is_replay, &event->listen.record) &&
        !held_replace(held, what, is_replay, &event->listen.record))
        held_lose(held);
    feed_single_go_on(feed);
}
