#include "daemon/dht/network/rendezvous.h"

#include <stdlib.h>

#include "common/hash.h"

void rendezvous_init(struct rendezvous *r)
{
    const struct bytes name = bytes_of_string(RENDEZVOUS_NAME);
    *r = (struct rendezvous){.at_ms = UINT64_MAX, .retry_ms = RENDEZVOUS_RETRY_MIN_MS};
    hash_sha1(&name, 1, r->info_hash.b);
}

void rendezvous_clear(struct rendezvous *r)
{
    free(r->found);
    r->found = NULL;
    r->found_count = 0;
}

void rendezvous_call(struct rendezvous *r, struct now now)
{
    if (r->at_ms == UINT64_MAX && !r->is_under_way)
        r->at_ms = now.ms;
}

void rendezvous_hasten(struct rendezvous *r, struct now now)
{
    if (r->at_ms != UINT64_MAX && r->at_ms > now.ms + RENDEZVOUS_RETRY_MAX_MS)
        r->at_ms = now.ms + RENDEZVOUS_RETRY_MAX_MS;
}

void rendezvous_begin(struct rendezvous *r)
{
    r->is_under_way = true;
    r->at_ms = UINT64_MAX;
}

/* The more there are, the more seldom each one comes. */
static uint32_t pause_ms(uint64_t estimate)
{
    uint64_t turns = 1 + estimate / RENDEZVOUS_SHARE;
    return turns < RENDEZVOUS_PAUSE_MAX_MS / RENDEZVOUS_PAUSE_MS
               ? (uint32_t)(turns * RENDEZVOUS_PAUSE_MS)
               : RENDEZVOUS_PAUSE_MAX_MS;
}

static uint32_t next_retry_ms(uint32_t retry_ms)
{
    return 2 * retry_ms < RENDEZVOUS_RETRY_MAX_MS ? 2 * retry_ms : RENDEZVOUS_RETRY_MAX_MS;
}

void rendezvous_end(struct rendezvous *r, struct now now, bool is_answered, bool is_few,
                    uint64_t estimate, struct rng *rng)
{
    uint32_t wait_ms = is_few ? r->retry_ms : pause_ms(estimate);
    r->is_under_way = false;
    r->has_been = r->has_been || is_answered;
    r->at_ms = now.ms + wait_ms - rng_below(rng, wait_ms / 4);
    r->retry_ms = is_few ? next_retry_ms(r->retry_ms) : RENDEZVOUS_RETRY_MIN_MS;
}

bool rendezvous_add(struct rendezvous *r, const struct addr *addr)
{
    for (unsigned i = 0; i < r->found_count; i++)
        if (addr_equal(&r->found[i], addr))
            return false;
    if (r->found == NULL)
        r->found = malloc(RENDEZVOUS_FOUND_MAX * sizeof *r->found);
    if (r->found == NULL || r->found_count == RENDEZVOUS_FOUND_MAX)
        return false;
    r->found[r->found_count++] = *addr;
    return true;
}

bool rendezvous_take(struct rendezvous *r, struct addr *out)
{
    if (r->found_count == 0)
        return false;
    *out = r->found[--r->found_count];
    if (r->found_count == 0)
        rendezvous_clear(r);
    return true;
}
