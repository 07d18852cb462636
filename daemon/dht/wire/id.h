/* 160-bit ids and Kademlia's metric, and the binding of an id to an address (BEP 42). */
#ifndef XORD_DHT_ID_H
#define XORD_DHT_ID_H

#include "common/addr.h"
#include "common/bytes.h"
#include "common/rng.h"

#define ID_SIZE 20
#define ID_BITS 160

struct id {
    uint8_t b[ID_SIZE];
};

static inline struct bytes id_bytes(const struct id *id)
{
    return bytes_of(id->b, ID_SIZE);
}

bool id_equal(const struct id *a, const struct id *b);
bool id_is_zero(const struct id *id);
/* < 0 when `a` is nearer to `target` than `b`, > 0 when farther, 0 when they are equal. */
int id_compare_distance(const struct id *target, const struct id *a, const struct id *b);
/* How many leading bits are shared: 0 to ID_BITS. */
unsigned id_common_prefix(const struct id *a, const struct id *b);
/* The first 8 bytes of the distance, as a number: for ordering by nearness in indexes. */
uint64_t id_distance_head(const struct id *a, const struct id *b);
void id_random(struct id *out, struct rng *rng);
/* A random id that shares exactly `prefix` leading bits with `base`; prefix < ID_BITS. */
void id_random_at(struct id *out, const struct id *base, unsigned prefix, struct rng *rng);
/* An id that BEP 42 allows for this external address; random otherwise. */
void id_make_secure(struct id *out, const struct addr *external, struct rng *rng);
/* BEP 42's check. Loopback and private addresses are exempt: true. */
bool id_is_secure(const struct id *id, const struct addr *addr);

#endif
