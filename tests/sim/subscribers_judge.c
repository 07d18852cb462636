#include "tests/sim/subscribers_judge.h"

#include <inttypes.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/records/envelope.h"
#include "tests/sim/closest.h"
#include "tests/sim/genuine.h"
#include "tests/sim/signers_judge.h"

struct state { /* of one of the ledger's keys, or of the signers' places */
    int64_t signed_seq, acked_seq;
};

static uint32_t place_count(const struct subscribers *l)
{
    return l->ledger->key_count + l->signers->place_count;
}

static struct state state_of(const struct subscribers *l, uint32_t index)
{
    if (index < l->ledger->key_count) {
        const struct ledger_key *key = &l->ledger->keys[index];
        return (struct state){key->signed_seq, key->acked_seq};
    }
    const struct signers_place *place = &l->signers->places[index - l->ledger->key_count];
    return (struct state){place->signed_seq, place->acked_seq};
}

/* What the listener has seen of this place; NULL: it does not listen to it. */
static struct subscriber_seen *seen_of(const struct subscribers *l,
                                       const struct subscriber *listener, uint32_t index)
{
    if (!listener->is_multi)
        return index == listener->subject ? &listener->seen[0] : NULL;
    if (index < l->ledger->key_count)
        return NULL;
    uint32_t place = index - l->ledger->key_count;
    return l->signers->places[place].target == listener->subject ? &listener->seen[place] : NULL;
}

/* The place of a record that a listener hears of; its number past the last: a greedy signer's. */
static uint32_t index_of(const struct subscribers *l, const struct record *record)
{
    struct id key;
    record_key(record, &key);
    if (record->kind == RECORD_SINGLE) {
        uint32_t index = ledger_find(l->ledger, &key);
        return index != LEDGER_NO_KEY ? index : place_count(l);
    }
    const struct signers_place *place = signers_find(l->signers, &key);
    return place != NULL ? l->ledger->key_count + (uint32_t)(place - l->signers->places)
                         : place_count(l);
}

static bool is_asked_for(const struct subscribers *l, const struct subscriber *listener,
                         const struct record *record)
{
    const struct id *target = listener->is_multi ? &l->signers->targets[listener->subject]
                                                 : &l->ledger->keys[listener->subject].target;
    return record->kind == (listener->is_multi ? RECORD_MULTI : RECORD_SINGLE) &&
           id_equal(&record->target, target);
}

static bool is_genuine(const struct subscribers *l, const struct record *record)
{
    struct blob *blob = blobs_find(&l->world->blobs, record);
    return genuine_target(record) && (blob != NULL ? blob_verify(blob) : genuine_signature(record));
}

static void judge_record(struct subscribers *l, const struct process *p, uint32_t index,
                         const struct record *record, const struct subscriber_seen *seen,
                         bool is_deletion)
{
    const struct state state = state_of(l, index);
    bool should_be_deletion = record->kind == RECORD_MULTI && signers_is_deletion(record->seq);
    if (!is_genuine(l, record))
        oracle_fail(l->oracle, p, "a listener was given what does not verify");
    else if (genuine_has_ended(record, process_now(p).unix_s))
        oracle_fail(l->oracle, p, "a listener was given what has ended");
    else if (record->seq > state.signed_seq)
        oracle_fail(l->oracle, p, "a listener was given seq %" PRId64 ", never signed",
                    record->seq);
    else if (is_deletion != should_be_deletion)
        oracle_fail(l->oracle, p, "a listener was told wrongly whether seq %" PRId64 " deletes",
                    record->seq);
    else if (record->seq <= seen->seq)
        oracle_fail(l->oracle, p, "a listener was given seq %" PRId64 " of place %u after %" PRId64,
                    record->seq, index, seen->seq);
}

static void judge_news(struct subscribers *l, struct subscriber *listener, const struct process *p,
                       const struct record *record, bool is_deletion)
{
    struct envelope envelope;
    uint32_t index = index_of(l, record);
    struct subscriber_seen *seen = seen_of(l, listener, index);
    if (seen == NULL)
        return;
    judge_record(l, p, index, record, seen, is_deletion);
    envelope_parse(record->v, &envelope);
    seen->seq = record->seq;
    seen->expiry_unix_s = envelope.expiry_unix_s;
    seen->has_content = !is_deletion;
    l->figures.values += !is_deletion;
    l->figures.deletions += is_deletion;
}

static void judge_expiry(struct subscribers *l, struct subscriber *listener,
                         const struct process *p, const struct record *record)
{
    struct subscriber_seen *seen = seen_of(l, listener, index_of(l, record));
    if (seen == NULL)
        return;
    if (!seen->has_content || record->seq != seen->seq ||
        seen->expiry_unix_s > process_now(p).unix_s)
        oracle_fail(l->oracle, p,
                    "a listener was told that seq %" PRId64 " has ended: it had %" PRId64
                    ", which ends in %" PRId64 " s",
                    record->seq, seen->seq, (int64_t)(seen->expiry_unix_s - process_now(p).unix_s));
    seen->has_content = false;
    l->figures.expiries++;
}

