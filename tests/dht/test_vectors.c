/* The test vectors of docs/PROTOCOL.md are what the code makes, byte for byte, and stand there. */
#include "common/hash.h"
#include "common/hex.h"
#include "daemon/dht/envelope.h"
#include "daemon/dht/krpc.h"
#include "daemon/dht/record.h"
#include "tests/runner.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>

#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define K    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define TAG  "c38346b7"
#define ENVELOPE                                                                                   \
    "64313a6a32303a7b2266756c6c6e616d65223a22416c696365227d313a74693137303030"                     \
    "303030303065313a7869313730313230393630306565"
#define DELETION "64313a74693137303030303030303065313a7869313730323539323030306565"
#define TARGET   "9fa4e94bb1f95d23c8f075cc5c721a92b5a335ad"
#define SIGNED                                                                                     \
    "343a73616c74373a70726f66696c65333a736571693165313a7664313a6a32303a7b2266"                     \
    "756c6c6e616d65223a22416c696365227d313a74693137303030303030303065313a7869"                     \
    "313730313230393630306565"
#define SIG                                                                                        \
    "a68b5b1fbe42f78637e1fd423e4446ccf2f8fadf6c7f9776bd48b94e0548767edaf8bbf6"                     \
    "4ace0517a016a7c859bf16e709e33c8b6f54728293f6c7ad58dd750e"
#define PUT                                                                                        \
    "64313a6164323a696432303a6162636465666768696a30313233343536373839313a6b33"                     \
    "323ad75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a343a"                     \
    "73616c74373a70726f66696c65333a736571693165333a73696736343aa68b5b1fbe42f7"                     \
    "8637e1fd423e4446ccf2f8fadf6c7f9776bd48b94e0548767edaf8bbf64ace0517a016a7"                     \
    "c859bf16e709e33c8b6f54728293f6c7ad58dd750e363a74617267657432303a9fa4e94b"                     \
    "b1f95d23c8f075cc5c721a92b5a335ad353a746f6b656e383a616f6575736e7468313a76"                     \
    "64313a6a32303a7b2266756c6c6e616d65223a22416c696365227d313a74693137303030"                     \
    "303030303065313a786931373031323039363030656565323a6e77343ac38346b7313a71"                     \
    "333a707574313a74343a61613031313a76343a584f0001313a79313a7165"
#define REPLY                                                                                      \
    "64323a6970363a7f0000010fa1323a6e77343ac38346b7313a7264323a696432303a6d6e"                     \
    "6f707172737475767778797a31323334353665313a74343a61613031313a76343a584f00"                     \
    "01313a79313a7265"
#define REFUSAL                                                                                    \
    "64313a656c693230366532393a746865207369676e617475726520646f6573206e6f7420"                     \
    "76657269667965323a6970363a7f0000010fa1323a6e77343ac38346b7313a74343a6161"                     \
    "3031313a76343a584f0001313a79313a6565"
#define GET                                                                                        \
    "64313a6164323a696432303a6162636465666768696a30313233343536373839363a7461"                     \
    "7267657432303a9fa4e94bb1f95d23c8f075cc5c721a92b5a335ad65323a6e77343ac383"                     \
    "46b7313a71333a676574313a74343a61613031313a76343a584f0001313a79313a7165"
#define HEXDATA                                                                                    \
    "64313a6b33323ad75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f7"                     \
    "07511a343a73616c74373a70726f66696c65333a736571693165333a73696736343aa68b"                     \
    "5b1fbe42f78637e1fd423e4446ccf2f8fadf6c7f9776bd48b94e0548767edaf8bbf64ace"                     \
    "0517a016a7c859bf16e709e33c8b6f54728293f6c7ad58dd750e313a7664313a6a32303a"                     \
    "7b2266756c6c6e616d65223a22416c696365227d313a7469313730303030303030306531"                     \
    "3a786931373031323039363030656565"
