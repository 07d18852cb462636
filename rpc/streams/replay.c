#include "rpc/streams/replay.h"

#include <stdlib.h>

#include "daemon/dht/records/envelope.h"

static int compare_places(const struct record *a, const struct record *b)
{
    int order = memcmp(a->k, b->k, KEYS_PUBLIC_SIZE);
    size_t common = a->salt.size < b->salt.size ? a->salt.size : b->salt.size;
    if (order == 0 && common > 0)
        order = memcmp(a->salt.data, b->salt.data, common);
    if (order == 0)
        order = (a->salt.size > b->salt.size) - (a->salt.size < b->salt.size);
    return order;
}

/* By place; within one the highest seq first. */
static int compare_changes(const void *a, const void *b)
{
    const struct held_change *x = *(const struct held_change *const *)a;
    const struct held_change *y = *(const struct held_change *const *)b;
    int order = compare_places(&x->record, &y->record);
    return order != 0 ? order : (x->record.seq < y->record.seq) - (x->record.seq > y->record.seq);
}

static uint64_t time_of(const struct record *record)
{
    struct envelope envelope;
    envelope_parse(record->v, &envelope);
    return envelope.time_unix_s;
}

static int compare_times(const void *a, const void *b)
{
    const struct record *x = *(const struct record *const *)a;
    const struct record *y = *(const struct record *const *)b;
    uint64_t x_time = time_of(x), y_time = time_of(y);
    int order = (x_time > y_time) - (x_time < y_time);
    return order != 0 ? order : compare_places(x, y);
}

static bool make(struct replay *replay, size_t count)
{
    replay->count = 0;
    replay->records = malloc((count > 0 ? count : 1) * sizeof *replay->records);
    return replay->records != NULL;
}

static void sort(struct replay *replay)
{
    qsort(replay->records, replay->count, sizeof *replay->records, compare_times);
}

/* The first of each place, if it is a value. */
static void take_latest(struct replay *replay, const struct held_change *const *sorted,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_latest = i == 0 || compare_places(&sorted[i - 1]->record, &sorted[i]->record) != 0;
        if (is_latest && sorted[i]->what == LISTEN_VALUE)
            replay->records[replay->count++] = &sorted[i]->record;
    }
}

bool replay_of_held(const struct held *held, struct replay *out)
{
    const struct held_change **sorted = malloc((held->count + 1) * sizeof *sorted);
    size_t count = 0;
    bool is_made = make(out, held->count) && sorted != NULL;
    if (is_made) {
        for (const struct held_change *change = held->first; change != NULL; change = change->next)
            sorted[count++] = change;
        qsort(sorted, count, sizeof *sorted, compare_changes);
        take_latest(out, sorted, count);
        sort(out);
    }
    free(sorted);
    return is_made;
}

bool replay_of_entries(const struct event_entry *first, size_t count, struct replay *out)
{
    if (!make(out, count))
        return false;
    for (const struct event_entry *entry = first; entry != NULL; entry = entry->next)
        out->records[out->count++] = &entry->record;
    sort(out);
    return true;
}

bool replay_covers(const struct replay *replay, const struct record *record)
{
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->records[i]->seq >= record->seq &&
            compare_places(replay->records[i], record) == 0)
            return true;
    }
    return false;
}

void replay_clear(struct replay *replay)
{
    free(replay->records);
    *replay = (struct replay){0};
}
