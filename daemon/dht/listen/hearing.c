#include "daemon/dht/listen/hearing.h"

#include <stddef.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/records/envelope.h"

#define LOOK_AGAIN_S 60u /* a wall clock may be set: ends are looked for at least so often */

static struct event *new_event(struct node *node, const struct listening *l, enum listen_what what,
                               struct outbox *out)
{
    struct event *event = outbox_event(out);
    if (event == NULL) {
        node_count(node, COUNTER_EFFECTS_LOST);
        return NULL;
    }
    event->kind = EVENT_LISTEN;
    event->op = l->number;
    event->listen.what = what;
    return event;
}

void listening_tell(struct node *node, const struct listening *l, enum listen_what what,
                    enum err err, struct outbox *out)
{
    struct event *event = new_event(node, l, what, out);
    if (event != NULL)
        event->err = err;
}

/* What it points to is copied into the outbox. False without memory. */
static bool copy_record(const struct record *record, struct record *copy, struct outbox *out)
{
    *copy = *record;
    copy->k = outbox_copy(out, bytes_of(record->k, KEYS_PUBLIC_SIZE)).data;
    copy->salt = outbox_copy(out, record->salt);
    copy->v = outbox_copy(out, record->v);
    if (record->sig != NULL)
        copy->sig = outbox_copy(out, bytes_of(record->sig, KEYS_SIGNATURE_SIZE)).data;
    return copy->k != NULL && (copy->v.data != NULL || record->v.data == NULL) &&
           (copy->sig != NULL || record->sig == NULL) &&
           (copy->salt.data != NULL || record->salt.data == NULL);
}

static bool tell_record(struct node *node, const struct listening *l, enum listen_what what,
                        const struct record *record, bool is_replay, struct outbox *out)
{
    struct record copy;
    if (!copy_record(record, &copy, out)) {
        node_count(node, COUNTER_EFFECTS_LOST);
        return false;
    }
    struct event *event = new_event(node, l, what, out);
    if (event == NULL)
        return false;
    event->listen.is_replay = is_replay;
    event->listen.record = copy;
    node_count(node, COUNTER_LISTEN_NEWS);
    return true;
}

/* When it ends by its own word; ALARM_NEVER when it says nothing. */
static uint64_t signed_end_unix_s(const struct envelope *envelope)
{
    return envelope->has_expiry ? envelope->expiry_unix_s : ALARM_NEVER;
}

static void plan_ends(struct listenings *all, struct now now)
{
    uint64_t next_unix_s = alarms_next(&all->places.ends);
    uint64_t wait_s = next_unix_s > now.unix_s ? next_unix_s - now.unix_s : 0;
    all->ends_at_ms = ALARM_NEVER;
    if (next_unix_s != ALARM_NEVER)
        all->ends_at_ms = now.ms + (wait_s < LOOK_AGAIN_S ? wait_s : LOOK_AGAIN_S) * 1000;
}

/* While what is stored is read, a deletion takes nothing away from who has been shown nothing. */
static bool is_worth_telling(const struct listening *l, const struct place *place, bool is_deletion)
{
    bool was_live = place != NULL && place->state == PLACE_LIVE;
    return !is_deletion || was_live || l->is_synced;
}

static bool is_genuine(struct node *node, struct now now, const struct record *record,
                       enum hearing from)
{
    uint64_t expiry_unix_s;
    if (from == HEARING_HOME || from == HEARING_STORED)
        return record_expiry(record, now.unix_s, now.unix_s, &expiry_unix_s) == ERR_OK;
    return get_is_genuine(node, now, record);
}

