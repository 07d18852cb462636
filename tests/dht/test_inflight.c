/* A reply finds its query by t and address alone; each query is reported late once and dead once,
 * in the order of its times, and their number is bounded. */
#include "daemon/dht/lookup/inflight.h"
#include "tests/runner.h"

#include <check.h>

static struct inflight *f;
static struct rng rng;

static void setup(void)
{
    f = inflight_new();
    ck_assert_ptr_nonnull(f);
    rng_init_number(&rng, 3);
}

static void teardown(void)
{
    inflight_free(f);
}

static struct addr addr_number(uint32_t n)
{
    uint8_t ip[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return addr_v4(ip, 4001);
}

static uint32_t add(uint32_t n, uint64_t owner, uint64_t sent_ms, uint64_t late_ms)
{
    struct inflight_query query = {.contact.addr = addr_number(n),
                                   .owner = owner,
                                   .owner_index = n,
                                   .sent_ms = sent_ms,
                                   .late_ms = late_ms};
    const struct inflight_query *added = inflight_add(f, &query, &rng);
    ck_assert_ptr_nonnull(added);
    return added->t;
}

START_TEST(a_reply_is_taken_once)
{
    uint32_t t = add(1, 7, 0, 30);
    struct addr from = addr_number(1), other = addr_number(2);
    struct inflight_query query;
    ck_assert(!inflight_take(f, t, &other, &query));
    ck_assert(!inflight_take(f, t + 1, &from, &query));
    ck_assert_uint_eq(inflight_count(f), 1);
    ck_assert(inflight_take(f, t, &from, &query));
    ck_assert_uint_eq(query.owner, 7);
    ck_assert_uint_eq(query.t, t);
    ck_assert(!inflight_take(f, t, &from, &query));
    ck_assert_uint_eq(inflight_count(f), 0);
    ck_assert_uint_eq(inflight_next_ms(f), UINT64_MAX);
}
END_TEST

START_TEST(an_empty_one_has_nothing)
{
    struct addr from = addr_number(1);
    struct inflight_query query;
    bool is_dead;
    ck_assert(!inflight_take(f, 0, &from, &query));
    ck_assert(!inflight_next_due(f, UINT64_MAX, &query, &is_dead));
    inflight_drop_owner(f, 0);
    inflight_free(NULL);
}
END_TEST

START_TEST(late_then_dead)
{
    uint32_t t = add(1, 7, 100, 130);
    struct addr from = addr_number(1);
    struct inflight_query query;
    bool is_dead;
    ck_assert_uint_eq(inflight_next_ms(f), 130);
    ck_assert(!inflight_next_due(f, 129, &query, &is_dead));
    ck_assert(inflight_next_due(f, 130, &query, &is_dead));
    ck_assert(!is_dead && query.is_late);
    ck_assert_uint_eq(inflight_next_ms(f), 100 + INFLIGHT_DEAD_MS);
    ck_assert(!inflight_next_due(f, 99 + INFLIGHT_DEAD_MS, &query, &is_dead));
    ck_assert(inflight_next_due(f, 100 + INFLIGHT_DEAD_MS, &query, &is_dead));
    ck_assert(is_dead);
    ck_assert_uint_eq(query.t, t);
    ck_assert(!inflight_take(f, t, &from, &query));
}
END_TEST

START_TEST(a_late_answer_counts)
{
    uint32_t t = add(1, 7, 100, 130);
    struct addr from = addr_number(1);
    struct inflight_query query;
    bool is_dead;
    ck_assert(inflight_next_due(f, 200, &query, &is_dead));
    ck_assert(inflight_take(f, t, &from, &query));
    ck_assert(query.is_late);
}
END_TEST

START_TEST(one_that_is_sent_again_is_late_again_and_dead_as_before)
{
    uint32_t t = add(1, 7, 100, 130), later = add(2, 7, 100, 400);
    struct addr from = addr_number(1);
    struct inflight_query query;
    bool is_dead;
    ck_assert(inflight_next_due(f, 130, &query, &is_dead));
    ck_assert_uint_eq(inflight_again(f, t, 500)->owner, 7);
    ck_assert(inflight_next_due(f, 499, &query, &is_dead));
    ck_assert_uint_eq(query.t, later);
    ck_assert(!inflight_next_due(f, 499, &query, &is_dead));
    ck_assert(inflight_next_due(f, 500, &query, &is_dead));
    ck_assert(query.t == t && !is_dead && query.is_late);
    ck_assert_uint_eq(inflight_next_ms(f), 100 + INFLIGHT_DEAD_MS);
    ck_assert(inflight_take(f, t, &from, &query));
    ck_assert_ptr_null(inflight_again(f, t, 600));
}
END_TEST

START_TEST(never_late_after_death)
{
    add(1, 7, 100, UINT64_MAX);
    struct inflight_query query;
    bool is_dead;
    ck_assert_uint_eq(inflight_next_ms(f), 100 + INFLIGHT_DEAD_MS);
    ck_assert(inflight_next_due(f, 100 + INFLIGHT_DEAD_MS, &query, &is_dead) && !is_dead);
    ck_assert(inflight_next_due(f, 100 + INFLIGHT_DEAD_MS, &query, &is_dead) && is_dead);
    ck_assert_uint_eq(inflight_count(f), 0);
}
END_TEST

START_TEST(the_limit_holds)
{
    for (uint32_t i = 0; i < INFLIGHT_MAX; i++)
        add(i, i % 3, 0, 1 + i / 2);
    struct inflight_query query = {.contact.addr = addr_number(1)};
    ck_assert_ptr_null(inflight_add(f, &query, &rng));
    ck_assert_uint_eq(inflight_count(f), INFLIGHT_MAX);
    inflight_drop_owner(f, 1);
    ck_assert_uint_eq(inflight_count(f), INFLIGHT_MAX - INFLIGHT_MAX / 3);
    bool is_dead;
    for (uint64_t last_ms = 0; inflight_next_ms(f) <= INFLIGHT_MAX / 2;) {
        uint64_t due_ms = inflight_next_ms(f);
        ck_assert_uint_ge(due_ms, last_ms);
        ck_assert(inflight_next_due(f, due_ms, &query, &is_dead));
        ck_assert(!is_dead && query.owner != 1);
        last_ms = due_ms;
    }
    inflight_drop_owner(f, 0);
    inflight_drop_owner(f, 2);
    ck_assert_uint_eq(inflight_count(f), 0);
    add(1, 1, 0, 1);
}
END_TEST

/* A model: the same calls on a plain array must give the same answers. */
#define MODEL_MAX 300

static struct inflight_query model[MODEL_MAX];
static size_t model_count;

static uint64_t model_due_ms(size_t i)
{
    return model[i].is_late ? model[i].sent_ms + INFLIGHT_DEAD_MS : model[i].late_ms;
}

static uint64_t model_next_ms(void)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < model_count; i++)
        least = model_due_ms(i) < least ? model_due_ms(i) : least;
    return least;
}

