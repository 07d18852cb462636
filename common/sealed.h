/* Sealed bytes: a content that up to SEALED_RECIPIENTS_MAX holders of Ed25519 keys can open, bound
 * to its signer and its place. Knows the format alone (docs/PROTOCOL.md section 2); holds no key,
 * asks for no chance: the caller gives the random bytes. Only recipients can open it; the one who
 * seals cannot unless she names herself. Whose key each wrapped key is for is not told.
 *
 *   version 1 | count n | ephemeral X25519 key (32) | n wrapped content keys (48 each) | box
 *
 * Everything before the box, the header, is the box's additional data. What the box shuts in:
 * signer (32), record kind (1), target (20), type (1), content. Each wrapping key and each content
 * key is used once, so all nonces of XChaCha20-Poly1305 are zero. */
#ifndef XORD_COMMON_SEALED_H
#define XORD_COMMON_SEALED_H

#include "common/err.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/wire.h"

#define SEALED_RECIPIENTS_MAX   8 /* 48 bytes each; with 8 about half of a record is left */
#define SEALED_KEY_SIZE         32
#define SEALED_WRAPPED_SIZE     (SEALED_KEY_SIZE + 16)
#define SEALED_RANDOM_SIZE      (2 * SEALED_KEY_SIZE)
#define SEALED_FIXED_SIZE       (2 + SEALED_KEY_SIZE)
#define SEALED_HEADER_SIZE(n)   (SEALED_FIXED_SIZE + (n)*SEALED_WRAPPED_SIZE)
#define SEALED_BOUND_SIZE       (KEYS_PUBLIC_SIZE + 1 + HASH_SHA1_SIZE + 1)
#define SEALED_OVERHEAD_SIZE(n) (SEALED_HEADER_SIZE(n) + SEALED_BOUND_SIZE + 16)

enum sealed_type { SEALED_JSON = 1, SEALED_BYTES = 2 };

/* What is shut in. Views. */
struct sealed_content {
    const uint8_t *signer; /* KEYS_PUBLIC_SIZE bytes, Ed25519: who signs the record */
    uint8_t kind;          /* enum record_kind */
    const uint8_t *target; /* HASH_SHA1_SIZE bytes: where the record lies */
    enum sealed_type type;
    struct bytes content; /* JSON text, or bytes */
};

/* Sealed bytes taken apart. Views into them. */
struct sealed {
    struct bytes header;    /* the box's additional data */
    uint8_t count;          /* 1 to SEALED_RECIPIENTS_MAX */
    const uint8_t *sender;  /* the ephemeral key */
    const uint8_t *wrapped; /* `count` wrapped keys */
    struct bytes box;
};

/* Whether it can be sealed for this Ed25519 key: a point of the main group, so that it has an
 * X25519 form. */
bool sealed_can_receive(const uint8_t public_key[KEYS_PUBLIC_SIZE]);
/* Appends `count` Ed25519 recipients' sealed bytes: SEALED_OVERHEAD_SIZE(count) more than the
 * content. The random bytes, secret, are for this one call. ERR_INVALID_PARAMS: no recipient, over
 * SEALED_RECIPIENTS_MAX, or one that cannot receive; ERR_TOO_BIG: does not fit. In each case
 * w->failed is set. */
enum err sealed_write(struct wire_writer *w, const uint8_t (*recipients)[KEYS_PUBLIC_SIZE],
                      size_t count, const struct sealed_content *content,
                      const uint8_t random[SEALED_RANDOM_SIZE]);

/* False when it is no sealed bytes of version 1. */
bool sealed_read(struct bytes input, struct sealed *out);
/* The content key, when this key pair is a recipient's; one X25519 operation. A key found is secret
 * and to be wiped after use. */
bool sealed_unwrap(const struct sealed *s, const uint8_t public_key[KEYS_PUBLIC_SIZE],
                   const uint8_t secret_key[KEYS_SECRET_SIZE], uint8_t key[SEALED_KEY_SIZE]);

/* Why it was refused, in the order of the checks. */
enum sealed_fault {
    SEALED_OPENED,
    SEALED_DAMAGED,
    SEALED_OTHER_SIGNER, /* copied: the record is not the sealer's */
    SEALED_OTHER_TARGET  /* moved: made for another kind of record or another target */
};

/* Opens the box into `buffer`, of s->box.size bytes, which is owned by the caller and holds what
 * *out views. `signer`, `kind` and `target` are the record's. Nothing is in *out unless it is
 * SEALED_OPENED. */
enum sealed_fault sealed_open(const struct sealed *s, const uint8_t key[SEALED_KEY_SIZE],
                              const uint8_t signer[KEYS_PUBLIC_SIZE], uint8_t kind,
                              const uint8_t target[HASH_SHA1_SIZE], uint8_t *buffer,
                              struct sealed_content *out);

#endif
