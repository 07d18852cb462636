/* Whoever has a token gets a lease, within the caps; at each refresh a subscriber learns which of
 * its leases are lost, whose holder has something else, and whose target has nearer nodes. */
#include "tests/dht/asker.h"
#include "tests/dht/audience.h"
#include "tests/runner.h"

static struct audience *audience;
static const struct id target = {{1, 2, 3}}, other_target = {{4, 5, 6}};

static const struct krpc *reply(void)
{
    return &audience->holder.reply;
}

static struct krpc listen_to(const uint8_t sub[LEASE_SUB_SIZE])
{
    return (struct krpc){.method = KRPC_LISTEN,
                         .kind = bytes_of_string("m"),
                         .sub = bytes_of(sub, LEASE_SUB_SIZE),
                         .has_target = true,
                         .target = target,
                         .token = holder_token(&audience->holder, &target)};
}

static uint64_t first_u64(struct bytes list, size_t at)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes_of(list.data + at, 8));
    return wire_read_u64(&r);
}

START_TEST(a_lease_is_granted_and_says_what_is_held)
{
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
    ck_assert(reply()->has_lease);
    ck_assert_int_eq(reply()->lease_s, LEASE_S);
    ck_assert_ptr_null(reply()->digest.data);
    ck_assert_uint_eq(audience_leases(audience), 1);
    audience_put_entry(audience, "a", 1, &other_target);
    const struct record entry = holder_entry(&audience->holder, &other_target, 0);
    ck_assert_int_eq(audience_listen(audience, 2, 'm', &other_target), 0);
    ck_assert_uint_eq(reply()->digest.size, LISTEN_DIGEST_SIZE);
    ck_assert_uint_eq(first_u64(reply()->digest, 0), multi_digest(&entry));
    /* A single under the target of a multi is another thing. */
    ck_assert_int_eq(audience_listen(audience, 3, 's', &other_target), 0);
    ck_assert_ptr_null(reply()->digest.data);
    const struct id single = audience_put_single(audience, "x", 5);
    ck_assert_int_eq(audience_listen(audience, 4, 's', &single), 0);
    ck_assert_uint_eq(reply()->digest.size, LISTEN_DIGEST_SIZE);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_LEASES_GRANTED), 4);
}
END_TEST

START_TEST(a_lease_needs_a_token_for_that_target_and_address)
{
    const uint8_t sub[LEASE_SUB_SIZE] = {1};
    struct krpc query = listen_to(sub);
    query.token = (struct bytes){0};
    ck_assert_int_eq(audience_ask(audience, query), 203);
    query.token = bytes_of_string("12345678");
    ck_assert_int_eq(audience_ask(audience, query), 203);
    query.token = holder_token(&audience->holder, &other_target);
    ck_assert_int_eq(audience_ask(audience, query), 203);
    query.token = holder_token(&audience->holder, &target);
    const struct addr bob = audience_addr(2, 7000);
    audience_be(audience, &bob);
    ck_assert_int_eq(audience_ask(audience, query), 203);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_QUERIES_REFUSED_TOKEN), 4);
    ck_assert_uint_eq(audience_leases(audience), 0);
    const struct addr alice = audience_addr(1, 7000);
    audience_be(audience, &alice);
    ck_assert_int_eq(audience_ask(audience, query), 0);
    ck_assert_uint_eq(audience_leases(audience), 1);
}
END_TEST

