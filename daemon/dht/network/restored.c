#include "daemon/dht/network/restored.h"

#include <stdlib.h>

#define GROWN_BY 64u

void restored_clear(struct restored *r)
{
    free(r->contacts);
    *r = (struct restored){0};
}

static bool make_room(struct restored *r)
{
    if (r->count < r->capacity)
        return true;
    if (r->capacity >= RESTORED_MAX)
        return false;
    size_t capacity = r->capacity + GROWN_BY;
    struct contact *contacts = realloc(r->contacts, capacity * sizeof *contacts);
    if (contacts == NULL)
        return false;
    r->contacts = contacts;
    r->capacity = (uint16_t)capacity;
    return true;
}

void restored_add(struct restored *r, struct now now, const struct contact *contact)
{
    if (!make_room(r))
        return;
    r->contacts[r->count++] = *contact;
    r->next_ms = now.ms;
    r->end_ms = now.ms + RESTORED_SPREAD_MS;
}

static bool is_before(const struct restored *r, const struct id *self, const struct contact *a,
                      const struct contact *b)
{
    uint8_t turn_a = r->turns[id_common_prefix(self, &a->id)];
    uint8_t turn_b = r->turns[id_common_prefix(self, &b->id)];
    return turn_a != turn_b ? turn_a < turn_b : id_compare_distance(self, &a->id, &b->id) < 0;
}

bool restored_take(struct restored *r, const struct id *self, struct contact *out)
{
    unsigned first = 0;
    if (r->count == 0)
        return false;
    for (unsigned i = 1; i < r->count; i++)
        if (is_before(r, self, &r->contacts[i], &r->contacts[first]))
            first = i;
    *out = r->contacts[first];
    uint8_t *turn = &r->turns[id_common_prefix(self, &out->id)];
    *turn += *turn < UINT8_MAX;
    r->contacts[first] = r->contacts[--r->count];
    if (r->count == 0)
        restored_clear(r);
    return true;
}

bool restored_has(const struct restored *r, const struct contact *contact)
{
    for (unsigned i = 0; i < r->count; i++)
        if (id_equal(&r->contacts[i].id, &contact->id) &&
            addr_equal(&r->contacts[i].addr, &contact->addr))
            return true;
    return false;
}

void restored_wait(struct restored *r, struct now now, uint32_t wait_ms)
{
    r->next_ms = now.ms + wait_ms;
}

void restored_spread(struct restored *r, struct now now, struct rng *rng)
{
    uint64_t left_ms = r->end_ms > now.ms ? r->end_ms - now.ms : 0;
    if (r->count > 0)
        r->next_ms = now.ms + 1 + rng_below(rng, (uint32_t)(2 * left_ms / r->count) + 1);
}

uint64_t restored_next_ms(const struct restored *r)
{
    return r->count > 0 ? r->next_ms : UINT64_MAX;
}
