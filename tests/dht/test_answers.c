/* An answer must be found by the packet that it was given to, for its time, and there must be no
 * more of them than the limit. */
#include "daemon/dht/serve/answers.h"

#include <check.h>

#include "tests/runner.h"

static struct answers a;

static void set_up(void)
{
    a = (struct answers){0};
}

static void tear_down(void)
{
    answers_clear(&a);
}

static struct addr peer(uint16_t port)
{
    return addr_v4((const uint8_t[4]){80, 1, 1, 1}, port);
}

static void add(uint64_t now_ms, uint16_t port, const char *t, struct bytes v)
{
    const struct addr to = peer(port);
    answers_add(&a, now_ms, &to, bytes_of_string(t), 20, v);
}

static const struct answer *find(uint16_t port, const char *t)
{
    const struct addr to = peer(port);
    return answers_find(&a, &to, bytes_of_string(t));
}

START_TEST(an_answer_is_found_by_address_and_t)
{
    add(0, 1, "aa", bytes_of_string("i1e"));
    add(0, 2, "aa", (struct bytes){0});
    ck_assert_uint_eq(find(1, "aa")->error, 20);
    ck_assert(bytes_is_string(bytes_of(find(1, "aa")->v, find(1, "aa")->v_size), "i1e"));
    ck_assert_ptr_null(find(2, "aa")->v);
    ck_assert_ptr_null(find(1, "ab"));
    ck_assert_ptr_null(find(1, ""));
    ck_assert_ptr_null(find(3, "aa"));
}
END_TEST

START_TEST(an_answer_goes_when_its_time_is_up)
{
    ck_assert_uint_eq(answers_next_ms(&a), UINT64_MAX);
    add(100, 1, "aa", bytes_of_string("i1e"));
    add(200, 2, "aa", bytes_of_string("i2e"));
    ck_assert_uint_eq(answers_next_ms(&a), 100 + ANSWERS_KEPT_MS);
    answers_tick(&a, 99 + ANSWERS_KEPT_MS);
    ck_assert_ptr_nonnull(find(1, "aa"));
    answers_tick(&a, 100 + ANSWERS_KEPT_MS);
    ck_assert_ptr_null(find(1, "aa"));
    ck_assert_ptr_nonnull(find(2, "aa"));
    answers_tick(&a, UINT64_MAX);
    ck_assert_uint_eq(a.count, 0);
    ck_assert_uint_eq(a.capacity, 0);
}
END_TEST

START_TEST(a_t_that_is_too_long_has_none)
{
    char t[KRPC_T_MAX + 2];
    memset(t, 'a', sizeof t);
    t[KRPC_T_MAX + 1] = '\0';
    add(0, 1, t, bytes_of_string("i1e"));
    ck_assert_uint_eq(a.count, 0);
    t[KRPC_T_MAX] = '\0';
    add(0, 1, t, bytes_of_string("i1e"));
    ck_assert_uint_eq(find(1, t)->error, 20);
}
END_TEST

START_TEST(the_oldest_makes_way_beyond_the_limit)
{
    for (uint16_t i = 0; i <= ANSWERS_MAX; i++)
        add(i, i, "aa", bytes_of_string("i1e"));
    ck_assert_uint_eq(a.count, ANSWERS_MAX);
    ck_assert_ptr_null(find(0, "aa"));
    ck_assert_ptr_nonnull(find(1, "aa"));
    ck_assert_ptr_nonnull(find(ANSWERS_MAX, "aa"));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_answer_is_found_by_address_and_t);
    tcase_add_test(tests, an_answer_goes_when_its_time_is_up);
    tcase_add_test(tests, a_t_that_is_too_long_has_none);
    tcase_add_test(tests, the_oldest_makes_way_beyond_the_limit);
}