static size_t model_find(uint32_t t)
{
    size_t i = 0;
    while (i < model_count && model[i].t != t)
        i++;
    ck_assert_uint_lt(i, model_count);
    return i;
}

static void model_due(uint64_t now_ms)
{
    struct inflight_query query;
    bool is_dead;
    while (inflight_next_due(f, now_ms, &query, &is_dead)) {
        size_t i = model_find(query.t);
        ck_assert_uint_eq(model_due_ms(i), model_next_ms());
        ck_assert_int_eq(is_dead, model[i].is_late);
        model[i].is_late = true;
        if (is_dead)
            model[i] = model[--model_count];
    }
    ck_assert(model_next_ms() > now_ms);
}

static void model_step(uint64_t now_ms)
{
    if (model_count < MODEL_MAX && rng_below(&rng, 3) > 0) {
        uint32_t n = rng_below(&rng, 50);
        uint64_t late_ms = now_ms + 1 + rng_below(&rng, 500);
        uint32_t t = add(n, n, now_ms, late_ms);
        model[model_count++] = (struct inflight_query){.t = t,
                                                       .owner = n,
                                                       .contact.addr = addr_number(n),
                                                       .sent_ms = now_ms,
                                                       .late_ms = late_ms};
    } else if (model_count > 0) {
        size_t i = rng_below(&rng, (uint32_t)model_count);
        struct inflight_query query;
        ck_assert(inflight_take(f, model[i].t, &model[i].contact.addr, &query));
        ck_assert_uint_eq(query.owner, model[i].owner);
        model[i] = model[--model_count];
    }
}

START_TEST(it_agrees_with_a_plain_list)
{
    model_count = 0;
    for (uint64_t now_ms = 0; now_ms < 40000; now_ms += rng_below(&rng, 20)) {
        model_step(now_ms);
        model_due(now_ms);
        ck_assert_uint_eq(inflight_count(f), model_count);
        ck_assert_uint_eq(inflight_next_ms(f), model_next_ms());
    }
}
END_TEST

START_TEST(one_is_found_by_whose_it_is_and_whom_it_asks)
{
    uint32_t t = add(1, 7, 0, 30);
    add(1, 8, 0, 30);
    const struct addr first = addr_number(1), second = addr_number(2);
    ck_assert_uint_eq(inflight_find(f, 7, 0, &first)->t, t);
    ck_assert_ptr_null(inflight_find(f, 7, 1, &first));
    ck_assert_ptr_null(inflight_find(f, 7, 0, &second));
    inflight_drop_owner(f, 7);
    ck_assert_ptr_null(inflight_find(f, 7, 0, &first));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_reply_is_taken_once);
    tcase_add_test(tests, an_empty_one_has_nothing);
    tcase_add_test(tests, late_then_dead);
    tcase_add_test(tests, a_late_answer_counts);
    tcase_add_test(tests, one_that_is_sent_again_is_late_again_and_dead_as_before);
    tcase_add_test(tests, never_late_after_death);
    tcase_add_test(tests, one_is_found_by_whose_it_is_and_whom_it_asks);
    tcase_add_test(tests, the_limit_holds);
    tcase_add_test(tests, it_agrees_with_a_plain_list);
}
