/* A lookup ends with the k nearest live nodes of a network, asks few others, goes past a silent one
 * at once and still takes its late answer, and stays within its bounds whatever it is told. */
#include "daemon/dht/lookup/lookup.h"
#include "tests/runner.h"

#include <check.h>

#define NODES     500
#define ROUNDS    40
#define REPLY_MAX 40 /* the nearest live ones and the dead between them */

static struct lookup l;
static struct rng rng;
static struct id target, self;

static void setup(void)
{
    rng_init_number(&rng, 11);
    id_random(&target, &rng);
    id_random(&self, &rng);
    lookup_init(&l, &target, &self, LOOKUP_K, LOOKUP_ALPHA);
}

static void teardown(void)
{
    lookup_clear(&l);
}

static struct addr addr_number(uint32_t n)
{
    uint8_t ip[4] = {10, 1, (uint8_t)(n >> 8), (uint8_t)n};
    return addr_v4(ip, 4001);
}

/* A contact whose distance to the target is `n`, so that lower numbers are nearer. */
static struct contact contact_number(uint32_t n)
{
    struct contact c = {.id = target, .addr = addr_number(n)};
    c.id.b[ID_SIZE - 1] ^= (uint8_t)n;
    c.id.b[ID_SIZE - 2] ^= (uint8_t)(n >> 8);
    return c;
}

static bool add(uint32_t n, bool is_retriable)
{
    struct contact c = contact_number(n);
    return lookup_add(&l, &c, 1, is_retriable);
}

static struct lookup_candidate *answered(uint32_t n)
{
    struct contact c = contact_number(n);
    return lookup_answered(&l, &c.addr, &c.id, 5);
}

static void late(uint32_t n)
{
    struct addr addr = addr_number(n);
    lookup_late(&l, &addr);
}

static void dead(uint32_t n)
{
    struct addr addr = addr_number(n);
    lookup_dead(&l, &addr);
}

/* Expects the next one asked to be `n`. */
static void assert_next(uint32_t n)
{
    struct addr addr = addr_number(n);
    struct lookup_candidate *c = lookup_next(&l);
    ck_assert_msg(c != NULL, "nobody, not %u", n);
    ck_assert_msg(addr_equal(&c->contact.addr, &addr), "not %u", n);
}

static void assert_nobody(void)
{
    ck_assert_ptr_null(lookup_next(&l));
}

static void probed(uint32_t n)
{
    struct addr addr = addr_number(n);
    lookup_probed(&l, &addr);
}

static void alive(uint32_t n)
{
    struct addr addr = addr_number(n);
    lookup_alive(&l, &addr);
}

START_TEST(one_that_is_probed_is_bypassed_and_waited_for)
{
    for (uint32_t n = 1; n <= LOOKUP_K + 1; n++)
        add(n, true);
    for (uint32_t n = 1; n <= LOOKUP_ALPHA; n++)
        assert_next(n);
    probed(1);
    assert_next(5);
    assert_nobody();
    for (uint32_t n = 2; n <= LOOKUP_K; n++) {
        ck_assert_ptr_nonnull(answered(n));
        lookup_next(&l);
    }
    /* The one beyond the nearest is asked in its place. */
    ck_assert_uint_eq(l.candidates[LOOKUP_K].state, LOOKUP_ASKED);
    ck_assert_ptr_nonnull(answered(LOOKUP_K + 1));
    ck_assert(!lookup_is_done(&l));
    assert_nobody();
    alive(1);
    ck_assert(!lookup_is_done(&l));
    assert_nobody();
    probed(1);
    late(1);
    assert_next(1);
    probed(1);
    late(1);
    ck_assert(lookup_is_done(&l));
    ck_assert_ptr_nonnull(answered(1));
    alive(2);
    probed(2);
    ck_assert_uint_eq(l.candidates[1].state, LOOKUP_ANSWERED);
}
END_TEST