START_TEST(questions_of_a_wrong_form_are_203)
{
    static const uint8_t zeros[LISTEN_RENEWAL * (LISTEN_SUBS_MAX + 1)];
    static const size_t sub_sizes[] = {0, 1, 7, 9}, subs_sizes[] = {1, 8, 15, 17, sizeof zeros},
                        gone_sizes[] = {1, 7, 9, LEASE_SUB_SIZE * (LISTEN_GONE_MAX + 1)};
    struct krpc query = listen_to(zeros);
    uint64_t refused = 0;
    for (size_t i = 0; i < sizeof sub_sizes / sizeof sub_sizes[0]; i++) {
        query.sub = bytes_of(zeros, sub_sizes[i]);
        ck_assert_int_eq(audience_ask(audience, query), 203);
        refused++;
    }
    query = (struct krpc){.method = KRPC_LISTEN};
    ck_assert_int_eq(audience_ask(audience, query), 203);
    for (size_t i = 0; i < sizeof subs_sizes / sizeof subs_sizes[0]; i++, refused++) {
        query.subs = bytes_of(zeros, subs_sizes[i]);
        ck_assert_int_eq(audience_ask(audience, query), 203);
    }
    query.subs = (struct bytes){0};
    for (size_t i = 0; i < sizeof gone_sizes / sizeof gone_sizes[0]; i++, refused++) {
        query.gone = bytes_of(zeros, gone_sizes[i]);
        ck_assert_int_eq(audience_ask(audience, query), 203);
    }
    query = listen_to(zeros);
    query.subs = bytes_of(zeros, LISTEN_RENEWAL);
    ck_assert_int_eq(audience_ask(audience, query), 203);
    query = listen_to(zeros);
    query.kind = bytes_of_string("i");
    ck_assert_int_eq(audience_ask(audience, query), 203);
    query.kind = (struct bytes){0};
    ck_assert_int_eq(audience_ask(audience, query), 203);
    query = listen_to(zeros);
    query.has_target = false;
    ck_assert_int_eq(audience_ask(audience, query), 203);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_QUERIES_REFUSED_MALFORMED), refused + 5);
    ck_assert_uint_eq(audience_leases(audience), 0);
}
END_TEST

START_TEST(the_same_sub_renews_but_for_another_target_or_kind)
{
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
    ck_assert_uint_eq(audience_leases(audience), 1);
    ck_assert_int_eq(audience_listen(audience, 1, 's', &target), 203);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &other_target), 203);
    ck_assert_uint_eq(audience_leases(audience), 1);
    /* From another port it is another lease. */
    const struct addr port = audience_addr(1, 7001);
    audience_be(audience, &port);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &other_target), 0);
    ck_assert_uint_eq(audience_leases(audience), 2);
}
END_TEST

START_TEST(a_lease_ends_when_it_is_not_renewed)
{
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
    ck_assert_int_eq(audience_listen(audience, 2, 'm', &target), 0);
    audience_run(audience, LEASE_S * 1000u - 1000u);
    ck_assert_uint_eq(audience_leases(audience), 2);
    ck_assert_int_eq(audience_renew(audience, 2, 0), 0);
    ck_assert_ptr_null(reply()->lost.data);
    ck_assert_int_eq(reply()->lease_s, LEASE_S);
    audience_run(audience, 1000);
    ck_assert_uint_eq(audience_leases(audience), 1);
    ck_assert_int_eq(audience_renew(audience, 1, 0), 0);
    ck_assert_uint_eq(reply()->lost.size, LEASE_SUB_SIZE);
    ck_assert_uint_eq(first_u64(reply()->lost, 0), 1);
    audience_run(audience, LEASE_S * 1000u);
    ck_assert_uint_eq(audience_leases(audience), 0);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_LEASES_ENDED), 2);
}
END_TEST

START_TEST(only_its_own_address_renews_or_ends_a_lease)
{
    uint8_t sub[LEASE_SUB_SIZE] = {[7] = 1};
    const struct krpc gone = {.method = KRPC_LISTEN, .gone = bytes_of(sub, sizeof sub)};
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
    const struct addr others[] = {audience_addr(2, 7000), audience_addr(1, 7001)};
    for (size_t i = 0; i < 2; i++) {
        audience_be(audience, &others[i]);
        ck_assert_int_eq(audience_renew(audience, 1, 0), 0);
        ck_assert_uint_eq(reply()->lost.size, LEASE_SUB_SIZE);
        ck_assert_int_eq(audience_ask(audience, gone), 0);
        ck_assert_uint_eq(audience_leases(audience), 1);
    }
    const struct addr alice = audience_addr(1, 7000);
    audience_be(audience, &alice);
    ck_assert_int_eq(audience_ask(audience, gone), 0);
    ck_assert_uint_eq(audience_leases(audience), 0);
    ck_assert_int_eq(audience_ask(audience, gone), 0);
}
END_TEST

