#include "daemon/dht/serve/budget.h"

#include <stdlib.h>

#define PLACES_MIN 16u
#define WINDOW     16u /* places from where the hash points on, one of which is its own */

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
    free(b->proofs.places);
    free(b->shares.places);
    b->proofs = b->shares = (struct budget_table){0};
}

static uint64_t hash_of(const struct budget *b, const struct addr *addr)
{
    uint8_t compact[ADDR_COMPACT_V6];
    uint64_t hash = hash_keyed(b->key, bytes_of(compact, addr_to_compact(addr, compact)));
    return hash != 0 ? hash : 1;
}

static struct budget_place *nth_place(const struct budget_table *table, uint64_t hash, uint32_t n)
{
    return &table->places[(hash + n) & (table->count - 1)];
}

/* NULL: it has none. */
static struct budget_place *find_place(const struct budget_table *table, uint64_t hash)
{
    for (uint32_t n = 0; n < WINDOW && table->count > 0; n++)
        if (nth_place(table, hash, n)->hash == hash)
            return nth_place(table, hash, n);
    return NULL;
}

/* One whose time is over, or where nobody was. NULL: there is none. */
static struct budget_place *free_place(const struct budget_table *table, uint64_t hash,
                                       uint64_t now_ms)
{
    for (uint32_t n = 0; n < WINDOW && table->count > 0; n++)
        if (nth_place(table, hash, n)->until_ms <= now_ms)
            return nth_place(table, hash, n);
    return NULL;
}

/* Twice as large, with all that still counts. False when it is as large as it gets, without memory,
 * or where some would find no place. */
static bool grow(struct budget_table *table, uint64_t now_ms)
{
    struct budget_table larger = {.count = table->count > 0 ? 2 * table->count : PLACES_MIN};
    if (larger.count > BUDGET_PLACES)
        return false;
    larger.places = calloc(larger.count, sizeof *larger.places);
    bool is_whole = larger.places != NULL;
    for (uint32_t i = 0; i < table->count && is_whole; i++) {
        const struct budget_place *old = &table->places[i];
        if (old->until_ms <= now_ms)
            continue;
        struct budget_place *place = free_place(&larger, old->hash, now_ms);
        is_whole = place != NULL;
        if (is_whole)
            *place = *old;
    }
    free(is_whole ? table->places : larger.places);
    if (is_whole)
        *table = larger;
    return is_whole;
}

/* Its own, one that is free, or, in a full table, another's. NULL without memory. */
static struct budget_place *take_place(struct budget_table *table, uint64_t hash, uint64_t now_ms)
{
    struct budget_place *place = find_place(table, hash);
    while (place == NULL) {
        place = free_place(table, hash, now_ms);
        if (place == NULL && !grow(table, now_ms))
            return table->count > 0 ? nth_place(table, hash, 0) : NULL;
    }
    return place;
}

void budget_prove(struct budget *b, struct now now, const struct addr *addr)
{
    if (addr_is_private(addr))
        return;
    uint64_t hash = hash_of(b, addr);
    struct budget_place *place = take_place(&b->proofs, hash, now.ms);
    if (place != NULL)
        *place = (struct budget_place){.hash = hash, .until_ms = now.ms + BUDGET_PROOF_MS};
}

static bool is_proved(const struct budget *b, struct now now, const struct addr *addr)
{
    if (b->proofs.count == 0)
        return false;
    const struct budget_place *place = find_place(&b->proofs, hash_of(b, addr));
    return place != NULL && now.ms < place->until_ms;
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
    struct budget_place *place = take_place(&b->shares, hash, now.ms);
    return place != NULL && pay_from_share(place, hash, now.ms, size);
}
