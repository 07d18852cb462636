/* A hash table of links that lie in the things they lead to. The caller makes the hashes, keyed
 * where others choose what is hashed, and compares what it finds. Grows as it fills and shrinks as
 * it empties; owns its array alone, never the links. */
#ifndef XORD_COMMON_CHAINS_H
#define XORD_COMMON_CHAINS_H

#include <stdbool.h>
#include <stdint.h>

struct chain_link { /* the first member of what it leads to */
    struct chain_link *next;
    uint64_t hash;
};

struct chains { /* zero: empty */
    struct chain_link **heads;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
};

/* False without memory for even the first; later the chains only get longer. The link must not move
 * while it is in. */
bool chains_add(struct chains *c, struct chain_link *link, uint64_t hash);
/* It is in. With the last one the array is given back. */
void chains_remove(struct chains *c, struct chain_link *link);
/* The links with exactly this hash, one after the other; NULL at the end. */
struct chain_link *chains_first(const struct chains *c, uint64_t hash);
struct chain_link *chains_next(const struct chain_link *link);

#endif
