/* The test vectors of docs/PROTOCOL.md are what the code makes, byte for byte, and stand there. */
#include "common/hex.h"
#include "daemon/dht/records/envelope.h"
#include "daemon/dht/records/multi.h"
#include "rpc/names/registration.h"
#include "rpc/values/value.h"
#include "tests/dht/vector.h"
#include "tests/runner.h"

#include <check.h>

#define K   "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define TAG "c38346b7"
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
#define MULTI "c67947c4e94b7ad405221d422d46f1e7893ce9f5"
#define MULTI_V                                                                                    \
    "64313a6a31323a7b226d7367223a226869227d313a74693137303030303030303065313a"                     \
    "7869313730313230393630306565"
#define MULTI_SIG                                                                                  \
    "bb441a7a37c61e4509aa48785553780aa8f91714bfae127c910b964c1d264eed0f07f1ab"                     \
    "253bd9bd71dfbc2dc023a268612ddd15a3b4a7278114e055c4733302"
#define MULTI_KEY "be81ef79bedd18f6702774fb14bb8477a6365d3f"
#define MULTI_SIGNED                                                                               \
    "786f7264206d756c746920310a6c32303ac67947c4e94b7ad405221d422d46f1e7893ce9"                     \
    "f5363a6c617465737469316564313a6a31323a7b226d7367223a226869227d313a746931"                     \
    "37303030303030303065313a786931373031323039363030656565"
#define MULTI_ENTRY                                                                                \
    "64313a6b33323ad75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f7"                     \
    "07511a333a736571693165333a73696736343abb441a7a37c61e4509aa48785553780aa8"                     \
    "f91714bfae127c910b964c1d264eed0f07f1ab253bd9bd71dfbc2dc023a268612ddd15a3"                     \
    "b4a7278114e055c4733302343a736c6f74363a6c6174657374313a7664313a6a31323a7b"                     \
    "226d7367223a226869227d313a74693137303030303030303065313a7869313730313230"                     \
    "39363030656565"
#define MULTI_HEXDATA                                                                              \
    "64313a6b33323ad75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f7"                     \
    "07511a313a6e373a74776973746572313a72373a68617368746167333a73657169316533"                     \
    "3a73696736343abb441a7a37c61e4509aa48785553780aa8f91714bfae127c910b964c1d"                     \
    "264eed0f07f1ab253bd9bd71dfbc2dc023a268612ddd15a3b4a7278114e055c473330234"                     \
    "3a736c6f74363a6c6174657374313a7664313a6a31323a7b226d7367223a226869227d31"                     \
    "3a74693137303030303030303065313a786931373031323039363030656565"
#define XPUT                                                                                       \
    "64313a6164323a696432303a6162636465666768696a30313233343536373839313a6b33"                     \
    "323ad75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a333a"                     \
    "736571693165333a73696736343abb441a7a37c61e4509aa48785553780aa8f91714bfae"                     \
    "127c910b964c1d264eed0f07f1ab253bd9bd71dfbc2dc023a268612ddd15a3b4a7278114"                     \
    "e055c4733302343a736c6f74363a6c6174657374363a74617267657432303ac67947c4e9"                     \
    "4b7ad405221d422d46f1e7893ce9f5353a746f6b656e383a616f6575736e7468313a7664"                     \
    "313a6a31323a7b226d7367223a226869227d313a74693137303030303030303065313a78"                     \
    "6931373031323039363030656565323a6e77343ac38346b7313a71343a78707574313a74"                     \
    "343a61613031313a76343a584f0001313a79313a7165"
#define XGET_KEY                                                                                   \
    "64313a6164323a696432303a6162636465666768696a30313233343536373839343a6b65"                     \
    "797332303abe81ef79bedd18f6702774fb14bb8477a6365d3f363a74617267657432303a"                     \
    "c67947c4e94b7ad405221d422d46f1e7893ce9f565323a6e77343ac38346b7313a71343a"                     \
    "78676574313a74343a61613031313a76343a584f0001313a79313a7165"
