/* Records: what the store holds and lookups bring back. A record is a view: it owns no bytes.
 * Singles are BEP 44 mutable items, immutables BEP 44 immutable items; multis are entries, of which
 * a target has many, each in the place (k, slot) of its own. Keyed by (kind, record_key): the kinds
 * can never stand for each other. */
#ifndef XORD_DHT_RECORD_H
#define XORD_DHT_RECORD_H

#include "common/addr.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/keys.h"
#include "common/wire.h"
#include "daemon/dht/wire/id.h"

#define RECORD_V_MAX         1000 /* BEP 44: bencoded size of v */
#define RECORD_SALT_MAX      64   /* BEP 44 */
#define RECORD_SLOT_MAX      32   /* of an entry; at least 1 */
#define RECORD_TTL_S_DEFAULT (14u * 86400u)
#define RECORD_TTL_S_MAX     (30u * 86400u)
#define RECORD_TTL_S_FOREIGN                                                                       \
    7200u                  /* BEP 44: items without an expiry end 2 h after their last put */
#define RECORD_SKEW_S 600u /* a signed time farther ahead of our clock is refused */
/* the longest that is signed: 4:salt64:<64>3:seqi<20>e1:v<1000>; an entry's is shorter */
#define RECORD_SIGNED_MAX   (RECORD_SALT_MAX + RECORD_V_MAX + 64)
#define RECORD_MULTI_SIGNED "xord multi 1\n" /* what an entry's signed bytes begin with */
#define RECORD_PACKED_MAX   (RECORD_SALT_MAX + RECORD_V_MAX + 192)
/* the longest raw form: an entry's, with its name, resource and slot */
#define RECORD_RAW_MAX (2 * RECORD_SALT_MAX + RECORD_SLOT_MAX + RECORD_V_MAX + 192)

enum record_kind { RECORD_IMMUTABLE = 1, RECORD_SINGLE = 2, RECORD_MULTI = 3 };

struct record {
    enum record_kind kind;
    struct id target;
    const uint8_t *k;   /* KEYS_PUBLIC_SIZE bytes; NULL for an immutable */
    const uint8_t *sig; /* KEYS_SIGNATURE_SIZE bytes; NULL for an immutable, or not yet signed */
    struct bytes salt;  /* size 0 when there is none; of an entry its slot */
    int64_t seq;        /* 0 for an immutable */
    struct bytes v;     /* raw bencoding, exactly as it was signed or hashed */
};

/* SHA-1(k ‖ salt), BEP 44. */
void record_single_target(const uint8_t k[KEYS_PUBLIC_SIZE], struct bytes salt, struct id *out);
/* SHA-1(v), BEP 44. */
void record_immutable_target(struct bytes v, struct id *out);
/* SHA-1(bencode({n: name, r: resource, t: "m"})), twister's; name and resource are literal. */
void record_multi_target(struct bytes name, struct bytes resource, struct id *out);
/* Where a record lies beside others of its kind: its target, and for an entry
 * SHA-1(target ‖ k ‖ slot). Two records with the same kind and key replace each other. */
void record_key(const struct record *r, struct id *out);

/* All that can be checked without the signature and the clock: sizes (ERR_TOO_BIG,
 * ERR_SALT_TOO_LONG), seq not negative, v canonical bencode of at most 6 levels, the target the one
 * that k and salt, or v, make (ERR_MALFORMED). An entry's target is a name that only its signature
 * binds; its v must be an envelope with a time. */
enum err record_check(const struct record *r);
/* The signature over record_write_signed; true for an immutable. The costly check: last. */
bool record_verify(const struct record *r);
/* Appends what the record's signature is over. A single: BEP 44's canonical buffer,
 * [4:salt<salt>]3:seqi<seq>e1:v<v>. An entry: RECORD_MULTI_SIGNED and the bencoding of
 * [target, slot, seq, v]. */
void record_write_signed(struct wire_writer *w, const struct record *r);
void record_sign(const uint8_t secret_key[KEYS_SECRET_SIZE], const struct record *r,
                 uint8_t sig[KEYS_SIGNATURE_SIZE]);

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

/* What makes the target of an entry, and cannot be had back from it. */
struct record_name {
    struct bytes name, resource;
};

/* `hexdata` of dhtsign, dhtverify and dhtputraw: bencode of {k, salt, seq, sig, v}, salt left out
 * when empty; for an entry {k, n, r, seq, sig, slot, v}; for an immutable {v}. `name` is of an
 * entry alone, else NULL. Parsing derives kind and target, and fills `name` (absent but for an
 * entry) unless it is NULL; ERR_MALFORMED, or what record_check says. */
void record_write_raw(struct wire_writer *w, const struct record *r,
                      const struct record_name *name);
enum err record_parse_raw(struct bytes raw, struct record *out, struct record_name *name);

#endif
