/* What will happen and when: a heap of events by time and, within a millisecond, by the order in
 * which they were planned, so that a run is the same each time. Knows nothing of what they mean. */
#ifndef XORD_TESTS_SIM_AGENDA_H
#define XORD_TESTS_SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum due_kind { DUE_PACKET, DUE_TICK, DUE_DISK, DUE_ACTION };

struct due {
    uint64_t at_ms;
    uint64_t order; /* given by agenda_add */
    uint32_t kind;  /* enum due_kind */
    uint32_t index; /* of the packet, process, write or action */
};

struct agenda {
    struct due *heap; /* owned; four children a place, which is kinder to caches than two */
    size_t count, capacity;
    uint64_t order;
};

void agenda_clear(struct agenda *a);
void agenda_add(struct agenda *a, uint64_t at_ms, enum due_kind kind, uint32_t index);
/* Takes out the first when it is due by `until_ms`; false when none is. */
bool agenda_next(struct agenda *a, uint64_t until_ms, struct due *out);

#endif
