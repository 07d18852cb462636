/* Values live on when nodes come and go and nobody republishes them: each scenario of life.h meets
 * its targets in its short form. `make sim-life` runs the long ones. */
#include <check.h>

#include "tests/runner.h"
#include "tests/sim/life.h"

static struct life life;

static void expect_targets_met(const char *name)
{
    const struct life_scenario *scenario = life_find(name);
    struct session_options options;
    ck_assert_ptr_nonnull(scenario);
    life_options(scenario, true, &options);
    bool is_good = life_run(&life, scenario, &options);
    life_print(&life, scenario, stdout);
    fflush(stdout);
    ck_assert_msg(is_good, "again with: build/tests/sim/sim life=%s --short", name);
    life_clear(&life);
}

START_TEST(nothing_is_lost_in_churn)
{
    expect_targets_met("churn");
}
END_TEST

START_TEST(no_entry_is_lost_in_churn)
{
    expect_targets_met("multis");
}
END_TEST

START_TEST(a_partition_is_survived_and_healed)
{
    expect_targets_met("partition");
}
END_TEST

START_TEST(half_of_the_nodes_carry_on)
{
    expect_targets_met("half");
}
END_TEST

START_TEST(a_power_cut_loses_nothing_and_makes_no_storm)
{
    expect_targets_met("power");
}
END_TEST

START_TEST(all_can_start_at_once_from_one)
{
    expect_targets_met("bootstrap");
}
END_TEST

START_TEST(five_thousand_keys_are_listened_to_with_tens_of_packets)
{
    expect_targets_met("listen");
}
END_TEST

START_TEST(a_missed_target_is_told)
{
    struct session_options options;
    const struct life_scenario *scenario = life_find("bootstrap");
    ck_assert_ptr_null(life_find("nothing"));
    life_options(scenario, true, &options);
    options.nodes = 40;
    options.loss = 900;
    ck_assert(!life_run(&life, scenario, &options));
    life_clear(&life);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, nothing_is_lost_in_churn);
    tcase_add_test(tests, no_entry_is_lost_in_churn);
    tcase_add_test(tests, a_partition_is_survived_and_healed);
    tcase_add_test(tests, half_of_the_nodes_carry_on);
    tcase_add_test(tests, a_power_cut_loses_nothing_and_makes_no_storm);
    tcase_add_test(tests, all_can_start_at_once_from_one);
    tcase_add_test(tests, five_thousand_keys_are_listened_to_with_tens_of_packets);
    tcase_add_test(tests, a_missed_target_is_told);
}
