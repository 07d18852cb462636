/* Contacts of an earlier run must be asked in an order that reaches every part of the network
 * first, all of them within the time, and no more than the limit. */
#include <check.h>

#include "daemon/dht/network/restored.h"
#include "tests/runner.h"

static const struct id self;
static struct restored restored;

/* It shares `prefix` bits with us, and is the nearer the smaller `rest` is. */
static struct contact numbered(unsigned prefix, uint8_t rest)
{
    struct contact contact = {.addr = addr_v4((const uint8_t[]){10, 0, (uint8_t)prefix, rest}, 1)};
    contact.id.b[prefix / 8] = (uint8_t)(0x80 >> prefix % 8);
    contact.id.b[ID_SIZE - 1] = rest;
    return contact;
}

static void add(unsigned prefix, uint8_t rest)
{
    const struct contact contact = numbered(prefix, rest);
    restored_add(&restored, (struct now){.ms = 1000}, &contact);
}

static bool has(unsigned prefix, uint8_t rest)
{
    const struct contact contact = numbered(prefix, rest);
    return restored_has(&restored, &contact);
}

static void expect(unsigned prefix, uint8_t rest)
{
    struct contact contact;
    ck_assert(restored_take(&restored, &self, &contact));
    ck_assert_uint_eq(id_common_prefix(&self, &contact.id), prefix);
    ck_assert_uint_eq(contact.id.b[ID_SIZE - 1], rest);
}

START_TEST(one_of_each_part_comes_first_the_nearest_before_the_others)
{
    struct contact contact;
    for (uint8_t i = 3; i > 0; i--)
        add(0, i);
    add(4, 2);
    add(4, 1);
    add(9, 1);
    ck_assert(has(9, 1));
    expect(9, 1);
    ck_assert(!has(9, 1));
    expect(4, 1);
    expect(0, 1);
    expect(4, 2);
    expect(0, 2);
    expect(0, 3);
    ck_assert(!restored_take(&restored, &self, &contact));
    ck_assert_ptr_null(restored.contacts);
    ck_assert_uint_eq(restored_next_ms(&restored), UINT64_MAX);
}
END_TEST

START_TEST(all_are_asked_within_the_time_and_not_all_at_once)
{
    const uint8_t seed[RNG_SEED_SIZE] = {1};
    struct contact contact;
    struct rng rng;
    uint64_t half_ms = 0;
    rng_init(&rng, seed);
    for (unsigned i = 0; i < 200; i++)
        add(i % 40, (uint8_t)i);
    ck_assert_uint_eq(restored_next_ms(&restored), 1000);
    struct now now = {.ms = 1000};
    while (restored.count > 0) {
        now.ms = restored_next_ms(&restored);
        ck_assert(restored_take(&restored, &self, &contact));
        half_ms = restored.count == 100 ? now.ms : half_ms;
        restored_spread(&restored, now, &rng);
    }
    ck_assert_uint_ge(half_ms, 1000 + RESTORED_SPREAD_MS / 3);
    ck_assert_uint_le(half_ms, 1000 + RESTORED_SPREAD_MS * 2 / 3);
    ck_assert_uint_le(now.ms, 1000 + RESTORED_SPREAD_MS * 5 / 4);
}
END_TEST

START_TEST(the_next_one_can_be_put_off)
{
    add(1, 1);
    restored_wait(&restored, (struct now){.ms = 5000}, 700);
    ck_assert_uint_eq(restored_next_ms(&restored), 5700);
    restored_clear(&restored);
    ck_assert_uint_eq(restored_next_ms(&restored), UINT64_MAX);
}
END_TEST

START_TEST(more_than_the_limit_are_not_remembered)
{
    for (unsigned i = 0; i < 2 * RESTORED_MAX; i++)
        add(i % ID_BITS, (uint8_t)(i / ID_BITS + 1));
    ck_assert_uint_eq(restored.count, RESTORED_MAX);
    restored_clear(&restored);
    ck_assert_uint_eq(restored.count, 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, one_of_each_part_comes_first_the_nearest_before_the_others);
    tcase_add_test(tests, all_are_asked_within_the_time_and_not_all_at_once);
    tcase_add_test(tests, the_next_one_can_be_put_off);
    tcase_add_test(tests, more_than_the_limit_are_not_remembered);
}
