/* Records: what the store holds and lookups bring back. A record is a view: it owns no bytes.
 * Singles are BEP 44 mutable items, immutables BEP 44 immutable items. Keyed by (kind, target): the
 * kinds can never stand for each other. */
#ifndef XORD_DHT_RECORD_H
#define XORD_DHT_RECORD_H

#include "common/addr.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/keys.h"
#include "common/wire.h"
#include "daemon/dht/id.h"

#define RECORD_V_MAX         1000 /* BEP 44: bencoded size of v */
#define RECORD_SALT_MAX      64   /* BEP 44 */
#define RECORD_TTL_S_DEFAULT (14u * 86400u)
#define RECORD_TTL_S_MAX     (30u * 86400u)
#define RECORD_TTL_S_FOREIGN                                                                       \
    7200u                  /* BEP 44: items without an expiry end 2 h after their last put */
#define RECORD_SKEW_S 600u /* a signed time farther ahead of our clock is refused */
/* the longest canonical buffer: 4:salt64:<64>3:seqi<20>e1:v<1000> */
#define RECORD_SIGNED_MAX (RECORD_SALT_MAX + RECORD_V_MAX + 64)
#define RECORD_PACKED_MAX (RECORD_SALT_MAX + RECORD_V_MAX + 192)

enum record_kind { RECORD_IMMUTABLE = 1, RECORD_SINGLE = 2, RECORD_MULTI = 3 };

struct record {
    enum record_kind kind;
    struct id target;
    const uint8_t *k;   /* KEYS_PUBLIC_SIZE bytes; NULL for an immutable */
    const uint8_t *sig; /* KEYS_SIGNATURE_SIZE bytes; NULL for an immutable, or not yet signed */
    struct bytes salt;  /* size 0 when there is none */
    int64_t seq;        /* 0 for an immutable */
    struct bytes v;     /* raw bencoding, exactly as it was signed or hashed */
};

/* SHA-1(k ‖ salt), BEP 44. */
void record_single_target(const uint8_t k[KEYS_PUBLIC_SIZE], struct bytes salt, struct id *out);
/* SHA-1(v), BEP 44. */
void record_immutable_target(struct bytes v, struct id *out);

/* All that can be checked without the signature and the clock: sizes (ERR_TOO_BIG,
 * ERR_SALT_TOO_LONG), seq not negative, v canonical bencode of at most 6 levels, the target the one
 * that k and salt, or v, make (ERR_MALFORMED). */
enum err record_check(const struct record *r);
/* The signature over BEP 44's canonical buffer; true for an immutable. The costly check: last. */
bool record_verify(const struct record *r);
/* Appends BEP 44's canonical buffer: [4:salt<salt>]3:seqi<seq>e1:v<v>. */
void record_write_signed(struct wire_writer *w, struct bytes salt, int64_t seq, struct bytes v);
void record_sign(const uint8_t secret_key[KEYS_SECRET_SIZE], struct bytes salt, int64_t seq,
                 struct bytes v, uint8_t sig[KEYS_SIGNATURE_SIZE]);

/* When a record put at `put_unix_s` ends (unix seconds): its signed expiry, else
 * put_unix_s + RECORD_TTL_S_FOREIGN. ERR_MALFORMED when its time is more than RECORD_SKEW_S ahead
 * of now_unix_s, or its expiry more than RECORD_TTL_S_MAX (+ RECORD_SKEW_S) ahead; ERR_NOT_FOUND
 * when it has ended already. */
enum err record_expiry(const struct record *r, uint64_t put_unix_s, uint64_t now_unix_s,
                       uint64_t *expiry_unix_s);
/* > 0 when `a` wins over `b` (same kind and target): higher seq, on a tie the greater signature. */
int record_compare(const struct record *a, const struct record *b);
/* Same seq, signature and content. */
bool record_equal(const struct record *a, const struct record *b);

/* The form on disk and in `dhtputraw`'s stead inside the daemon: fixed header, then k, sig, salt,
 * v. record_unpack fills views into `packed`; false when it is damaged. */
void record_pack(struct wire_writer *w, const struct record *r);
bool record_unpack(struct bytes packed, struct record *out);

/* `hexdata` of dhtsign, dhtverify and dhtputraw: bencode of {k, salt, seq, sig, v}, salt left out
 * when empty; for an immutable {v}. Parsing derives kind and target; ERR_MALFORMED, or what
 * record_check says. */
void record_write_raw(struct wire_writer *w, const struct record *r);
enum err record_parse_raw(struct bytes raw, struct record *out);

#endif
