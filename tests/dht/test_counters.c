/* Each counter must have a name of its own, and say what it counts. */
#include <check.h>
#include <string.h>

#include "daemon/dht/counters.h"
#include "tests/runner.h"

START_TEST(test_names_are_distinct)
{
    ck_assert_str_eq(counter_name(COUNTER_PACKETS_IN), "packets_in");
    ck_assert_str_eq(counter_name(COUNTER_EFFECTS_LOST), "effects_lost");
    for (int i = 0; i < COUNTER_COUNT; i++) {
        ck_assert_uint_gt(strlen(counter_help((enum counter)i)), 8);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(counter_name((enum counter)i), counter_name((enum counter)j));
    }
}
END_TEST

START_TEST(test_unknown_counter_is_our_mistake)
{
    counter_name(COUNTER_COUNT);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, test_names_are_distinct);
    tcase_add_test_raise_signal(tests, test_unknown_counter_is_our_mistake, 6);
}