START_TEST(whom_it_takes)
{
    struct contact c = contact_number(1);
    ck_assert(lookup_add(&l, &c, 1, false));
    ck_assert(!lookup_add(&l, &c, 1, false));
    c.id.b[0] ^= 1;
    ck_assert(!lookup_add(&l, &c, 1, false));
    c = contact_number(1);
    c.addr = addr_number(2);
    ck_assert(!lookup_add(&l, &c, 1, false));
    c = contact_number(3);
    c.id = self;
    ck_assert(!lookup_add(&l, &c, 1, false));
    c = contact_number(3);
    c.addr.port = 0;
    ck_assert(!lookup_add(&l, &c, 1, false));
    ck_assert(!lookup_add_unknown(&l, &c.addr));
    ck_assert_uint_eq(l.count, 1);
}
END_TEST

START_TEST(nearest_first_and_alpha_at_once)
{
    for (uint32_t n = 12; n > 0; n--)
        ck_assert(add(n, false));
    for (uint32_t n = 1; n <= LOOKUP_ALPHA; n++)
        assert_next(n);
    assert_nobody();
    ck_assert_ptr_nonnull(answered(2));
    assert_next(5);
    assert_nobody();
    ck_assert(!lookup_is_done(&l));
}
END_TEST

START_TEST(it_ends_with_the_k_nearest)
{
    for (uint32_t n = 1; n <= 12; n++)
        add(n, false);
    for (uint32_t n = 1; n <= LOOKUP_K; n++) {
        ck_assert(!lookup_is_done(&l));
        assert_next(n);
        ck_assert_ptr_nonnull(answered(n));
    }
    ck_assert(lookup_is_done(&l));
    assert_nobody();
    ck_assert_uint_eq(l.asked, LOOKUP_K);
    ck_assert_uint_eq(l.answered, LOOKUP_K);
    const struct lookup_candidate *closest[LOOKUP_K];
    ck_assert_uint_eq(lookup_closest(&l, closest, 3), 3);
    struct contact third = contact_number(3);
    ck_assert(id_equal(&closest[2]->contact.id, &third.id));
    ck_assert_uint_eq(lookup_hops(&l), 1);
}
END_TEST

/* A late one frees its place at once: the next is asked beyond the k nearest. */
START_TEST(a_late_one_is_bypassed)
{
    for (uint32_t n = 1; n <= 10; n++)
        add(n, false);
    for (uint32_t n = 1; n <= LOOKUP_ALPHA; n++)
        assert_next(n);
    late(1);
    assert_next(5);
    for (uint32_t n = 2; n <= 8; n++) {
        if (n > 5)
            assert_next(n);
        answered(n);
    }
    ck_assert(!lookup_is_done(&l));
    assert_next(9);
    assert_nobody();
    answered(9);
    ck_assert(lookup_is_done(&l));
    struct lookup_candidate *first = answered(1);
    ck_assert_ptr_nonnull(first);
    ck_assert_int_eq(first->state, LOOKUP_ANSWERED);
    const struct lookup_candidate *closest[LOOKUP_K];
    ck_assert_uint_eq(lookup_closest(&l, closest, LOOKUP_K), LOOKUP_K);
    ck_assert_ptr_eq(closest[0], first);
}
END_TEST

START_TEST(a_known_one_is_asked_twice)
{
    add(1, true);
    add(2, false);
    assert_next(1);
    assert_next(2);
    answered(2);
    late(1);
    ck_assert(!lookup_is_done(&l));
    assert_next(1);
    ck_assert(!lookup_is_done(&l));
    late(1);
    assert_nobody();
    ck_assert(lookup_is_done(&l));
    dead(1);
    ck_assert_ptr_null(answered(1));
    ck_assert(lookup_is_done(&l));
}
END_TEST

START_TEST(a_retry_does_not_hold_up_the_next)
{
    for (uint32_t n = 1; n <= 9; n++)
        add(n, n == 1);
    for (uint32_t n = 1; n <= LOOKUP_K; n++) {
        assert_next(n);
        if (n > 1)
            answered(n);
    }
    late(1);
    assert_next(1);
    assert_next(9);
    answered(9);
    ck_assert(!lookup_is_done(&l));
    answered(1);
    ck_assert(lookup_is_done(&l));
    late(1);
    dead(1);
    ck_assert_int_eq(l.candidates[0].state, LOOKUP_ANSWERED);
}
END_TEST

