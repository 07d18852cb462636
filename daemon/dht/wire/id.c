#include "daemon/dht/wire/id.h"

#include <assert.h>

#include "common/hash.h"

#define SECURE_BITS 21 /* BEP 42: how much of the id the address decides */

/* Ids are compared as big-endian words: eight bytes a step in place of one. */
static uint64_t load_u64(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return __builtin_bswap64(word);
}

static uint32_t load_u32(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof word);
    return __builtin_bswap32(word);
}

bool id_equal(const struct id *a, const struct id *b)
{
    return memcmp(a->b, b->b, ID_SIZE) == 0;
}

bool id_is_zero(const struct id *id)
{
    return (load_u64(id->b) | load_u64(id->b + 8) | load_u32(id->b + 16)) == 0;
}

int id_compare_distance(const struct id *target, const struct id *a, const struct id *b)
{
    for (size_t at = 0; at < 16; at += 8) {
        uint64_t word = load_u64(target->b + at);
        uint64_t to_a = load_u64(a->b + at) ^ word, to_b = load_u64(b->b + at) ^ word;

        if (to_a != to_b)
            return to_a < to_b ? -1 : 1;
    }
    uint32_t word = load_u32(target->b + 16);
    uint32_t to_a = load_u32(a->b + 16) ^ word, to_b = load_u32(b->b + 16) ^ word;
    return (to_a > to_b) - (to_a < to_b);
}

unsigned id_common_prefix(const struct id *a, const struct id *b)
{
    for (unsigned at = 0; at < 16; at += 8) {
        uint64_t difference = load_u64(a->b + at) ^ load_u64(b->b + at);

        if (difference != 0)
            return at * 8 + (unsigned)__builtin_clzll(difference);
    }
    uint32_t difference = load_u32(a->b + 16) ^ load_u32(b->b + 16);
    return difference != 0 ? 128 + (unsigned)__builtin_clz(difference) : ID_BITS;
}

uint64_t id_distance_head(const struct id *a, const struct id *b)
{
    return load_u64(a->b) ^ load_u64(b->b);
}

void id_random(struct id *out, struct rng *rng)
{
    rng_bytes(rng, out->b, ID_SIZE);
}

void id_random_at(struct id *out, const struct id *base, unsigned prefix, struct rng *rng)
{
    assert(prefix < ID_BITS);
    unsigned byte = prefix / 8;
    uint8_t bit = (uint8_t)(0x80 >> (prefix % 8)); /* the first one that differs */
    uint8_t after = (uint8_t)(bit - 1);            /* the ones behind it: random */

    id_random(out, rng);
    uint8_t random = out->b[byte];
    memcpy(out->b, base->b, byte);
    out->b[byte] = (uint8_t)(((base->b[byte] ^ bit) & ~after) | (random & after));
}

/* The CRC32-C whose first bits such an id must have: of BEP 42's masked address with the low three
 * bits of `seed` on top. */
static uint32_t secure_head(const struct addr *addr, uint8_t seed)
{
    static const uint8_t mask_v4[4] = {0x03, 0x0f, 0x3f, 0xff};
    static const uint8_t mask_v6[8] = {0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff};
    bool is_v4 = addr->family == ADDR_V4;
    size_t size = is_v4 ? sizeof mask_v4 : sizeof mask_v6;
    const uint8_t *mask = is_v4 ? mask_v4 : mask_v6;
    uint8_t masked[8] = {0};

    for (size_t i = 0; i < size; i++)
        masked[i] = addr->ip[i] & mask[i];
    masked[0] |= (uint8_t)((seed & 7) << 5);
    return hash_crc32c(bytes_of(masked, size));
}

void id_make_secure(struct id *out, const struct addr *external, struct rng *rng)
{
    id_random(out, rng);
    /* Exempt addresses are shared by many nodes, which must not crowd into a few prefixes. */
    if (external->family == ADDR_NONE || addr_is_private(external))
        return;
    uint32_t head = secure_head(external, out->b[ID_SIZE - 1]);

    out->b[0] = (uint8_t)(head >> 24);
    out->b[1] = (uint8_t)(head >> 16);
    out->b[2] = (uint8_t)((head >> 8 & 0xf8) | (out->b[2] & 7));
}

bool id_is_secure(const struct id *id, const struct addr *addr)
{
    if (addr_is_private(addr))
        return true;
    return (load_u32(id->b) ^ secure_head(addr, id->b[ID_SIZE - 1])) >> (32 - SECURE_BITS) == 0;
}
