#include "rpc/streams/follower.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/streams/feed.h"
#include "rpc/streams/view.h"

struct follower_item {
    struct notice *notice;
    struct follower_item *next;
};

/* ---- the queue ---- */

static struct budget *budget_of(const struct follower *follower)
{
    return &follower->view->feed->set->budget;
}

static size_t size_of(const struct notice *notice)
{
    return sizeof(struct follower_item) + sizeof *notice + notice->size;
}

static bool push(struct follower *follower, struct notice *notice)
{
    enum rpc_access access = follower->view->access;
    if (!budget_take(budget_of(follower), access, size_of(notice)))
        return false;
    struct follower_item *item = malloc(sizeof *item);
    if (item == NULL) {
        budget_give(budget_of(follower), access, size_of(notice));
        return false;
    }
    *item = (struct follower_item){.notice = notice_hold(notice)};
    if (follower->last != NULL)
        follower->last->next = item;
    else
        follower->first = item;
    follower->last = item;
    follower->queued++;
    return true;
}

/* The oldest, whose reference is the caller's. */
static struct notice *pop(struct follower *follower)
{
    struct follower_item *item = follower->first;
    struct notice *notice = item->notice;
    budget_give(budget_of(follower), follower->view->access, size_of(notice));
    follower->first = item->next;
    if (follower->first == NULL)
        follower->last = NULL;
    follower->queued--;
    free(item);
    return notice;
}

static void clear_queue(struct follower *follower)
{
    while (follower->first != NULL)
        notice_drop(pop(follower));
}

/* ---- paying what is owed ---- */

static void send_notice(struct follower *follower, const struct notice *notice)
{
    stream_send(&follower->stream, bytes_of(notice->text, notice->size));
}

static void send_gap(struct follower *follower, size_t *dropped)
{
    stream_send_gap(&follower->stream, *dropped);
    *dropped = 0;
}

static void send_from_backlog(struct follower *follower)
{
    const struct notice *next =
        backlog_next(follower->backlog, follower->since_unix_s, &follower->backlog_at);
    if (next != NULL) {
        send_notice(follower, next);
        return;
    }
    backlog_drop(follower->backlog);
    follower->backlog = NULL;
}

static bool is_owed(const struct follower *follower)
{
    return follower->backlog != NULL || follower->missed > 0 || follower->synced != NULL ||
           follower->queued > 0 || follower->dropped > 0;
}

static void pay_next(struct follower *follower)
{
    struct notice *notice = NULL;
    if (follower->backlog != NULL) {
        send_from_backlog(follower);
    } else if (follower->missed > 0) {
        send_gap(follower, &follower->missed);
    } else if (follower->synced != NULL) {
        notice = follower->synced;
        follower->synced = NULL;
    } else if (follower->queued > 0) {
        notice = pop(follower);
    } else {
        send_gap(follower, &follower->dropped);
    }
    if (notice != NULL)
        send_notice(follower, notice);
    notice_drop(notice);
}

static void pay(struct stream *stream)
{
    struct follower *follower = (struct follower *)stream;
    while (is_owed(follower) && stream_has_room(stream))
        pay_next(follower);
    if (is_owed(follower))
        stream_wait(stream);
}

void follower_replay(struct follower *follower, struct backlog *backlog, size_t missed,
                     struct notice *synced)
{
    assert(follower->backlog == NULL && follower->synced == NULL);
    follower->is_joining = false;
    if (backlog != NULL) {
        follower->backlog = backlog_hold(backlog);
        follower->backlog_at = 0;
        missed += backlog_missing(backlog, follower->since_unix_s);
    }
    follower->missed += missed;
    follower->synced = synced != NULL ? notice_hold(synced) : NULL;
    pay(&follower->stream);
}

/* Where the end of the queue is a gap, all that follows falls into it. */
static bool keep(struct follower *follower, struct notice *notice)
{
    if (notice == NULL)
        return false;
    if (follower->is_merging) {
        clear_queue(follower);
        return push(follower, notice);
    }
    return follower->dropped == 0 && follower->queued < FOLLOWER_QUEUE_MAX &&
           push(follower, notice);
}

void follower_tell(struct follower *follower, struct notice *notice)
{
    if (notice != NULL && !is_owed(follower) && stream_has_room(&follower->stream)) {
        send_notice(follower, notice);
        return;
    }
    if (!keep(follower, notice))
        follower->dropped++;
    stream_wait(&follower->stream);
}

/* ---- the end ---- */

static void say_lost(struct stream *stream)
{
    struct follower *follower = (struct follower *)stream;
    size_t lost = follower->missed + follower->queued + follower->dropped;
    while (follower->backlog != NULL &&
           backlog_next(follower->backlog, follower->since_unix_s, &follower->backlog_at) != NULL)
        lost++;
    if (lost > 0)
        stream_send_gap(stream, lost);
}

static void let_go(struct stream *stream)
{
    struct follower *follower = (struct follower *)stream;
    clear_queue(follower);
    backlog_drop(follower->backlog);
    notice_drop(follower->synced);
    feed_leave(follower);
    free(follower);
}

const struct stream_kind follower_kind = {
    .method = "listen", .on_room = pay, .on_last = say_lost, .on_ended = let_go};
