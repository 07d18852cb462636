#include "common/sealed.h"

#include <assert.h>
#include <sodium.h>

#define SEALED_VERSION  1
#define SEALED_TAG_SIZE 16
#define WRAP_CONTEXT    "xord sealed 1"

static_assert(SEALED_KEY_SIZE == crypto_scalarmult_curve25519_BYTES, "X25519's keys");
static_assert(SEALED_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the cipher's key");
static_assert(SEALED_TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the cipher's tag");

static const uint8_t zero_nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];

/* All of `input` and its tag to `out`, which may be `input` itself. */
static void encrypt(uint8_t *out, struct bytes input, struct bytes additional, const uint8_t *key)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, input.data, input.size, additional.data,
                                               additional.size, NULL, zero_nonce, key);
}

static bool decrypt(uint8_t *out, struct bytes input, struct bytes additional, const uint8_t *key)
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, input.data, input.size,
                                                      additional.data, additional.size, zero_nonce,
                                                      key) == 0;
}

/* BLAKE2b-256 of context, ephemeral key and recipient, keyed with the X25519 result of one side's
 * secret and the other's public key. False when that is of small order. */
static bool wrapping_key(const uint8_t *secret, const uint8_t *other, const uint8_t *sender,
                         const uint8_t *recipient, uint8_t key[SEALED_KEY_SIZE])
{
    uint8_t shared[SEALED_KEY_SIZE];
    if (crypto_scalarmult_curve25519(shared, secret, other) != 0)
        return false;
    crypto_generichash_state state;
    crypto_generichash_init(&state, shared, sizeof shared, SEALED_KEY_SIZE);
    crypto_generichash_update(&state, (const uint8_t *)WRAP_CONTEXT, strlen(WRAP_CONTEXT));
    crypto_generichash_update(&state, sender, SEALED_KEY_SIZE);
    crypto_generichash_update(&state, recipient, KEYS_PUBLIC_SIZE);
    crypto_generichash_final(&state, key, SEALED_KEY_SIZE);
    sodium_memzero(&state, sizeof state);
    sodium_memzero(shared, sizeof shared);
    return true;
}

static bool to_x25519(const uint8_t *public_key, uint8_t out[SEALED_KEY_SIZE])
{
    return crypto_sign_ed25519_pk_to_curve25519(out, public_key) == 0;
}

bool sealed_can_receive(const uint8_t public_key[KEYS_PUBLIC_SIZE])
{
    uint8_t converted[SEALED_KEY_SIZE];
    return to_x25519(public_key, converted);
}

/* The content key in `random`'s second half, for one recipient. */
static bool wrap(const uint8_t *recipient, const uint8_t *random, const uint8_t *sender,
                 uint8_t *wrapped)
{
    uint8_t converted[SEALED_KEY_SIZE], key[SEALED_KEY_SIZE];
    if (!to_x25519(recipient, converted) ||
        !wrapping_key(random, converted, sender, recipient, key))
        return false;
    encrypt(wrapped, bytes_of(random + SEALED_KEY_SIZE, SEALED_KEY_SIZE), bytes_of("", 0), key);
    sodium_memzero(key, sizeof key);
    return true;
}

static bool write_header(uint8_t *header, const uint8_t (*recipients)[KEYS_PUBLIC_SIZE],
                         size_t count, const uint8_t *random)
{
    uint8_t *sender = header + 2;
    header[0] = SEALED_VERSION;
    header[1] = (uint8_t)count;
    crypto_scalarmult_curve25519_base(sender, random);
    for (size_t i = 0; i < count; i++) {
        if (!wrap(recipients[i], random, sender, header + SEALED_HEADER_SIZE(i)))
            return false;
    }
    return true;
}

static void write_content(struct wire_writer *w, const struct sealed_content *content)
{
    wire_write(w, content->signer, KEYS_PUBLIC_SIZE);
    wire_write_u8(w, content->kind);
    wire_write(w, content->target, HASH_SHA1_SIZE);
    wire_write_u8(w, (uint8_t)content->type);
    wire_write(w, content->content.data, content->content.size);
}