START_TEST(a_refresh_says_which_digests_differ)
{
    audience_put_entry(audience, "a", 1, &target);
    const struct record entry = holder_entry(&audience->holder, &target, 0);
    uint64_t digest = multi_digest(&entry);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
    ck_assert_int_eq(audience_renew(audience, 1, digest), 0);
    ck_assert_ptr_null(reply()->news.data);
    ck_assert_int_eq(audience_renew(audience, 1, digest ^ 1), 0);
    ck_assert_uint_eq(reply()->news.size, LISTEN_RENEWAL);
    ck_assert_uint_eq(first_u64(reply()->news, 0), 1);
    ck_assert_uint_eq(first_u64(reply()->news, 8), digest);
    /* Nothing is all zero. */
    ck_assert_int_eq(audience_listen(audience, 2, 's', &target), 0);
    ck_assert_int_eq(audience_renew(audience, 2, 0), 0);
    ck_assert_ptr_null(reply()->news.data);
    ck_assert_int_eq(audience_renew(audience, 2, 9), 0);
    ck_assert_uint_eq(first_u64(reply()->news, 8), 0);
}
END_TEST

START_TEST(the_fullest_refresh_fits_and_its_answer_is_no_longer_but_for_a_head)
{
    uint8_t subs[LISTEN_SUBS_MAX * LISTEN_RENEWAL], gone[LISTEN_GONE_MAX * LEASE_SUB_SIZE];
    holder_ask_at_length(&audience->holder);
    audience_put_entry(audience, "a", 1, &target);
    for (uint64_t sub = 0; sub < LISTEN_SUBS_MAX; sub++)
        ck_assert_int_eq(audience_listen(audience, sub, 'm', &target), 0);
    memset(gone, 0xff, sizeof gone);
    struct wire_writer w;
    wire_writer_init(&w, subs, sizeof subs);
    for (uint64_t sub = 0; sub < LISTEN_SUBS_MAX; sub++) {
        wire_write_u64(&w, sub);
        wire_write_u64(&w, 77);
    }
    const struct krpc query = {
        .method = KRPC_LISTEN, .subs = wire_written(&w), .gone = bytes_of(gone, sizeof gone)};
    ck_assert_int_eq(audience_ask(audience, query), 0);
    ck_assert_uint_eq(reply()->news.size, sizeof subs);
    ck_assert_uint_le(audience->holder.packet_size, sizeof subs + 400);
    /* From where nobody has a lease it is shorter. */
    const struct addr alice = audience_addr(1, 7000);
    audience_be(audience, &alice);
    ck_assert_int_eq(audience_ask(audience, query), 0);
    ck_assert_uint_eq(reply()->lost.size, LISTEN_SUBS_MAX * LEASE_SUB_SIZE);
    ck_assert_ptr_null(reply()->news.data);
}
END_TEST

START_TEST(a_peer_has_so_many_and_all_together_have_so_many)
{
    for (uint64_t sub = 0; sub < LEASES_PEER_MAX; sub++)
        ck_assert_int_eq(audience_listen(audience, sub, 'm', &target), 0);
    ck_assert_int_eq(audience_listen(audience, LEASES_PEER_MAX, 'm', &target), 429);
    ck_assert_int_eq(audience_listen(audience, 0, 'm', &target), 0);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_LEASES_REFUSED), 1);
    for (uint32_t peer = 2; audience_leases(audience) < LEASES_MAX; peer++) {
        const struct addr addr = audience_addr(peer, 7000);
        audience_be(audience, &addr);
        for (uint64_t sub = 0; sub < LEASES_PEER_MAX && audience_leases(audience) < LEASES_MAX;
             sub++)
            ck_assert_int_eq(audience_listen(audience, sub, 's', &other_target), 0);
    }
    const struct addr last = audience_addr(999, 7000);
    audience_be(audience, &last);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 429);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_LEASES_REFUSED), 2);
    /* Their memory comes back: there is room for all again. */
    audience_run(audience, LEASE_S * 1000u + 1000u);
    ck_assert_uint_eq(audience_leases(audience), 0);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
}
END_TEST

START_TEST(outside_a_peer_is_a_prefix)
{
    for (uint64_t sub = 0; sub < LEASES_PEER_MAX; sub++) {
        const struct addr addr = addr_v4((const uint8_t[4]){80, 1, 1, (uint8_t)sub}, 7000);
        audience_be(audience, &addr);
        ck_assert_int_eq(audience_listen(audience, sub, 'm', &target), 0);
    }
    const struct addr same = addr_v4((const uint8_t[4]){80, 1, 1, 9}, 8000);
    audience_be(audience, &same);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 429);
    const struct addr other = addr_v4((const uint8_t[4]){80, 1, 2, 9}, 8000);
    audience_be(audience, &other);
    ck_assert_int_eq(audience_listen(audience, 1, 'm', &target), 0);
}
END_TEST

