#include "daemon/dht/serve/budget.h"

#include <stdlib.h>

struct budget_place {
    uint64_t hash;     /* of whom it is; 0: nobody */
    uint64_t until_ms; /* of a proof its end; of a share when it will be full again */
};

void budget_init(struct budget *b, struct rng *rng)
{
    *b = (struct budget){0};
    rng_bytes(rng, b->key, sizeof b->key);
}

void budget_clear(struct budget *b)
{
    free(b->proofs);
    free(b->shares);
    b->proofs = NULL;
    b->shares = NULL;
}

static uint64_t hash_of(const struct budget *b, const struct addr *addr)
{
    uint8_t compact[ADDR_COMPACT_V6];
    uint64_t hash = hash_keyed(b->key, bytes_of(compact, addr_to_compact(addr, compact)));
    return hash != 0 ? hash : 1;
}

/* NULL without memory. */
static struct budget_place *find_place(struct budget_place **table, uint64_t hash)
{
    if (*table == NULL)
        *table = calloc(BUDGET_PLACES, sizeof **table);
    return *table != NULL ? &(*table)[hash % BUDGET_PLACES] : NULL;
}

void budget_prove(struct budget *b, struct now now, const struct addr *addr)
{
    if (addr_is_private(addr))
        return;
    uint64_t hash = hash_of(b, addr);
    struct budget_place *place = find_place(&b->proofs, hash);
    if (place != NULL)
        *place = (struct budget_place){.hash = hash, .until_ms = now.ms + BUDGET_PROOF_MS};
}

static bool is_proved(const struct budget *b, struct now now, const struct addr *addr)
{
    if (b->proofs == NULL)
        return false;
    uint64_t hash = hash_of(b, addr);
    const struct budget_place *place = &b->proofs[hash % BUDGET_PLACES];
    return place->hash == hash && now.ms < place->until_ms;
}

/* What is spent is kept as the time until it has come back, so that nothing has to be refilled. A
 * newcomer takes over what the place still owes. */
static bool pay_from_share(struct budget_place *place, uint64_t hash, uint64_t now_ms, size_t size)
{
    const uint64_t share_ms = BUDGET_SHARE * UINT64_C(1000) / BUDGET_REFILL;
    uint64_t cost_ms = size * UINT64_C(1000) / BUDGET_REFILL;
    uint64_t full_ms = place->until_ms > now_ms ? place->until_ms : now_ms;
    if (full_ms + cost_ms > now_ms + share_ms)
        return false;
    *place = (struct budget_place){.hash = hash, .until_ms = full_ms + cost_ms};
    return true;
}

bool budget_pay(struct budget *b, struct now now, const struct addr *addr, size_t size)
{
    if (addr_is_private(addr) || is_proved(b, now, addr))
        return true;
    const struct addr prefix = addr_prefix(addr);
    uint64_t hash = hash_of(b, &prefix);
    struct budget_place *place = find_place(&b->shares, hash);
    return place != NULL && pay_from_share(place, hash, now.ms, size);
}
