#include "daemon/dht/network/reach.h"

#include <stdlib.h>

void reach_init(struct reach *r)
{
    *r = (struct reach){.at_ms = UINT64_MAX, .pause_ms = REACH_PAUSE_MS};
}

void reach_clear(struct reach *r)
{
    free(r->sent);
    r->sent = NULL;
}

static uint32_t bit_of(const struct addr *addr)
{
    const struct addr prefix = addr_prefix(addr);
    return (uint32_t)(addr_hash(&prefix, 0) % REACH_SENT_BITS);
}

static void forget_sent(struct reach *r)
{
    if (r->sent != NULL)
        memset(r->sent, 0, REACH_SENT_BITS / 8);
}

bool reach_seen(struct reach *r, struct now now, const struct external *external)
{
    const struct addr steady = external_steady(external);
    if (addr_equal(&steady, &r->external))
        return false;
    bool was_public = r->state != REACH_UNKNOWN;
    r->external = steady;
    r->state = REACH_UNKNOWN;
    r->at_ms = UINT64_MAX;
    if (steady.family != ADDR_NONE) {
        r->at_ms = now.ms + REACH_STEADY_MS;
        if (r->at_ms < r->not_before_ms)
            r->at_ms = r->not_before_ms;
    }
    return was_public;
}

void reach_sent(struct reach *r, const struct addr *to)
{
    if (r->state == REACH_OPEN)
        return;
    if (r->sent == NULL)
        r->sent = calloc(REACH_SENT_BITS / 64, sizeof *r->sent);
    uint32_t bit = bit_of(to);
    if (r->sent != NULL)
        r->sent[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool is_stranger(const struct reach *r, const struct addr *from)
{
    const struct addr prefix = addr_prefix(from);
    uint32_t bit = bit_of(from);
    if (r->sent == NULL || (r->sent[bit / 64] >> bit % 64 & 1) != 0)
        return false;
    for (unsigned i = 0; i < r->stranger_count; i++)
        if (addr_equal(&r->strangers[i], &prefix))
            return false;
    return true;
}

bool reach_queried(struct reach *r, const struct addr *from)
{
    if (r->state != REACH_TRYING || !is_stranger(r, from))
        return false;
    r->strangers[r->stranger_count++] = addr_prefix(from);
    if (r->stranger_count < REACH_STRANGERS)
        return false;
    r->state = REACH_OPEN;
    r->at_ms = UINT64_MAX;
    r->pause_ms = REACH_PAUSE_MS;
    reach_clear(r);
    return true;
}

bool reach_tick(struct reach *r, struct now now)
{
    if (now.ms < r->at_ms)
        return false;
    if (r->state == REACH_UNKNOWN) {
        r->state = REACH_TRYING;
        r->stranger_count = 0;
        r->at_ms = now.ms + REACH_TRIAL_MS;
        return true;
    }
    r->state = REACH_UNKNOWN;
    r->at_ms = r->not_before_ms = now.ms + r->pause_ms;
    r->pause_ms = r->pause_ms < REACH_PAUSE_MAX_MS / 2 ? 2 * r->pause_ms : REACH_PAUSE_MAX_MS;
    forget_sent(r);
    return true;
}
