#include "rpc/streams/feed.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/dispatch.h"
#include "rpc/streams/feed_parts.h"

static const struct rpc_host *host_of(const struct feed_set *set)
{
    return &set->dispatch->host;
}

static struct now now_of(const struct feed_set *set)
{
    return host_of(set)->now(host_of(set)->context);
}

void feed_set_init(struct feed_set *set, struct dispatch *dispatch)
{
    *set = (struct feed_set){.dispatch = dispatch, .tries_left = FEED_TRIES_A_SECOND};
}

/* ---- operations ---- */

bool feed_op_add(struct feed *feed, struct feed_op *op, uint64_t number)
{
    op->number = number;
    op->feed = feed;
    if (chains_add(&feed->set->by_op, &op->link, number))
        return true;
    op->number = 0;
    return false;
}

void feed_op_remove(struct feed *feed, struct feed_op *op)
{
    if (op->number == 0)
        return;
    chains_remove(&feed->set->by_op, &op->link);
    op->number = 0;
}

static void cancel(struct feed *feed, struct feed_op *op)
{
    const struct rpc_host *host = host_of(feed->set);
    uint64_t number = op->number;
    feed_op_remove(feed, op);
    if (number != 0)
        node_cancel(host->node, now_of(feed->set), number, host->outbox);
}

/* ---- beginning ---- */

static uint64_t hash_of(struct feed_set *set, const struct feed_key *key)
{
    uint8_t input[ID_SIZE + 1];
    if (!set->has_hash_key)
        host_of(set)->random(host_of(set)->context, set->hash_key, sizeof set->hash_key);
    set->has_hash_key = true;
    memcpy(input, key->target.b, ID_SIZE);
    input[ID_SIZE] = (uint8_t)key->kind;
    return hash_keyed(set->hash_key, bytes_of(input, sizeof input));
}

/* A single's target follows from its k and salt, a multi has neither. */
static struct feed *find(const struct feed_set *set, const struct feed_key *key, uint64_t hash)
{
    struct chain_link *link = chains_first(&set->by_key, hash);
    while (link != NULL && !(((struct feed *)link)->kind == key->kind &&
                             id_equal(&((struct feed *)link)->target, &key->target)))
        link = chains_next(link);
    return (struct feed *)link; /* its first member */
}

static struct feed *make(struct feed_set *set, const struct feed_key *key, enum rpc_access access)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL)
        return NULL;
    feed->set = set;
    feed->kind = key->kind;
    feed->target = key->target;
    if (key->k != NULL)
        memcpy(feed->k, key->k, KEYS_PUBLIC_SIZE);
    if (key->salt.size > 0)
        memcpy(feed->salt, key->salt.data, key->salt.size);
    feed->salt_size = key->salt.size;
    feed->access = access;
    held_init(&feed->held, &set->budget, access);
    return feed;
}

static enum err start_listening(struct feed *feed)
{
    const struct rpc_host *host = host_of(feed->set);
    const struct listen_request request = {.kind = feed->kind,
                                           .target = feed->target,
                                           .k = feed->kind == RECORD_SINGLE ? feed->k : NULL,
                                           .salt = bytes_of(feed->salt, feed->salt_size)};
    uint64_t op;
    enum err err = node_listen(host->node, now_of(feed->set), &request, &op, host->outbox);
    if (err != ERR_OK)
        return err;
    if (feed_op_add(feed, &feed->listening, op))
        return ERR_OK;
    node_cancel(host->node, now_of(feed->set), op, host->outbox);
    return ERR_NO_MEMORY;
}

static enum err begin(struct feed_set *set, const struct feed_key *key, uint64_t hash,
                      enum rpc_access access, struct feed **out)
{
    bool is_read = access == RPC_ACCESS_READ;
    if (is_read && set->read_count == FEEDS_READ_MAX)
        return ERR_BUSY;
    struct feed *feed = make(set, key, access);
    if (feed == NULL)
        return ERR_NO_MEMORY;
    enum err err = start_listening(feed);
    if (err == ERR_OK && !chains_add(&set->by_key, &feed->link, hash)) {
        cancel(feed, &feed->listening);
        err = ERR_NO_MEMORY;
    }
    if (err != ERR_OK) {
        free(feed);
        return err;
    }
    set->read_count += is_read;
    *out = feed;
    return ERR_OK;
}

enum err feed_open(struct feed_set *set, const struct feed_key *key, enum rpc_access access,
                   struct feed **out)
{
    uint64_t hash = hash_of(set, key);
    *out = find(set, key, hash);
    return *out != NULL ? ERR_OK : begin(set, key, hash, access, out);
}

/* ---- the end ---- */

static void end(struct feed *feed)
{
    struct feed_set *set = feed->set;
    chains_remove(&set->by_key, &feed->link);
    cancel(feed, &feed->listening);
    if (feed->reading.number != 0) {
        cancel(feed, &feed->reading);
        set->readings--;
    }
    feed_stop_waiting(feed);
    feed_single_forget(feed);
    held_clear(&feed->held);
    held_change_free(feed->last);
    set->read_count -= feed->access == RPC_ACCESS_READ;
    free(feed);
}

void feed_release(struct feed *feed, struct view *view)
{
    if (view != NULL && view->followers == NULL)
        view_end(view);
    if (feed->follower_count == 0)
        end(feed);
}

/* ---- followers ---- */

static void tell_synced(struct feed *feed, struct follower *follower)
{
    struct notice *synced = feed_make_synced(feed->synced_err);
    follower_replay(follower, NULL, 0, synced);
    notice_drop(synced);
}

/* One that a reader began is the owner's too: what readers leave unread takes nothing from it. */
static void own(struct feed *feed)
{
    feed->set->read_count -= feed->access == RPC_ACCESS_READ;
    feed->access = RPC_ACCESS_FULL;
    held_own(&feed->held);
}

