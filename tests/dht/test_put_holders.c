/* A put counts as stored only where the very record was acknowledged: silence, refusals and late
 * answers to an earlier round do not count. */
#include <check.h>

#include "daemon/dht/krpc.h"
#include "tests/sim/net.h"

static struct net net;
static struct addr refuser, sleeper; /* two holders driven by hand */
static unsigned rounds;              /* searches that the refuser has seen for the put */
static bool is_late_answer_sent, has_early_t;
static uint8_t early_t[KRPC_T_SIZE]; /* of the last put that the sleeper left unanswered */

static void answer(const struct net_packet *packet, struct bytes t, int64_t error_code)
{
    uint8_t buffer[512];
    struct wire_writer w;
    struct krpc reply = {
        .type = error_code ? KRPC_ERROR : KRPC_RESPONSE,
        .t = t,
        .has_network = true,
        .network = 7,
        .has_id = true,
        .token = bytes_of_string("tok"),
        .error_code = error_code,
    };
    reply.id.b[0] = packet->to.ip[3];
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, &reply);
    net_post(&net, &packet->to, &packet->from, wire_written(&w));
}

static void on_sleeper_put(const struct net_packet *packet, const struct krpc *query)
{
    if (rounds == 1) {
        memcpy(early_t, query->t.data, KRPC_T_SIZE);
        has_early_t = true;
    } else if (has_early_t && !is_late_answer_sent) {
        answer(packet, bytes_of(early_t, KRPC_T_SIZE), 0);
        is_late_answer_sent = true;
    }
}

static void on_foreign(struct net *unused, const struct net_packet *packet)
{
    struct krpc query;
    (void)unused;
    ck_assert_int_eq(krpc_parse(bytes_of(packet->data, packet->size), &query), ERR_OK);
    bool is_refuser = addr_equal(&packet->to, &refuser);
    rounds += is_refuser && query.method == KRPC_GET;
    if (query.method != KRPC_PUT)
        answer(packet, query.t, 0);
    else if (is_refuser)
        answer(packet, query.t, rounds == 1 ? 302 : 0);
    else
        on_sleeper_put(packet, &query);
}

START_TEST(a_late_answer_to_an_earlier_round_does_not_count)
{
    uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
    uint64_t op;
    net_init(&net, 9);
    keys_from_seed(net.seed, public_key, secret_key);
    net.on_foreign = on_foreign;
    refuser = addr_v4((const uint8_t[4]){10, 1, 1, 1}, 5000);
    sleeper = addr_v4((const uint8_t[4]){10, 1, 1, 2}, 5000);
    net_add(&net, -1, NODE_SERVER);
    node_bootstrap(net.nodes[0].node, &refuser);
    node_bootstrap(net.nodes[0].node, &sleeper);
    net_run(&net, 5000);
    const struct put_request request = {.kind = RECORD_SINGLE,
                                        .k = public_key,
                                        .salt = bytes_of_string("s"),
                                        .v = bytes_of_string("1:x")};
    ck_assert_int_eq(node_put(net.nodes[0].node, net.now, &request, &op, &net.out), ERR_OK);
    net_flush(&net, 0);
    const struct event *event = net_wait(&net, 0, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_uint_eq(rounds, 2);
    ck_assert(is_late_answer_sent);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored,
                      2); /* here and at the refuser, who took it the second time */
    ck_assert_uint_eq(event->put.tried, 3);
    ck_assert_uint_eq(event->put.rejected_count, 1);
    ck_assert_int_eq(event->put.rejected[0].code, 0);
    net_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("put_holders");
    TCase *tests = tcase_create("acknowledgements");
    if (keys_init() != ERR_OK)
        return 1;
    tcase_add_test(tests, a_late_answer_to_an_earlier_round_does_not_count);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
