#include "rpc/streams/view.h"

#include <stdlib.h>

#include "daemon/dht/records/envelope.h"
#include "rpc/dispatch.h"
#include "rpc/values/opener.h"
#include "rpc/values/value.h"

/* ---- beginning and end ---- */

static bool has_key(const struct view *view, const struct view_key *key)
{
    return view->access == key->access && strcmp(view->username, key->username) == 0 &&
           strcmp(view->resource, key->resource) == 0;
}

static void free_view(struct view *view)
{
    free(view->username);
    free(view->resource);
    free(view);
}

static struct view *make_view(struct feed *feed, const struct view_key *key)
{
    struct view *view = calloc(1, sizeof *view);
    if (view == NULL)
        return NULL;
    view->feed = feed;
    view->access = key->access;
    view->username = strdup(key->username);
    view->resource = strdup(key->resource);
    if (view->username == NULL || view->resource == NULL) {
        free_view(view);
        return NULL;
    }
    view->next = feed->views;
    if (feed->views != NULL)
        feed->views->previous = view;
    feed->views = view;
    feed->view_count++;
    return view;
}

enum err view_open(struct feed *feed, const struct view_key *key, struct view **out)
{
    *out = feed->views;
    while (*out != NULL && !has_key(*out, key))
        *out = (*out)->next;
    if (*out != NULL)
        return ERR_OK;
    if (feed->view_count == VIEWS_MAX)
        return ERR_BUSY;
    *out = make_view(feed, key);
    return *out != NULL ? ERR_OK : ERR_NO_MEMORY;
}

void view_add(struct view *view, struct follower *follower)
{
    follower->view = view;
    follower->previous = NULL;
    follower->next = view->followers;
    if (view->followers != NULL)
        view->followers->previous = follower;
    view->followers = follower;
}

void view_remove(struct view *view, struct follower *follower)
{
    if (follower->next != NULL)
        follower->next->previous = follower->previous;
    if (follower->previous != NULL)
        follower->previous->next = follower->next;
    else
        view->followers = follower->next;
}

void view_end(struct view *view)
{
    if (view->next != NULL)
        view->next->previous = view->previous;
    if (view->previous != NULL)
        view->previous->next = view->next;
    else
        view->feed->views = view->next;
    view->feed->view_count--;
    free_view(view);
}

/* ---- texts ---- */

static const char *name_of(enum listen_what what)
{
    return what == LISTEN_VALUE ? "value" : what == LISTEN_DELETED ? "deleted" : "expired";
}

/* When the change was signed; whatever `since` says, an end is told. */
static uint64_t time_of(const struct view_change *change)
{
    struct envelope envelope;
    if (change->what == LISTEN_EXPIRED)
        return UINT64_MAX;
    envelope_parse(change->record->v, &envelope);
    return envelope.has_time ? envelope.time_unix_s : 0;
}

static json_t *show_value(const struct view *view, const struct view_change *change,
                          const struct value_target *target, size_t *elements_left)
{
    struct feed_set *set = view->feed->set;
    struct opener opener = {.host = &set->dispatch->host,
                            .is_allowed = view->access == RPC_ACCESS_FULL,
                            .tries_left = feed_tries(set),
                            .elements_left = *elements_left};
    struct record whole = *change->record;
    if (change->v.data != NULL)
        whole.v = change->v;
    json_t *value = value_show(&opener, &whole, target);
    feed_tried(set, opener.tries_left);
    *elements_left = opener.elements_left;
    if (change->reason != NULL)
        json_object_set_new(value, "reason", json_string(change->reason));
    return value;
}

/* NULL without memory. *elements_left as of an opener. */
static struct notice *make_notice(const struct view *view, const struct view_change *change,
                                  size_t *elements_left)
{
    const struct value_target target = {.username = view->username,
                                        .resource = view->resource,
                                        .type = view->feed->kind == RECORD_MULTI ? "m" : "s"};
    struct json_text text = {0};
    char head[48];
    json_t *value = change->what == LISTEN_VALUE ? show_value(view, change, &target, elements_left)
                                                 : value_show_gone(&view->feed->set->dispatch->host,
                                                                   change->record, &target);
    if (value == NULL)
        return NULL;
    int size = snprintf(head, sizeof head, "\"event\":\"%s\",\"value\":", name_of(change->what));
    json_text_append(&text, head, (size_t)size);
    json_write(&text, value, 0);
    json_decref(value);
    struct notice *notice = notice_new(&text);
    json_text_clear(&text);
    return notice;
}

