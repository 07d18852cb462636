/* Of all nodes that answer, those nearest to us have a place, the nearest first; each is lost after
 * so many silences, and what others know is never crowded out by it. */
#include "daemon/dht/routing/neighbours.h"

#include "tests/runner.h"

static struct neighbours n;
static const struct id self = {{0}};

static void teardown(void)
{
    neighbours_clear(&n);
}

/* The higher its number, the farther from us. */
static struct contact numbered(uint8_t number)
{
    return (struct contact){.id = {{[ID_SIZE - 1] = number}},
                            .addr = addr_v4((const uint8_t[4]){10, 0, 0, number}, 4000)};
}

static bool answers(uint8_t number)
{
    const struct contact contact = numbered(number);
    return neighbours_answered(&n, &self, &contact);
}

static bool fails(uint8_t number)
{
    const struct contact contact = numbered(number);
    return neighbours_failed(&n, &contact);
}

static bool has(uint8_t number)
{
    const struct contact contact = numbered(number);
    return neighbours_has(&n, &contact);
}

static bool wants(uint8_t number)
{
    const struct contact contact = numbered(number);
    return neighbours_wants(&n, &self, &contact);
}

START_TEST(the_nearest_have_a_place)
{
    for (uint8_t i = 2 * NEIGHBOURS_MAX; i > 0; i--)
        ck_assert(answers(i));
    ck_assert_uint_eq(n.count, NEIGHBOURS_MAX);
    for (unsigned i = 0; i < NEIGHBOURS_MAX; i++)
        ck_assert_uint_eq(n.nodes[i].contact.id.b[ID_SIZE - 1], i + 1);
    ck_assert(!answers(NEIGHBOURS_MAX + 1));
    ck_assert(!has(NEIGHBOURS_MAX + 1));
    ck_assert(!answers(1)); /* is there already */
    ck_assert_uint_eq(n.count, NEIGHBOURS_MAX);
}
END_TEST

START_TEST(it_wants_who_would_have_a_place)
{
    ck_assert(wants(200));
    for (uint8_t i = 1; i <= NEIGHBOURS_MAX; i++)
        answers((uint8_t)(2 * i));
    ck_assert(wants(2 * NEIGHBOURS_MAX - 1));
    ck_assert(!wants(2 * NEIGHBOURS_MAX));
    ck_assert(!wants(2 * NEIGHBOURS_MAX + 1));
    ck_assert(!wants(4));
}
END_TEST

START_TEST(the_same_id_elsewhere_waits_until_the_first_is_gone)
{
    struct contact other = numbered(5);
    other.addr.port++;
    ck_assert(answers(5));
    ck_assert(!neighbours_answered(&n, &self, &other));
    ck_assert(has(5) && !neighbours_has(&n, &other));
    ck_assert(!neighbours_failed(&n, &other));
    for (unsigned i = 0; i < NEIGHBOURS_FAILS_MAX; i++)
        fails(5);
    ck_assert(neighbours_answered(&n, &self, &other));
    ck_assert(neighbours_has(&n, &other));
}
END_TEST

START_TEST(so_many_silences_in_a_row_are_a_loss)
{
    answers(1);
    answers(2);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 1; i < NEIGHBOURS_FAILS_MAX; i++)
            ck_assert(!fails(1));
        ck_assert(!answers(1)); /* and all is well again */
    }
    for (unsigned i = 1; i < NEIGHBOURS_FAILS_MAX; i++)
        ck_assert(!fails(1));
    ck_assert(fails(1));
    ck_assert(!has(1) && has(2));
    ck_assert(!fails(1));
    ck_assert(answers(1)); /* it came back */
}
END_TEST

START_TEST(who_failed_is_checked_once_until_it_is_known)
{
    struct contact out;
    answers(1);
    answers(2);
    ck_assert(!neighbours_next_check(&n, &out));
    fails(2);
    ck_assert(neighbours_next_check(&n, &out));
    ck_assert_uint_eq(out.id.b[ID_SIZE - 1], 2);
    ck_assert(!neighbours_next_check(&n, &out));
    answers(2);
    ck_assert(!neighbours_next_check(&n, &out));
    fails(2);
    ck_assert(neighbours_next_check(&n, &out));
}
END_TEST

START_TEST(who_has_another_id_is_taken_out)
{
    const struct contact first = numbered(1);
    answers(1);
    answers(2);
    ck_assert(neighbours_remove(&n, &first));
    ck_assert(!neighbours_remove(&n, &first));
    ck_assert(!has(1) && has(2));
}
END_TEST

START_TEST(those_that_answered_are_merged_in)
{
    struct contact out[4] = {numbered(3), numbered(200)};
    answers(1);
    answers(2);
    answers(4);
    answers(3);
    fails(2);
    ck_assert_uint_eq(neighbours_merge(&n, &self, &self, out, 2, 4), 4);
    ck_assert_uint_eq(out[0].id.b[ID_SIZE - 1], 1);
    ck_assert_uint_eq(out[1].id.b[ID_SIZE - 1], 3);
    ck_assert_uint_eq(out[2].id.b[ID_SIZE - 1], 4);
    ck_assert_uint_eq(out[3].id.b[ID_SIZE - 1], 200);
    out[0] = numbered(3);
    out[1] = numbered(200);
    ck_assert_uint_eq(neighbours_merge(&n, &self, &self, out, 2, 2), 2);
    ck_assert_uint_eq(out[0].id.b[ID_SIZE - 1], 1);
    ck_assert_uint_eq(out[1].id.b[ID_SIZE - 1], 3);
}
END_TEST

/* What is merged must be right also for targets where no neighbour is among the nearest. */
START_TEST(no_target_is_too_far_to_be_right)
{
    const struct contact far = {.id = {{0x80}},
                                .addr = addr_v4((const uint8_t[4]){10, 1, 0, 1}, 1)};
    const struct id target = {{0x80, 1}};
    struct contact out[2] = {far};
    answers(1);
    ck_assert_uint_eq(neighbours_merge(&n, &self, &target, out, 1, 1), 1);
    ck_assert(id_equal(&out[0].id, &far.id));
    ck_assert_uint_eq(neighbours_merge(&n, &self, &target, out, 1, 2), 2);
    ck_assert_uint_eq(out[1].id.b[ID_SIZE - 1], 1);
    neighbours_clear(&n);
    ck_assert_uint_eq(neighbours_merge(&n, &self, &target, out, 1, 2), 1);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, the_nearest_have_a_place);
    tcase_add_test(tests, it_wants_who_would_have_a_place);
    tcase_add_test(tests, the_same_id_elsewhere_waits_until_the_first_is_gone);
    tcase_add_test(tests, so_many_silences_in_a_row_are_a_loss);
    tcase_add_test(tests, who_failed_is_checked_once_until_it_is_known);
    tcase_add_test(tests, who_has_another_id_is_taken_out);
    tcase_add_test(tests, those_that_answered_are_merged_in);
    tcase_add_test(tests, no_target_is_too_far_to_be_right);
}