void feed_join(struct feed *feed, struct view *view, struct follower *follower, bool has_replay)
{
    view_add(view, follower);
    if (view->access == RPC_ACCESS_FULL)
        own(feed);
    feed->follower_count++;
    follower->is_merging = feed->kind == RECORD_SINGLE;
    follower->is_joining = has_replay;
    feed->joining_count += has_replay;
    if (!has_replay && feed->is_synced)
        tell_synced(feed, follower);
    follower->awaits_synced = !has_replay && !feed->is_synced;
    if (!has_replay || !feed->is_synced)
        return;
    follower->round = feed->round + 1;
    follower->held_from = feed->held.taken + feed->held.count;
    if (feed->kind == RECORD_MULTI)
        feed_multi_go_on(feed);
    else
        feed_single_go_on(feed);
}

void feed_leave(struct follower *follower)
{
    struct feed *feed = follower->view->feed;
    feed->joining_count -= follower->is_joining;
    feed->follower_count--;
    view_remove(follower->view, follower);
    feed_release(feed, follower->view);
}

/* ---- events ---- */

struct notice *feed_make_synced(enum err err)
{
    struct json_text text = {0};
    json_text_append(&text, "\"event\":\"synced\"", strlen("\"event\":\"synced\""));
    if (err != ERR_OK) {
        json_text_append(&text, ",", 1);
        stream_write_error(&text, err);
    }
    struct notice *notice = notice_new(&text);
    json_text_clear(&text);
    return notice;
}

/* To those who asked for no replay. */
static void tell_all_synced(struct feed *feed)
{
    for (struct view *view = feed->views; view != NULL; view = view->next) {
        for (struct follower *f = view->followers; f != NULL; f = f->next) {
            if (f->awaits_synced)
                tell_synced(feed, f);
            f->awaits_synced = false;
        }
    }
}

static void take_synced(struct feed *feed, enum err err)
{
    if (feed->is_synced)
        return;
    feed->is_synced = true;
    feed->synced_err = err;
    tell_all_synced(feed);
    if (feed->kind == RECORD_MULTI)
        feed_multi_synced(feed);
    else
        feed_single_go_on(feed);
}

/* The node listens no more, unasked. The last stream's end is the feed's. */
static void take_end(struct feed *feed, enum err err)
{
    for (size_t left = feed->follower_count; left > 0; left--)
        stream_end(&feed->views->followers->stream, err);
}

static void take_event(struct feed *feed, const struct event *event)
{
    switch (event->listen.what) {
    case LISTEN_VALUE:
    case LISTEN_DELETED:
    case LISTEN_EXPIRED:
        if (feed->kind == RECORD_MULTI)
            feed_multi_take(feed, event);
        else
            feed_single_take(feed, event);
        return;
    case LISTEN_SYNCED:
        take_synced(feed, event->err);
        return;
    case LISTEN_END:
        take_end(feed, event->err);
        return;
    }
}

bool feed_set_event(struct feed_set *set, const struct event *event)
{
    struct chain_link *link = chains_first(&set->by_op, event->op);
    struct feed_op *op = (struct feed_op *)link; /* its first member */
    if (op == NULL)
        return event->kind == EVENT_LISTEN;
    if (event->kind == EVENT_LISTEN)
        take_event(op->feed, event);
    else
        feed_multi_read(op->feed, event);
    return true;
}

/* ---- taking turns ---- */

void feed_wait(struct feed *feed)
{
    struct feed_set *set = feed->set;
    assert(feed->need != FEED_WAITS);
    feed->need = FEED_WAITS;
    if (set->wait_first == NULL)
        set->retry_ms = now_of(set).ms + FEED_RETRY_MS;
    feed->wait_next = NULL;
    feed->wait_previous = set->wait_last;
    if (set->wait_last != NULL)
        set->wait_last->wait_next = feed;
    else
        set->wait_first = feed;
    set->wait_last = feed;
}

void feed_stop_waiting(struct feed *feed)
{
    struct feed_set *set = feed->set;
    if (feed->need != FEED_WAITS)
        return;
    feed->need = FEED_NEEDS_NOTHING;
    if (feed->wait_next != NULL)
        feed->wait_next->wait_previous = feed->wait_previous;
    else
        set->wait_last = feed->wait_previous;
    if (feed->wait_previous != NULL)
        feed->wait_previous->wait_next = feed->wait_next;
    else
        set->wait_first = feed->wait_next;
}

/* One that must go on waiting is the last again: then nobody else has a turn either. */
void feed_set_retry(struct feed_set *set)
{
    struct feed *feed;
    set->retry_ms = now_of(set).ms + FEED_RETRY_MS;
    while ((feed = set->wait_first) != NULL) {
        feed_stop_waiting(feed);
        if (feed->kind == RECORD_MULTI)
            feed_multi_go_on(feed);
        else
            feed_single_go_on(feed);
        if (set->wait_last == feed)
            return;
    }
}

void feed_set_tick(struct feed_set *set)
{
    if (set->wait_first != NULL && now_of(set).ms >= set->retry_ms)
        feed_set_retry(set);
}

uint64_t feed_set_next_ms(const struct feed_set *set)
{
    return set->wait_first != NULL ? set->retry_ms : UINT64_MAX;
}

/* ---- sealed values ---- */

uint32_t feed_tries(struct feed_set *set)
{
    uint64_t now_ms = now_of(set).ms;
    if (now_ms - set->tries_ms >= 1000) {
        set->tries_ms = now_ms;
        set->tries_left = FEED_TRIES_A_SECOND;
    }
    return set->tries_left;
}

void feed_tried(struct feed_set *set, uint32_t left)
{
    set->tries_left = left;
}
