/* The earliest comes first, whatever was added, moved and removed, and an emptied heap holds no
 * memory. */
#include "common/alarms.h"
#include "tests/runner.h"

#define THINGS 1000u

static struct alarm things[THINGS];

static uint64_t time_of(uint32_t number)
{
    return number * UINT64_C(0x9e3779b97f4a7c15) % 500;
}

static void take_all(struct alarms *a, uint32_t count)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct alarm *first = alarms_first(a);
        ck_assert_ptr_nonnull(first);
        ck_assert_uint_eq(alarms_next(a), first->at);
        ck_assert_uint_ge(first->at, last);
        last = first->at;
        alarms_remove(a, first);
    }
    ck_assert_ptr_null(alarms_first(a));
    ck_assert_uint_eq(alarms_next(a), ALARM_NEVER);
    ck_assert_ptr_null(a->heap);
}

START_TEST(the_earliest_comes_first)
{
    struct alarms a = {0};
    ck_assert_ptr_null(alarms_first(&a));
    for (uint32_t i = 0; i < THINGS; i++)
        ck_assert(alarms_add(&a, &things[i], time_of(i)));
    take_all(&a, THINGS);
}
END_TEST

START_TEST(those_that_are_moved_or_removed_change_the_order)
{
    struct alarms a = {0};
    for (uint32_t i = 0; i < THINGS; i++)
        ck_assert(alarms_add(&a, &things[i], time_of(i)));
    for (uint32_t i = 0; i < THINGS; i += 3)
        alarms_move(&a, &things[i], i % 2 ? 0 : ALARM_NEVER);
    for (uint32_t i = 1; i < THINGS; i += 3)
        alarms_remove(&a, &things[i]);
    ck_assert_uint_eq(alarms_next(&a), 0);
    take_all(&a, THINGS - (THINGS + 1) / 3);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_earliest_comes_first);
    tcase_add_test(tests, those_that_are_moved_or_removed_change_the_order);
}
