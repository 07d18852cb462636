#include "tests/sim/agenda.h"

#include <assert.h>
#include <stdlib.h>

#define AGENDA_START 1024
#define CHILDREN     4

void agenda_clear(struct agenda *a)
{
    free(a->heap);
    *a = (struct agenda){0};
}

static bool is_before(const struct due *a, const struct due *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void agenda_add(struct agenda *a, uint64_t at_ms, enum due_kind kind, uint32_t index)
{
    if (a->count == a->capacity) {
        a->capacity = a->capacity ? a->capacity * 2 : AGENDA_START;
        a->heap = realloc(a->heap, a->capacity * sizeof *a->heap);
        assert(a->heap != NULL);
    }
    const struct due due = {at_ms, a->order++, (uint32_t)kind, index};
    size_t at = a->count++;
    while (at > 0 && is_before(&due, &a->heap[(at - 1) / CHILDREN])) {
        a->heap[at] = a->heap[(at - 1) / CHILDREN];
        at = (at - 1) / CHILDREN;
    }
    a->heap[at] = due;
}

static size_t least_child(const struct agenda *a, size_t at)
{
    size_t first = at * CHILDREN + 1;
    size_t end = first + CHILDREN < a->count ? first + CHILDREN : a->count;
    size_t least = first;
    for (size_t child = first + 1; child < end; child++)
        if (is_before(&a->heap[child], &a->heap[least]))
            least = child;
    return least;
}

bool agenda_next(struct agenda *a, uint64_t until_ms, struct due *out)
{
    if (a->count == 0 || a->heap[0].at_ms > until_ms)
        return false;
    *out = a->heap[0];
    const struct due last = a->heap[--a->count];
    size_t at = 0;
    while (at * CHILDREN + 1 < a->count) {
        size_t child = least_child(a, at);
        if (!is_before(&a->heap[child], &last))
            break;
        a->heap[at] = a->heap[child];
        at = child;
    }
    a->heap[at] = last;
    return true;
}
