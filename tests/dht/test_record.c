/* BEP 44's published vectors hold, a record survives its packed and its raw form unchanged, and
 * whatever a holder or a reader must not take is refused for its own reason. */
#include "daemon/dht/records/record.h"

#include "common/hex.h"
#include "tests/runner.h"

#include <check.h>

#define NOW_S  1700000000u
#define HELLO  "12:Hello World!"
#define BEP44K "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548"

static void unhex(const char *text, uint8_t *out, size_t size)
{
    ck_assert(hex_decode(text, strlen(text), out, size));
}

static void assert_hex(const void *data, size_t size, const char *text)
{
    char hex[256];
    ck_assert_uint_lt(2 * size, sizeof(hex));
    ck_assert_str_eq(hex_encode(bytes_of(data, size), hex), text);
}

struct key {
    uint8_t public_key[KEYS_PUBLIC_SIZE];
    uint8_t secret_key[KEYS_SECRET_SIZE];
};

static struct key rfc8032_key(void)
{
    uint8_t seed[KEYS_SEED_SIZE];
    struct key key;
    unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", seed, sizeof(seed));
    keys_from_seed(seed, key.public_key, key.secret_key);
    return key;
}

static uint8_t sig[KEYS_SIGNATURE_SIZE];

/* A good single under `key`; its signature lies in `sig`. */
static struct record single(const struct key *key, const char *salt, int64_t seq, const char *v)
{
    struct record r = {.kind = RECORD_SINGLE,
                       .k = key->public_key,
                       .sig = sig,
                       .salt = bytes_of_string(salt),
                       .seq = seq,
                       .v = bytes_of_string(v)};
    record_single_target(r.k, r.salt, &r.target);
    record_sign(key->secret_key, &r, sig);
    return r;
}

static struct record immutable(const char *v)
{
    struct record r = {.kind = RECORD_IMMUTABLE, .v = bytes_of_string(v)};
    record_immutable_target(r.v, &r.target);
    return r;
}

static void setup(void)
{
    ck_assert_int_eq(keys_init(), ERR_OK);
}

static void bep44_mutable(const char *salt, const char *target, const char *message,
                          const char *signature)
{
    uint8_t k[KEYS_PUBLIC_SIZE], buffer[RECORD_SIGNED_MAX];
    unhex(BEP44K, k, sizeof(k));
    unhex(signature, sig, sizeof(sig));
    struct record r = {.kind = RECORD_SINGLE,
                       .k = k,
                       .sig = sig,
                       .salt = bytes_of_string(salt),
                       .seq = 1,
                       .v = bytes_of_string(HELLO)};
    record_single_target(k, r.salt, &r.target);
    assert_hex(r.target.b, ID_SIZE, target);
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    record_write_signed(&w, &r);
    ck_assert(bytes_is_string(wire_written(&w), message));
    ck_assert_int_eq(record_check(&r), ERR_OK);
    ck_assert(record_verify(&r));
    r.seq = 2;
    ck_assert(!record_verify(&r));
}

START_TEST(bep44_test_1)
{
    bep44_mutable("", "4a533d47ec9c7d95b1ad75f576cffc641853b750", "3:seqi1e1:v12:Hello World!",
                  "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
                  "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01");
}
END_TEST

START_TEST(bep44_test_2)
{
    bep44_mutable("foobar", "411eba73b6f087ca51a3795d9c8c938d365e32c1",
                  "4:salt6:foobar3:seqi1e1:v12:Hello World!",
                  "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
                  "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08");
}
END_TEST

START_TEST(bep44_test_3)
{
    struct record r = immutable(HELLO);
    assert_hex(r.target.b, ID_SIZE, "e5f96f6f38320f0f33959cb4d3d656452117aadb");
    ck_assert_int_eq(record_check(&r), ERR_OK);
    ck_assert(record_verify(&r));
}
END_TEST

START_TEST(what_is_signed_verifies)
{
    struct key key = rfc8032_key();
    struct record r = single(&key, "profile", 7, "d1:j2:{}1:ti1700000000ee");
    ck_assert_int_eq(record_check(&r), ERR_OK);
    ck_assert(record_verify(&r));
    r.salt = bytes_of_string("profilf");
    ck_assert(!record_verify(&r));
    r = single(&key, "profile", 7, HELLO);
    sig[0] ^= 1;
    ck_assert(!record_verify(&r));
    r.sig = NULL;
    ck_assert(!record_verify(&r));
    ck_assert_int_eq(record_check(&r), ERR_OK);
    r.kind = RECORD_MULTI;
    ck_assert(!record_verify(&r));
}
END_TEST

