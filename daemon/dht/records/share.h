/* Who loses an entry when a multi is full, so that no signer can push out the others: the signer
 * with the most entries loses the one that arrived first, a live one before a deletion; among
 * signers with equally many, the entry held longest goes. Filled anew for each question; knows
 * nothing of stores. */
#ifndef XORD_DHT_SHARE_H
#define XORD_DHT_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct share_slot;

struct share {
    struct share_slot *slots; /* owned; by signer */
    size_t slot_count, room;
    uint64_t factor; /* of the hash, and how far its product is shifted */
    unsigned shift;
};

struct share_entry {
    uint64_t signer;  /* share_signer */
    uint64_t arrival; /* rising; each entry its own */
    uint64_t number;  /* the caller's name for it */
    bool is_deletion;
};

/* The first 8 bytes of the key: to be taken for another signer means to find such a key, 2^64
 * trials. */
uint64_t share_signer(const uint8_t *k);

/* Room for `max` entries. `secret` is any number that others cannot know: they choose the signers,
 * and none shall be able to aim at one slot. The loser does not depend on it. ERR_NO_MEMORY:
 * nothing is held. */
enum err share_init(struct share *s, size_t max, uint64_t secret);
void share_clear(struct share *s);
void share_add(struct share *s, const struct share_entry *entry);
/* The number of the entry that goes. At least one was added. */
uint64_t share_loser(const struct share *s);

#endif