/* What was acknowledged before it began, and is there, was read by the time it says so. */
static void judge_synced(struct subscribers *l, struct subscriber *listener,
                         const struct process *p, enum err err)
{
    if (listener->is_synced)
        oracle_fail(l->oracle, p, "a listener was told twice that all was read");
    listener->is_synced = true;
    l->figures.synced++;
    if (err != ERR_OK && l->oracle->is_strict)
        oracle_fail(l->oracle, p, "all is well, and a listener could not read: %d",
                    (int)err_code(err));
}

void subscribers_judge(struct subscribers *l, struct subscriber *listener, const struct process *p,
                       const struct event *event)
{
    const struct record *record = &event->listen.record;
    enum listen_what what = event->listen.what;
    if (what == LISTEN_SYNCED) {
        judge_synced(l, listener, p, event->err);
        return;
    }
    if (!is_asked_for(l, listener, record))
        oracle_fail(l->oracle, p, "a listener was told of another target");
    else if (what == LISTEN_EXPIRED)
        judge_expiry(l, listener, p, record);
    else
        judge_news(l, listener, p, record, what == LISTEN_DELETED);
}

/* It was there, without a break, to hear of what was acknowledged then. */
static bool was_there(const struct subscribers *l, const struct subscriber *listener,
                      uint64_t since_ms)
{
    const struct process *p = l->world->processes[listener->process];
    return p->state == PROCESS_UP && p->up_ms <= since_ms && listener->started_ms <= since_ms &&
           !listener->is_cancelled;
}

/* -1: nothing. */
static int64_t held_seq(const struct subscribers *l, const struct process *p, uint32_t index)
{
    bool is_single = index < l->ledger->key_count;
    const struct id *key = is_single ? &l->ledger->keys[index].target
                                     : &l->signers->places[index - l->ledger->key_count].key;
    enum record_kind kind = is_single ? RECORD_SINGLE : RECORD_MULTI;
    struct stored stored;
    if (disk_get(&p->disk, process_now(p).unix_s, STORE_HELD, kind, key, &stored) != ERR_OK)
        return -1;
    return stored.record.seq;
}

static uint32_t count_holders(const struct subscribers *l, uint32_t index, int64_t seq)
{
    const struct world *w = l->world;
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->live_count; i++)
        count += held_seq(l, w->processes[w->live[i]], index) >= seq;
    return count;
}

/* So many have it, and it has not ended. */
static bool is_held(const struct subscribers *l, uint32_t index, int64_t seq)
{
    uint32_t enough = l->world->live_count < ORACLE_BUDGET ? l->world->live_count : ORACLE_BUDGET;
    return count_holders(l, index, seq) >= enough;
}

/* What it was never shown need not be deleted, though nobody acknowledged that it was. */
static bool may_be_gone(const struct subscribers *l, uint32_t index, int64_t since_seq)
{
    int64_t signed_seq = state_of(l, index).signed_seq;
    for (int64_t seq = since_seq; index >= l->ledger->key_count && seq <= signed_seq; seq++)
        if (signers_is_deletion(seq))
            return true;
    return false;
}

static bool has_what_is_due(const struct subscribers *l, uint32_t index,
                            const struct subscriber_seen *seen, int64_t seq)
{
    return seen->seq >= seq || (!seen->has_content && may_be_gone(l, index, seq));
}

static void judge_late(struct subscribers *l, uint32_t index,
                       const struct subscribers_promise *promise)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const struct subscriber *listener = &l->all[i];
        const struct subscriber_seen *seen = seen_of(l, listener, index);
        if (seen != NULL && !has_what_is_due(l, index, seen, promise->seq) &&
            is_held(l, index, promise->seq) && was_there(l, listener, promise->since_ms))
            oracle_fail(l->oracle, l->world->processes[listener->process],
                        "place %u: seq %" PRId64 " was acknowledged %" PRIu64
                        " ms ago, and a listener has %" PRId64,
                        index, promise->seq, l->world->now_ms - promise->since_ms, seen->seq);
    }
}

static void count_prompt(struct subscribers *l, uint32_t index,
                         const struct subscribers_promise *promise)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const struct subscriber_seen *seen = seen_of(l, &l->all[i], index);
        const struct process *p = l->world->processes[l->all[i].process];
        if (seen == NULL || !was_there(l, &l->all[i], promise->prompt_ms) ||
            held_seq(l, p, index) >= promise->prompt_seq) /* it needs no push */
            continue;
        l->figures.promised++;
        l->figures.prompt += has_what_is_due(l, index, seen, promise->prompt_seq);
    }
}