#define XGET_KEY_REPLY                                                                             \
    "64323a6970363a7f0000010fa1323a6e77343ac38346b7313a7264353a636f756e746931"                     \
    "65363a646967657374383aa6c9eadf4ca4a027373a656e74726965736c64313a6b33323a"                     \
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a333a7365"                     \
    "71693165333a73696736343abb441a7a37c61e4509aa48785553780aa8f91714bfae127c"                     \
    "910b964c1d264eed0f07f1ab253bd9bd71dfbc2dc023a268612ddd15a3b4a7278114e055"                     \
    "c4733302343a736c6f74363a6c6174657374313a7664313a6a31323a7b226d7367223a22"                     \
    "6869227d313a74693137303030303030303065313a786931373031323039363030656565"                     \
    "65323a696432303a6d6e6f707172737475767778797a313233343536333a736571693165"                     \
    "353a746f6b656e383a616f6575736e746865313a74343a61613031313a76343a584f0001"                     \
    "313a79313a7265"
#define XGET_PAGE                                                                                  \
    "64313a6164353a6166746572303a323a696432303a6162636465666768696a3031323334"                     \
    "3536373839363a74617267657432303ac67947c4e94b7ad405221d422d46f1e7893ce9f5"                     \
    "353a746f6b656e383a616f6575736e746865323a6e77343ac38346b7313a71343a786765"                     \
    "74313a74343a61613031313a76343a584f0001313a79313a7165"
#define XGET_PAGE_REPLY                                                                            \
    "64323a6970363a7f0000010fa1323a6e77343ac38346b7313a7264363a62726965667333"                     \
    "303abe81ef79bedd18f6702774fb14bb8477a6365d3f000000000000000100bb353a636f"                     \
    "756e74693165363a646967657374383aa6c9eadf4ca4a027323a696432303a6d6e6f7071"                     \
    "72737475767778797a313233343536353a746f6b656e383a616f6575736e746865313a74"                     \
    "343a61613031313a76343a584f0001313a79313a7265"
#define TEXT    "31323a48656c6c6f20576f726c6421"
#define TEXT_ID "e5f96f6f38320f0f33959cb4d3d656452117aadb"
#define JSON    "64313a6a373a7b2261223a317d65"
#define JSON_ID "9813b11929c6b89bd12250b5a1b53b911da46344"

#define BOB "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define REGISTRATION                                                                               \
    "64313a6a37343a7b226b6579223a22336434303137633365383433383935613932623730"                     \
    "616137346431623765626339633938326363663265633439363863633063643535663132"                     \
    "61663436363063227d313a74693137303030303030303065313a78693137303132303936"                     \
    "30306565"
#define REGISTRATION_TARGET "a853e5147a8227e150a461cceb1471b724e03787"
#define REGISTRATION_SIG                                                                           \
    "1c3e2c1be3995582bd55b3da4575c14c400288d4bbdf50bacee2111213a90195958c0723"                     \
    "03e4761c0733acb600aeda34f752d84fbda438c577825a264f8d590a"

static const char *const documented[] = {VECTOR_SEED,
                                         K,
                                         TAG,
                                         ENVELOPE,
                                         DELETION,
                                         TARGET,
                                         SIGNED,
                                         SIG,
                                         PUT,
                                         REPLY,
                                         REFUSAL,
                                         GET,
                                         HEXDATA,
                                         TEXT,
                                         TEXT_ID,
                                         JSON,
                                         JSON_ID,
                                         BOB,
                                         REGISTRATION,
                                         REGISTRATION_TARGET,
                                         REGISTRATION_SIG,
                                         MULTI,
                                         MULTI_V,
                                         MULTI_SIG,
                                         MULTI_KEY,
                                         MULTI_SIGNED,
                                         MULTI_ENTRY,
                                         MULTI_HEXDATA,
                                         XPUT,
                                         XGET_KEY,
                                         XGET_KEY_REPLY,
                                         XGET_PAGE,
                                         XGET_PAGE_REPLY};

static uint8_t value[RECORD_V_MAX], packet[KRPC_PACKET_MAX];
static struct wire_writer w;

START_TEST(networks)
{
    wire_writer_init(&w, packet, sizeof(packet));
    wire_write_u32(&w, vector_network_tag("xord"));
    vector_assert_hex(wire_written(&w), TAG);
}
END_TEST

