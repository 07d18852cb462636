/* What is pushed is taken from a holder of a live subscription alone, is verified like what was
 * asked for, and is told once. */
#include "daemon/dht/listen/sources.h"
#include "tests/dht/troupe.h"
#include "tests/runner.h"

#define SALT    "news"
#define SOON_MS 2000u
#define DAY_S   86400u

static struct net net;
static struct listener heard;
static struct troupe troupe;
static struct made_single first, other;
static uint64_t op;

static void start(enum node_role role)
{
    net_init(&net, 5);
    troupe_init(&troupe, &net, 8, role);
    listener_watch(&heard, &net);
    op = listener_single(&heard, 0, SALT);
    ck_assert(listener_wait(&heard, op, LISTEN_SYNCED, 1, SOON_MS));
    ck_assert_uint_eq(troupe_came(&troupe).listens, 8);
}

static const struct record *make(int64_t seq)
{
    return make_single(&first, &net, SALT, seq, "1", DAY_S);
}

static uint64_t count(enum counter counter)
{
    return net_counter(&net, 0, counter);
}

static void expect_nothing_told(void)
{
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 0);
    net_clear(&net);
}

START_TEST(one_record_from_all_holders_is_told_once)
{
    start(NODE_SERVER);
    for (size_t i = 0; i < troupe.count; i++)
        ck_assert_int_eq(troupe_push_from(&troupe, i, make(1)), 0);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 1);
    ck_assert_uint_eq(count(COUNTER_NEWS_TAKEN), 8);
    net_clear(&net);
}
END_TEST

START_TEST(a_client_takes_pushes_and_answers_nothing_else)
{
    start(NODE_CLIENT);
    ck_assert_int_eq(troupe_push_from(&troupe, 3, make(1)), 0);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 1);
    ck_assert_uint_eq(count(COUNTER_QUERIES_SERVED), 0);
    net_clear(&net);
}
END_TEST

START_TEST(of_a_single_the_seq_only_rises)
{
    start(NODE_SERVER);
    ck_assert_int_eq(troupe_push_from(&troupe, 0, make(5)), 0);
    ck_assert_int_eq(troupe_push_from(&troupe, 1, make(4)), 0);
    ck_assert_int_eq(
        troupe_push_from(&troupe, 1, make_single(&other, &net, SALT, 5, "another", DAY_S)), 0);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 1);
    ck_assert_int_eq(troupe_push_from(&troupe, 1, make(6)), 0);
    ck_assert_uint_eq(listener_count(&heard, op, LISTEN_VALUE), 2);
    ck_assert_int_eq(listener_last(&heard, op, LISTEN_VALUE)->seq, 6);
    net_clear(&net);
}
END_TEST

START_TEST(a_push_for_no_subscription_is_refused)
{
    start(NODE_SERVER);
    const struct addr from = troupe_addr(0);
    ck_assert_int_eq(troupe_push(&troupe, &from, bytes_of("12345678", 8), make(1)), 404);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_UNKNOWN), 1);
    expect_nothing_told();
}
END_TEST

START_TEST(a_push_whose_sub_has_another_size_is_refused)
{
    start(NODE_SERVER);
    const struct addr from = troupe_addr(0);
    ck_assert_int_eq(troupe_push(&troupe, &from, bytes_of(troupe.players[0].sub, 7), make(1)), 203);
    ck_assert_int_eq(troupe_push(&troupe, &from, (struct bytes){0}, make(1)), 203);
    expect_nothing_told();
}
END_TEST

START_TEST(a_push_from_another_address_is_refused)
{
    start(NODE_SERVER);
    const struct addr stranger = troupe_addr(12);
    ck_assert_int_eq(troupe_push(&troupe, &stranger, bytes_of(troupe.players[0].sub, 8), make(1)),
                     404);
    struct addr other_port = troupe_addr(0);
    other_port.port++;
    ck_assert_int_eq(troupe_push(&troupe, &other_port, bytes_of(troupe.players[0].sub, 8), make(1)),
                     404);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_UNKNOWN), 2);
    expect_nothing_told();
}
END_TEST

START_TEST(each_holder_knows_the_subscription_by_an_id_of_its_own)
{
    start(NODE_SERVER);
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_mem_ne(troupe.players[i].sub, troupe.players[j].sub, 8);
    const struct addr from = troupe_addr(0);
    ck_assert_int_eq(troupe_push(&troupe, &from, bytes_of(troupe.players[1].sub, 8), make(1)), 404);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_UNKNOWN), 1);
    expect_nothing_told();
}
END_TEST