static void judge_promise(struct subscribers *l, uint32_t index)
{
    struct subscribers_promise *promise = &l->promises[index];
    uint64_t now_ms = l->world->now_ms;
    int64_t acked_seq = state_of(l, index).acked_seq;
    if (promise->since_ms != 0 && now_ms >= promise->since_ms + SUBSCRIBERS_LATE_MS) {
        judge_late(l, index, promise);
        promise->since_ms = 0;
    }
    if (promise->since_ms == 0 && acked_seq > promise->seq) {
        promise->seq = acked_seq;
        promise->since_ms = now_ms;
    }
    if (promise->prompt_ms != 0 && now_ms >= promise->prompt_ms + SUBSCRIBERS_PROMPT_MS) {
        count_prompt(l, index, promise);
        promise->prompt_ms = 0;
    }
    if (promise->prompt_ms == 0 && acked_seq > promise->prompt_seq) {
        promise->prompt_seq = acked_seq;
        promise->prompt_ms = now_ms;
    }
}

static void judge_ends(struct subscribers *l, const struct subscriber *listener)
{
    const struct process *p = l->world->processes[listener->process];
    uint32_t count = listener->is_multi ? l->signers->place_count : 1u;
    if (!was_there(l, listener, l->world->now_ms - SUBSCRIBERS_LATE_MS))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct subscriber_seen *seen = &listener->seen[i];
        if (seen->has_content &&
            seen->expiry_unix_s + SUBSCRIBERS_LATE_MS / 1000 < process_now(p).unix_s)
            oracle_fail(l->oracle, p, "a listener was not told that seq %" PRId64 " has ended",
                        seen->seq);
    }
}

static bool has_lease(const struct process *holder, const struct listen_request *request,
                      const struct addr *subscriber)
{
    struct lease_walk walk;
    bool is_there = false;
    if (!lease_walk_begin(&holder->node->leases, request->kind, &request->target, &walk))
        return false;
    for (; !is_there && lease_walk_at(&walk) != NULL; lease_walk_step(&walk))
        is_there = addr_equal(&lease_walk_at(&walk)->subscriber.addr, subscriber);
    lease_walk_end(&walk);
    return is_there;
}

/* Who is lost is replaced, and who has come nearer is asked: those that have been up for long
 * enough know of the listener. */
static void count_leases(struct subscribers *l, const struct subscriber *listener)
{
    const struct process *nearest[CLOSEST_K], *p = l->world->processes[listener->process];
    const struct listen_request request = subscribers_request(l, listener);
    uint32_t count;
    if (!was_there(l, listener, l->world->now_ms - SUBSCRIBERS_LATE_MS))
        return;
    closest_truth(l->world, &request.target, nearest, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (nearest[i] == p || nearest[i]->up_ms + SUBSCRIBERS_LATE_MS > l->world->now_ms)
            continue;
        l->figures.leases_wanted++;
        l->figures.leases_there += has_lease(nearest[i], &request, &p->addr);
    }
}

static void set_floors(struct subscribers *l, struct subscriber *listener, uint64_t since_ms)
{
    listener->since_ms = since_ms;
    listener->has_floor = true;
    for (uint32_t i = 0; i < place_count(l); i++) {
        struct subscriber_seen *seen = seen_of(l, listener, i);
        if (seen != NULL)
            seen->floor_seq = state_of(l, i).acked_seq;
    }
}

/* What was there when it began, or was put while its process stood still, has come by now. */
static void judge_floors(struct subscribers *l, struct subscriber *listener)
{
    listener->has_floor = false;
    for (uint32_t i = 0; i < place_count(l); i++) {
        const struct subscriber_seen *seen = seen_of(l, listener, i);
        if (seen == NULL || seen->floor_seq == 0)
            continue;
        l->figures.floors++;
        if (!has_what_is_due(l, i, seen, seen->floor_seq) && is_held(l, i, seen->floor_seq))
            oracle_fail(l->oracle, l->world->processes[listener->process],
                        "place %u: seq %" PRId64 " was acknowledged before a listener began or "
                        "went on %" PRIu64 " ms ago, and it has %" PRId64,
                        i, seen->floor_seq, l->world->now_ms - listener->since_ms, seen->seq);
    }
}

static void judge_listener(struct subscribers *l, struct subscriber *listener)
{
    const struct process *p = l->world->processes[listener->process];
    uint64_t since_ms = p->up_ms > listener->started_ms ? p->up_ms : listener->started_ms;
    if (p->state != PROCESS_UP || listener->is_cancelled)
        return;
    if (listener->since_ms != since_ms)
        set_floors(l, listener, since_ms);
    else if (listener->has_floor && l->world->now_ms >= since_ms + SUBSCRIBERS_LATE_MS)
        judge_floors(l, listener);
    judge_ends(l, listener);
}

void subscribers_judge_promises(struct subscribers *l)
{
    for (uint32_t i = 0; i < place_count(l); i++)
        judge_promise(l, i);
    for (uint32_t i = 0; i < l->count; i++)
        judge_listener(l, &l->all[i]);
    if (l->count > 0)
        count_leases(l, &l->all[rng_below(&l->rng, l->count)]);
}