/* ---- telling ---- */

void view_tell(struct view *view, const struct view_change *change)
{
    struct notice *notice = NULL;
    size_t elements_left = RPC_ELEMENTS_MAX;
    uint64_t time_unix_s = time_of(change);
    bool is_made = false;
    for (struct follower *f = view->followers; f != NULL; f = f->next) {
        if (f->is_joining || time_unix_s < f->since_unix_s)
            continue;
        if (!is_made)
            notice = make_notice(view, change, &elements_left);
        is_made = true;
        follower_tell(f, notice);
    }
    notice_drop(notice);
}

static bool is_due(const struct follower *follower, uint32_t round)
{
    return follower->is_joining && follower->round <= round;
}

/* From when on the replay is wanted by those who wait for it; false: nobody does. */
static bool is_awaited(const struct view *view, uint32_t round, uint64_t *since_unix_s)
{
    bool is_any = false;
    *since_unix_s = UINT64_MAX;
    for (const struct follower *f = view->followers; f != NULL; f = f->next) {
        if (!is_due(f, round))
            continue;
        is_any = true;
        *since_unix_s = f->since_unix_s < *since_unix_s ? f->since_unix_s : *since_unix_s;
    }
    return is_any;
}

/* The replay's texts. NULL without memory. */
static struct backlog *make_backlog(const struct view *view, const struct view_replay *replay,
                                    uint64_t since_unix_s)
{
    const struct replay *records = replay->records;
    struct backlog *backlog = backlog_new(&view->feed->set->budget, view->access, records->count);
    size_t elements_left = RPC_ELEMENTS_MAX;
    for (size_t i = 0; backlog != NULL && i < records->count; i++) {
        const struct view_change change = {.what = LISTEN_VALUE,
                                           .record = records->records[i],
                                           .v = replay->whole,
                                           .reason = replay->reason};
        uint64_t time_unix_s = time_of(&change);
        if (time_unix_s >= since_unix_s)
            backlog_add(backlog, make_notice(view, &change, &elements_left), time_unix_s);
    }
    return backlog;
}

/* Held changes that were lost before anybody could be told. */
static size_t lost_before(const struct held *held, const struct follower *follower)
{
    return held != NULL && held->taken > follower->held_from
               ? (size_t)(held->taken - follower->held_from)
               : 0;
}

static void tell_fresh(struct view *view, const struct view_change *change, uint64_t serial,
                       size_t *elements_left)
{
    uint64_t time_unix_s = time_of(change);
    struct notice *notice = NULL;
    bool is_made = false;
    for (struct follower *f = view->followers; f != NULL; f = f->next) {
        if (!f->is_fresh || serial < f->held_from || time_unix_s < f->since_unix_s)
            continue;
        if (!is_made)
            notice = make_notice(view, change, elements_left);
        is_made = true;
        follower_tell(f, notice);
    }
    notice_drop(notice);
}

static void tell_held(struct view *view, const struct view_replay *replay)
{
    uint64_t serial = replay->held->taken;
    size_t elements_left = RPC_ELEMENTS_MAX;
    for (const struct held_change *held = replay->held->first; held != NULL; held = held->next) {
        const struct view_change change = {
            .what = held->what, .record = &held->record, .v = held->record.v};
        if (!replay_covers(replay->records, &held->record))
            tell_fresh(view, &change, serial, &elements_left);
        serial++;
    }
}

void view_replay(struct view *view, const struct view_replay *replay)
{
    uint64_t since_unix_s;
    if (!is_awaited(view, replay->round, &since_unix_s))
        return;
    struct backlog *backlog = make_backlog(view, replay, since_unix_s);
    size_t missed = replay->missed + (backlog == NULL ? replay->records->count : 0);
    for (struct follower *f = view->followers; f != NULL; f = f->next) {
        f->is_fresh = is_due(f, replay->round);
        if (!f->is_fresh)
            continue;
        view->feed->joining_count--;
        follower_replay(f, backlog, missed + lost_before(replay->held, f), replay->synced);
    }
    backlog_drop(backlog);
    if (replay->held != NULL)
        tell_held(view, replay);
    for (struct follower *f = view->followers; f != NULL; f = f->next)
        f->is_fresh = false;
}
