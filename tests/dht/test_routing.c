/* The table must keep the oldest live nodes and replace only those that failed, hold the caps, and
 * say in time what to ping and refresh. */
#include <check.h>

#include "tests/dht/home.h"
#include "tests/runner.h"

#define MINUTE_MS (60u * 1000u)

static struct home *home;

/* An address of the public network 20.x.y.0/24 that `network` numbers. */
static struct addr in_network(uint16_t network, uint8_t host)
{
    const uint8_t ip[4] = {20, (uint8_t)(network >> 8), (uint8_t)network, host};

    return addr_v4(ip, 6881);
}

static bool is_member(const struct contact *contact)
{
    return routing_find(&home->table, contact) != NULL;
}

/* Eight members that share `prefix` bits with us, at addresses from `first` on. */
static void fill_bucket(unsigned prefix, uint32_t first, struct contact members[ROUTING_K])
{
    for (uint32_t i = 0; i < ROUTING_K; i++) {
        members[i] = home_contact(home, prefix, home_local(first + i));
        ck_assert_int_eq(home_answered(home, &members[i], 0), ROUTING_ADDED);
    }
}

START_TEST(test_idle_table_is_empty)
{
    struct contact found[1], contact = home_contact(home, 0, home_local(1));
    struct id target;
    size_t bucket = 0, index = 0;

    ck_assert_uint_eq(routing_closest(&home->table, &home->self, true, found, 1), 0);
    ck_assert_ptr_null(routing_each(&home->table, &bucket, &index));
    ck_assert_ptr_null(routing_find(&home->table, &contact));
    ck_assert_uint_eq(routing_next_ms(&home->table), UINT64_MAX);
    ck_assert(!routing_next_check(&home->table, 1, found));
    ck_assert(!routing_next_refresh(&home->table, 1, &home->rng, &target));
    routing_failed(&home->table, &contact, 1);
    routing_remove(&home->table, &contact.id);
    routing_touch(&home->table, &home->self, 1);
    ck_assert_uint_eq(routing_estimate(&home->table), 1);
}
END_TEST

START_TEST(test_answer_adds_then_updates)
{
    struct contact contact = home_contact(home, 3, home_local(1));

    ck_assert_int_eq(home_answered(home, &contact, 5), ROUTING_ADDED);
    ck_assert_int_eq(home_answered(home, &contact, 9), ROUTING_UPDATED);
    const struct routing_node *node = routing_find(&home->table, &contact);
    ck_assert_ptr_nonnull(node);
    ck_assert_uint_eq(node->first_ms, 5);
    ck_assert_uint_eq(node->answered_ms, 9);
    ck_assert(node->is_xord);
    ck_assert_uint_ne(node->rtt.srtt_x8_ms, 0);
    ck_assert_uint_eq(home->table.node_count, 1);
}
END_TEST

START_TEST(test_own_id_and_other_family_are_refused)
{
    const uint8_t ip[16] = {[15] = 1};
    struct contact own = {.id = home->self, .addr = home_local(1)};
    struct contact other = home_contact(home, 0, addr_v6(ip, 1));

    ck_assert_int_eq(home_answered(home, &own, 0), ROUTING_REFUSED);
    ck_assert_int_eq(home_answered(home, &other, 0), ROUTING_REFUSED);
    ck_assert(routing_queried_us(&home->table, &own, 0));
    ck_assert(routing_queried_us(&home->table, &other, 0));
    ck_assert_uint_eq(home->table.node_count, 0);
}
END_TEST

START_TEST(test_full_bucket_caches_and_keeps_the_oldest)
{
    struct contact members[ROUTING_K], late = home_contact(home, 0, home_local(100));

    fill_bucket(0, 0, members);
    ck_assert_int_eq(home_answered(home, &late, 10), ROUTING_CACHED);
    ck_assert(!is_member(&late));
    for (size_t i = 0; i < ROUTING_K; i++)
        ck_assert(is_member(&members[i]));
    routing_failed(&home->table, &members[3], 11);
    ck_assert(is_member(&members[3]));
    ck_assert(!is_member(&late));
    home_answered(home, &members[3], 12); /* an answer clears what failed before */
    for (unsigned i = 0; i < ROUTING_FAILS_MAX; i++) {
        ck_assert(is_member(&members[3]));
        routing_failed(&home->table, &members[3], 13);
    }
    ck_assert(!is_member(&members[3]));
    ck_assert(is_member(&late));
    ck_assert_uint_eq(home->table.node_count, ROUTING_K);
}
END_TEST