/* Renews all of the asker's leases; bit i: it was said of lease i that a nearer node has come. */
static uint64_t ask_who_moved(struct asker *a, uint64_t count)
{
    uint8_t subs[LISTEN_SUBS_MAX * LISTEN_RENEWAL];
    struct wire_writer w;
    uint64_t moved = 0;
    wire_writer_init(&w, subs, sizeof subs);
    for (uint64_t i = 0; i < count; i++) {
        wire_write_u64(&w, i);
        wire_write_u64(&w, 0);
    }
    const struct krpc *answer =
        asker_ask(a, (struct krpc){.method = KRPC_LISTEN, .subs = wire_written(&w)});
    ck_assert_int_eq(asker_code(answer), 0);
    ck_assert_ptr_null(answer->lost.data);
    for (size_t at = 0; at < answer->moved.size; at += LEASE_SUB_SIZE)
        moved |= UINT64_C(1) << first_u64(answer->moved, at);
    return moved;
}

/* The first byte of each target is its own. */
static void take_leases(struct asker *a, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct id to = {{(uint8_t)(i * 256 / count)}};
        const uint8_t sub[LEASE_SUB_SIZE] = {[7] = (uint8_t)i};
        const struct krpc query = {.method = KRPC_LISTEN,
                                   .kind = bytes_of_string("m"),
                                   .sub = bytes_of(sub, sizeof sub),
                                   .has_target = true,
                                   .target = to,
                                   .token = asker_token(a, &to)};
        ck_assert_int_eq(asker_code(asker_ask(a, query)), 0);
    }
}

START_TEST(of_a_nearer_node_that_joins_each_refresh_tells_twice)
{
    static struct asker asker;
    const uint64_t count = 32;
    uint64_t nearer = 0;
    asker_init(&asker, 3, false);
    take_leases(&asker, count);
    ck_assert_uint_eq(ask_who_moved(&asker, count), 0);
    const struct id self = net_info(&asker.net, 0).id;
    size_t joined = net_add(&asker.net, 0, NODE_SERVER);
    net_run(&asker.net, 60000);
    const struct id other = net_info(&asker.net, joined).id;
    for (uint64_t i = 0; i < count; i++) {
        const struct id to = {{(uint8_t)(i * 256 / count)}};
        nearer |= (uint64_t)(id_compare_distance(&to, &other, &self) < 0) << i;
    }
    ck_assert_uint_ne(nearer, 0);
    for (unsigned i = 0; i < LEASE_MOVED_SAID; i++)
        ck_assert_uint_eq(ask_who_moved(&asker, count), nearer);
    ck_assert_uint_eq(ask_who_moved(&asker, count), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_client_grants_nothing)
{
    const uint8_t sub[LEASE_SUB_SIZE] = {1};
    const struct krpc query = listen_to(sub);
    node_set_role(audience->holder.node, NODE_CLIENT);
    ck_assert_int_eq(audience_ask(audience, query), -1);
    ck_assert_uint_eq(audience_leases(audience), 0);
}
END_TEST

void add_tests(TCase *tests)
{
    audience = audience_fixture(tests);
    tcase_add_test(tests, a_lease_is_granted_and_says_what_is_held);
    tcase_add_test(tests, a_lease_needs_a_token_for_that_target_and_address);
    tcase_add_test(tests, questions_of_a_wrong_form_are_203);
    tcase_add_test(tests, the_same_sub_renews_but_for_another_target_or_kind);
    tcase_add_test(tests, a_lease_ends_when_it_is_not_renewed);
    tcase_add_test(tests, only_its_own_address_renews_or_ends_a_lease);
    tcase_add_test(tests, a_refresh_says_which_digests_differ);
    tcase_add_test(tests, the_fullest_refresh_fits_and_its_answer_is_no_longer_but_for_a_head);
    tcase_add_test(tests, a_peer_has_so_many_and_all_together_have_so_many);
    tcase_add_test(tests, outside_a_peer_is_a_prefix);
    tcase_add_test(tests, of_a_nearer_node_that_joins_each_refresh_tells_twice);
    tcase_add_test(tests, a_client_grants_nothing);
}
