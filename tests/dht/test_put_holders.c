/* A put counts as stored only where the very record was acknowledged: silence, refusals and late
 * answers to an earlier round do not count. */
#include <check.h>

#include "daemon/dht/wire/krpc.h"
#include "tests/dht/net.h"
#include "tests/runner.h"

static struct net net;
static struct addr refuser, sleeper; /* two holders driven by hand */
static size_t token_size = 3;
static struct bytes big_v; /* what has come to the refuser of the largest put */
static uint8_t big_buffer[RECORD_V_MAX];
static unsigned rounds; /* searches that the refuser has seen for the put */
static bool is_late_answer_sent, has_early_t;
static uint8_t early_t[KRPC_T_SIZE]; /* of the last put that the sleeper left unanswered */

static void answer(const struct net_packet *packet, struct bytes t, int64_t error_code)
{
    uint8_t buffer[512];
    struct wire_writer w;
    uint8_t token[KRPC_TOKEN_MAX] = {0};
    struct krpc reply = {
        .type = error_code ? KRPC_ERROR : KRPC_RESPONSE,
        .t = t,
        .has_network = true,
        .network = 7,
        .has_id = true,
        .token = bytes_of(token, token_size),
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
    ck_assert_int_eq(krpc_parse(packet->data, &query), ERR_OK);
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
    net_init(&net, 9);
    net.on_foreign = on_foreign;
    refuser = addr_v4((const uint8_t[4]){10, 1, 1, 1}, 5000);
    sleeper = addr_v4((const uint8_t[4]){10, 1, 1, 2}, 5000);
    net_add(&net, -1, NODE_SERVER);
    node_bootstrap(net.nodes[0]->node, &refuser);
    node_bootstrap(net.nodes[0]->node, &sleeper);
    net_run(&net, 5000);
    const struct put_request request = {.kind = RECORD_SINGLE,
                                        .k = net.public_key,
                                        .salt = bytes_of_string("s"),
                                        .v = bytes_of_string("1:x")};
    const struct event *event = net_put(&net, 0, &request);
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

static void on_largest(struct net *unused, const struct net_packet *packet)
{
    struct krpc query;
    (void)unused;
    ck_assert_int_eq(krpc_parse(packet->data, &query), ERR_OK);
    ck_assert_uint_le(packet->data.size, KRPC_PACKET_MAX);
    if (query.method == KRPC_PUT) {
        ck_assert_uint_eq(query.v.size, RECORD_V_MAX);
        ck_assert_uint_eq(query.token.size, KRPC_TOKEN_MAX);
        ck_assert(query.has_cas);
        memcpy(big_buffer, query.v.data, query.v.size);
        big_v = bytes_of(big_buffer, query.v.size);
    }
    answer(packet, query.t, 0);
}

START_TEST(the_largest_put_with_the_largest_token_is_sent)
{
    static uint8_t content[RECORD_V_MAX];
    uint8_t salt[RECORD_SALT_MAX];
    net_init(&net, 10);
    net.on_foreign = on_largest;
    token_size = KRPC_TOKEN_MAX;
    refuser = addr_v4((const uint8_t[4]){10, 1, 1, 1}, 5000);
    net_add(&net, -1, NODE_CLIENT);
    node_bootstrap(net.nodes[0]->node, &refuser);
    net_run(&net, 5000);
    memset(salt, 's', sizeof salt);
    memset(content, 'x', sizeof content);
    memcpy(content, "996:", 4);
    const struct put_request request = {.kind = RECORD_SINGLE,
                                        .k = net.public_key,
                                        .salt = bytes_of(salt, sizeof salt),
                                        .v = bytes_of(content, sizeof content),
                                        .has_seq = true,
                                        .seq = INT64_MAX,
                                        .has_cas = true,
                                        .cas = INT64_MAX - 1};
    const struct event *event = net_put(&net, 0, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 1);
    ck_assert(bytes_equal(big_v, request.v));
    net_clear(&net);
}
END_TEST

static unsigned acknowledgements_lost;

/* Loses the first acknowledgements of a put: plain responses. */
static bool is_lost_acknowledgement(void *context, struct bytes packet)
{
    struct krpc message;
    (void)context;
    bool is_lost = acknowledgements_lost < 2 && krpc_parse(packet, &message) == ERR_OK &&
                   message.type == KRPC_RESPONSE && message.token.data == NULL &&
                   message.nodes.data == NULL;
    acknowledgements_lost += is_lost;
    return is_lost;
}

START_TEST(a_put_whose_acknowledgement_is_lost_is_no_conflict_with_itself)
{
    struct put_request request = {.kind = RECORD_SINGLE,
                                  .k = net.public_key,
                                  .salt = bytes_of_string("s"),
                                  .v = bytes_of_string("1:x")};
    for (unsigned has_cas = 0; has_cas < 2; has_cas++) {
        net_build(&net, 3, 14);
        request.k = net.public_key;
        request.has_cas = false;
        ck_assert_int_eq(net_put(&net, 1, &request)->put.seq, 1);
        request.has_cas = has_cas;
        request.cas = 1;
        acknowledgements_lost = 0;
        net.world.is_dropped = is_lost_acknowledgement;
        const struct event *event = net_put(&net, 1, &request);
        ck_assert_uint_eq(acknowledgements_lost, 2);
        ck_assert_int_eq(event->err, ERR_OK);
        ck_assert_int_eq(event->put.seq, 2);
        ck_assert_uint_eq(event->put.stored, 3);
        net_clear(&net);
    }
}
END_TEST

#define CROWD 12u /* holders driven by hand */

static struct addr drowsy; /* leaves the first question for the target unanswered */
static bool has_dozed;
static unsigned puts_unanswered;

/* All answer all, but for the sleeper no put. */
static void on_crowd(struct net *unused, const struct net_packet *packet)
{
    struct krpc query;
    (void)unused;
    ck_assert_int_eq(krpc_parse(packet->data, &query), ERR_OK);
    bool is_lost_put = query.method == KRPC_PUT && addr_equal(&packet->to, &sleeper);
    bool is_lost_get = query.method == KRPC_GET && addr_equal(&packet->to, &drowsy) && !has_dozed;
    puts_unanswered += is_lost_put;
    has_dozed |= is_lost_get;
    if (!is_lost_put && !is_lost_get)
        answer(packet, query.t, 0);
}

/* The number of the one nearest to the target, `but` left out: its id's first byte. */
static uint8_t nearest_of(unsigned size, const struct id *target, uint8_t but)
{
    struct id nearest = {{0}};
    for (uint8_t i = 1; i <= size; i++) {
        const struct id id = {{i}};
        if (i != but && (nearest.b[0] == 0 || id_compare_distance(target, &id, &nearest) < 0))
            nearest = id;
    }
    return nearest.b[0];
}

static struct addr crowd_addr(uint8_t number)
{
    return addr_v4((const uint8_t[4]){10, 1, 1, number}, 5000);
}

/* Puts into a crowd of so many, of whom the one nearest to the target takes no put; where there are
 * more than a record has holders, one more answers than is needed. */
static const struct event *put_to_crowd(unsigned size)
{
    struct id target;
    net_init(&net, 13); /* by which the ninth answers before the one that dozed */
    net.on_foreign = on_crowd;
    net.wires->delay_max_ms = 5; /* nobody is late who answers */
    token_size = 3;
    has_dozed = size < CROWD;
    puts_unanswered = 0;
    net_add(&net, -1, NODE_CLIENT);
    record_single_target(net.public_key, bytes_of_string("s"), &target);
    uint8_t nearest = nearest_of(size, &target, 0);
    sleeper = crowd_addr(nearest);
    drowsy = crowd_addr(nearest_of(size, &target, nearest));
    for (uint8_t i = 1; i <= size; i++)
        node_bootstrap(net.nodes[0]->node, (const struct addr[]){crowd_addr(i)});
    net_run(&net, 5000);
    return net_put(&net, 0,
                   &(struct put_request){.kind = RECORD_SINGLE,
                                         .k = net.public_key,
                                         .salt = bytes_of_string("s"),
                                         .v = bytes_of_string("1:x")});
}

START_TEST(another_is_asked_in_the_place_of_one_that_is_late)
{
    const struct event *event = put_to_crowd(CROWD);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 8);
    ck_assert_uint_eq(event->put.tried, 9);
    ck_assert_uint_eq(event->put.rejected_count, 1);
    ck_assert_int_eq(event->put.rejected[0].code, 0);
    ck_assert_uint_eq(puts_unanswered, 2); /* it is told once more, and not waited for */
    net_clear(&net);
}
END_TEST

START_TEST(where_there_is_no_other_the_late_one_is_asked_to_the_end)
{
    const struct event *event = put_to_crowd(3);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 2);
    ck_assert_uint_eq(event->put.tried, 3);
    ck_assert_uint_eq(puts_unanswered, 3);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_put_whose_acknowledgement_is_lost_is_no_conflict_with_itself);
    tcase_add_test(tests, another_is_asked_in_the_place_of_one_that_is_late);
    tcase_add_test(tests, where_there_is_no_other_the_late_one_is_asked_to_the_end);
    tcase_add_test(tests, a_late_answer_to_an_earlier_round_does_not_count);
    tcase_add_test(tests, the_largest_put_with_the_largest_token_is_sent);
}