START_TEST(test_newest_of_the_cache_comes_first)
{
    struct contact members[ROUTING_K], cached[ROUTING_CACHE + 2];

    fill_bucket(0, 0, members);
    for (uint32_t i = 0; i < ROUTING_CACHE + 2; i++) {
        cached[i] = home_contact(home, 0, home_local(100 + i));
        ck_assert_int_eq(home_answered(home, &cached[i], i), ROUTING_CACHED);
    }
    ck_assert_int_eq(home_answered(home, &cached[4], 50), ROUTING_CACHED);
    routing_remove(&home->table, &members[0].id);
    ck_assert(is_member(&cached[4]));
    routing_remove(&home->table, &cached[9].id); /* the next newest leaves the cache */
    for (size_t i = 1; i < ROUTING_K; i++)
        routing_remove(&home->table, &members[i].id);
    ck_assert(!is_member(&cached[0])); /* the oldest two had to go */
    ck_assert(!is_member(&cached[1]));
    ck_assert(!is_member(&cached[9]));
    for (size_t i = 2; i < 9; i++)
        ck_assert(is_member(&cached[i]));
    ck_assert_uint_eq(home->table.node_count, 7);
}
END_TEST

START_TEST(test_those_who_wait_are_told_nearest_first)
{
    struct contact members[ROUTING_K], spares[ROUTING_CACHE];

    fill_bucket(0, 1, members);
    ck_assert_uint_eq(routing_spares(&home->table, &home->self, spares, ROUTING_CACHE), 0);
    for (uint32_t i = 0; i < 4; i++) {
        struct contact waiting = home_contact(home, 0, home_local(100 + i));
        ck_assert_int_eq(home_answered(home, &waiting, i), ROUTING_CACHED);
    }
    ck_assert_uint_eq(routing_spares(&home->table, &home->self, spares, ROUTING_CACHE), 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert(!is_member(&spares[i]));
        ck_assert(i == 0 || id_compare_distance(&home->self, &spares[i - 1].id, &spares[i].id) < 0);
    }
    struct contact nearest = spares[0];
    ck_assert_uint_eq(routing_spares(&home->table, &home->self, spares, 1), 1);
    ck_assert(id_equal(&spares[0].id, &nearest.id));
}
END_TEST

START_TEST(test_newcomer_replaces_a_dead_node_when_nobody_waits)
{
    struct contact members[ROUTING_K], late = home_contact(home, 0, home_local(100));

    fill_bucket(0, 0, members);
    ck_assert(routing_queried_us(&home->table, &late, 1)); /* no room for it */
    for (unsigned i = 0; i < ROUTING_FAILS_MAX; i++)
        routing_failed(&home->table, &members[5], 2);
    ck_assert(is_member(&members[5]));
    ck_assert(!routing_queried_us(&home->table, &late, 3));
    ck_assert_int_eq(home_answered(home, &late, 4), ROUTING_ADDED);
    ck_assert(!is_member(&members[5]));
    ck_assert_uint_eq(home->table.node_count, ROUTING_K);
}
END_TEST

START_TEST(test_cached_node_that_fails_leaves_the_cache)
{
    struct contact members[ROUTING_K], late = home_contact(home, 0, home_local(100)),
                                       false_rumour = late;

    fill_bucket(0, 0, members);
    home_answered(home, &late, 1);
    false_rumour.addr = home_local(101); /* its id at another address: not its failure */
    routing_failed(&home->table, &false_rumour, 2);
    routing_remove(&home->table, &members[0].id);
    ck_assert(is_member(&late));
    late = home_contact(home, 0, home_local(102));
    home_answered(home, &late, 3);
    routing_failed(&home->table, &late, 4);
    routing_remove(&home->table, &members[1].id);
    ck_assert(!is_member(&late));
    ck_assert_uint_eq(home->table.node_count, ROUTING_K - 1);
}
END_TEST

