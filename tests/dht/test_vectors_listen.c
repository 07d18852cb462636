/* The test vectors of listening are what the code makes, byte for byte, and stand on the page. */
#include <check.h>

#include "daemon/dht/ops/query.h"
#include "daemon/dht/records/multi.h"
#include "tests/dht/vector.h"
#include "tests/runner.h"

#define LISTEN                                                                                     \
    "64313a6164323a696432303a6162636465666768696a30313233343536373839343a6b69"                     \
    "6e64313a73333a737562383a0101010101010101363a74617267657432303a9fa4e94bb1"                     \
    "f95d23c8f075cc5c721a92b5a335ad353a746f6b656e383a616f6575736e746865323a6e"                     \
    "77343ac38346b7313a71363a6c697374656e313a74343a61613031313a76343a584f0001"                     \
    "313a79313a7165"
#define LISTEN_REPLY                                                                               \
    "64323a6970363a7f0000010fa1323a6e77343ac38346b7313a7264363a64696765737438"                     \
    "3a6032737d98e7be00323a696432303a6d6e6f707172737475767778797a313233343536"                     \
    "353a6c65617365693330306565313a74343a61613031313a76343a584f0001313a79313a"                     \
    "7265"
#define RENEWAL                                                                                    \
    "64313a6164343a676f6e65383a0303030303030303323a696432303a6162636465666768"                     \
    "696a30313233343536373839343a7375627333323a010101010101010100000000000000"                     \
    "000202020202020202000000000000000065323a6e77343ac38346b7313a71363a6c6973"                     \
    "74656e313a74343a61613031313a76343a584f0001313a79313a7165"
#define RENEWAL_REPLY                                                                              \
    "64323a6970363a7f0000010fa1323a6e77343ac38346b7313a7264323a696432303a6d6e"                     \
    "6f707172737475767778797a313233343536353a6c656173656933303065343a6c6f7374"                     \
    "383a0202020202020202353a6d6f766564383a0101010101010101343a6e65777331363a"                     \
    "01010101010101016032737d98e7be0065313a74343a61613031313a76343a584f000131"                     \
    "3a79313a7265"
#define PUSH                                                                                       \
    "64313a6164323a696432303a6d6e6f707172737475767778797a313233343536313a6b33"                     \
    "323ad75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a343a"                     \
    "73616c74373a70726f66696c65333a736571693165333a73696736343aa68b5b1fbe42f7"                     \
    "8637e1fd423e4446ccf2f8fadf6c7f9776bd48b94e0548767edaf8bbf64ace0517a016a7"                     \
    "c859bf16e709e33c8b6f54728293f6c7ad58dd750e333a737562383a0101010101010101"                     \
    "363a74617267657432303a9fa4e94bb1f95d23c8f075cc5c721a92b5a335ad313a766431"                     \
    "3a6a32303a7b2266756c6c6e616d65223a22416c696365227d313a746931373030303030"                     \
    "30303065313a786931373031323039363030656565323a6e77343ac38346b7313a71343a"                     \
    "70757368313a74343a61613031313a76343a584f0001313a79313a7165"
#define PUSH_ENTRY                                                                                 \
    "64313a6164323a696432303a6d6e6f707172737475767778797a313233343536313a6b33"                     \
    "323ad75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a333a"                     \
    "736571693165333a73696736343abb441a7a37c61e4509aa48785553780aa8f91714bfae"                     \
    "127c910b964c1d264eed0f07f1ab253bd9bd71dfbc2dc023a268612ddd15a3b4a7278114"                     \
    "e055c4733302343a736c6f74363a6c6174657374333a737562383a020202020202020236"                     \
    "3a74617267657432303ac67947c4e94b7ad405221d422d46f1e7893ce9f5313a7664313a"                     \
    "6a31323a7b226d7367223a226869227d313a74693137303030303030303065313a786931"                     \
    "373031323039363030656565323a6e77343ac38346b7313a71343a70757368313a74343a"                     \
    "61613031313a76343a584f0001313a79313a7165"