/* What cannot be told is not known either: the next renewal finds it again. */
static bool take(struct node *node, struct now now, struct listening *l,
                 const struct record *record, enum hearing from, struct outbox *out)
{
    struct places *places = &l->places;
    struct place_pool *pool = &node->listenings->places;
    struct id key;
    struct envelope envelope;
    record_key(record, &key);
    envelope_parse(record->v, &envelope);
    bool is_deletion = envelope.content == ENVELOPE_DELETED;
    bool is_replay = from == HEARING_HOME || (from == HEARING_READ && !l->is_synced);
    bool is_told = is_worth_telling(l, places_find(places, pool, &key), is_deletion);
    if (!places_note(places, pool, record, is_deletion ? PLACE_DELETED : PLACE_LIVE,
                     signed_end_unix_s(&envelope))) {
        node_count(node, COUNTER_EFFECTS_LOST);
        return false;
    }
    plan_ends(node->listenings, now);
    enum listen_what what = is_deletion ? LISTEN_DELETED : LISTEN_VALUE;
    if (!is_told || tell_record(node, l, what, record, is_replay, out))
        return true;
    places_forget(places_find(places, pool, &key), pool);
    return false;
}

enum heard listening_hear(struct node *node, struct now now, struct listening *l,
                          const struct record *record, enum hearing from, struct outbox *out)
{
    struct listenings *all = node->listenings;
    struct id key;
    record_key(record, &key);
    struct place *place = places_find(&l->places, &all->places, &key);
    if (place != NULL && record->seq <= place->seq) {
        places_touch(&l->places, place);
        return HEARD_KNOWN;
    }
    if (!is_genuine(node, now, record, from))
        return HEARD_NOTHING;
    if (get_is_behind(node, record))
        return HEARD_KNOWN;
    return take(node, now, l, record, from, out) ? HEARD_NEWS : HEARD_NOTHING;
}

static void hear_entries(struct node *node, struct now now, struct listening *l,
                         enum store_space space, struct outbox *out)
{
    const struct store_reader *store = &node->store;
    const struct store_position *after = NULL;
    struct store_position position;
    struct stored stored;
    for (uint32_t i = 0; i < MULTI_ENTRIES_MAX; i++) {
        if (store->entry(store->context, space, &l->target, after, &stored) != ERR_OK)
            return;
        multi_position_of(&stored.record, &position);
        after = &position;
        listening_hear(node, now, l, &stored.record, HEARING_HOME, out);
    }
}

void listening_look_at_home(struct node *node, struct now now, struct listening *l,
                            struct outbox *out)
{
    struct stored stored;
    for (unsigned space = 0; space < STORE_SPACE_COUNT; space++) {
        if (l->kind == RECORD_MULTI)
            hear_entries(node, now, l, (enum store_space)space, out);
        else if (node->store.get(node->store.context, (enum store_space)space, l->kind, &l->target,
                                 &stored) == ERR_OK)
            listening_hear(node, now, l, &stored.record, HEARING_HOME, out);
    }
}

static struct listening *listening_of(const struct place *place)
{
    return (struct listening *)((char *)place->places - offsetof(struct listening, places));
}

static void tell_end(struct node *node, struct now now, struct place *place, struct outbox *out)
{
    struct listening *l = listening_of(place);
    bool was_live = place->state == PLACE_LIVE;
    struct record ended = listening_wanted(l);
    ended.seq = place->seq;
    if (l->kind == RECORD_MULTI) {
        ended.k = place->k;
        ended.salt = bytes_of(place->slot, place->slot_size);
    }
    if (was_live)
        tell_record(node, l, LISTEN_EXPIRED, &ended, false, out);
    /* Of a single no seq ever comes back. */
    places_end(place, &node->listenings->places,
               l->kind == RECORD_SINGLE ? ALARM_NEVER : now.unix_s + PLACES_ENDED_S);
}

void listenings_tell_ends(struct node *node, struct now now, struct outbox *out)
{
    struct listenings *all = node->listenings;
    struct place *place;
    if (all->ends_at_ms > now.ms)
        return;
    for (unsigned i = 0; i < LISTENING_SLICE; i++) {
        place = place_pool_due(&all->places, now.unix_s);
        if (place == NULL)
            break;
        if (place->state == PLACE_ENDED)
            places_forget(place, &all->places);
        else
            tell_end(node, now, place, out);
    }
    plan_ends(all, now);
}