START_TEST(test_splits_only_where_it_makes_room)
{
    struct contact members[ROUTING_K], near = home_contact(home, 9, home_local(200));

    fill_bucket(0, 0, members);
    ck_assert_uint_eq(home->table.bucket_count, 1);
    struct contact far = home_contact(home, 0, home_local(100));
    ck_assert_int_eq(home_answered(home, &far, 1), ROUTING_CACHED);
    ck_assert_uint_eq(home->table.bucket_count, 1); /* all of them would have stayed together */
    ck_assert(!routing_queried_us(&home->table, &near, 1));
    ck_assert_int_eq(home_answered(home, &near, 1), ROUTING_ADDED);
    ck_assert_uint_eq(home->table.bucket_count, 2);
    fill_bucket(4, 300, members);
    ck_assert_uint_eq(home->table.node_count, 2 * ROUTING_K + 1);
    size_t bucket = 0, index = 0;
    const struct routing_node *node;
    while ((node = routing_each(&home->table, &bucket, &index)) != NULL) {
        unsigned prefix = id_common_prefix(&home->self, &node->contact.id);
        ck_assert(prefix == bucket || (prefix > bucket && bucket == home->table.bucket_count - 1));
    }
}
END_TEST

START_TEST(test_address_changes_its_id_only_after_it_failed)
{
    struct contact old = home_contact(home, 0, home_local(1)),
                   new = home_contact(home, 5, home_local(1));

    home_answered(home, &old, 0);
    ck_assert(routing_queried_us(&home->table, &new, 1));
    ck_assert_int_eq(home_answered(home, &new, 1), ROUTING_REFUSED);
    routing_failed(&home->table, &old, 2);
    ck_assert(!routing_queried_us(&home->table, &new, 3));
    ck_assert_int_eq(home_answered(home, &new, 3), ROUTING_ADDED);
    ck_assert(!is_member(&old));
    ck_assert_uint_eq(home->table.node_count, 1);
}
END_TEST

START_TEST(test_id_changes_its_address_only_after_it_failed)
{
    struct contact old = home_contact(home, 0, home_local(1)), new = old;

    new.addr = home_local(2);
    home_answered(home, &old, 0);
    ck_assert_int_eq(home_answered(home, &new, 1), ROUTING_REFUSED);
    ck_assert(routing_queried_us(&home->table, &new, 1));
    routing_failed(&home->table, &new, 1); /* another address: not this member */
    ck_assert_int_eq(home_answered(home, &new, 1), ROUTING_REFUSED);
    routing_failed(&home->table, &old, 2);
    ck_assert_int_eq(home_answered(home, &new, 3), ROUTING_ADDED);
    ck_assert(is_member(&new));
    ck_assert(!is_member(&old));
}
END_TEST

/* Twelve buckets with five members each, every one of a network of its own. */
static void make_buckets_with_room(void)
{
    struct contact members[12][ROUTING_K];

    for (uint16_t prefix = 0; prefix < 12; prefix++) {
        for (uint16_t i = 0; i < ROUTING_K; i++) {
            members[prefix][i] = home_contact(home, prefix, in_network(100 + prefix * 10 + i, 1));
            ck_assert_int_eq(home_answered(home, &members[prefix][i], 0), ROUTING_ADDED);
        }
    }
    for (unsigned prefix = 0; prefix < 12; prefix++) {
        for (int i = 0; i < 3; i++)
            routing_remove(&home->table, &members[prefix][i].id);
    }
    ck_assert_uint_eq(home->table.bucket_count, 12);
}

