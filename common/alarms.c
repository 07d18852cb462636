#include "common/alarms.h"

#include <assert.h>
#include <stdlib.h>

#define CAPACITY_FIRST 8u

static void swap(struct alarms *a, uint32_t one, uint32_t other)
{
    struct alarm *alarm = a->heap[one];
    a->heap[one] = a->heap[other];
    a->heap[other] = alarm;
    a->heap[one]->place = one;
    a->heap[other]->place = other;
}

/* Brings the alarm at `at` to where its time belongs, whichever way that is. */
static void settle(struct alarms *a, uint32_t at)
{
    while (at > 0 && a->heap[at]->at < a->heap[(at - 1) / 2]->at) {
        swap(a, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t least = at, left = 2 * at + 1;
        if (left < a->count && a->heap[left]->at < a->heap[least]->at)
            least = left;
        if (left + 1 < a->count && a->heap[left + 1]->at < a->heap[least]->at)
            least = left + 1;
        if (least == at)
            return;
        swap(a, at, least);
        at = least;
    }
}

static bool grow(struct alarms *a)
{
    uint32_t capacity = a->capacity ? a->capacity * 2 : CAPACITY_FIRST;
    struct alarm **heap = realloc(a->heap, capacity * sizeof(struct alarm *));
    if (heap == NULL)
        return false;
    a->heap = heap;
    a->capacity = capacity;
    return true;
}

bool alarms_add(struct alarms *a, struct alarm *alarm, uint64_t at)
{
    if (a->count == a->capacity && !grow(a))
        return false;
    alarm->at = at;
    alarm->place = a->count;
    a->heap[a->count++] = alarm;
    settle(a, alarm->place);
    return true;
}

void alarms_remove(struct alarms *a, struct alarm *alarm)
{
    uint32_t hole = alarm->place;
    assert(hole < a->count && a->heap[hole] == alarm);
    swap(a, hole, a->count - 1);
    a->count--;
    if (hole < a->count)
        settle(a, hole);
    if (a->count > 0)
        return;
    free(a->heap);
    *a = (struct alarms){0};
}

void alarms_move(struct alarms *a, struct alarm *alarm, uint64_t at)
{
    assert(alarm->place < a->count && a->heap[alarm->place] == alarm);
    alarm->at = at;
    settle(a, alarm->place);
}

struct alarm *alarms_first(const struct alarms *a)
{
    return a->count > 0 ? a->heap[0] : NULL;
}

uint64_t alarms_next(const struct alarms *a)
{
    return a->count > 0 ? a->heap[0]->at : ALARM_NEVER;
}