START_TEST(single)
{
    struct record r = vector_single();
    vector_assert_hex(bytes_of(r.k, KEYS_PUBLIC_SIZE), K);
    vector_assert_hex(r.v, ENVELOPE);
    vector_assert_hex(id_bytes(&r.target), TARGET);
    vector_assert_hex(bytes_of(r.sig, KEYS_SIGNATURE_SIZE), SIG);
    wire_writer_init(&w, packet, sizeof(packet));
    record_write_signed(&w, &r);
    vector_assert_hex(wire_written(&w), SIGNED);
    wire_writer_init(&w, packet, sizeof(packet));
    record_write_raw(&w, &r, NULL);
    vector_assert_hex(wire_written(&w), HEXDATA);
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
    vector_assert_hex(wire_written(&w), DELETION);
}
END_TEST

/* A put of this record, without its salt or slot. */
static struct krpc put_of(enum krpc_method method, const struct record *r)
{
    struct krpc m = vector_message(KRPC_QUERY, VECTOR_ASKER);
    m.method = method;
    m.has_target = true;
    m.target = r->target;
    m.token = bytes_of_string(VECTOR_TOKEN);
    m.k = bytes_of(r->k, KEYS_PUBLIC_SIZE);
    m.sig = bytes_of(r->sig, KEYS_SIGNATURE_SIZE);
    m.has_seq = true;
    m.seq = r->seq;
    m.v = r->v;
    return m;
}

START_TEST(put_and_its_answers)
{
    struct record r = vector_single();
    struct krpc m = put_of(KRPC_PUT, &r);
    m.salt = r.salt;
    vector_assert_packet(&m, PUT);

    m = vector_message(KRPC_RESPONSE, VECTOR_HOLDER);
    m.ip = vector_ip();
    vector_assert_packet(&m, REPLY);

    m = vector_message(KRPC_ERROR, NULL);
    m.ip = vector_ip();
    m.error_code = err_code(ERR_BAD_SIGNATURE);
    m.error_text = bytes_of_string(err_text(ERR_BAD_SIGNATURE));
    vector_assert_packet(&m, REFUSAL);
}
END_TEST

START_TEST(get)
{
    struct krpc m = vector_message(KRPC_QUERY, VECTOR_ASKER);
    m.method = KRPC_GET;
    m.has_target = true;
    m.target = vector_single().target;
    vector_assert_packet(&m, GET);
}
END_TEST

START_TEST(entry)
{
    struct record r = vector_entry();
    const struct record_name name = {bytes_of_string("twister"), bytes_of_string("hashtag")};
    struct id key;
    vector_assert_hex(id_bytes(&r.target), MULTI);
    vector_assert_hex(r.v, MULTI_V);
    vector_assert_hex(bytes_of(r.sig, KEYS_SIGNATURE_SIZE), MULTI_SIG);
    record_key(&r, &key);
    vector_assert_hex(id_bytes(&key), MULTI_KEY);
    wire_writer_init(&w, packet, sizeof(packet));
    record_write_signed(&w, &r);
    vector_assert_hex(wire_written(&w), MULTI_SIGNED);
    wire_writer_init(&w, packet, sizeof(packet));
    multi_write_entry(&w, &r);
    vector_assert_hex(wire_written(&w), MULTI_ENTRY);
    wire_writer_init(&w, packet, sizeof(packet));
    record_write_raw(&w, &r, &name);
    vector_assert_hex(wire_written(&w), MULTI_HEXDATA);
}
END_TEST

START_TEST(xput_and_its_answer)
{
    struct record r = vector_entry();
    struct krpc m = put_of(KRPC_XPUT, &r);
    m.slot = r.salt;
    vector_assert_packet(&m, XPUT);
}
END_TEST

/* What every answer to an xget has here. */
static struct krpc xget_reply(const struct record *r, uint8_t digest[MULTI_DIGEST_SIZE])
{
    struct krpc m = vector_message(KRPC_RESPONSE, VECTOR_HOLDER);
    struct wire_writer digest_writer;
    wire_writer_init(&digest_writer, digest, MULTI_DIGEST_SIZE);
    wire_write_u64(&digest_writer, multi_digest(r));
    m.ip = vector_ip();
    m.token = bytes_of_string(VECTOR_TOKEN);
    m.has_count = true;
    m.count = 1;
    m.digest = wire_written(&digest_writer);
    return m;
}