START_TEST(test_networks_are_capped_in_a_bucket_and_the_table)
{
    size_t added = 0;

    make_buckets_with_room();
    for (unsigned prefix = 0; prefix < 11; prefix++) {
        for (uint8_t i = 0; i < 3; i++) {
            struct contact contact =
                home_contact(home, prefix, in_network(7, (uint8_t)(prefix * 3 + i)));
            bool is_allowed = i < ROUTING_PREFIX_BUCKET_MAX && added < ROUTING_PREFIX_TABLE_MAX;
            ck_assert(routing_queried_us(&home->table, &contact, 0) == !is_allowed);
            enum routing_added how = home_answered(home, &contact, 0);
            ck_assert_int_eq(how, is_allowed ? ROUTING_ADDED : ROUTING_REFUSED);
            added += how == ROUTING_ADDED;
        }
    }
    ck_assert_uint_eq(added, ROUTING_PREFIX_TABLE_MAX);
}
END_TEST

START_TEST(test_networks_are_capped_in_the_cache)
{
    struct contact waiting[ROUTING_PREFIX_BUCKET_MAX + 1];

    for (uint8_t i = 0; i < ROUTING_K; i++) {
        struct contact member = home_contact(home, 0, in_network(100 + i, 1));
        ck_assert_int_eq(home_answered(home, &member, 0), ROUTING_ADDED);
    }
    for (uint8_t i = 0; i <= ROUTING_PREFIX_BUCKET_MAX; i++) {
        waiting[i] = home_contact(home, 0, in_network(7, i));
        ck_assert_int_eq(home_answered(home, &waiting[i], 0),
                         i < ROUTING_PREFIX_BUCKET_MAX ? ROUTING_CACHED : ROUTING_REFUSED);
    }
    ck_assert_int_eq(home_answered(home, &waiting[0], 1), ROUTING_CACHED);
}
END_TEST

START_TEST(test_query_to_us_keeps_a_member_good)
{
    struct contact contact = home_contact(home, 0, home_local(1)), out;

    ck_assert(!routing_queried_us(&home->table, &contact, 0));
    home_answered(home, &contact, 0);
    ck_assert(routing_queried_us(&home->table, &contact, 10 * MINUTE_MS));
    ck_assert(!routing_next_check(&home->table, 15 * MINUTE_MS, &out));
    ck_assert_uint_eq(home->table.check_ms, 25 * MINUTE_MS);
    ck_assert(routing_next_check(&home->table, 25 * MINUTE_MS, &out));
}
END_TEST

/* Its queries show that somebody sends in its name, not that it is there. */
START_TEST(test_queries_to_us_alone_do_not_keep_a_member_for_ever)
{
    struct contact contact = home_contact(home, 0, home_local(1)), out;
    const unsigned hour = ROUTING_UNANSWERED_MS / MINUTE_MS;

    home_answered(home, &contact, 0);
    for (unsigned minute = 10; minute < hour; minute += 10) {
        ck_assert(routing_queried_us(&home->table, &contact, minute * MINUTE_MS));
        ck_assert(!routing_next_check(&home->table, minute * MINUTE_MS, &out));
    }
    ck_assert(routing_next_check(&home->table, hour * MINUTE_MS, &out));
    ck_assert(id_equal(&out.id, &contact.id));
}
END_TEST

START_TEST(test_checks_questionable_and_failed_nodes)
{
    struct contact contact = home_contact(home, 0, home_local(1)), out;

    home_answered(home, &contact, 0);
    ck_assert(!routing_next_check(&home->table, ROUTING_QUESTIONABLE_MS - 1, &out));
    ck_assert_uint_le(routing_next_ms(&home->table), ROUTING_QUESTIONABLE_MS);
    ck_assert(routing_next_check(&home->table, ROUTING_QUESTIONABLE_MS, &out));
    ck_assert(id_equal(&out.id, &contact.id));
    ck_assert(routing_find(&home->table, &contact)->is_pinged);
    uint64_t now_ms = ROUTING_QUESTIONABLE_MS;
    uint64_t last_wait_ms = 0;
    for (int i = 0; i < 6; i++) { /* pinged again and again, each time later */
        ck_assert(!routing_next_check(&home->table, now_ms, &out)); /* not twice at once */
        routing_failed(&home->table, &contact, now_ms);
        ck_assert(!routing_find(&home->table, &contact)->is_pinged);
        ck_assert_uint_gt(home->table.check_ms - now_ms, last_wait_ms);
        last_wait_ms = home->table.check_ms - now_ms;
        now_ms += last_wait_ms;
        ck_assert(!routing_next_check(&home->table, now_ms - 1, &out));
        ck_assert(routing_next_check(&home->table, now_ms, &out));
    }
    home_answered(home, &contact, now_ms);
    ck_assert(!routing_find(&home->table, &contact)->is_pinged);
    ck_assert_uint_eq(routing_find(&home->table, &contact)->fails, 0);
    ck_assert(!routing_next_check(&home->table, now_ms + ROUTING_QUESTIONABLE_MS - 1, &out));
    ck_assert(routing_next_check(&home->table, now_ms + ROUTING_QUESTIONABLE_MS, &out));
}
END_TEST

