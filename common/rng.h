/* A deterministic stream of random numbers: ChaCha20 under a 32-byte seed. The shell seeds it with
 * entropy, the simulator and tests with a number, so each run can be replayed. The nonce is zero:
 * a seed has one stream. */
#ifndef XORD_COMMON_RNG_H
#define XORD_COMMON_RNG_H

#include <stddef.h>
#include <stdint.h>

#define RNG_SEED_SIZE   32
#define RNG_BUFFER_SIZE 64

struct rng {
    uint8_t key[RNG_SEED_SIZE];
    uint64_t block; /* the next ChaCha20 block */
    uint8_t buffer[RNG_BUFFER_SIZE];
    size_t left; /* unread bytes at the end of `buffer` */
};

void rng_init(struct rng *rng, const uint8_t seed[RNG_SEED_SIZE]);
void rng_init_number(struct rng *rng, uint64_t seed); /* the number's 8 bytes, then zeros */
void rng_bytes(struct rng *rng, void *out, size_t size);
uint32_t rng_u32(struct rng *rng);
uint64_t rng_u64(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t bound); /* uniform in [0, bound); bound > 0 */

#endif