START_TEST(while_nobody_answers_it_waits_for_the_late)
{
    add(1, false);
    add(2, false);
    assert_next(1);
    assert_next(2);
    late(1);
    late(2);
    assert_nobody();
    ck_assert(!lookup_is_done(&l));
    dead(1);
    ck_assert(!lookup_is_done(&l));
    dead(2);
    ck_assert(lookup_is_done(&l));
    ck_assert_uint_eq(l.answered, 0);
}
END_TEST

static void silent(uint32_t n, unsigned tries)
{
    struct addr addr = addr_number(n);
    lookup_silent(&l, &addr, tries);
}

/* Runs it to its end: `quiet` of the nearest were late once, all others answered. */
static void run_past(uint32_t quiet)
{
    for (uint32_t n = 1; n <= LOOKUP_K + quiet; n++) {
        assert_next(n);
        if (n <= quiet)
            late(n);
        else
            answered(n);
    }
    ck_assert(lookup_is_done(&l));
}

START_TEST(where_all_answered_it_does_not_go_on)
{
    for (uint32_t n = 1; n <= 20; n++)
        add(n, false);
    run_past(0);
    ck_assert(!lookup_widen(&l, 2 * LOOKUP_K, LOOKUP_ALPHA));
    ck_assert(lookup_is_done(&l));
    assert_nobody();
}
END_TEST

START_TEST(where_nobody_answered_it_does_not_go_on)
{
    for (uint32_t n = 1; n <= 2; n++) {
        add(n, false);
        assert_next(n);
        late(n);
        silent(n, 1);
    }
    ck_assert(lookup_is_done(&l));
    ck_assert(!lookup_widen(&l, 2 * LOOKUP_K, LOOKUP_ALPHA));
    ck_assert(lookup_is_done(&l));
}
END_TEST

/* Who was late and who was given up are asked once more, who refused is not; then those beyond. */
START_TEST(past_its_end_it_asks_the_silent_again_and_more)
{
    for (uint32_t n = 1; n <= 20; n++)
        add(n, false);
    run_past(3);
    dead(2);
    silent(3, 1);
    ck_assert(lookup_widen(&l, LOOKUP_K + 2, 2 * LOOKUP_ALPHA));
    assert_next(1);
    assert_next(3);
    assert_next(LOOKUP_K + 4);
    assert_next(LOOKUP_K + 5);
    assert_nobody();
    silent(1, 1); /* its first query: it has been asked again since */
    ck_assert_ptr_nonnull(answered(1));
    silent(3, 2);
    ck_assert_ptr_null(answered(3));
    answered(LOOKUP_K + 4);
    ck_assert(lookup_is_done(&l));
}
END_TEST

START_TEST(another_id_is_not_an_answer)
{
    add(1, true);
    assert_next(1);
    struct addr addr = addr_number(1);
    struct contact other = contact_number(2);
    ck_assert_ptr_null(lookup_answered(&l, &addr, &other.id, 5));
    ck_assert(lookup_is_done(&l));
    ck_assert_ptr_null(answered(1));
    ck_assert_ptr_null(answered(77));
    assert_nobody();
}
END_TEST

