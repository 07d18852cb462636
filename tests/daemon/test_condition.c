/* The log has a line when the node's state, role or address changes, and none while they stay. */
#include "daemon/condition.h"

#include <check.h>
#include <stdio.h>

#include "common/addr_text.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

static struct scratch scratch;
static struct condition condition;
static struct node_info info;
static char log_path[PATH_MAX], got[4096];

static void setup(void)
{
    scratch_make(&scratch);
    ck_assert_ptr_nonnull(freopen(scratch_path(&scratch, "log", log_path), "w", stderr));
    condition = (struct condition){0};
    info = (struct node_info){.role = NODE_SERVER, .state = NODE_STARTING};
}

static void teardown(void)
{
    scratch_remove(&scratch);
}

/* What a look adds to the log. */
static const char *look(const char *role_why)
{
    static long from;
    condition_look(&condition, &info, role_why);
    FILE *log = fopen(log_path, "r");
    ck_assert_ptr_nonnull(log);
    fseek(log, from, SEEK_SET);
    got[fread(got, 1, sizeof got - 1, log)] = '\0';
    from = ftell(log);
    fclose(log);
    return got;
}

START_TEST(what_stays_is_said_once)
{
    ck_assert_ptr_nonnull(strstr(look("bound to loopback"), "node: info: server: bound to loop"));
    ck_assert_str_eq(look("bound to loopback"), "");
    info.nodes_v4 = 1;
    ck_assert_str_eq(look("bound to loopback"), "");
    info.state = NODE_ONLINE;
    ck_assert_ptr_nonnull(strstr(look("bound to loopback"), "node: info: online: 1 node known\n"));
    info.nodes_v4 = 2;
    ck_assert_str_eq(look("bound to loopback"), "");
}
END_TEST

START_TEST(each_change_is_said)
{
    look("as configured");
    info.state = NODE_OFFLINE;
    ck_assert_ptr_nonnull(strstr(look("as configured"), "node: warn: offline: "));
    info.state = NODE_ALONE;
    ck_assert_ptr_nonnull(strstr(look("as configured"), "node: info: alone: "));
    info.role = NODE_CLIENT;
    ck_assert_ptr_nonnull(strstr(look("not confirmed"), "node: info: client: not confirmed\n"));
    ck_assert(addr_parse("192.0.2.7:5000", &info.external));
    ck_assert_ptr_nonnull(strstr(look("not confirmed"), " at 192.0.2.7:5000\n"));
    info.external = (struct addr){.family = ADDR_NONE};
    ck_assert_str_eq(look("not confirmed"), "");
}
END_TEST

START_TEST(a_look_is_due_from_time_to_time)
{
    ck_assert_uint_eq(condition_next_ms(&condition), UINT64_MAX);
    ck_assert(condition_is_due(&condition, 1000));
    ck_assert_uint_eq(condition_next_ms(&condition), UINT64_MAX);
    ck_assert(!condition_is_due(&condition, 1001));
    ck_assert_uint_eq(condition_next_ms(&condition), 1000 + CONDITION_MS);
    ck_assert(condition_is_due(&condition, 1000 + CONDITION_MS));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_stays_is_said_once);
    tcase_add_test(tests, each_change_is_said);
    tcase_add_test(tests, a_look_is_due_from_time_to_time);
}
