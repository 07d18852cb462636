/* An address without proof must get no more content than its prefix's share, whatever it asks; one
 * with proof, and those that nobody outside can forge, as much as they ask for. */
#include <check.h>

#include "daemon/dht/serve/budget.h"
#include "tests/runner.h"

#define ITEM 1100u

static struct budget budget;
static struct now now;
static struct addr stranger, neighbour, other;

static void set_up(void)
{
    struct rng rng;
    rng_init_number(&rng, 3);
    budget_init(&budget, &rng);
    now = (struct now){.ms = 5000, .unix_s = 1700000000};
    stranger = addr_v4((const uint8_t[]){93, 184, 216, 34}, 6881);
    neighbour = addr_v4((const uint8_t[]){93, 184, 216, 99}, 1);
    other = addr_v4((const uint8_t[]){93, 184, 217, 34}, 6881);
}

static void clean_up(void)
{
    budget_clear(&budget);
}

static size_t pay_all(const struct addr *addr)
{
    size_t paid = 0;
    while (paid < 10 * BUDGET_SHARE && budget_pay(&budget, now, addr, ITEM))
        paid += ITEM;
    return paid;
}

START_TEST(a_share_is_spent_and_comes_back)
{
    set_up();
    size_t paid = pay_all(&stranger);
    ck_assert_uint_le(paid, BUDGET_SHARE);
    ck_assert_uint_gt(paid, BUDGET_SHARE - 2 * ITEM);
    now.ms += 1000;
    ck_assert_uint_le(pay_all(&stranger), BUDGET_REFILL + ITEM);
    now.ms += 1000 * BUDGET_SHARE / BUDGET_REFILL;
    ck_assert_uint_gt(pay_all(&stranger), BUDGET_SHARE - 2 * ITEM);
    clean_up();
}
END_TEST

START_TEST(the_prefix_pays_not_the_address)
{
    set_up();
    pay_all(&stranger);
    ck_assert(!budget_pay(&budget, now, &neighbour, ITEM));
    ck_assert(budget_pay(&budget, now, &other, ITEM));
    uint8_t ip[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4};
    const struct addr v6 = addr_v6(ip, 6881);
    pay_all(&v6);
    ip[7] = 5; /* the same /56 */
    ip[15] = 9;
    const struct addr near = addr_v6(ip, 7);
    ck_assert(!budget_pay(&budget, now, &near, ITEM));
    ip[6] = 9;
    const struct addr far = addr_v6(ip, 7);
    ck_assert(budget_pay(&budget, now, &far, ITEM));
    clean_up();
}
END_TEST

START_TEST(a_proof_frees_that_address_for_its_time)
{
    set_up();
    pay_all(&stranger);
    budget_prove(&budget, now, &stranger);
    ck_assert_uint_ge(pay_all(&stranger), 10 * BUDGET_SHARE);
    struct addr port = stranger;
    port.port++;
    ck_assert(!budget_pay(&budget, now, &port, ITEM));
    ck_assert(!budget_pay(&budget, now, &neighbour, ITEM));
    now.ms += BUDGET_PROOF_MS;
    ck_assert_uint_le(pay_all(&stranger), BUDGET_SHARE);
    clean_up();
}
END_TEST

START_TEST(private_addresses_pay_nothing_and_cost_no_memory)
{
    set_up();
    const struct addr loopback = addr_v4((const uint8_t[]){127, 0, 0, 1}, 4000);
    const struct addr lan = addr_v4((const uint8_t[]){192, 168, 1, 7}, 4000);
    ck_assert_uint_ge(pay_all(&loopback), 10 * BUDGET_SHARE);
    ck_assert_uint_ge(pay_all(&lan), 10 * BUDGET_SHARE);
    budget_prove(&budget, now, &lan);
    ck_assert_uint_eq(budget.proofs.count, 0);
    ck_assert_uint_eq(budget.shares.count, 0);
    clean_up();
}
END_TEST

START_TEST(a_flood_of_prefixes_gets_no_more_than_all_places_hold)
{
    set_up();
    uint64_t paid = 0;
    for (unsigned i = 0; i < 65536; i++) {
        const struct addr addr = addr_v4((const uint8_t[]){100, i >> 8 & 63, i & 255, 1}, 5);
        if (addr_is_private(&addr))
            continue;
        while (budget_pay(&budget, now, &addr, ITEM))
            paid += ITEM;
    }
    ck_assert_uint_le(paid, (uint64_t)BUDGET_PLACES * BUDGET_SHARE);
    clean_up();
}
END_TEST

static struct addr nth(unsigned n)
{
    return addr_v4((const uint8_t[]){93, 184, (uint8_t)(n >> 8), (uint8_t)n}, 6881);
}

/* Who pays for none of its own has nothing left to pay with. */
static bool is_proved(unsigned n)
{
    const struct addr addr = nth(n);
    pay_all(&addr);
    return budget_pay(&budget, now, &addr, ITEM);
}

START_TEST(the_table_grows_with_those_who_proved_themselves)
{
    const unsigned few = 16, many = BUDGET_PLACES / 2;
    set_up();
    for (unsigned i = 0; i < many; i++) {
        const struct addr addr = nth(i);
        budget_prove(&budget, now, &addr);
        if (i < few)
            ck_assert_uint_le(budget.proofs.count, 16);
    }
    ck_assert_uint_le(budget.proofs.count, BUDGET_PLACES);
    for (unsigned i = 0; i < many; i++)
        ck_assert(is_proved(i));
    ck_assert(!is_proved(many));
    clean_up();
}
END_TEST

START_TEST(those_whose_proof_has_ended_make_room)
{
    set_up();
    for (unsigned i = 0; i < 4000; i++) {
        const struct addr addr = nth(i);
        budget_prove(&budget, now, &addr);
        ck_assert(is_proved(i));
        now.ms += BUDGET_PROOF_MS / 10;
    }
    ck_assert_uint_le(budget.proofs.count, 64);
    clean_up();
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_share_is_spent_and_comes_back);
    tcase_add_test(tests, the_prefix_pays_not_the_address);
    tcase_add_test(tests, a_proof_frees_that_address_for_its_time);
    tcase_add_test(tests, private_addresses_pay_nothing_and_cost_no_memory);
    tcase_add_test(tests, a_flood_of_prefixes_gets_no_more_than_all_places_hold);
    tcase_add_test(tests, the_table_grows_with_those_who_proved_themselves);
    tcase_add_test(tests, those_whose_proof_has_ended_make_room);
}
