/* Timeouts must follow what was measured, stay within their limits, and forget old samples. */
#include <check.h>

#include "daemon/dht/routing/rtt.h"
#include "tests/runner.h"

START_TEST(test_unmeasured_peers_start_high)
{
    struct rtt_network network = {0};
    struct rtt_peer peer = {0};

    ck_assert_uint_eq(rtt_timeout_ms(NULL, &network), RTT_UNKNOWN_START_MS);
    ck_assert_uint_eq(rtt_timeout_ms(&peer, &network), RTT_UNKNOWN_START_MS);
}
END_TEST

START_TEST(test_unmeasured_peers_follow_the_network)
{
    struct rtt_network network = {0};

    for (int i = 0; i < 100; i++)
        rtt_network_add(&network, 20);
    ck_assert_uint_ge(rtt_timeout_ms(NULL, &network), 4 * 16);
    ck_assert_uint_le(rtt_timeout_ms(NULL, &network), 4 * 32);
    for (int i = 0; i < 30; i++)
        rtt_network_add(&network, 1000);
    ck_assert_uint_eq(rtt_timeout_ms(NULL, &network), RTT_UNKNOWN_MAX_MS);
}
END_TEST

START_TEST(test_loopback_gives_the_floor)
{
    struct rtt_network network = {0};
    struct rtt_peer peer = {0};

    rtt_network_add(&network, 0);
    rtt_peer_add(&peer, 0);
    ck_assert_uint_ne(peer.srtt_x8_ms, 0);
    ck_assert_uint_eq(rtt_timeout_ms(&peer, &network), RTT_FLOOR_MS);
    ck_assert_uint_eq(rtt_timeout_ms(NULL, &network), RTT_FLOOR_MS);
}
END_TEST

START_TEST(test_peer_follows_rfc6298)
{
    struct rtt_network network = {0};
    struct rtt_peer peer = {0};

    rtt_peer_add(&peer, 100); /* SRTT = R, RTTVAR = R / 2 */
    ck_assert_uint_eq(peer.srtt_x8_ms, 800);
    ck_assert_uint_eq(peer.rttvar_x4_ms, 200);
    ck_assert_uint_eq(rtt_timeout_ms(&peer, &network), 300);
    rtt_peer_add(&peer, 180); /* RTTVAR = 3/4 50 + 1/4 80; SRTT = 7/8 100 + 1/8 180 */
    ck_assert_uint_eq(peer.srtt_x8_ms, 880);
    ck_assert_uint_eq(peer.rttvar_x4_ms, 230);
    for (int i = 0; i < 100; i++)
        rtt_peer_add(&peer, 100);
    ck_assert_uint_ge(rtt_timeout_ms(&peer, &network), 100);
    ck_assert_uint_le(rtt_timeout_ms(&peer, &network), 110);
}
END_TEST

START_TEST(test_huge_samples_stay_within_the_limit)
{
    struct rtt_network network = {0};
    struct rtt_peer peer = {0};

    for (int i = 0; i < 100; i++) {
        rtt_peer_add(&peer, i % 2 == 0 ? UINT32_MAX - 1 : 0);
        rtt_network_add(&network, UINT32_MAX - 1);
        ck_assert_uint_eq(rtt_timeout_ms(&peer, &network), RTT_PEER_MAX_MS);
    }
    ck_assert_uint_eq(rtt_timeout_ms(NULL, &network), RTT_UNKNOWN_MAX_MS);
}
END_TEST

START_TEST(test_network_percentile)
{
    struct rtt_network network = {0};

    for (int i = 0; i < 90; i++)
        rtt_network_add(&network, 5);
    for (int i = 0; i < 10; i++)
        rtt_network_add(&network, 3000);
    ck_assert_uint_ge(rtt_network_p90_ms(&network), 4);
    ck_assert_uint_lt(rtt_network_p90_ms(&network), 8);
    rtt_network_add(&network, 3000);
    rtt_network_add(&network, 3000);
    ck_assert_uint_ge(rtt_network_p90_ms(&network), 2048);
}
END_TEST

START_TEST(test_network_forgets)
{
    struct rtt_network network = {0};

    for (int i = 0; i < 100000; i++)
        rtt_network_add(&network, 400);
    for (int i = 0; i < 10000; i++)
        rtt_network_add(&network, 2);
    ck_assert_uint_lt(rtt_network_p90_ms(&network), 4);
}
END_TEST

START_TEST(test_what_is_no_sample_changes_nothing)
{
    struct rtt_network network = {0};
    struct rtt_peer peer = {0};

    rtt_network_add(&network, RTT_NONE);
    rtt_peer_add(&peer, RTT_NONE);
    ck_assert_uint_eq(network.total, 0);
    ck_assert_uint_eq(peer.srtt_x8_ms, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, test_unmeasured_peers_start_high);
    tcase_add_test(tests, test_unmeasured_peers_follow_the_network);
    tcase_add_test(tests, test_loopback_gives_the_floor);
    tcase_add_test(tests, test_peer_follows_rfc6298);
    tcase_add_test(tests, test_huge_samples_stay_within_the_limit);
    tcase_add_test(tests, test_network_percentile);
    tcase_add_test(tests, test_network_forgets);
    tcase_add_test(tests, test_what_is_no_sample_changes_nothing);
}
