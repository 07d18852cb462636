/* Leases are found by address and subscription and walked by target while others come and go; each
 * ends in time, gives its memory back, and knows whose target has got a nearer node. */
#include <stdlib.h>

#include "daemon/dht/serve/lease.h"
#include "tests/runner.h"

static struct leases leases;
static const struct id target = {{0x80}}, other_target = {{0x01}};

static void setup(void)
{
    struct rng rng;
    rng_init_number(&rng, 1);
    leases_init(&leases, &rng);
}

static void teardown(void)
{
    leases_clear(&leases);
    ck_assert_uint_eq(leases_count(&leases), 0);
    ck_assert_ptr_null(leases.by_sub.heads);
    ck_assert_ptr_null(leases.by_target.heads);
    ck_assert_ptr_null(leases.by_peer.heads);
    ck_assert_ptr_null(leases.joins);
}

static struct contact contact_of(uint8_t host)
{
    return (struct contact){{{host}}, addr_v4((const uint8_t[4]){10, 0, 0, host}, 7000)};
}

static struct lease *grant(uint8_t host, uint8_t sub, const struct id *to, uint64_t now_ms)
{
    const struct contact contact = contact_of(host);
    const uint8_t bytes[LEASE_SUB_SIZE] = {sub};
    enum err err = leases_grant(&leases, now_ms, &contact, bytes, RECORD_MULTI, to);
    ck_assert_int_eq(err, ERR_OK);
    return leases_find(&leases, &contact.addr, bytes);
}

START_TEST(each_is_found_by_address_and_sub)
{
    struct lease *first = grant(1, 1, &target, 0);
    struct lease *second = grant(1, 2, &target, 0);
    struct lease *third = grant(2, 1, &other_target, 0);
    ck_assert(first != second && second != third && first != third);
    ck_assert_ptr_eq(grant(1, 1, &target, 0), first);
    ck_assert_uint_eq(leases_count(&leases), 3);
    const struct contact stranger = contact_of(3);
    const uint8_t sub[LEASE_SUB_SIZE] = {1};
    ck_assert_ptr_null(leases_find(&leases, &stranger.addr, sub));
}
END_TEST

START_TEST(the_one_renewed_last_ends_last)
{
    const struct contact first = contact_of(1);
    const uint8_t sub[LEASE_SUB_SIZE] = {1};
    grant(1, 1, &target, 0);
    grant(2, 1, &target, 1000);
    leases_renew(&leases, 2000, leases_find(&leases, &first.addr, sub), &first.id);
    ck_assert_uint_eq(leases_next_ms(&leases), 1000 + LEASE_S * 1000u);
    ck_assert_uint_eq(leases_expire(&leases, 999 + LEASE_S * 1000u), 0);
    ck_assert_uint_eq(leases_expire(&leases, 1000 + LEASE_S * 1000u), 1);
    ck_assert_ptr_nonnull(leases_find(&leases, &first.addr, sub));
    ck_assert_uint_eq(leases_next_ms(&leases), 2000 + LEASE_S * 1000u);
    ck_assert_uint_eq(leases_expire(&leases, 2000 + LEASE_S * 1000u), 1);
    ck_assert_uint_eq(leases_next_ms(&leases), UINT64_MAX);
}
END_TEST

START_TEST(many_end_a_slice_at_a_time)
{
    for (unsigned i = 0; i < LEASES_SLICE + 10; i++)
        grant((uint8_t)(i / 200 + 1), (uint8_t)(i % 200), &target, 0);
    ck_assert_uint_eq(leases_expire(&leases, LEASE_S * 1000u), LEASES_SLICE);
    ck_assert_uint_eq(leases_expire(&leases, LEASE_S * 1000u), 10);
}
END_TEST