#define TEXT    "31323a48656c6c6f20576f726c6421"
#define TEXT_ID "e5f96f6f38320f0f33959cb4d3d656452117aadb"
#define JSON    "64313a6a373a7b2261223a317d65"
#define JSON_ID "9813b11929c6b89bd12250b5a1b53b911da46344"

static const char *const documented[] = {SEED,    K,    TAG,     ENVELOPE, DELETION, TARGET,
                                         SIGNED,  SIG,  PUT,     REPLY,    REFUSAL,  GET,
                                         HEXDATA, TEXT, TEXT_ID, JSON,     JSON_ID};

static const char salt[] = "profile";
static uint8_t k[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE], sig[KEYS_SIGNATURE_SIZE];
static uint8_t value[RECORD_V_MAX], packet[KRPC_PACKET_MAX];
static struct wire_writer w;

static void assert_hex(struct bytes data, const char *text)
{
    char hex[2 * KRPC_PACKET_MAX + 1];
    ck_assert_ptr_nonnull(data.data);
    ck_assert_str_eq(hex_encode(data, hex), text);
}

/* The value of the single that most vectors are about, signed. */
static struct record make_single(void)
{
    const struct envelope e = {.content = ENVELOPE_JSON,
                               .body = bytes_of_string("{\"fullname\":\"Alice\"}"),
                               .has_time = true,
                               .has_expiry = true,
                               .time_unix_s = 1700000000,
                               .expiry_unix_s = 1700000000 + RECORD_TTL_S_DEFAULT};
    wire_writer_init(&w, value, sizeof(value));
    envelope_write(&w, &e);
    struct record r = {.kind = RECORD_SINGLE,
                       .k = k,
                       .sig = sig,
                       .salt = bytes_of_string(salt),
                       .seq = 1,
                       .v = wire_written(&w)};
    record_single_target(r.k, r.salt, &r.target);
    record_sign(secret_key, &r, sig);
    ck_assert_int_eq(record_check(&r), ERR_OK);
    ck_assert(record_verify(&r));
    return r;
}

static uint32_t network_tag(const char *name)
{
    struct bytes part = bytes_of_string(name);
    uint8_t hash[HASH_SHA1_SIZE];
    struct wire_reader r;
    hash_sha1(&part, 1, hash);
    wire_reader_init(&r, bytes_of(hash, 4));
    return wire_read_u32(&r);
}

/* What every message of the vectors has: both ids in it are BEP 5's. */
static struct krpc message(enum krpc_type type, const char *id)
{
    struct krpc m = {.type = type,
                     .t = bytes_of_string("aa01"),
                     .version = bytes_of("XO\0\1", 4),
                     .has_network = true,
                     .network = network_tag("xord")};
    if (id != NULL) {
        m.has_id = true;
        memcpy(m.id.b, id, ID_SIZE);
    }
    return m;
}

static void assert_packet(const struct krpc *m, const char *text)
{
    wire_writer_init(&w, packet, sizeof(packet));
    krpc_write(&w, m);
    assert_hex(wire_written(&w), text);
    struct krpc back;
    ck_assert_int_eq(krpc_parse(wire_written(&w), &back), ERR_OK);
}

static void setup(void)
{
    uint8_t seed[KEYS_SEED_SIZE];
    ck_assert_int_eq(keys_init(), ERR_OK);
    ck_assert(hex_decode(SEED, strlen(SEED), seed, sizeof(seed)));
    keys_from_seed(seed, k, secret_key);
}

START_TEST(networks)
{
    wire_writer_init(&w, packet, sizeof(packet));
    wire_write_u32(&w, network_tag("xord"));
    assert_hex(wire_written(&w), TAG);
}
END_TEST