START_TEST(unknown_ids)
{
    for (uint32_t n = 2; n <= 4; n++)
        add(n, false);
    struct addr addr = addr_number(1), own = addr_number(100), twin = addr_number(101);
    ck_assert(lookup_add_unknown(&l, &addr));
    ck_assert(!lookup_add_unknown(&l, &addr));
    ck_assert(lookup_add_unknown(&l, &own));
    ck_assert(lookup_add_unknown(&l, &twin));
    for (int i = 0; i < 3; i++)
        ck_assert(!lookup_next(&l)->has_id);
    assert_next(2);
    struct lookup_candidate *first = answered(1);
    ck_assert_ptr_eq(first, &l.candidates[0]);
    ck_assert(first->has_id);
    ck_assert_ptr_null(lookup_answered(&l, &own, &self, 5));
    /* One node at two addresses: the one that answers takes the other's place. */
    struct contact third = contact_number(3);
    first = lookup_answered(&l, &twin, &third.id, 5);
    ck_assert_ptr_nonnull(first);
    ck_assert(addr_equal(&first->contact.addr, &twin));
    ck_assert_ptr_null(answered(3));
    ck_assert_uint_eq(l.count, 5);
}
END_TEST

START_TEST(the_nearest_are_kept)
{
    ck_assert_ptr_null(l.candidates);
    for (uint32_t n = 200; n > 100; n--)
        ck_assert(add(n, false));
    ck_assert_uint_eq(l.count, LOOKUP_CANDIDATES);
    ck_assert(!add(300, false));
    struct addr addr = addr_number(300);
    ck_assert(!lookup_add_unknown(&l, &addr));
    assert_next(101);
    for (uint32_t n = 1; n <= LOOKUP_CANDIDATES; n++)
        ck_assert(add(n, false));
    ck_assert_ptr_null(answered(101));
    assert_next(1);
}
END_TEST

/* The network: nodes that answer with the k nearest live ones and the dead that they take for live
 * between them. Answers arrive in any order. */
struct network {
    struct contact nodes[NODES];
    bool is_dead[NODES];
    uint32_t pending[NODES];
    size_t pending_count;
    uint32_t lates;
};

static struct network net;

static void make_network(unsigned dead_percent)
{
    net.pending_count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        id_random(&net.nodes[i].id, &rng);
        net.nodes[i].addr = addr_number(i);
        net.is_dead[i] = rng_below(&rng, 100) < dead_percent;
    }
    id_random(&target, &rng);
    lookup_clear(&l);
    lookup_init(&l, &target, &self, LOOKUP_K, LOOKUP_ALPHA);
}

/* A node has noticed the death of about half the dead ones. */
static bool knows(uint32_t who, uint32_t whom)
{
    return !net.is_dead[whom] || ((who * 7919u + whom * 104729u) >> 3) % 2 == 0;
}

/* The nearest that `who` knows and that are not yet among the `count` of `found`. */
static uint32_t nearest(uint32_t who, const uint32_t *found, size_t count)
{
    uint32_t best = NODES;
    for (uint32_t i = 0; i < NODES; i++) {
        bool is_taken = who < NODES && !knows(who, i);
        is_taken |= who == NODES && net.is_dead[i];
        for (size_t j = 0; j < count; j++)
            is_taken |= found[j] == i;
        if (!is_taken && (best == NODES ||
                          id_compare_distance(&target, &net.nodes[i].id, &net.nodes[best].id) < 0))
            best = i;
    }
    return best;
}

static void ask(void)
{
    struct lookup_candidate *c;
    while ((c = lookup_next(&l)) != NULL) {
        uint32_t i = (uint32_t)(c->contact.addr.ip[2] << 8 | c->contact.addr.ip[3]);
        net.pending[net.pending_count++] = i;
    }
    size_t asked = 0;
    for (size_t i = 0; i < l.count; i++)
        asked += l.candidates[i].state == LOOKUP_ASKED;
    ck_assert_uint_le(asked, LOOKUP_ALPHA);
}

static void reply(uint32_t who)
{
    const struct contact *contact = &net.nodes[who];
    struct lookup_candidate *c = lookup_answered(&l, &contact->addr, &contact->id, 5);
    if (c == NULL)
        return;
    unsigned hop = c->hop + 1u;
    uint32_t found[REPLY_MAX];
    unsigned alive = 0;
    for (size_t i = 0; i < REPLY_MAX && alive < LOOKUP_K; i++) {
        found[i] = nearest(who, found, i);
        alive += !net.is_dead[found[i]];
        lookup_add(&l, &net.nodes[found[i]], hop, false);
    }
    ck_assert_uint_eq(alive, LOOKUP_K);
}

