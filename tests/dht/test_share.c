/* No signer can push out the others: whoever has most loses first, and the first that arrived,
 * deletions last. */
#include "daemon/dht/records/share.h"

#include <check.h>

#include "common/rng.h"
#include "tests/runner.h"

#define ENTRIES_MAX 64
#define ROUNDS      2000

static uint64_t loser_of(const struct share_entry *entries, size_t count)
{
    struct share share;
    ck_assert_int_eq(share_init(&share, count, 0x9e3779b97f4a7c15u), ERR_OK);
    for (size_t i = 0; i < count; i++)
        share_add(&share, &entries[i]);
    uint64_t loser = share_loser(&share);
    share_clear(&share);
    return loser;
}

START_TEST(the_signer_with_most_loses_its_first)
{
    const struct share_entry entries[] = {{.signer = 1, .arrival = 1, .number = 10},
                                          {.signer = 2, .arrival = 3, .number = 11},
                                          {.signer = 2, .arrival = 2, .number = 12},
                                          {.signer = 3, .arrival = 0, .number = 13}};
    ck_assert_uint_eq(loser_of(entries, 4), 12);
    ck_assert_uint_eq(loser_of(entries, 1), 10);
}
END_TEST

START_TEST(a_live_one_goes_before_a_deletion_of_its_signer)
{
    const struct share_entry entries[] = {
        {.signer = 1, .arrival = 1, .number = 10, .is_deletion = true},
        {.signer = 1, .arrival = 9, .number = 11},
        {.signer = 1, .arrival = 8, .number = 12},
        {.signer = 2, .arrival = 0, .number = 13},
    };
    ck_assert_uint_eq(loser_of(entries, 4), 12);
    ck_assert_uint_eq(loser_of(entries, 2), 11);
    ck_assert_uint_eq(loser_of(entries, 1), 10);
}
END_TEST

START_TEST(among_equals_the_one_held_longest_goes)
{
    const struct share_entry entries[] = {
        {.signer = 7, .arrival = 5, .number = 10},
        {.signer = UINT64_MAX, .arrival = 4, .number = 11, .is_deletion = true},
        {.signer = 0, .arrival = 6, .number = 12},
    };
    ck_assert_uint_eq(loser_of(entries, 3), 11);
}
END_TEST

static size_t count_of(const struct share_entry *entries, size_t count, uint64_t signer)
{
    size_t own = 0;
    for (size_t i = 0; i < count; i++)
        own += entries[i].signer == signer;
    return own;
}

/* Of one signer, live ones first, then by arrival. */
static bool goes_before(const struct share_entry *a, const struct share_entry *b)
{
    if (a->is_deletion != b->is_deletion)
        return b->is_deletion;
    return a->arrival < b->arrival;
}

static const struct share_entry *first_of(const struct share_entry *entries, size_t count,
                                          uint64_t signer)
{
    const struct share_entry *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].signer == signer && (first == NULL || goes_before(&entries[i], first)))
            first = &entries[i];
    }
    return first;
}

static uint64_t plain_loser(const struct share_entry *entries, size_t count)
{
    const struct share_entry *loser = NULL;
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const struct share_entry *first = first_of(entries, count, entries[i].signer);
        size_t own = count_of(entries, count, entries[i].signer);
        if (own > most || (own == most && first->arrival < loser->arrival))
            loser = first;
        most = own > most ? own : most;
    }
    return loser->number;
}

START_TEST(it_agrees_with_the_rule_written_out)
{
    struct share_entry entries[ENTRIES_MAX];
    struct rng rng;
    rng_init_number(&rng, 1);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 1 + rng_below(&rng, ENTRIES_MAX);
        uint32_t signers = 1 + rng_below(&rng, ENTRIES_MAX);
        for (size_t i = 0; i < count; i++) {
            size_t other = rng_below(&rng, (uint32_t)i + 1);
            entries[i] = (struct share_entry){.signer = rng_below(&rng, signers) * (1ull << 40),
                                              .arrival = i,
                                              .number = i,
                                              .is_deletion = rng_below(&rng, 3) == 0};
            entries[i].arrival = entries[other].arrival;
            entries[other].arrival = i;
        }
        ck_assert_uint_eq(loser_of(entries, count), plain_loser(entries, count));
    }
}
END_TEST

START_TEST(a_signer_is_told_by_the_head_of_its_key)
{
    const uint8_t k[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    ck_assert_uint_eq(share_signer(k), 0x0102030405060708);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_signer_with_most_loses_its_first);
    tcase_add_test(tests, a_live_one_goes_before_a_deletion_of_its_signer);
    tcase_add_test(tests, among_equals_the_one_held_longest_goes);
    tcase_add_test(tests, it_agrees_with_the_rule_written_out);
    tcase_add_test(tests, a_signer_is_told_by_the_head_of_its_key);
}
