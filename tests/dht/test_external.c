/* Our address is what enough voters of different prefixes name, and no single prefix can decide or
 * change it. */
#include <check.h>

#include "daemon/dht/network/external.h"
#include "tests/runner.h"

static struct addr voter(uint8_t network, uint8_t host)
{
    return addr_v4((const uint8_t[4]){80, 1, network, host}, 6881);
}

static bool vote(struct external *e, struct addr from, uint8_t says, uint16_t port)
{
    const struct addr seen = addr_v4((const uint8_t[4]){9, 9, 9, says}, port);
    uint8_t compact[ADDR_COMPACT_V6];
    size_t size = addr_to_compact(&seen, compact);
    return external_vote(e, &from, bytes_of(compact, size));
}

START_TEST(enough_voters_of_different_prefixes_decide)
{
    struct external e = {0};
    for (uint8_t i = 0; i < EXTERNAL_AGREE - 1; i++)
        ck_assert(!vote(&e, voter(i, 1), 1, 4000));
    ck_assert_int_eq(e.agreed.family, ADDR_NONE);
    ck_assert(vote(&e, voter(100, 1), 1, 4000));
    ck_assert_int_eq(e.agreed.family, ADDR_V4);
    ck_assert_uint_eq(e.agreed.ip[3], 1);
    ck_assert_uint_eq(e.agreed.port, 4000);
    ck_assert(!vote(&e, voter(101, 1), 1, 4000));
}
END_TEST

START_TEST(one_prefix_has_one_vote)
{
    struct external e = {0};
    for (uint8_t i = 0; i < 50; i++)
        ck_assert(!vote(&e, voter(1, i), 1, 4000));
    ck_assert_int_eq(e.agreed.family, ADDR_NONE);
    /* Nor does it win by changing its word. */
    for (uint8_t i = 0; i < 50; i++)
        ck_assert(!vote(&e, voter(1, i), i, 4000));
    ck_assert_int_eq(e.agreed.family, ADDR_NONE);
}
END_TEST

START_TEST(one_prefix_changes_nothing_that_was_agreed)
{
    struct external e = {0};
    for (uint8_t i = 0; i < EXTERNAL_AGREE; i++)
        vote(&e, voter(i, 1), 1, 4000);
    for (uint8_t i = 0; i < 50; i++)
        ck_assert(!vote(&e, voter(200, i), (uint8_t)(i + 2), 4000));
    ck_assert_uint_eq(e.agreed.ip[3], 1);
}
END_TEST

START_TEST(a_new_address_is_noticed_when_enough_say_so)
{
    struct external e = {0};
    for (uint8_t i = 0; i < EXTERNAL_VOTERS; i++)
        vote(&e, voter(i, 1), 1, 4000);
    unsigned changes = 0;
    for (uint8_t i = 0; i < EXTERNAL_VOTERS; i++)
        changes += vote(&e, voter(i, 1), 2, 4000);
    ck_assert_uint_eq(changes, 1);
    ck_assert_uint_eq(e.agreed.ip[3], 2);
    /* New voters take the places of the oldest. */
    changes = 0;
    for (uint8_t i = 0; i < EXTERNAL_VOTERS; i++)
        changes += vote(&e, voter((uint8_t)(100 + i), 1), 3, 4000);
    ck_assert_uint_eq(changes, 1);
    ck_assert_uint_eq(e.agreed.ip[3], 3);
}
END_TEST

START_TEST(ports_that_differ_are_one_address)
{
    struct external e = {0};
    for (uint8_t i = 0; i < EXTERNAL_AGREE; i++)
        vote(&e, voter(i, 1), 1, (uint16_t)(4000 + i));
    ck_assert_uint_eq(e.agreed.ip[3], 1);
}
END_TEST

START_TEST(a_port_that_most_name_is_steady)
{
    struct external e = {0};
    ck_assert_int_eq(external_steady(&e).family, ADDR_NONE);
    for (uint8_t i = 0; i < EXTERNAL_AGREE - 1; i++)
        vote(&e, voter(i, 1), 1, 4000);
    ck_assert_int_eq(external_steady(&e).family, ADDR_NONE);
    vote(&e, voter(100, 1), 1, 4000);
    ck_assert_uint_eq(external_steady(&e).port, 4000);
    ck_assert_uint_eq(external_steady(&e).ip[3], 1);
    /* As many that name other ports, and it is so no more; those of another address do not count.
     */
    for (uint8_t i = 0; i < EXTERNAL_AGREE - 1; i++)
        vote(&e, voter((uint8_t)(150 + i), 1), 1, (uint16_t)(5000 + i));
    ck_assert_uint_eq(external_steady(&e).port, 4000);
    vote(&e, voter(200, 1), 2, 6000);
    ck_assert_uint_eq(external_steady(&e).port, 4000);
    vote(&e, voter(201, 1), 1, 6000);
    ck_assert_int_eq(external_steady(&e).family, ADDR_NONE);
}
END_TEST

START_TEST(behind_a_nat_that_names_ports_anew_none_is_steady)
{
    struct external e = {0};
    for (uint8_t i = 0; i < EXTERNAL_VOTERS; i++)
        vote(&e, voter(i, 1), 1, (uint16_t)(4000 + i));
    ck_assert_int_eq(e.agreed.family, ADDR_V4);
    ck_assert_int_eq(external_steady(&e).family, ADDR_NONE);
}
END_TEST

START_TEST(two_that_name_a_port_are_too_few)
{
    struct external e = {0};
    for (uint8_t i = 0; i < EXTERNAL_AGREE - 1; i++)
        vote(&e, voter(i, 1), 1, 4000);
    vote(&e, voter(100, 1), 1, 5000);
    ck_assert_int_eq(e.agreed.family, ADDR_V4);
    ck_assert_int_eq(external_steady(&e).family, ADDR_NONE);
}
END_TEST

START_TEST(what_is_no_address_is_no_vote)
{
    struct external e = {0};
    const uint8_t bytes[20] = {1, 2, 3};
    for (uint8_t i = 0; i < 20; i++) {
        const struct addr from = voter(i, 1);
        for (size_t size = 0; size <= sizeof bytes; size++)
            if (size != ADDR_COMPACT_V4 && size != ADDR_COMPACT_V6)
                ck_assert(!external_vote(&e, &from, bytes_of(bytes, size)));
        ck_assert(!external_vote(&e, &from, (struct bytes){0}));
    }
    ck_assert_int_eq(e.agreed.family, ADDR_NONE);
    ck_assert_int_eq(e.votes[0].voter.family, ADDR_NONE);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, enough_voters_of_different_prefixes_decide);
    tcase_add_test(tests, one_prefix_has_one_vote);
    tcase_add_test(tests, one_prefix_changes_nothing_that_was_agreed);
    tcase_add_test(tests, a_new_address_is_noticed_when_enough_say_so);
    tcase_add_test(tests, ports_that_differ_are_one_address);
    tcase_add_test(tests, a_port_that_most_name_is_steady);
    tcase_add_test(tests, two_that_name_a_port_are_too_few);
    tcase_add_test(tests, behind_a_nat_that_names_ports_anew_none_is_steady);
    tcase_add_test(tests, what_is_no_address_is_no_vote);
}