START_TEST(test_far_buckets_are_checked_when_somebody_waits)
{
    struct contact members[4][ROUTING_K], out, late = home_contact(home, 0, home_local(900));
    size_t checks = 0;

    for (unsigned prefix = 0; prefix < 4; prefix++)
        fill_bucket(prefix, prefix * 100, members[prefix]);
    while (routing_next_check(&home->table, ROUTING_QUESTIONABLE_MS, &out)) {
        ck_assert_uint_ge(id_common_prefix(&home->self, &out.id), 2);
        home_answered(home, &out, ROUTING_QUESTIONABLE_MS);
        checks++;
    }
    ck_assert_uint_eq(checks, 2 * ROUTING_K);
    ck_assert_int_eq(home_answered(home, &late, ROUTING_QUESTIONABLE_MS), ROUTING_CACHED);
    for (checks = 0; routing_next_check(&home->table, ROUTING_QUESTIONABLE_MS, &out); checks++)
        ck_assert_uint_eq(id_common_prefix(&home->self, &out.id), 0);
    ck_assert_uint_eq(checks, ROUTING_K);
    /* And the others later, as nobody may ever ask them. */
    unsigned far = 0;
    while (routing_next_check(&home->table, ROUTING_UNWATCHED_MS, &out))
        far += id_common_prefix(&home->self, &out.id) == 1;
    ck_assert_uint_eq(far, ROUTING_K);
}
END_TEST

START_TEST(test_refreshes_are_spread_when_staggered)
{
    struct contact members[ROUTING_K];
    struct id target;
    uint64_t first_ms = 0, last_ms = 0;
    unsigned count = 0;

    for (unsigned prefix = 0; prefix < 8; prefix++)
        fill_bucket(prefix, prefix * 100, members);
    routing_stagger(&home->table, MINUTE_MS, &home->rng);
    for (uint64_t ms = MINUTE_MS; ms < MINUTE_MS + ROUTING_REFRESH_MS; ms += 1000) {
        while (routing_next_refresh(&home->table, ms, &home->rng, &target)) {
            first_ms = count++ == 0 ? ms : first_ms;
            last_ms = ms;
        }
    }
    ck_assert_uint_ge(count, 8);
    ck_assert_uint_ge(last_ms - first_ms, ROUTING_REFRESH_MS / 2);
}
END_TEST

START_TEST(test_refreshes_drift_apart)
{
    struct contact members[ROUTING_K];
    struct id target;
    unsigned count = 0;

    for (unsigned prefix = 0; prefix < 4; prefix++)
        fill_bucket(prefix, prefix * 100, members);
    while (routing_next_refresh(&home->table, ROUTING_REFRESH_MS, &home->rng, &target))
        count++;
    ck_assert_uint_eq(count, 4);
    ck_assert(!routing_next_refresh(
        &home->table, 2 * ROUTING_REFRESH_MS - ROUTING_REFRESH_JITTER_MS - 1, &home->rng, &target));
    for (count = 0;
         routing_next_refresh(&home->table, 2 * ROUTING_REFRESH_MS - ROUTING_REFRESH_JITTER_MS / 2,
                              &home->rng, &target);)
        count++;
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_lt(count, 4);
}
END_TEST

