/* Entries of multis as tests make them: what of one is to be said, and the record that says it. */
#ifndef XORD_TESTS_DHT_DRAFT_H
#define XORD_TESTS_DHT_DRAFT_H

#include "daemon/dht/records/record.h"

#define DRAFT_SLOT_LONGEST "12345678901234567890123456789012"

struct draft {
    uint8_t signer; /* whose key: the seed's first byte */
    const char *slot;
    int64_t seq;
    size_t body_size; /* 0: a deletion */
    uint64_t time_unix_s;
    struct id target;
    /* Made by draft_sign: */
    uint8_t k[KEYS_PUBLIC_SIZE], sig[KEYS_SIGNATURE_SIZE], v[RECORD_V_MAX + 64];
    struct record record;
};

/* A small entry of signer 1, written just now; not yet signed. */
struct draft draft_of(const struct id *target, uint64_t now_unix_s, const char *slot, int64_t seq);
/* Makes the record, a view into the draft, which must not move any more. */
void draft_sign(struct draft *d);
/* The same, with a body such that v has exactly this size. */
void draft_sign_size(struct draft *d, size_t v_size);
struct id draft_key(const struct draft *d);

#endif
