/* The test vectors of commands are what the code makes, byte for byte, and stand on the page. */
#include <check.h>

#include "tests/dht/vector.h"
#include "tests/runner.h"

#define COMMAND                                                                                    \
    "64313a6164333a636d64353a73746f7265323a696432303a6162636465666768696a3031"                     \
    "3233343536373839363a74617267657432303a9fa4e94bb1f95d23c8f075cc5c721a92b5"                     \
    "a335ad353a746f6b656e383a616f6575736e7468313a7664313a6a31313a227772697465"                     \
    "206d6521226565323a6e77343ac38346b7313a71333a636d64313a74343a61613031313a"                     \
    "76343a584f0001313a79313a7165"
#define ANSWER                                                                                     \
    "64323a6970363a7f0000010fa1323a6e77343ac38346b7313a7264323a696432303a6d6e"                     \
    "6f707172737475767778797a313233343536353a6e6f64657332363a4142434445464748"                     \
    "494a4b4c4d4e4f50515253547f0000010fa2353a746f6b656e383a616f6575736e746831"                     \
    "3a7664313a62323a01026565313a74343a61613031313a76343a584f0001313a79313a72"                     \
    "65"
#define REFUSAL                                                                                    \
    "64323a6970363a7f0000010fa1323a6e77343ac38346b7313a7264353a6572726f726931"                     \
    "65323a696432303a6d6e6f707172737475767778797a313233343536353a6e6f64657332"                     \
    "363a4142434445464748494a4b4c4d4e4f50515253547f0000010fa2353a746f6b656e38"                     \
    "3a616f6575736e746865313a74343a61613031313a76343a584f0001313a79313a7265"

static struct krpc answer(void)
{
    static const uint8_t nodes[KRPC_COMPACT_V4] = "ABCDEFGHIJKLMNOPQRST\x7f\0\0\1\x0f\xa2";
    struct krpc m = vector_message(KRPC_RESPONSE, VECTOR_HOLDER);
    m.ip = vector_ip();
    m.token = bytes_of_string(VECTOR_TOKEN);
    m.nodes = bytes_of(nodes, sizeof nodes);
    return m;
}

START_TEST(a_command_of_a_commit)
{
    struct krpc m = vector_message(KRPC_QUERY, VECTOR_ASKER);
    m.method = KRPC_COMMAND;
    m.command = bytes_of_string("store");
    m.has_target = true;
    m.target = vector_single().target;
    m.token = bytes_of_string(VECTOR_TOKEN);
    m.v = bytes_of_string("d1:j11:\"write me!\"e");
    vector_assert_packet(&m, COMMAND);
    vector_assert_documented(COMMAND);
}
END_TEST

START_TEST(its_answer)
{
    struct krpc m = answer();
    m.v = bytes_of_string("d1:b2:\1\2e");
    vector_assert_packet(&m, ANSWER);
    vector_assert_documented(ANSWER);
}
END_TEST

START_TEST(the_answer_of_a_node_where_nobody_handles_it)
{
    struct krpc m = answer();
    m.command_error = 1;
    vector_assert_packet(&m, REFUSAL);
    vector_assert_documented(REFUSAL);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, vector_setup, NULL);
    tcase_add_test(tests, a_command_of_a_commit);
    tcase_add_test(tests, its_answer);
    tcase_add_test(tests, the_answer_of_a_node_where_nobody_handles_it);
}
