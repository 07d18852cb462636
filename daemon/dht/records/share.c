#include "daemon/dht/records/share.h"

#include <assert.h>
#include <stdlib.h>

#define SLOTS_MIN_LOG2 4u

struct share_first { /* of those that arrived, the first; count 0: there is none */
    uint32_t count;
    uint64_t arrival, number;
};

struct share_slot {
    uint64_t signer;
    struct share_first live, deletions;
};

uint64_t share_signer(const uint8_t *k)
{
    uint64_t signer = 0;
    for (size_t i = 0; i < 8; i++)
        signer = signer << 8 | k[i];
    return signer;
}

enum err share_init(struct share *s, size_t max, uint64_t secret)
{
    unsigned log2 = SLOTS_MIN_LOG2;
    while ((size_t)1 << log2 < 2 * max)
        log2++;
    *s = (struct share){
        .slot_count = (size_t)1 << log2, .room = max, .factor = secret | 1, .shift = 64 - log2};
    s->slots = calloc(s->slot_count, sizeof *s->slots);
    return s->slots != NULL ? ERR_OK : ERR_NO_MEMORY;
}

void share_clear(struct share *s)
{
    free(s->slots);
    *s = (struct share){0};
}

static uint32_t entry_count(const struct share_slot *slot)
{
    return slot->live.count + slot->deletions.count;
}

/* Multiply-shift: under a random odd factor no two signers meet more often than by chance. At most
 * half of the slots are ever in use, so there is one that is not. */
static struct share_slot *slot_of(const struct share *s, uint64_t signer)
{
    size_t at = (size_t)(signer * s->factor >> s->shift);
    while (entry_count(&s->slots[at]) > 0 && s->slots[at].signer != signer)
        at = (at + 1) % s->slot_count;
    return &s->slots[at];
}

void share_add(struct share *s, const struct share_entry *entry)
{
    assert(s->room > 0);
    s->room--;
    struct share_slot *slot = slot_of(s, entry->signer);
    struct share_first *first = entry->is_deletion ? &slot->deletions : &slot->live;
    slot->signer = entry->signer;
    if (first->count == 0 || entry->arrival < first->arrival) {
        first->arrival = entry->arrival;
        first->number = entry->number;
    }
    first->count++;
}

static const struct share_first *first_of(const struct share_slot *slot)
{
    return slot->live.count > 0 ? &slot->live : &slot->deletions;
}

/* Whether `a` loses rather than `b`. */
static bool loses(const struct share_slot *a, const struct share_slot *b)
{
    if (entry_count(a) != entry_count(b))
        return entry_count(a) > entry_count(b);
    return first_of(a)->arrival < first_of(b)->arrival;
}

uint64_t share_loser(const struct share *s)
{
    const struct share_slot *loser = NULL;
    for (size_t i = 0; i < s->slot_count; i++) {
        const struct share_slot *slot = &s->slots[i];
        if (entry_count(slot) > 0 && (loser == NULL || loses(slot, loser)))
            loser = slot;
    }
    assert(loser != NULL);
    return first_of(loser)->number;
}