START_TEST(xget_of_an_entry_and_its_answer)
{
    const struct record r = vector_entry();
    uint8_t digest[MULTI_DIGEST_SIZE], entries[MULTI_ENTRY_MAX];
    struct id key;
    struct krpc m = vector_message(KRPC_QUERY, VECTOR_ASKER);
    record_key(&r, &key);
    m.method = KRPC_XGET;
    m.has_target = true;
    m.target = r.target;
    m.keys = id_bytes(&key);
    vector_assert_packet(&m, XGET_KEY);

    m = xget_reply(&r, digest);
    m.has_seq = true;
    m.seq = r.seq;
    wire_writer_init(&w, entries, sizeof(entries));
    bencode_write_list(&w);
    multi_write_entry(&w, &r);
    bencode_write_end(&w);
    m.entries = wire_written(&w);
    vector_assert_packet(&m, XGET_KEY_REPLY);
}
END_TEST

START_TEST(xget_of_a_page_and_its_answer)
{
    const struct record r = vector_entry();
    uint8_t digest[MULTI_DIGEST_SIZE], briefs[MULTI_BRIEF_SIZE];
    struct krpc m = vector_message(KRPC_QUERY, VECTOR_ASKER);
    m.method = KRPC_XGET;
    m.has_target = true;
    m.target = r.target;
    m.token = bytes_of_string(VECTOR_TOKEN);
    m.after = bytes_of_string("");
    vector_assert_packet(&m, XGET_PAGE);

    struct multi_brief brief;
    m = xget_reply(&r, digest);
    multi_brief_of(&r, &brief);
    wire_writer_init(&w, briefs, sizeof(briefs));
    multi_write_brief(&w, &brief);
    m.briefs = wire_written(&w);
    vector_assert_packet(&m, XGET_PAGE_REPLY);
}
END_TEST

START_TEST(immutables)
{
    struct id target;
    struct bytes text = bytes_of_string("12:Hello World!");
    vector_assert_hex(text, TEXT);
    record_immutable_target(text, &target);
    vector_assert_hex(id_bytes(&target), TEXT_ID);
    const struct envelope e = {.content = ENVELOPE_JSON, .body = bytes_of_string("{\"a\":1}")};
    wire_writer_init(&w, value, sizeof(value));
    envelope_write(&w, &e);
    vector_assert_hex(wire_written(&w), JSON);
    record_immutable_target(wire_written(&w), &target);
    vector_assert_hex(id_bytes(&target), JSON_ID);
}
END_TEST

/* The key of RFC 8032's test 2, registered as bob by that of test 1. */
START_TEST(registration)
{
    const uint8_t *k = vector_public_key();
    uint8_t bob[KEYS_PUBLIC_SIZE], sig[KEYS_SIGNATURE_SIZE];
    char text[REGISTRATION_SALT_SIZE];
    struct value made;
    struct id target;
    ck_assert(hex_decode(BOB, strlen(BOB), bob, sizeof(bob)));
    json_t *content = registration_content(bob);
    const struct value_source source = {.json = content,
                                        .has_time = true,
                                        .time_unix_s = 1700000000,
                                        .expiry_unix_s = 1700000000 + RECORD_TTL_S_DEFAULT};
    ck_assert(value_make_envelope(&source, &made));
    struct bytes v = bytes_of(made.data, made.size);
    struct bytes name = registration_salt("bob", text);
    vector_assert_hex(v, REGISTRATION);
    record_single_target(k, name, &target);
    vector_assert_hex(id_bytes(&target), REGISTRATION_TARGET);
    const struct record r = {
        .kind = RECORD_SINGLE, .target = target, .k = k, .salt = name, .seq = 1, .v = v};
    vector_sign(&r, sig);
    vector_assert_hex(bytes_of(sig, sizeof(sig)), REGISTRATION_SIG);
    value_clear(&made);
    json_decref(content);
}
END_TEST

START_TEST(the_page_has_them)
{
    for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
        vector_assert_documented(documented[i]);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, vector_setup, NULL);
    tcase_add_test(tests, networks);
    tcase_add_test(tests, single);
    tcase_add_test(tests, deletion);
    tcase_add_test(tests, put_and_its_answers);
    tcase_add_test(tests, get);
    tcase_add_test(tests, entry);
    tcase_add_test(tests, xput_and_its_answer);
    tcase_add_test(tests, xget_of_an_entry_and_its_answer);
    tcase_add_test(tests, xget_of_a_page_and_its_answer);
    tcase_add_test(tests, immutables);
    tcase_add_test(tests, registration);
    tcase_add_test(tests, the_page_has_them);
}