#define SUB       "\1\1\1\1\1\1\1\1"
#define OTHER_SUB "\2\2\2\2\2\2\2\2"
#define GONE_SUB  "\3\3\3\3\3\3\3\3"

static uint8_t digest[MULTI_DIGEST_SIZE], list[64];
static struct wire_writer w;

static struct bytes digest_of(const struct record *r)
{
    wire_writer_init(&w, digest, sizeof digest);
    wire_write_u64(&w, multi_digest(r));
    return wire_written(&w);
}

static struct krpc listen_query(void)
{
    struct krpc m = vector_message(KRPC_QUERY, VECTOR_ASKER);
    m.method = KRPC_LISTEN;
    return m;
}

static struct krpc listen_reply(void)
{
    struct krpc m = vector_message(KRPC_RESPONSE, VECTOR_HOLDER);
    m.ip = vector_ip();
    m.has_lease = true;
    m.lease_s = 300;
    return m;
}

START_TEST(a_lease_of_the_single)
{
    const struct record r = vector_single();
    struct krpc m = listen_query();
    m.kind = bytes_of_string("s");
    m.sub = bytes_of(SUB, 8);
    m.has_target = true;
    m.target = r.target;
    m.token = bytes_of_string(VECTOR_TOKEN);
    vector_assert_packet(&m, LISTEN);
    m = listen_reply();
    m.digest = digest_of(&r);
    vector_assert_packet(&m, LISTEN_REPLY);
}
END_TEST

START_TEST(a_refresh_of_two_and_the_end_of_one)
{
    const struct record r = vector_single();
    struct krpc m = listen_query();
    wire_writer_init(&w, list, sizeof list);
    wire_write(&w, SUB, 8);
    wire_write_u64(&w, 0);
    wire_write(&w, OTHER_SUB, 8);
    wire_write_u64(&w, 0);
    m.subs = wire_written(&w);
    m.gone = bytes_of(GONE_SUB, 8);
    vector_assert_packet(&m, RENEWAL);
    m = listen_reply();
    wire_writer_init(&w, list, sizeof list);
    wire_write(&w, SUB, 8);
    wire_write_u64(&w, multi_digest(&r));
    m.news = wire_written(&w);
    m.lost = bytes_of(OTHER_SUB, 8);
    m.moved = bytes_of(SUB, 8);
    vector_assert_packet(&m, RENEWAL_REPLY);
}
END_TEST

static struct krpc push_of(const struct record *r, const char *sub)
{
    struct krpc m, whole = vector_message(KRPC_QUERY, VECTOR_HOLDER);
    query_put(r, &m);
    m.method = KRPC_PUSH;
    m.sub = bytes_of(sub, 8);
    m.type = whole.type;
    m.t = whole.t;
    m.version = whole.version;
    m.has_network = true;
    m.network = whole.network;
    m.has_id = true;
    m.id = whole.id;
    return m;
}

START_TEST(a_push_of_the_single_and_of_the_entry)
{
    const struct record single = vector_single();
    struct krpc m = push_of(&single, SUB);
    vector_assert_packet(&m, PUSH);
    const struct record entry = vector_entry();
    m = push_of(&entry, OTHER_SUB);
    vector_assert_packet(&m, PUSH_ENTRY);
}
END_TEST

START_TEST(the_page_has_them)
{
    static const char *const documented[] = {LISTEN,        LISTEN_REPLY, RENEWAL,
                                             RENEWAL_REPLY, PUSH,         PUSH_ENTRY};
    for (size_t i = 0; i < sizeof documented / sizeof documented[0]; i++)
        vector_assert_documented(documented[i]);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, vector_setup, NULL);
    tcase_add_test(tests, a_lease_of_the_single);
    tcase_add_test(tests, a_refresh_of_two_and_the_end_of_one);
    tcase_add_test(tests, a_push_of_the_single_and_of_the_entry);
    tcase_add_test(tests, the_page_has_them);
}