START_TEST(sizes)
{
    char text[RECORD_V_MAX + 2], salt[RECORD_SALT_MAX + 2] = {0};
    struct key key = rfc8032_key();
    memset(text, 'x', sizeof(text));
    memcpy(text, "996:", 4);
    text[RECORD_V_MAX] = 0;
    memset(salt, 's', RECORD_SALT_MAX);
    struct record r = single(&key, salt, INT64_MAX, text);
    ck_assert_uint_eq(r.v.size, RECORD_V_MAX);
    ck_assert_int_eq(record_check(&r), ERR_OK);
    ck_assert(record_verify(&r));
    salt[RECORD_SALT_MAX] = 's';
    r.salt.size++;
    record_single_target(r.k, r.salt, &r.target);
    ck_assert_int_eq(record_check(&r), ERR_SALT_TOO_LONG);
    memcpy(text, "997:", 4);
    text[RECORD_V_MAX] = 'x';
    text[RECORD_V_MAX + 1] = 0;
    r = immutable(text);
    ck_assert_int_eq(record_check(&r), ERR_TOO_BIG);
}
END_TEST

START_TEST(malformed_records)
{
    static const char *const bad_values[] = {"",
                                             "x",
                                             "1:",
                                             "1:aa",
                                             "i01e",
                                             "d1:b0:1:a0:e",
                                             "d1:a0:1:a0:e",
                                             "le1:a",
                                             "lllllllllleeeeeeeeee"};
    for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
        struct record r = immutable(bad_values[i]);
        ck_assert_msg(record_check(&r) == ERR_MALFORMED, "%s", bad_values[i]);
    }
    struct key key = rfc8032_key();
    struct record r = single(&key, "a", 1, HELLO);
    r.target.b[19] ^= 1;
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = single(&key, "a", -1, HELLO);
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = single(&key, "a", 1, HELLO);
    r.k = NULL;
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = immutable(HELLO);
    r.target.b[0] ^= 1;
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = immutable(HELLO);
    r.seq = 1;
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = immutable(HELLO);
    r.kind = RECORD_MULTI;
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
}
END_TEST

/* An immutable and a single never pass for each other. */
START_TEST(kinds_do_not_mix)
{
    struct key key = rfc8032_key();
    struct record r = single(&key, "", 0, HELLO);
    r.kind = RECORD_IMMUTABLE;
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    record_immutable_target(r.v, &r.target);
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = immutable(HELLO);
    r.kind = RECORD_SINGLE;
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
}
END_TEST

struct life {
    const char *v;
    uint64_t put_unix_s;
    enum err err;
    uint64_t expiry_unix_s;
};

static const struct life lives[] = {
    {HELLO, NOW_S - 100, ERR_OK, NOW_S - 100 + 7200},
    {HELLO, NOW_S - 7200, ERR_NOT_FOUND, 0},
    {"d1:b1:a1:ti1700000000ee", NOW_S, ERR_OK, NOW_S + 7200},
    {"d1:b1:a1:ti1700000600ee", NOW_S, ERR_OK, NOW_S + 7200},
    {"d1:b1:a1:ti1700000601ee", NOW_S, ERR_MALFORMED, 0},
    {"d1:b1:a1:ti1700000000e1:xi1700000001ee", 0, ERR_OK, NOW_S + 1},
    {"d1:b1:a1:ti1700000000e1:xi1700000000ee", NOW_S, ERR_NOT_FOUND, 0},
    {"d1:b1:a1:ti1700000000e1:xi1702592600ee", NOW_S, ERR_OK, NOW_S + 30 * 86400 + 600},
    {"d1:b1:a1:ti1700000000e1:xi1702592601ee", NOW_S, ERR_MALFORMED, 0},
    {"d1:ti1700000000e1:xi1700000009ee", NOW_S, ERR_OK, NOW_S + 9},
    {"d1:j2:{}1:xi9223372036854775807ee", NOW_S, ERR_MALFORMED, 0},
};

START_TEST(expiry)
{
    const struct life *life = &lives[_i];
    struct record r = immutable(life->v);
    uint64_t expiry_unix_s = 0;
    ck_assert_int_eq(record_expiry(&r, life->put_unix_s, NOW_S, &expiry_unix_s), life->err);
    ck_assert_uint_eq(expiry_unix_s, life->expiry_unix_s);
}
END_TEST

START_TEST(comparing)
{
    uint8_t low[KEYS_SIGNATURE_SIZE] = {1}, high[KEYS_SIGNATURE_SIZE] = {2};
    struct key key = rfc8032_key();
    struct record a = single(&key, "a", 3, HELLO), b = a;
    a.sig = low;
    b.sig = high;
    ck_assert_int_lt(record_compare(&a, &b), 0);
    ck_assert_int_gt(record_compare(&b, &a), 0);
    ck_assert_int_eq(record_compare(&a, &a), 0);
    a.seq = 4;
    ck_assert_int_gt(record_compare(&a, &b), 0);
    ck_assert(!record_equal(&a, &b));
    b = a;
    ck_assert(record_equal(&a, &b));
    b.v = bytes_of_string("12:Hello World?");
    ck_assert(!record_equal(&a, &b));
    b = a;
    b.sig = NULL;
    ck_assert(!record_equal(&a, &b));
    a = immutable(HELLO);
    b = a;
    ck_assert(record_equal(&a, &b));
    ck_assert_int_eq(record_compare(&a, &b), 0);
}
END_TEST