START_TEST(a_push_from_one_that_is_no_holder_any_more_is_refused)
{
    start(NODE_SERVER);
    troupe.players[0].renew_code = 204;
    troupe.players[0].listen_code = 429;
    net_run(&net, SOURCES_ROUND_MS + SOON_MS);
    ck_assert_uint_eq(net_info(&net, 0).listens_polled, 1);
    ck_assert_int_eq(troupe_push_from(&troupe, 0, make(1)), 404);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_SOURCE), 1);
    expect_nothing_told();
}
END_TEST

START_TEST(a_record_of_another_key_or_salt_is_refused)
{
    uint8_t seed[KEYS_SEED_SIZE] = {9}, k[KEYS_PUBLIC_SIZE], secret[KEYS_SECRET_SIZE];
    start(NODE_SERVER);
    ck_assert_int_eq(
        troupe_push_from(&troupe, 0, make_single(&other, &net, "another", 1, "1", DAY_S)), 203);
    struct record record = *make(1);
    keys_from_seed(seed, k, secret);
    record.k = k;
    record_single_target(k, record.salt, &record.target);
    record_sign(secret, &record, first.sig);
    ck_assert_int_eq(troupe_push_from(&troupe, 0, &record), 203);
    record.target = owner_target(&net, SALT); /* though it says that it is of ours */
    ck_assert_int_eq(troupe_push_from(&troupe, 0, &record), 203);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_OTHER), 3);
    expect_nothing_told();
}
END_TEST

START_TEST(a_record_of_another_kind_is_refused)
{
    struct entry entry;
    start(NODE_SERVER);
    const struct id target = owner_target(&net, SALT);
    ck_assert_int_eq(troupe_push_from(&troupe, 0, entry_make(&entry, &net, &target, 1, 1, 60, 0)),
                     203);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_OTHER), 1);
    expect_nothing_told();
}
END_TEST

START_TEST(a_record_that_is_not_genuine_is_refused)
{
    start(NODE_SERVER);
    make(1);
    first.sig[5] ^= 1;
    ck_assert_int_eq(troupe_push_from(&troupe, 0, &first.record), 203);
    make(1);
    first.v[6] ^= 1; /* of the content: 1 becomes 0 */
    ck_assert_int_eq(troupe_push_from(&troupe, 0, &first.record), 203);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_FORGED), 2);
    expect_nothing_told();
}
END_TEST

START_TEST(a_record_that_has_ended_is_refused)
{
    start(NODE_SERVER);
    make_single(&first, &net, SALT, 1, "1", 60);
    net_skip(&net, 61);
    ck_assert_int_eq(troupe_push_from(&troupe, 0, &first.record), 203);
    ck_assert_uint_eq(count(COUNTER_NEWS_REFUSED_FORGED), 1);
    expect_nothing_told();
}
END_TEST

START_TEST(after_the_end_of_the_listen_there_is_no_subscription)
{
    start(NODE_SERVER);
    listener_cancel(&heard, 0, op);
    ck_assert_int_eq(troupe_push_from(&troupe, 0, make(1)), 404);
    net_run(&net, SOON_MS);
    ck_assert_uint_eq(troupe_came(&troupe).gone, 8);
    expect_nothing_told();
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, one_record_from_all_holders_is_told_once);
    tcase_add_test(tests, a_client_takes_pushes_and_answers_nothing_else);
    tcase_add_test(tests, of_a_single_the_seq_only_rises);
    tcase_add_test(tests, a_push_for_no_subscription_is_refused);
    tcase_add_test(tests, a_push_whose_sub_has_another_size_is_refused);
    tcase_add_test(tests, a_push_from_another_address_is_refused);
    tcase_add_test(tests, each_holder_knows_the_subscription_by_an_id_of_its_own);
    tcase_add_test(tests, a_push_from_one_that_is_no_holder_any_more_is_refused);
    tcase_add_test(tests, a_record_of_another_key_or_salt_is_refused);
    tcase_add_test(tests, a_record_of_another_kind_is_refused);
    tcase_add_test(tests, a_record_that_is_not_genuine_is_refused);
    tcase_add_test(tests, a_record_that_has_ended_is_refused);
    tcase_add_test(tests, after_the_end_of_the_listen_there_is_no_subscription);
}
