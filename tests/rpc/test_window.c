/* Each operation that has ended is known for the item it was for, and no more are under way than
 * fit. */
#include "rpc/transfer/window.h"

#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

static struct window w;

static void setup(void)
{
    w = (struct window){0};
}

static void fill(void)
{
    for (size_t i = 0; i < WINDOW_SIZE; i++) {
        ck_assert(!window_is_full(&w));
        window_add(&w, 100 + i, 7 * i, (uint8_t)(i % 3));
    }
    ck_assert(window_is_full(&w));
}

START_TEST(each_operation_is_for_its_item)
{
    fill();
    for (size_t i = WINDOW_SIZE; i-- > 0;) {
        uint8_t tries;
        ck_assert_uint_eq(window_remove(&w, 100 + i, &tries), 7 * i);
        ck_assert_uint_eq(tries, i % 3);
        ck_assert(!window_is_full(&w));
    }
    ck_assert_uint_eq(w.open, 0);
}
END_TEST

START_TEST(where_one_has_ended_is_room_for_another)
{
    uint8_t tries;
    fill();
    window_remove(&w, 105, &tries);
    window_add(&w, 500, 1000, 2);
    ck_assert(window_is_full(&w));
    ck_assert_uint_eq(window_remove(&w, 500, &tries), 1000);
    ck_assert_uint_eq(tries, 2);
    ck_assert_uint_eq(window_remove(&w, 106, &tries), 42);
}
END_TEST

START_TEST(all_that_are_under_way_are_awaited)
{
    struct rpc_pending_on on = {0};
    size_t found = 0;
    fill();
    window_await(&w, &on);
    for (size_t i = 0; i < on.op_count; i++)
        found += on.ops[i].number >= 100 && on.ops[i].number < 100 + WINDOW_SIZE;
    ck_assert_uint_eq(found, WINDOW_SIZE);
}
END_TEST

START_TEST(what_is_given_up_is_cancelled)
{
    static struct fake_host fake;
    const struct addr nobody = addr_v4((const uint8_t[4]){127, 0, 0, 1}, 9);
    struct node_info info;
    uint64_t op;
    fake_host_init(&fake);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(node_ping(fake.host.node, fake.now, &nobody, 0, &op, &fake.outbox),
                         ERR_OK);
        window_add(&w, op, i, 0);
    }
    node_get_info(fake.host.node, &info);
    const size_t before = info.operations;
    window_cancel(&w, &fake.host);
    node_get_info(fake.host.node, &info);
    ck_assert_uint_eq(info.operations, before - 3);
    ck_assert_uint_eq(w.open, 0);
    for (size_t i = 0; i < WINDOW_SIZE; i++)
        ck_assert_uint_eq(w.ops[i].number, 0);
    fake_host_clear(&fake);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, each_operation_is_for_its_item);
    tcase_add_test(tests, where_one_has_ended_is_room_for_another);
    tcase_add_test(tests, all_that_are_under_way_are_awaited);
    tcase_add_test(tests, what_is_given_up_is_cancelled);
}
