#include "daemon/dht/keep/keep.h"

#include <stddef.h>
#include <stdlib.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/ops/op_kinds.h"
#include "daemon/dht/records/envelope.h"

struct kept {
    struct alarm alarm; /* ms, first member: its next turn */
    struct chain_link by_key;
    struct id key; /* record_key */
    uint8_t kind;  /* enum record_kind */
};

void keep_init(struct keep *keep)
{
    *keep = (struct keep){.is_loading = true};
}

/* A hash already, and of what this node's owner has put: nobody else can aim at one chain. */
static uint64_t hash_of(enum record_kind kind, const struct id *key)
{
    uint64_t head;
    memcpy(&head, key->b, sizeof head);
    return head ^ kind;
}

static struct kept *of_key(struct chain_link *link)
{
    return (struct kept *)((char *)link - offsetof(struct kept, by_key));
}

static struct kept *find(const struct keep *keep, enum record_kind kind, const struct id *key)
{
    struct chain_link *link = chains_first(&keep->by_key, hash_of(kind, key));
    for (; link != NULL; link = chains_next(link))
        if (of_key(link)->kind == kind && id_equal(&of_key(link)->key, key))
            return of_key(link);
    return NULL;
}

static void forget(struct keep *keep, struct kept *kept)
{
    chains_remove(&keep->by_key, &kept->by_key);
    alarms_remove(&keep->turns, &kept->alarm);
    free(kept);
}

void keep_clear(struct keep *keep)
{
    while (keep->turns.count > 0)
        forget(keep, (struct kept *)keep->turns.heap[keep->turns.count - 1]);
    *keep = (struct keep){0};
}

/* In the store's order. */
static int compare_place(unsigned kind_a, const struct id *a, unsigned kind_b, const struct id *b)
{
    if (kind_a != kind_b)
        return kind_a < kind_b ? -1 : 1;
    return memcmp(a->b, b->b, ID_SIZE);
}

/* Without memory it has no turn until the next start. */
static void schedule(struct keep *keep, enum record_kind kind, const struct id *key,
                     uint64_t turn_ms)
{
    struct kept *kept = find(keep, kind, key);
    if (kept != NULL) {
        alarms_move(&keep->turns, &kept->alarm, turn_ms);
        return;
    }
    kept = calloc(1, sizeof *kept);
    if (kept == NULL)
        return;
    kept->key = *key;
    kept->kind = (uint8_t)kind;
    if (!alarms_add(&keep->turns, &kept->alarm, turn_ms)) {
        free(kept);
    } else if (!chains_add(&keep->by_key, &kept->by_key, hash_of(kind, key))) {
        alarms_remove(&keep->turns, &kept->alarm);
        free(kept);
    }
}

static uint64_t next_turn_ms(struct node *node, struct now now)
{
    return now.ms + KEEP_EVERY_MS - rng_below(&node->rng, KEEP_EVERY_MS / 4);
}

void keep_add(struct node *node, struct now now, enum record_kind kind, const struct id *key)
{
    struct keep *keep = &node->keep;
    /* Loading still comes past it, and then schedules it. */
    if (keep->is_loading && compare_place(kind, key, keep->load_kind, &keep->load_key) > 0)
        return;
    schedule(keep, kind, key, next_turn_ms(node, now));
}

void keep_drop(struct keep *keep, enum record_kind kind, const struct id *key)
{
    struct kept *kept = find(keep, kind, key);
    if (kept != NULL)
        forget(keep, kept);
}

void keep_finished(struct node *node)
{
    node->keep.running--;
}

static uint64_t first_turn_ms(struct node *node, struct now now, const struct stored *stored)
{
    uint64_t spread_ms = (node->keep.turns.count + UINT64_C(1)) * KEEP_NEW_SPREAD_MS;
    if (spread_ms > KEEP_START_SPREAD_MS || stored->put_unix_s + KEEP_NEW_S <= now.unix_s)
        spread_ms = KEEP_START_SPREAD_MS;
    return now.ms + KEEP_START_MS + rng_below(&node->rng, (uint32_t)spread_ms);
}

static void load(struct node *node, struct now now)
{
    struct keep *keep = &node->keep;
    struct stored stored;
    for (unsigned i = 0; i < KEEP_LOAD_SLICE; i++) {
        const struct id *after = keep->load_kind ? &keep->load_key : NULL;
        enum err err = node->store.next(node->store.context, STORE_KEPT,
                                        (enum record_kind)keep->load_kind, after, &stored);
        if (err == ERR_NOT_FOUND) {
            keep->is_loading = false;
            return;
        }
        keep->load_kind = (uint8_t)stored.record.kind;
        record_key(&stored.record, &keep->load_key);
        if (err == ERR_BUSY)
            break;
        schedule(keep, stored.record.kind, &keep->load_key, first_turn_ms(node, now, &stored));
    }
}

/* When the life that it has now began. An entry's own time is its place among the others, so it
 * stays as it was when it was written; what counts is when it was last signed and kept. */
static uint64_t life_start_s(const struct stored *stored, const struct envelope *envelope)
{
    return stored->record.kind == RECORD_MULTI ? stored->put_unix_s : envelope->time_unix_s;
}

