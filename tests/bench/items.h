/* Signed singles for the benchmarks: one key, a salt a number, a value of a wanted size, and the
 * packets that get and put them. Also the tokens that a daemon gives for them. */
#ifndef XORD_BENCH_ITEMS_H
#define XORD_BENCH_ITEMS_H

#include "daemon/dht/records/record.h"
#include "tests/bench/load.h"

#define ITEMS_TOKEN_MAX 16

struct item {
    struct id target;
    int64_t seq;
    uint8_t token[ITEMS_TOKEN_MAX];
    uint8_t token_size;
    bool is_stored;
    uint8_t sig[KEYS_SIGNATURE_SIZE];
};

struct items {
    uint8_t public_key[KEYS_PUBLIC_SIZE];
    uint8_t secret_key[KEYS_SECRET_SIZE];
    uint64_t series; /* part of the salts: two series share no target */
    size_t v_size;   /* bencoded */
    uint8_t v[RECORD_V_MAX];
    struct item *all;
    size_t count;
};

/* An envelope of JSON text, of exactly `v_size` bytes (60 to 1000), valid for 14 days. */
void items_init(struct items *items, uint64_t series, size_t count, size_t v_size);
void items_clear(struct items *items);

size_t items_salt(const struct items *items, size_t index, uint8_t salt[RECORD_SALT_MAX]);
/* Signs the item as it stands under `seq`. */
void items_sign(struct items *items, size_t index, int64_t seq, uint8_t sig[KEYS_SIGNATURE_SIZE]);
/* The packets without their tail, for load.h. */
size_t items_get_packet(const struct items *items, size_t index, uint8_t packet[LOAD_PACKET_MAX]);
size_t items_put_packet(const struct items *items, size_t index, int64_t seq, const uint8_t *sig,
                        uint8_t packet[LOAD_PACKET_MAX]);

/* Asks for the tokens of all, under load. */
void items_fetch_tokens(struct items *items, struct load *load);
/* Puts each once, with seq 1 and really signed; returns how the run went. */
void items_put_all(struct items *items, struct load *load, struct load_result *out);
/* True when this answer to a get has the item in it, whole: key, signature, value, seq. */
bool items_is_in(const struct items *items, size_t index, struct bytes packet);

#endif
