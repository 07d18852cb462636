#include "tests/sim/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define OWNERS_STREAM 0x6f776e65u

static uint32_t place_of(const struct ledger *l, const struct id *target)
{
    uint32_t at = ((uint32_t)target->b[0] << 24 | (uint32_t)target->b[1] << 16 |
                   (uint32_t)target->b[2] << 8 | target->b[3]) &
                  (l->place_count - 1);
    while (l->places[at] != 0 && !id_equal(&l->keys[l->places[at] - 1].target, target))
        at = (at + 1) & (l->place_count - 1);
    return at;
}

static void make_owners(struct ledger *l, uint64_t seed)
{
    struct rng rng;
    rng_init_number(&rng, seed ^ OWNERS_STREAM);
    for (uint32_t i = 0; i < l->owner_count; i++) {
        uint8_t key_seed[KEYS_SEED_SIZE];
        rng_bytes(&rng, key_seed, sizeof key_seed);
        keys_from_seed(key_seed, l->owners[i].public_key, l->owners[i].secret_key);
    }
}

void ledger_init(struct ledger *l, uint32_t keys, uint32_t owners, uint64_t seed)
{
    *l = (struct ledger){.owner_count = owners, .key_count = keys, .place_count = 16};
    while (l->place_count < 2 * keys)
        l->place_count *= 2;
    l->owners = calloc(owners + 1, sizeof *l->owners);
    l->keys = calloc(keys + 1, sizeof *l->keys);
    l->places = calloc(l->place_count, sizeof *l->places);
    assert(l->owners != NULL && l->keys != NULL && l->places != NULL && (owners > 0 || keys == 0));
    make_owners(l, seed);
    for (uint32_t i = 0; i < keys; i++) {
        struct ledger_key *key = &l->keys[i];
        key->owner = i % owners;
        key->salt_size = (uint8_t)snprintf(key->salt, sizeof key->salt, "r%u", i);
        record_single_target(l->owners[key->owner].public_key, bytes_of(key->salt, key->salt_size),
                             &key->target);
        l->places[place_of(l, &key->target)] = i + 1;
    }
}

void ledger_clear(struct ledger *l)
{
    free(l->owners);
    free(l->keys);
    free(l->places);
    *l = (struct ledger){0};
}

uint32_t ledger_find(const struct ledger *l, const struct id *target)
{
    uint32_t place = l->places[place_of(l, target)];
    return place != 0 ? place - 1 : LEDGER_NO_KEY;
}

static void count(struct ledger *l, enum store_space space, const struct blob *blob, int by)
{
    uint32_t index = ledger_find(l, &blob->record.target);
    if (index == LEDGER_NO_KEY || blob->record.kind != RECORD_SINGLE)
        return;
    struct ledger_key *key = &l->keys[index];
    if (by > 0 && blob->record.seq > key->top_seq) {
        key->top_seq = blob->record.seq;
        key->holders = key->keepers = key->placed = 0;
    }
    if (blob->record.seq != key->top_seq)
        return;
    uint32_t *counted = space == STORE_HELD ? &key->holders : &key->keepers;
    *counted += (uint32_t)by;
    key->placed += by > 0 && space == STORE_HELD;
}

static void placed(void *context, struct world *w, struct process *p, enum store_space space,
                   struct blob *blob)
{
    (void)w;
    if (!p->is_adversary)
        count(context, space, blob, 1);
}

static void removed(void *context, struct world *w, struct process *p, enum store_space space,
                    struct blob *blob)
{
    (void)w;
    if (!p->is_adversary)
        count(context, space, blob, -1);
}

void ledger_watch(struct ledger *l, struct world *w)
{
    const struct watcher watcher = {.context = l, .placed = placed, .removed = removed};
    world_watch(w, &watcher);
}