START_TEST(test_refreshes_each_untouched_bucket_once)
{
    struct contact members[ROUTING_K];
    bool has_prefix[4] = {false};
    struct id target;

    for (unsigned prefix = 0; prefix < 4; prefix++)
        fill_bucket(prefix, prefix * 100, members);
    ck_assert_uint_eq(home->table.bucket_count, 4);
    routing_touch(&home->table, &members[0].id, 5 * MINUTE_MS);
    ck_assert(!routing_next_refresh(&home->table, ROUTING_REFRESH_MS - 1, &home->rng, &target));
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_le(routing_next_ms(&home->table), ROUTING_REFRESH_MS);
        ck_assert(routing_next_refresh(&home->table, ROUTING_REFRESH_MS, &home->rng, &target));
        unsigned prefix = id_common_prefix(&home->self, &target);
        ck_assert_uint_lt(prefix, 3);
        ck_assert(!has_prefix[prefix]);
        has_prefix[prefix] = true;
    }
    ck_assert(!routing_next_refresh(&home->table, ROUTING_REFRESH_MS, &home->rng, &target));
    ck_assert_uint_eq(home->table.refresh_ms, ROUTING_REFRESH_MS + 5 * MINUTE_MS);
    ck_assert(routing_next_refresh(&home->table, home->table.refresh_ms, &home->rng, &target));
    ck_assert_uint_ge(id_common_prefix(&home->self, &target), 3);
}
END_TEST

START_TEST(test_estimate_follows_the_network)
{
    static const uint32_t sizes[] = {5, 100, 1000, 30000};
    uint32_t size = sizes[_i];
    uint64_t sum = 0;

    for (int network = 0; network < 10; network++) {
        for (uint32_t i = 0; i < size - 1; i++) {
            struct contact contact = {.addr = home_local(i * 3)};
            id_random(&contact.id, &home->rng);
            home_answered(home, &contact, 0);
        }
        uint64_t estimate = routing_estimate(&home->table);
        ck_assert_uint_ge(estimate, home->table.node_count);
        ck_assert_uint_ge(estimate, size / 3);
        ck_assert_uint_le(estimate, (uint64_t)size * 3);
        sum += estimate;
        routing_clear(&home->table);
    }
    ck_assert_uint_ge(sum / 10, size * 3 / 4);
    ck_assert_uint_le(sum / 10, size * 3 / 2);
}
END_TEST

void add_tests(TCase *tests)
{
    home = home_fixture(tests);
    tcase_add_test(tests, test_idle_table_is_empty);
    tcase_add_test(tests, test_answer_adds_then_updates);
    tcase_add_test(tests, test_own_id_and_other_family_are_refused);
    tcase_add_test(tests, test_full_bucket_caches_and_keeps_the_oldest);
    tcase_add_test(tests, test_newest_of_the_cache_comes_first);
    tcase_add_test(tests, test_those_who_wait_are_told_nearest_first);
    tcase_add_test(tests, test_newcomer_replaces_a_dead_node_when_nobody_waits);
    tcase_add_test(tests, test_cached_node_that_fails_leaves_the_cache);
    tcase_add_test(tests, test_splits_only_where_it_makes_room);
    tcase_add_test(tests, test_address_changes_its_id_only_after_it_failed);
    tcase_add_test(tests, test_id_changes_its_address_only_after_it_failed);
    tcase_add_test(tests, test_networks_are_capped_in_a_bucket_and_the_table);
    tcase_add_test(tests, test_networks_are_capped_in_the_cache);
    tcase_add_test(tests, test_query_to_us_keeps_a_member_good);
    tcase_add_test(tests, test_queries_to_us_alone_do_not_keep_a_member_for_ever);
    tcase_add_test(tests, test_checks_questionable_and_failed_nodes);
    tcase_add_test(tests, test_far_buckets_are_checked_when_somebody_waits);
    tcase_add_test(tests, test_refreshes_each_untouched_bucket_once);
    tcase_add_test(tests, test_refreshes_are_spread_when_staggered);
    tcase_add_test(tests, test_refreshes_drift_apart);
    tcase_add_loop_test(tests, test_estimate_follows_the_network, 0, 4);
}