/* Signed by a clock that was ahead, as one that lost its time may be: no node takes it. */
static bool is_ahead(const struct record *record, struct now now)
{
    uint64_t expiry_unix_s;
    return record_expiry(record, now.unix_s, now.unix_s, &expiry_unix_s) == ERR_MALFORMED;
}

/* Past half of its life a record is signed anew, by whoever has the key. */
static bool wants_renewal(const struct stored *stored, const struct envelope *envelope,
                          struct now now)
{
    if (stored->record.kind == RECORD_IMMUTABLE || !envelope->has_time || !envelope->has_expiry ||
        stored->record.seq == INT64_MAX)
        return false;
    const uint64_t start_s = life_start_s(stored, envelope), end_s = envelope->expiry_unix_s;
    bool is_past_half = end_s > start_s && now.unix_s >= start_s + (end_s - start_s) / 2;
    return is_past_half || is_ahead(&stored->record, now);
}

/* As long as its life is now; one that is longer than any may be was not this node's to give. */
static uint64_t renewed_life_s(const struct stored *stored, const struct envelope *envelope)
{
    const uint64_t start_s = life_start_s(stored, envelope), end_s = envelope->expiry_unix_s;
    if (end_s <= start_s)
        return RECORD_TTL_S_DEFAULT;
    return end_s - start_s < RECORD_TTL_S_MAX ? end_s - start_s : RECORD_TTL_S_MAX;
}

/* With the very next seq: where the owner has put something newer elsewhere, that is refused, and
 * the old content does not come back over it. */
static bool renew(struct node *node, struct now now, const struct stored *stored,
                  struct envelope *envelope, struct outbox *out)
{
    const struct record *record = &stored->record;
    uint8_t buffer[RECORD_V_MAX];
    struct wire_writer w;
    envelope->expiry_unix_s = now.unix_s + renewed_life_s(stored, envelope);
    if (record->kind == RECORD_SINGLE || envelope->time_unix_s > now.unix_s)
        envelope->time_unix_s = now.unix_s;
    wire_writer_init(&w, buffer, sizeof buffer);
    envelope_write(&w, envelope);
    if (w.failed)
        return false;
    const struct put_request request = {
        .kind = record->kind,
        .target = record->target,
        .k = record->k,
        .salt = record->salt,
        .v = wire_written(&w),
        .has_seq = true,
        .seq = record->seq + 1,
        .is_kept = true,
    };
    const struct put_origin origin = {.is_internal = true, .is_republish = true};
    uint64_t number;
    if (put_start(node, now, &request, &origin, &number, out) != ERR_OK)
        return false;
    node_count(node, COUNTER_RENEWALS);
    return true;
}

static bool republish(struct node *node, struct now now, const struct record *record,
                      struct outbox *out)
{
    const struct put_request request = node_put_request(record);
    const struct put_origin origin = {.is_internal = true, .is_republish = true};
    uint64_t number;
    if (put_start(node, now, &request, &origin, &number, out) != ERR_OK)
        return false;
    node_count(node, COUNTER_REPUBLISHES);
    return true;
}

void keep_not_renewed(struct node *node, struct now now, enum record_kind kind,
                      const struct id *key, struct outbox *out)
{
    struct stored stored;
    if (node->store.get(node->store.context, STORE_KEPT, kind, key, &stored) != ERR_OK)
        return;
    node->keep.running++;
    if (!republish(node, now, &stored.record, out))
        node->keep.running--;
}

/* A record that names its own end and cannot be signed anew: part of a large value whose manifest
 * went without it. No node takes it any more, so it is forgotten here too. */
static bool has_ended(const struct record *record, struct now now)
{
    uint64_t expiry_unix_s;
    return record->kind == RECORD_IMMUTABLE &&
           record_expiry(record, now.unix_s, now.unix_s, &expiry_unix_s) == ERR_NOT_FOUND;
}

static void take_turn(struct node *node, struct now now, struct kept *kept, struct outbox *out)
{
    struct keep *keep = &node->keep;
    struct stored stored;
    if (node->store.get(node->store.context, STORE_KEPT, (enum record_kind)kept->kind, &kept->key,
                        &stored) != ERR_OK) {
        forget(keep, kept);
        return;
    }
    uint64_t number;
    alarms_move(&keep->turns, &kept->alarm, next_turn_ms(node, now));
    if (has_ended(&stored.record, now) &&
        drop_start(node, now, stored.record.kind, &kept->key, true, &number, out) == ERR_OK)
        return;
    struct envelope envelope;
    envelope_parse(stored.record.v, &envelope);
    keep->running++;
    bool is_started = wants_renewal(&stored, &envelope, now)
                          ? renew(node, now, &stored, &envelope, out)
                          : republish(node, now, &stored.record, out);
    if (!is_started)
        keep->running--;
}

void keep_tick(struct node *node, struct now now, struct outbox *out)
{
    struct keep *keep = &node->keep;
    if (keep->is_loading)
        load(node, now);
    while (alarms_next(&keep->turns) <= now.ms && keep->running < KEEP_AT_ONCE)
        take_turn(node, now, (struct kept *)alarms_first(&keep->turns), out);
}

uint64_t keep_next_ms(const struct keep *keep)
{
    if (keep->is_loading)
        return 0;
    return keep->running < KEEP_AT_ONCE ? alarms_next(&keep->turns) : UINT64_MAX;
}
