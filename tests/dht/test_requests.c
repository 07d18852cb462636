/* A command that waits for its handler must be found by its number once, go when its time is up,
 * and there must be no more of them than the limits, of one peer and in all. */
#include "daemon/dht/serve/requests.h"

#include <check.h>

#include "tests/runner.h"

static struct requests r;
static struct request taken;

static void set_up(void)
{
    r = (struct requests){0};
}

static void tear_down(void)
{
    requests_clear(&r);
}

static struct addr peer(uint8_t host, uint16_t port)
{
    return addr_v4((const uint8_t[4]){80, 1, host, 1}, port);
}

static uint64_t add(struct addr from, uint64_t now_ms)
{
    const struct krpc query = {.t = bytes_of_string("tt"),
                               .has_id = true,
                               .id = {{7}},
                               .has_target = true,
                               .target = {{9}},
                               .want_v6 = true};
    return requests_add(&r, now_ms, &from, &query);
}

START_TEST(a_number_finds_what_the_reply_needs_once)
{
    uint64_t a = add(peer(1, 1), 0), b = add(peer(2, 2), 0);
    ck_assert_uint_ne(a, 0);
    ck_assert_uint_ne(a, b);
    ck_assert(requests_take(&r, a, &taken));
    const struct addr from = peer(1, 1);
    ck_assert(addr_equal(&taken.from.addr, &from));
    ck_assert_uint_eq(taken.from.id.b[0], 7);
    ck_assert(taken.has_target && taken.target.b[0] == 9 && taken.want_v6 && !taken.want_v4);
    ck_assert(bytes_is_string(bytes_of(taken.t, taken.t_size), "tt"));
    ck_assert(!requests_take(&r, a, &taken));
    ck_assert(!requests_take(&r, 0, &taken));
    ck_assert(requests_take(&r, b, &taken));
    uint64_t c = add(peer(1, 1), 0);
    ck_assert_uint_ne(c, a);
    ck_assert_uint_ne(c, b);
}
END_TEST

START_TEST(the_same_packet_is_known_while_it_waits)
{
    const struct addr from = peer(1, 1), other = peer(1, 2);
    uint64_t number = add(from, 0);
    ck_assert(requests_has(&r, &from, bytes_of_string("tt")));
    ck_assert(!requests_has(&r, &from, bytes_of_string("tu")));
    ck_assert(!requests_has(&r, &other, bytes_of_string("tt")));
    requests_take(&r, number, &taken);
    ck_assert(!requests_has(&r, &from, bytes_of_string("tt")));
}
END_TEST

START_TEST(those_whose_time_is_up_come_out_in_order)
{
    ck_assert_uint_eq(requests_next_ms(&r), UINT64_MAX);
    uint64_t a = add(peer(1, 1), 100), b = add(peer(2, 1), 200);
    ck_assert_uint_eq(requests_next_ms(&r), 100 + REQUESTS_DEADLINE_MS);
    ck_assert(!requests_next_due(&r, 99 + REQUESTS_DEADLINE_MS, &taken));
    ck_assert(requests_next_due(&r, 100 + REQUESTS_DEADLINE_MS, &taken));
    ck_assert_uint_eq(taken.number, a);
    ck_assert(!requests_next_due(&r, 199 + REQUESTS_DEADLINE_MS, &taken));
    ck_assert(requests_next_due(&r, 10000, &taken));
    ck_assert_uint_eq(taken.number, b);
    ck_assert(!requests_next_due(&r, UINT64_MAX, &taken));
}
END_TEST

/* Another port is no other peer. */
START_TEST(one_peer_has_its_share_and_no_more)
{
    uint64_t first = add(peer(1, 1), 0);
    for (uint16_t i = 1; i < REQUESTS_PEER_MAX; i++)
        ck_assert_uint_ne(add(peer(1, (uint16_t)(1 + i)), 0), 0);
    ck_assert_uint_eq(add(peer(1, 1), 0), 0);
    ck_assert_uint_eq(add(peer(1, 999), 0), 0);
    ck_assert_uint_ne(add(peer(2, 1), 0), 0);
    ck_assert(requests_take(&r, first, &taken));
    ck_assert_uint_ne(add(peer(1, 999), 0), 0);
}
END_TEST

START_TEST(on_one_machine_a_peer_is_its_port)
{
    const uint8_t loopback[4] = {127, 0, 0, 1};
    for (uint16_t i = 0; i < REQUESTS_PEER_MAX; i++)
        ck_assert_uint_ne(add(addr_v4(loopback, 5000), 0), 0);
    ck_assert_uint_eq(add(addr_v4(loopback, 5000), 0), 0);
    ck_assert_uint_ne(add(addr_v4(loopback, 5001), 0), 0);
}
END_TEST

START_TEST(there_are_no_more_than_the_limit_and_the_memory_comes_back)
{
    for (unsigned i = 0; i < REQUESTS_MAX; i++)
        ck_assert_uint_ne(add(peer((uint8_t)i, 1), i), 0);
    ck_assert_uint_eq(add(addr_v4((const uint8_t[4]){81, 1, 1, 1}, 1), 0), 0);
    while (requests_next_due(&r, UINT64_MAX, &taken))
        ;
    ck_assert_uint_eq(r.count, 0);
    ck_assert_uint_eq(r.capacity, 0);
    ck_assert_uint_ne(add(peer(1, 1), 0), 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_number_finds_what_the_reply_needs_once);
    tcase_add_test(tests, the_same_packet_is_known_while_it_waits);
    tcase_add_test(tests, those_whose_time_is_up_come_out_in_order);
    tcase_add_test(tests, one_peer_has_its_share_and_no_more);
    tcase_add_test(tests, on_one_machine_a_peer_is_its_port);
    tcase_add_test(tests, there_are_no_more_than_the_limit_and_the_memory_comes_back);
}
