/* What another holder asked about must be remembered until it is due again, however many records
 * there are, up to the limit. */
#include <check.h>

#include "daemon/dht/keep/notices.h"
#include "tests/runner.h"

static struct notices notices;

static struct id target_of(uint32_t number)
{
    struct id target = {0};
    number *= 0x9e3779b1u; /* spread, and each another */
    for (unsigned i = 0; i < 4; i++)
        target.b[ID_SIZE - 1 - i] = (uint8_t)(number >> 8 * i);
    return target;
}

static void add(uint32_t number, uint32_t minute)
{
    const struct id target = target_of(number);
    notices_add(&notices, &target, minute);
}

static uint32_t last(uint32_t number)
{
    const struct id target = target_of(number);
    return notices_last(&notices, &target);
}

START_TEST(what_was_noticed_is_known_with_its_last_minute)
{
    ck_assert_uint_eq(last(1), 0);
    add(1, 7);
    ck_assert_uint_eq(last(1), 7);
    ck_assert_uint_eq(last(2), 0);
    add(1, 12);
    ck_assert_uint_eq(last(1), 12);
    notices_clear(&notices);
    ck_assert_uint_eq(last(1), 0);
}
END_TEST

START_TEST(growing_forgets_nothing)
{
    for (uint32_t i = 1; i <= NOTICES_MAX / 8; i++) {
        add(i, 100 + i % 40);
        if (i % 500 == 0)
            for (uint32_t known = 1; known <= i; known++)
                ck_assert_uint_eq(last(known), 100 + known % 40);
    }
    notices_clear(&notices);
}
END_TEST

START_TEST(the_same_records_every_hour_need_no_more_memory)
{
    uint32_t size = 0;
    for (uint32_t minute = 1; minute <= 1200; minute++) {
        for (uint32_t i = minute % 60; i < 600; i += 60)
            add(i, minute);
        if (minute == 60)
            size = notices.size;
    }
    ck_assert_uint_eq(notices.size, size);
    /* Others take the places of those that nobody asks about any more. */
    for (uint32_t minute = 1300; minute < 1900; minute++)
        add(minute, minute);
    ck_assert_uint_eq(notices.size, size);
    notices_clear(&notices);
}
END_TEST

START_TEST(more_than_fit_cost_no_more_memory_and_only_old_notices)
{
    for (uint32_t i = 1; i <= 2 * NOTICES_MAX; i++) {
        add(i, 1 + i / NOTICES_MAX);
        ck_assert_uint_eq(last(i), 1 + i / NOTICES_MAX);
    }
    ck_assert_uint_le(notices.size, NOTICES_MAX);
    notices_clear(&notices);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, what_was_noticed_is_known_with_its_last_minute);
    tcase_add_test(tests, growing_forgets_nothing);
    tcase_add_test(tests, the_same_records_every_hour_need_no_more_memory);
    tcase_add_test(tests, more_than_fit_cost_no_more_memory_and_only_old_notices);
}
