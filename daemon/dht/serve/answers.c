#include "daemon/dht/serve/answers.h"

#include <stdlib.h>

#define ANSWERS_START 4u /* the first allocation */

static void drop_oldest(struct answers *a)
{
    free(a->given[0].v);
    a->count--;
    memmove(&a->given[0], &a->given[1], a->count * sizeof a->given[0]);
}

void answers_clear(struct answers *a)
{
    while (a->count > 0)
        drop_oldest(a);
    free(a->given);
    *a = (struct answers){0};
}

static bool make_room(struct answers *a)
{
    if (a->count == ANSWERS_MAX)
        drop_oldest(a);
    if (a->count < a->capacity)
        return true;
    uint32_t capacity = a->capacity == 0 ? ANSWERS_START : 2 * a->capacity;
    struct answer *grown = realloc(a->given, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    a->given = grown;
    a->capacity = capacity;
    return true;
}

void answers_add(struct answers *a, uint64_t now_ms, const struct addr *to, struct bytes t,
                 uint32_t error, struct bytes v)
{
    uint8_t *copy = v.data != NULL ? malloc(v.size + 1) : NULL;
    if (t.size > KRPC_T_MAX || (v.data != NULL && copy == NULL) || !make_room(a)) {
        free(copy);
        return;
    }
    if (copy != NULL)
        memcpy(copy, v.data, v.size);
    struct answer *answer = &a->given[a->count++];
    *answer = (struct answer){
        .to = *to,
        .given_ms = now_ms,
        .error = error,
        .v = copy,
        .v_size = v.size,
        .t_size = (uint8_t)t.size,
    };
    memcpy(answer->t, t.data, t.size);
}

const struct answer *answers_find(const struct answers *a, const struct addr *to, struct bytes t)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (addr_equal(&a->given[i].to, to) &&
            bytes_equal(bytes_of(a->given[i].t, a->given[i].t_size), t))
            return &a->given[i];
    return NULL;
}

void answers_tick(struct answers *a, uint64_t now_ms)
{
    while (a->count > 0 && answers_next_ms(a) <= now_ms)
        drop_oldest(a);
    if (a->count == 0)
        answers_clear(a);
}

uint64_t answers_next_ms(const struct answers *a)
{
    return a->count == 0 ? UINT64_MAX : a->given[0].given_ms + ANSWERS_KEPT_MS;
}