enum err sealed_write(struct wire_writer *w, const uint8_t (*recipients)[KEYS_PUBLIC_SIZE],
                      size_t count, const struct sealed_content *content,
                      const uint8_t random[SEALED_RANDOM_SIZE])
{
    if (count == 0 || count > SEALED_RECIPIENTS_MAX) {
        w->failed = true;
        return ERR_INVALID_PARAMS;
    }
    size_t header_size = SEALED_HEADER_SIZE(count);
    uint8_t *header = wire_reserve(w, SEALED_OVERHEAD_SIZE(count) + content->content.size);
    if (header == NULL)
        return ERR_TOO_BIG;
    w->failed = !write_header(header, recipients, count, random);
    if (w->failed)
        return ERR_INVALID_PARAMS;
    uint8_t *box = header + header_size;
    struct wire_writer plain;
    wire_writer_init(&plain, box, SEALED_BOUND_SIZE + content->content.size);
    write_content(&plain, content);
    encrypt(box, wire_written(&plain), bytes_of(header, header_size), random + SEALED_KEY_SIZE);
    return ERR_OK;
}

bool sealed_read(struct bytes input, struct sealed *out)
{
    struct wire_reader r;
    wire_reader_init(&r, input);
    uint8_t version = wire_read_u8(&r);
    uint8_t count = wire_read_u8(&r);
    struct bytes sender = wire_read_bytes(&r, SEALED_KEY_SIZE);
    struct bytes wrapped = wire_read_bytes(&r, (size_t)count * SEALED_WRAPPED_SIZE);
    if (r.failed || version != SEALED_VERSION || count == 0 || count > SEALED_RECIPIENTS_MAX)
        return false;
    size_t header_size = SEALED_HEADER_SIZE(count);
    *out = (struct sealed){.header = bytes_of(input.data, header_size),
                           .count = count,
                           .sender = sender.data,
                           .wrapped = wrapped.data,
                           .box = bytes_of(r.at, input.size - header_size)};
    return out->box.size >= SEALED_BOUND_SIZE + SEALED_TAG_SIZE;
}

bool sealed_unwrap(const struct sealed *s, const uint8_t public_key[KEYS_PUBLIC_SIZE],
                   const uint8_t secret_key[KEYS_SECRET_SIZE], uint8_t key[SEALED_KEY_SIZE])
{
    uint8_t converted[SEALED_KEY_SIZE], wrapping[SEALED_KEY_SIZE];
    crypto_sign_ed25519_sk_to_curve25519(converted, secret_key);
    bool is_found = false;
    if (wrapping_key(converted, s->sender, s->sender, public_key, wrapping)) {
        for (size_t i = 0; i < s->count && !is_found; i++) {
            struct bytes wrapped =
                bytes_of(s->wrapped + i * SEALED_WRAPPED_SIZE, SEALED_WRAPPED_SIZE);
            is_found = decrypt(key, wrapped, bytes_of("", 0), wrapping);
        }
    }
    sodium_memzero(converted, sizeof converted);
    sodium_memzero(wrapping, sizeof wrapping);
    return is_found;
}

static bool read_content(struct bytes plain, struct sealed_content *out)
{
    struct wire_reader r;
    wire_reader_init(&r, plain);
    out->signer = wire_read_bytes(&r, KEYS_PUBLIC_SIZE).data;
    out->kind = wire_read_u8(&r);
    out->target = wire_read_bytes(&r, HASH_SHA1_SIZE).data;
    uint8_t type = wire_read_u8(&r);
    out->type = (enum sealed_type)type;
    out->content = bytes_of(r.at, plain.size - SEALED_BOUND_SIZE);
    return !r.failed && (type == SEALED_JSON || type == SEALED_BYTES);
}

enum sealed_fault sealed_open(const struct sealed *s, const uint8_t key[SEALED_KEY_SIZE],
                              const uint8_t signer[KEYS_PUBLIC_SIZE], uint8_t kind,
                              const uint8_t target[HASH_SHA1_SIZE], uint8_t *buffer,
                              struct sealed_content *out)
{
    *out = (struct sealed_content){0};
    struct sealed_content found;
    if (!decrypt(buffer, s->box, s->header, key) ||
        !read_content(bytes_of(buffer, s->box.size - SEALED_TAG_SIZE), &found))
        return SEALED_DAMAGED;
    if (sodium_memcmp(found.signer, signer, KEYS_PUBLIC_SIZE) != 0)
        return SEALED_OTHER_SIGNER;
    if (found.kind != kind || sodium_memcmp(found.target, target, HASH_SHA1_SIZE) != 0)
        return SEALED_OTHER_TARGET;
    *out = found;
    return SEALED_OPENED;
}
