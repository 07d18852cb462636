#include "daemon/dht/writes.h"

#include <stdlib.h>

#include "daemon/dht/node.h"

#define WRITES_START 8u

void writes_clear(struct writes *w)
{
    free(w->slots);
    *w = (struct writes){0};
}

static bool writes_grow(struct writes *w)
{
    if (w->capacity >= NODE_WRITES_MAX)
        return false;
    uint32_t capacity = w->capacity ? w->capacity * 2 : WRITES_START;
    struct pending_write *slots = realloc(w->slots, capacity * sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = capacity; i > w->capacity; i--) {
        slots[i - 1].is_used = false;
        slots[i - 1].next_free = w->first_free;
        w->first_free = i;
    }
    w->slots = slots;
    w->capacity = capacity;
    return true;
}

struct pending_write *writes_add(struct writes *w, uint64_t *number)
{
    if (w->first_free == 0 && !writes_grow(w))
        return NULL;
    uint32_t index = w->first_free - 1;
    struct pending_write *slot = &w->slots[index];
    w->first_free = slot->next_free;
    w->used++;
    slot->op = 0;
    slot->t_size = 0;
    slot->is_news = false;
    slot->is_used = true;
    /* Never 0, so that no number is. */
    w->sequence = w->sequence == UINT32_MAX ? 1 : w->sequence + 1;
    slot->sequence = w->sequence;
    *number = (uint64_t)slot->sequence << 32 | index;
    return slot;
}

bool writes_take(struct writes *w, uint64_t number, struct pending_write *out)
{
    uint32_t index = (uint32_t)number;
    if (index >= w->capacity || !w->slots[index].is_used ||
        w->slots[index].sequence != number >> 32)
        return false;
    struct pending_write *slot = &w->slots[index];
    *out = *slot;
    slot->is_used = false;
    slot->next_free = w->first_free;
    w->first_free = index + 1;
    w->used--;
    return true;
}
