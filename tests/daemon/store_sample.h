/* What the tests of the store and the writer share: a directory of their own, and signed records.
 */
#ifndef XORD_TESTS_STORE_SAMPLE_H
#define XORD_TESTS_STORE_SAMPLE_H

#include "daemon/store/store_lmdb.h"

#define SAMPLE_NOW_UNIX_S 1700000000u

/* Makes a new empty directory; its path lives until sample_remove, which deletes it and all in it.
 */
char *sample_directory(void);
void sample_remove(char *directory);

/* This quota, and multis as by default. */
struct store_limits sample_limits(uint64_t quota_bytes);

/* A record with its bytes, signed by a key made from `number`; do not copy it. */
struct sample {
    struct store_write write; /* STORE_PUT, HELD, ends in an hour, from 10.0.0.1 */
    uint8_t k[KEYS_PUBLIC_SIZE], secret[KEYS_SECRET_SIZE], sig[KEYS_SIGNATURE_SIZE];
    uint8_t v[RECORD_V_MAX];
    char slot[16];
};
void sample_single(struct sample *s, uint32_t number, int64_t seq, size_t v_size);
void sample_immutable(struct sample *s, uint32_t number, size_t v_size);
struct sample_place { /* of an entry */
    uint32_t signer;
    const char *resource; /* of the multi; its name is the same for all */
    uint32_t slot;
};
/* An entry with `size` bytes of content; 0: a deletion. */
void sample_entry(struct sample *s, const struct sample_place *place, int64_t seq,
                  uint64_t time_unix_s, size_t size);
/* Signs anew after seq or v was changed. */
void sample_sign(struct sample *s);

#endif