START_TEST(single)
{
    struct record r = make_single();
    assert_hex(bytes_of(k, sizeof(k)), K);
    assert_hex(r.v, ENVELOPE);
    assert_hex(id_bytes(&r.target), TARGET);
    assert_hex(bytes_of(sig, sizeof(sig)), SIG);
    wire_writer_init(&w, packet, sizeof(packet));
    record_write_signed(&w, &r);
    assert_hex(wire_written(&w), SIGNED);
    wire_writer_init(&w, packet, sizeof(packet));
    record_write_raw(&w, &r, NULL);
    assert_hex(wire_written(&w), HEXDATA);
}
END_TEST

START_TEST(deletion)
{
    const struct envelope e = {.content = ENVELOPE_DELETED,
                               .has_time = true,
                               .has_expiry = true,
                               .time_unix_s = 1700000000,
                               .expiry_unix_s = 1700000000 + RECORD_TTL_S_MAX};
    wire_writer_init(&w, value, sizeof(value));
    envelope_write(&w, &e);
    assert_hex(wire_written(&w), DELETION);
}
END_TEST

START_TEST(put_and_its_answers)
{
    struct record r = make_single();
    struct krpc m = message(KRPC_QUERY, "abcdefghij0123456789");
    m.method = KRPC_PUT;
    m.has_target = true;
    m.target = r.target;
    m.token = bytes_of_string("aoeusnth");
    m.k = bytes_of(r.k, KEYS_PUBLIC_SIZE);
    m.sig = bytes_of(r.sig, KEYS_SIGNATURE_SIZE);
    m.salt = r.salt;
    m.has_seq = true;
    m.seq = r.seq;
    m.v = r.v;
    assert_packet(&m, PUT);

    const uint8_t loopback[4] = {127, 0, 0, 1};
    struct addr asker = addr_v4(loopback, 4001);
    uint8_t ip[ADDR_COMPACT_V6];
    m = message(KRPC_RESPONSE, "mnopqrstuvwxyz123456");
    m.ip = bytes_of(ip, addr_to_compact(&asker, ip));
    assert_packet(&m, REPLY);

    m = message(KRPC_ERROR, NULL);
    m.ip = bytes_of(ip, addr_to_compact(&asker, ip));
    m.error_code = err_code(ERR_BAD_SIGNATURE);
    m.error_text = bytes_of_string(err_text(ERR_BAD_SIGNATURE));
    assert_packet(&m, REFUSAL);
}
END_TEST

START_TEST(get)
{
    struct krpc m = message(KRPC_QUERY, "abcdefghij0123456789");
    m.method = KRPC_GET;
    m.has_target = true;
    m.target = make_single().target;
    assert_packet(&m, GET);
}
END_TEST

START_TEST(immutables)
{
    struct id target;
    struct bytes text = bytes_of_string("12:Hello World!");
    assert_hex(text, TEXT);
    record_immutable_target(text, &target);
    assert_hex(id_bytes(&target), TEXT_ID);
    const struct envelope e = {.content = ENVELOPE_JSON, .body = bytes_of_string("{\"a\":1}")};
    wire_writer_init(&w, value, sizeof(value));
    envelope_write(&w, &e);
    assert_hex(wire_written(&w), JSON);
    record_immutable_target(wire_written(&w), &target);
    assert_hex(id_bytes(&target), JSON_ID);
}
END_TEST

/* The page breaks long hex over lines, so it is read without its white space. */
START_TEST(the_page_has_them)
{
    static char page[65536];
    size_t size = 0;
    FILE *file = fopen("docs/PROTOCOL.md", "r");
    ck_assert_msg(file != NULL, "run from the top of the source tree");
    for (int c; (c = fgetc(file)) != EOF && size < sizeof(page) - 1;)
        if (!isspace(c))
            page[size++] = (char)c;
    fclose(file);
    page[size] = '\0';
    for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
        ck_assert_msg(strstr(page, documented[i]) != NULL, "missing: %s", documented[i]);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, networks);
    tcase_add_test(tests, single);
    tcase_add_test(tests, deletion);
    tcase_add_test(tests, put_and_its_answers);
    tcase_add_test(tests, get);
    tcase_add_test(tests, immutables);
    tcase_add_test(tests, the_page_has_them);
}
