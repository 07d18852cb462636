#include "tests/dht/vector.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>

#include "common/hash.h"
#include "common/hex.h"
#include "daemon/dht/records/envelope.h"

#define WRITTEN_UNIX_S 1700000000u
#define PAGE_SIZE_MAX  131072u

static uint8_t k[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE], last_sig[KEYS_SIGNATURE_SIZE];
static uint8_t value[RECORD_V_MAX];

void vector_setup(void)
{
    uint8_t seed[KEYS_SEED_SIZE];
    ck_assert_int_eq(keys_init(), ERR_OK);
    ck_assert(hex_decode(VECTOR_SEED, strlen(VECTOR_SEED), seed, sizeof seed));
    keys_from_seed(seed, k, secret_key);
}

const uint8_t *vector_public_key(void)
{
    return k;
}

void vector_sign(const struct record *record, uint8_t sig[KEYS_SIGNATURE_SIZE])
{
    record_sign(secret_key, record, sig);
}

static struct bytes write_value(const char *json)
{
    const struct envelope e = {.content = ENVELOPE_JSON,
                               .body = bytes_of_string(json),
                               .has_time = true,
                               .has_expiry = true,
                               .time_unix_s = WRITTEN_UNIX_S,
                               .expiry_unix_s = WRITTEN_UNIX_S + RECORD_TTL_S_DEFAULT};
    struct wire_writer w;
    wire_writer_init(&w, value, sizeof value);
    envelope_write(&w, &e);
    return wire_written(&w);
}

static void sign(struct record *r)
{
    vector_sign(r, last_sig);
    r->sig = last_sig;
    ck_assert_int_eq(record_check(r), ERR_OK);
    ck_assert(record_verify(r));
}

struct record vector_single(void)
{
    struct record r = {.kind = RECORD_SINGLE,
                       .k = k,
                       .salt = bytes_of_string("profile"),
                       .seq = 1,
                       .v = write_value("{\"fullname\":\"Alice\"}")};
    record_single_target(r.k, r.salt, &r.target);
    sign(&r);
    return r;
}

struct record vector_entry(void)
{
    struct record r = {.kind = RECORD_MULTI,
                       .k = k,
                       .salt = bytes_of_string("latest"),
                       .seq = 1,
                       .v = write_value("{\"msg\":\"hi\"}")};
    record_multi_target(bytes_of_string("twister"), bytes_of_string("hashtag"), &r.target);
    sign(&r);
    return r;
}

uint32_t vector_network_tag(const char *name)
{
    struct bytes part = bytes_of_string(name);
    uint8_t hash[HASH_SHA1_SIZE];
    struct wire_reader r;
    hash_sha1(&part, 1, hash);
    wire_reader_init(&r, bytes_of(hash, 4));
    return wire_read_u32(&r);
}

struct krpc vector_message(enum krpc_type type, const char *id)
{
    struct krpc m = {.type = type,
                     .t = bytes_of_string("aa01"),
                     .version = bytes_of("XO\0\1", 4),
                     .has_network = true,
                     .network = vector_network_tag("xord")};
    if (id != NULL) {
        m.has_id = true;
        memcpy(m.id.b, id, ID_SIZE);
    }
    return m;
}

struct bytes vector_ip(void)
{
    static const uint8_t compact[ADDR_COMPACT_V4] = {127, 0, 0, 1, 4001 >> 8, 4001 & 0xff};
    return bytes_of(compact, sizeof compact);
}

void vector_assert_hex(struct bytes data, const char *text)
{
    char hex[2 * KRPC_PACKET_MAX + 1];
    ck_assert_ptr_nonnull(data.data);
    ck_assert_str_eq(hex_encode(data, hex), text);
}

void vector_assert_packet(const struct krpc *message, const char *text)
{
    uint8_t packet[KRPC_PACKET_MAX];
    struct wire_writer w;
    struct krpc back;
    wire_writer_init(&w, packet, sizeof packet);
    krpc_write(&w, message);
    vector_assert_hex(wire_written(&w), text);
    ck_assert_int_eq(krpc_parse(wire_written(&w), &back), ERR_OK);
}

/* The page breaks long hex over lines, so it is read without its white space. */
static const char *read_page(void)
{
    static char page[PAGE_SIZE_MAX];
    size_t size = 0;
    FILE *file = fopen("docs/PROTOCOL.md", "r");
    ck_assert_msg(file != NULL, "run from the top of the source tree");
    for (int c; (c = fgetc(file)) != EOF && size < sizeof page - 1;)
        if (!isspace(c))
            page[size++] = (char)c;
    fclose(file);
    page[size] = '\0';
    return page;
}

void vector_assert_documented(const char *text)
{
    ck_assert_msg(strstr(read_page(), text) != NULL, "missing: %s", text);
}