START_TEST(a_walk_sees_who_is_there_whoever_comes_and_goes)
{
    struct lease_walk walk, other;
    struct lease *all[4];
    for (uint8_t i = 0; i < 4; i++)
        all[i] = grant((uint8_t)(i + 1), 1, &target, 0);
    ck_assert(!lease_walk_begin(&leases, RECORD_SINGLE, &target, &walk));
    ck_assert(!lease_walk_begin(&leases, RECORD_MULTI, &other_target, &walk));
    ck_assert(lease_walk_begin(&leases, RECORD_MULTI, &target, &walk));
    ck_assert(lease_walk_begin(&leases, RECORD_MULTI, &target, &other));
    ck_assert_ptr_eq(lease_walk_at(&walk), all[0]);
    leases_end(&leases, all[0]);
    ck_assert_ptr_eq(lease_walk_at(&walk), all[1]);
    ck_assert_ptr_eq(lease_walk_at(&other), all[1]);
    lease_walk_end(&other);
    lease_walk_step(&walk);
    leases_end(&leases, all[1]);
    ck_assert_ptr_eq(lease_walk_at(&walk), all[2]);
    leases_end(&leases, all[3]);
    struct lease *late = grant(9, 1, &target, 0);
    lease_walk_step(&walk);
    ck_assert_ptr_eq(lease_walk_at(&walk), late);
    lease_walk_step(&walk);
    ck_assert_ptr_null(lease_walk_at(&walk));
    lease_walk_end(&walk);
}
END_TEST

START_TEST(a_walk_is_over_with_the_last_lease)
{
    struct lease_walk walk;
    struct lease *only = grant(1, 1, &target, 0);
    ck_assert(lease_walk_begin(&leases, RECORD_MULTI, &target, &walk));
    leases_end(&leases, only);
    ck_assert_ptr_null(lease_walk_at(&walk));
    lease_walk_end(&walk);
}
END_TEST

START_TEST(a_peer_that_is_held_outlives_its_leases)
{
    struct lease *only = grant(1, 1, &target, 0);
    struct lease_peer *peer = only->peer;
    lease_peer_hold(peer);
    leases_end(&leases, only);
    ck_assert_uint_eq(leases.by_peer.count, 1);
    only = grant(1, 2, &target, 0);
    ck_assert_ptr_eq(only->peer, peer);
    leases_end(&leases, only);
    lease_peer_release(&leases, peer);
    ck_assert_uint_eq(leases.by_peer.count, 0);
}
END_TEST

START_TEST(a_nearer_node_is_said_twice_to_those_it_is_nearer_for)
{
    const struct id self = {{0xf0}}, nearer = {{0x81}}, farther = {{0x7f}};
    struct lease *lease = grant(1, 1, &target, 0), *other = grant(1, 2, &other_target, 0);
    leases_joined(&leases, &farther);
    ck_assert(!leases_has_moved(&leases, lease, &self));
    ck_assert(leases_has_moved(&leases, other, &self));
    leases_joined(&leases, &nearer);
    /* Whoever could not be told is told the next time. */
    for (unsigned i = 0; i < 3; i++)
        ck_assert(leases_has_moved(&leases, lease, &self));
    for (unsigned i = 0; i < LEASE_MOVED_SAID; i++) {
        ck_assert(leases_has_moved(&leases, lease, &self));
        leases_moved_said(lease);
    }
    ck_assert(!leases_has_moved(&leases, lease, &self));
    /* A lease that is granted now was granted by one who knew. */
    ck_assert(!leases_has_moved(&leases, grant(2, 1, &target, 0), &self));
}
END_TEST

START_TEST(more_joins_than_are_remembered_count_as_nearer)
{
    const struct id self = {{0xf0}}, farther = {{0x7f}};
    struct lease *lease = grant(1, 1, &target, 0);
    for (unsigned i = 0; i < LEASE_JOINS_MAX; i++)
        leases_joined(&leases, &farther);
    ck_assert(!leases_has_moved(&leases, lease, &self));
    for (unsigned i = 0; i <= LEASE_JOINS_MAX; i++)
        leases_joined(&leases, &farther);
    ck_assert(leases_has_moved(&leases, lease, &self));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_is_found_by_address_and_sub);
    tcase_add_test(tests, the_one_renewed_last_ends_last);
    tcase_add_test(tests, many_end_a_slice_at_a_time);
    tcase_add_test(tests, a_walk_sees_who_is_there_whoever_comes_and_goes);
    tcase_add_test(tests, a_walk_is_over_with_the_last_lease);
    tcase_add_test(tests, a_peer_that_is_held_outlives_its_leases);
    tcase_add_test(tests, a_nearer_node_is_said_twice_to_those_it_is_nearer_for);
    tcase_add_test(tests, more_joins_than_are_remembered_count_as_nearer);
}