static void assert_packs(const struct record *r)
{
    uint8_t buffer[RECORD_PACKED_MAX], other[RECORD_PACKED_MAX];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    record_pack(&w, r);
    struct bytes packed = wire_written(&w);
    struct record back;
    ck_assert(record_unpack(packed, &back));
    ck_assert(record_equal(r, &back) && bytes_equal(r->salt, back.salt));
    ck_assert_int_eq(record_check(&back), ERR_OK);
    for (size_t size = 0; size < packed.size; size++)
        ck_assert(!record_unpack(bytes_of(buffer, size), &back));
    memcpy(other, buffer, packed.size);
    other[packed.size] = 0;
    ck_assert(!record_unpack(bytes_of(other, packed.size + 1), &back));
    other[0] = RECORD_MULTI + 1;
    ck_assert(!record_unpack(bytes_of(other, packed.size), &back));
}

START_TEST(packing)
{
    struct key key = rfc8032_key();
    struct record r = single(&key, "profile", 12, HELLO);
    assert_packs(&r);
    r = single(&key, "", INT64_MAX, "le");
    assert_packs(&r);
    r = immutable(HELLO);
    assert_packs(&r);
}
END_TEST

START_TEST(the_raw_form)
{
    uint8_t buffer[RECORD_PACKED_MAX];
    struct key key = rfc8032_key();
    struct record r = single(&key, "profile", 12, HELLO), back;
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof(buffer));
    record_write_raw(&w, &r, NULL);
    ck_assert_int_eq(record_parse_raw(wire_written(&w), &back, NULL), ERR_OK);
    ck_assert(record_equal(&r, &back) && bytes_equal(r.salt, back.salt));
    ck_assert(record_verify(&back));
    for (size_t size = 0; size < w.used; size++)
        ck_assert_int_eq(record_parse_raw(bytes_of(buffer, size), &back, NULL), ERR_MALFORMED);
    r = immutable(HELLO);
    wire_writer_init(&w, buffer, sizeof(buffer));
    record_write_raw(&w, &r, NULL);
    ck_assert(bytes_is_string(wire_written(&w), "d1:v12:Hello World!e"));
    ck_assert_int_eq(record_parse_raw(wire_written(&w), &back, NULL), ERR_OK);
    ck_assert(record_equal(&r, &back));
}
END_TEST

#define K32   "1:k32:kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define SIG64 "3:sig64:ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"

START_TEST(the_raw_form_refuses)
{
    static const char *const bad[] = {
        "",
        "le",
        "de",
        "d1:v1:ae1:x",
        "d1:v1:a1:v1:ae",
        "d1:v1:a1:z1:ae",
        "d1:vd1:b0:1:a0:ee",
        "d" K32 "1:v1:ae",
        "d" SIG64 "1:v1:ae",
        "d3:seqi1e1:v1:ae",
        "d4:salt1:a1:v1:ae",
        "d" K32 "3:seqi1e1:v1:ae",
        "d" K32 SIG64 "1:v1:ae",
        "d" K32 "3:seqi-1e" SIG64 "1:v1:ae",
        "d" K32 "3:seq1:1" SIG64 "1:v1:ae",
        "d" K32 "3:seqi1ei2e" SIG64 "1:v1:ae",
        "d" K32 "3:seqi1e3:seqi1e" SIG64 "1:v1:ae",
        "d1:k1:k3:seqi1e" SIG64 "1:v1:ae",
        "d" K32 "3:seqi1e3:sig1:s1:v1:ae",
        "d" K32 "3:seqi1e" SIG64 "e",
    };
    struct record r;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(record_parse_raw(bytes_of_string(bad[i]), &r, NULL) == ERR_MALFORMED, "%s",
                      bad[i]);
    ck_assert_int_eq(
        record_parse_raw(bytes_of_string("d" K32 "3:seqi1e" SIG64 "1:v1:ae"), &r, NULL), ERR_OK);
    ck_assert(!record_verify(&r));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, bep44_test_1);
    tcase_add_test(tests, bep44_test_2);
    tcase_add_test(tests, bep44_test_3);
    tcase_add_test(tests, what_is_signed_verifies);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, malformed_records);
    tcase_add_test(tests, kinds_do_not_mix);
    tcase_add_loop_test(tests, expiry, 0, (int)(sizeof(lives) / sizeof(lives[0])));
    tcase_add_test(tests, comparing);
    tcase_add_test(tests, packing);
    tcase_add_test(tests, the_raw_form);
    tcase_add_test(tests, the_raw_form_refuses);
}
