#include "tests/sim/oracle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/genuine.h"
#include "tests/sim/oracle_node.h"
#include "tests/sim/oracle_put.h"

#define MARKS_START 1024u

struct reader_mark { /* the highest seq that this run of a process was given for a key, and when */
    uint32_t process, incarnation, key;
    int64_t seq;
    uint64_t at_ms;
};

void oracle_fail(struct oracle *o, const struct process *p, const char *rule, ...)
{
    if (o->has_failed)
        return;
    va_list arguments;
    va_start(arguments, rule);
    vsnprintf(o->rule, sizeof o->rule, rule, arguments);
    va_end(arguments);
    o->has_failed = true;
    o->world->is_stopped = true;
    if (p != NULL)
        o->concerned[o->concerned_count++] = p->number;
}

/* A write by a peer that is older than what is stored, or another of the same seq, should not have
 * come as far as the disk. */
static void writing(void *context, struct world *w, struct process *p,
                    const struct store_write *write)
{
    struct oracle *o = context;
    struct stored stored;
    struct id key;
    (void)w;
    if (write->action != STORE_PUT || write->putter.family == ADDR_NONE)
        return;
    record_key(&write->record, &key);
    if (disk_get(&p->disk, process_now(p).unix_s, write->space, write->record.kind, &key,
                 &stored) != ERR_OK)
        return;
    if (write->record.seq < stored.record.seq)
        oracle_fail(o, p, "a holder took seq %" PRId64 " over %" PRId64, write->record.seq,
                    stored.record.seq);
    else if (write->record.seq == stored.record.seq &&
             !bytes_equal(write->record.v, stored.record.v))
        oracle_fail(o, p, "a holder took other content for seq %" PRId64, write->record.seq);
}

static void removed(void *context, struct world *w, struct process *p, enum store_space space,
                    struct blob *blob)
{
    struct oracle *o = context;
    (void)w;
    o->replaced.process = p->number;
    o->replaced.space = space;
    o->replaced.key = blob->position.key;
    o->replaced.seq = blob->record.seq;
    if (genuine_has_ended(&blob->record, process_now(p).unix_s))
        o->replaced.process = PROCESS_NONE; /* what has ended binds nobody */
}

static bool goes_back(const struct oracle *o, const struct process *p, enum store_space space,
                      const struct blob *blob)
{
    return o->replaced.process == p->number && o->replaced.space == space &&
           id_equal(&o->replaced.key, &blob->position.key) && blob->record.seq < o->replaced.seq;
}

static void placed(void *context, struct world *w, struct process *p, enum store_space space,
                   struct blob *blob)
{
    struct oracle *o = context;
    (void)w;
    if (!blob_verify(blob))
        oracle_fail(o, p, "a record on disk (space %d) does not verify", (int)space);
    else if (!genuine_target(&blob->record))
        oracle_fail(o, p, "a record on disk (space %d) is not its target's", (int)space);
    else if (goes_back(o, p, space, blob))
        oracle_fail(o, p, "on disk (space %d) seq %" PRId64 " took the place of %" PRId64,
                    (int)space, blob->record.seq, o->replaced.seq);
}

static void stopped(void *context, struct world *w, struct process *p)
{
    struct oracle *o = context;
    (void)w;
    pending_put_forget(o->pending, p->number);
}

static void spun(void *context, struct world *w, struct process *p)
{
    (void)w;
    oracle_fail(context, p, "a node wants tick after tick without an end");
}

void oracle_init(struct oracle *o, struct world *w, const struct ledger *ledger)
{
    *o = (struct oracle){.world = w, .ledger = ledger, .mark_places = MARKS_START};
    o->pending = pending_put_new();
    o->marks = calloc(o->mark_places, sizeof *o->marks);
    assert(o->marks != NULL);
    const struct watcher watcher = {
        .context = o,
        .writing = writing,
        .placed = placed,
        .removed = removed,
        .stopped = stopped,
        .spun = spun,
        .sent = oracle_sent,
        .arrived = oracle_arrived,
    };
    world_watch(w, &watcher);
}

void oracle_clear(struct oracle *o)
{
    free(o->pending);
    free(o->marks);
}

static struct reader_mark *place_of(struct reader_mark *marks, uint32_t places,
                                    const struct reader_mark *mark)
{
    uint32_t at =
        (mark->process * 0x9e3779b1u ^ mark->key * 0x85ebca6bu ^ mark->incarnation) & (places - 1);
    while (marks[at].incarnation != 0 &&
           (marks[at].process != mark->process || marks[at].key != mark->key ||
            marks[at].incarnation != mark->incarnation))
        at = (at + 1) & (places - 1);
    return &marks[at];
}

static void grow_marks(struct oracle *o)
{
    uint32_t places = o->mark_places * 2;
    struct reader_mark *marks = calloc(places, sizeof *marks);
    assert(marks != NULL);
    for (uint32_t i = 0; i < o->mark_places; i++)
        if (o->marks[i].incarnation != 0)
            *place_of(marks, places, &o->marks[i]) = o->marks[i];
    free(o->marks);
    o->marks = marks;
    o->mark_places = places;
}