/* Runs it to the end; `late_percent` of the live answer only after having been given up. */
static void run(unsigned late_percent)
{
    for (uint32_t i = 0; i < LOOKUP_K; i++)
        lookup_add(&l, &net.nodes[rng_below(&rng, NODES)], 0, i % 2 == 0);
    while (!lookup_is_done(&l)) {
        ask();
        ck_assert_uint_gt(net.pending_count, 0);
        uint32_t at = rng_below(&rng, (uint32_t)net.pending_count);
        uint32_t who = net.pending[at];
        bool is_late = net.is_dead[who] || rng_below(&rng, 100) < late_percent;
        if (is_late)
            lookup_late(&l, &net.nodes[who].addr);
        else
            reply(who);
        if (!is_late || net.is_dead[who])
            net.pending[at] = net.pending[--net.pending_count];
        net.lates += is_late;
    }
    ck_assert_ptr_null(lookup_next(&l));
}

static void assert_true_closest(void)
{
    const struct lookup_candidate *closest[LOOKUP_K];
    uint32_t found[LOOKUP_K];
    ck_assert_uint_eq(lookup_closest(&l, closest, LOOKUP_K), LOOKUP_K);
    for (size_t i = 0; i < LOOKUP_K; i++) {
        found[i] = nearest(NODES, found, i);
        ck_assert(id_equal(&closest[i]->contact.id, &net.nodes[found[i]].id));
    }
}

START_TEST(all_alive)
{
    unsigned asked = 0;
    for (int i = 0; i < ROUNDS; i++) {
        make_network(0);
        run(0);
        assert_true_closest();
        asked += l.asked;
    }
    /* The first ones, chosen at random, and then the k nearest: hardly any besides. */
    ck_assert_uint_le(asked, ROUNDS * (LOOKUP_ALPHA + LOOKUP_K + 1));
}
END_TEST

START_TEST(a_third_dead)
{
    unsigned asked = 0, wasted = 0;
    for (int i = 0; i < ROUNDS; i++) {
        make_network(30);
        net.lates = 0;
        run(0);
        assert_true_closest();
        asked += l.asked;
        wasted += net.lates;
    }
    /* Queries to the dead come on top; going past them asks few of the living in vain. */
    ck_assert_uint_le(asked - wasted, ROUNDS * (LOOKUP_ALPHA + LOOKUP_K + 1));
    ck_assert_uint_le(wasted, ROUNDS * LOOKUP_K);
}
END_TEST

START_TEST(all_alive_but_often_late)
{
    for (int i = 0; i < ROUNDS; i++) {
        make_network(10);
        run(40);
        ck_assert_uint_ge(l.answered, LOOKUP_K);
        ck_assert_uint_le(l.count, LOOKUP_CANDIDATES);
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, whom_it_takes);
    tcase_add_test(tests, one_that_is_probed_is_bypassed_and_waited_for);
    tcase_add_test(tests, nearest_first_and_alpha_at_once);
    tcase_add_test(tests, it_ends_with_the_k_nearest);
    tcase_add_test(tests, a_late_one_is_bypassed);
    tcase_add_test(tests, a_known_one_is_asked_twice);
    tcase_add_test(tests, a_retry_does_not_hold_up_the_next);
    tcase_add_test(tests, while_nobody_answers_it_waits_for_the_late);
    tcase_add_test(tests, where_all_answered_it_does_not_go_on);
    tcase_add_test(tests, where_nobody_answered_it_does_not_go_on);
    tcase_add_test(tests, past_its_end_it_asks_the_silent_again_and_more);
    tcase_add_test(tests, another_id_is_not_an_answer);
    tcase_add_test(tests, unknown_ids);
    tcase_add_test(tests, the_nearest_are_kept);
    tcase_add_test(tests, all_alive);
    tcase_add_test(tests, a_third_dead);
    tcase_add_test(tests, all_alive_but_often_late);
}
