#include "daemon/dht/serve/requests.h"

#include <stdlib.h>

#define REQUESTS_START 4u /* the first allocation */
#define REQUESTS_KEPT  8u /* a table grown beyond this is given back once it is empty */

static void release(struct requests *r)
{
    free(r->waiting);
    r->waiting = NULL;
    r->count = r->capacity = 0;
}

void requests_clear(struct requests *r)
{
    release(r);
}

bool requests_has(const struct requests *r, const struct addr *from, struct bytes t)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (addr_equal(&r->waiting[i].from.addr, from) &&
            bytes_equal(bytes_of(r->waiting[i].t, r->waiting[i].t_size), t))
            return true;
    return false;
}

/* Whom a limit counts as one. */
static struct addr peer_of(const struct addr *addr)
{
    return addr_is_private(addr) ? *addr : addr_prefix(addr);
}

static uint32_t count_of_peer(const struct requests *r, const struct addr *from)
{
    const struct addr peer = peer_of(from);
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct addr other = peer_of(&r->waiting[i].from.addr);
        count += addr_equal(&other, &peer);
    }
    return count;
}

static bool make_room(struct requests *r)
{
    if (r->count < r->capacity)
        return true;
    uint32_t capacity = r->capacity == 0 ? REQUESTS_START : 2 * r->capacity;
    struct request *grown = realloc(r->waiting, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    r->waiting = grown;
    r->capacity = capacity;
    return true;
}

uint64_t requests_add(struct requests *r, uint64_t now_ms, const struct addr *from,
                      const struct krpc *query)
{
    if (r->count >= REQUESTS_MAX || query->t.size > KRPC_T_MAX ||
        count_of_peer(r, from) >= REQUESTS_PEER_MAX || !make_room(r))
        return 0;
    struct request *request = &r->waiting[r->count++];
    *request = (struct request){
        .number = ++r->sequence,
        .deadline_ms = now_ms + REQUESTS_DEADLINE_MS,
        .from = {.id = query->id, .addr = *from},
        .has_target = query->has_target,
        .want_v4 = query->want_v4,
        .want_v6 = query->want_v6,
        .target = query->target,
        .t_size = (uint8_t)query->t.size,
    };
    memcpy(request->t, query->t.data, query->t.size);
    return request->number;
}

static void take_at(struct requests *r, uint32_t at, struct request *out)
{
    *out = r->waiting[at];
    r->count--;
    memmove(&r->waiting[at], &r->waiting[at + 1], (r->count - at) * sizeof r->waiting[0]);
    if (r->count == 0 && r->capacity > REQUESTS_KEPT)
        release(r);
}

bool requests_take(struct requests *r, uint64_t number, struct request *out)
{
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->waiting[i].number != number)
            continue;
        take_at(r, i, out);
        return true;
    }
    return false;
}

bool requests_next_due(struct requests *r, uint64_t now_ms, struct request *out)
{
    if (requests_next_ms(r) > now_ms || r->count == 0)
        return false;
    take_at(r, 0, out);
    return true;
}

uint64_t requests_next_ms(const struct requests *r)
{
    return r->count == 0 ? UINT64_MAX : r->waiting[0].deadline_ms;
}