/* Of gets that were under way together either may end first. */
void oracle_check_reader(struct oracle *o, const struct process *p, uint32_t key, int64_t seq,
                         uint64_t started_ms)
{
    struct reader_mark mark = {p->number, p->incarnation, key, seq, o->world->now_ms};
    if (2 * o->mark_count >= o->mark_places)
        grow_marks(o);
    struct reader_mark *place = place_of(o->marks, o->mark_places, &mark);
    if (place->incarnation == 0)
        o->mark_count++;
    else if (place->seq > seq && place->at_ms < started_ms)
        oracle_fail(o, p, "a reader was given seq %" PRId64 " of key %u after %" PRId64, seq, key,
                    place->seq);
    if (place->incarnation == 0 || seq >= place->seq)
        *place = mark;
}

/* The record is whole, genuine, of this key, and one that its owner signed. */
static void check_record(struct oracle *o, const struct process *p, uint32_t index,
                         const struct record *record)
{
    const struct ledger_key *key = &o->ledger->keys[index];
    struct blob *blob = blobs_find(&o->world->blobs, record);
    if (record->kind != RECORD_SINGLE || !id_equal(&record->target, &key->target) ||
        !genuine_target(record))
        oracle_fail(o, p, "a get of key %u returned a record of another target", index);
    else if (blob != NULL ? !blob_verify(blob) : !genuine_signature(record))
        oracle_fail(o, p, "a get of key %u returned a record that does not verify", index);
    else if (genuine_has_ended(record, process_now(p).unix_s))
        oracle_fail(o, p, "a get of key %u returned a record that has ended", index);
    else if (record->seq > key->signed_seq)
        oracle_fail(o, p, "a get of key %u returned seq %" PRId64 ", never signed", index,
                    record->seq);
}

void oracle_got(struct oracle *o, const struct process *p, const struct oracle_get *get,
                const struct event *event)
{
    struct oracle_figures *f = &o->figures;
    bool is_found = event->get.is_found;
    if (is_found)
        check_record(o, p, get->key, &event->get.record);
    if (is_found)
        oracle_check_reader(o, p, get->key, event->get.record.seq, get->started_ms);
    if (get->floor_seq == 0)
        return;
    bool is_good = is_found && event->get.record.seq >= get->floor_seq;
    f->gets++;
    f->found += is_good;
    f->stale += is_found && !is_good;
    f->missed += !is_found && event->err == ERR_OK;
    f->unanswered += !is_found && event->err != ERR_OK;
    f->gets_held += get->floor_kept > 0;
    f->found_held += get->floor_kept > 0 && is_good;
    f->hops += event->stats.hops;
    f->messages += event->stats.queried;
    f->ms += event->stats.ms;
    if (is_good || !o->is_strict || (get->floor_kept < ORACLE_BUDGET && get->floor_keepers == 0))
        return;
    oracle_fail(o, p,
                "key %u: seq %" PRId64 " was acknowledged, %u holders are up; a get %s %" PRId64,
                get->key, get->floor_seq, get->floor_kept, is_found ? "returned" : "found nothing:",
                is_found ? event->get.record.seq : (int64_t)err_code(event->err));
}

uint32_t oracle_count_dead(const struct oracle *o, const struct process *p, uint32_t *members)
{
    const struct routing *table = node_routing(p->node, ADDR_V4);
    const struct routing_node *member;
    size_t bucket = 0, index = 0;
    uint32_t dead = 0;
    *members = 0;
    while ((member = routing_each(table, &bucket, &index)) != NULL) {
        if (member->fails >= ROUTING_FAILS_MAX)
            continue; /* kept in its place until another comes, and told to nobody */
        const struct process *other = world_find(o->world, &member->contact.addr);
        bool is_live = other != NULL && other->state == PROCESS_UP &&
                       (other->is_adversary || id_equal(&other->id, &member->contact.id));
        dead += !is_live;
        ++*members;
    }
    return dead;
}

static void check_table(struct oracle *o, const struct process *p)
{
    const struct routing *table = node_routing(p->node, ADDR_V4);
    const struct routing_node *member;
    size_t bucket = 0, index = 0, in_bucket = 0, last = 0, members = 0;
    while ((member = routing_each(table, &bucket, &index)) != NULL) {
        in_bucket = bucket == last ? in_bucket + 1 : 1;
        last = bucket;
        members++;
        unsigned prefix = id_common_prefix(&table->self, &member->contact.id);
        bool is_in_place = bucket + 1 == table->bucket_count ? prefix >= bucket : prefix == bucket;
        if (in_bucket > ROUTING_K || !is_in_place)
            oracle_fail(o, p, "bucket %zu is not in order", bucket);
    }
    if (members != table->node_count)
        oracle_fail(o, p, "a table counts %zu members and has %zu", table->node_count, members);
}

void oracle_check_limits(struct oracle *o, const struct process *p)
{
    struct node_info info;
    node_get_info(p->node, &info);
    check_table(o, p);
    if (info.operations > NODE_OPS_MAX || info.writes > NODE_WRITES_MAX || info.queries > 4096)
        oracle_fail(o, p, "over a limit: %zu operations, %zu writes, %zu queries", info.operations,
                    info.writes, info.queries);
    if (node_counter(p->node, COUNTER_EFFECTS_LOST) > 0)
        oracle_fail(o, p, "effects were lost");
    oracle_check_kept(o, p);
}
