/* A network of nodes must put, get, refuse and survive as the design says, on a virtual clock. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/lookup/inflight.h"
#include "tests/dht/owner.h"
#include "tests/runner.h"

static struct net net;
static uint8_t buffer[OWNER_VALUE_MAX];

static struct put_request single(const char *json, const char *salt)
{
    return owner_single(&net, salt, owner_json(&net, buffer, json));
}

START_TEST(a_put_on_one_is_got_on_each)
{
    net_build(&net, 20, 1);
    const struct put_request request = single("{\"a\":1}", "profile");
    const struct event *event = net_put(&net, 3, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_int_eq(event->put.seq, 1);
    ck_assert_uint_eq(event->put.stored, 8);
    ck_assert_uint_eq(event->put.tried, 8);
    ck_assert(event->put.is_kept);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &event->put.target), 8);
    for (size_t i = 0; i < net.count; i++) {
        event = owner_get(&net, i, "profile");
        ck_assert_int_eq(event->err, ERR_OK);
        ck_assert(event->get.is_found);
        ck_assert(event->stats.is_complete);
        ck_assert(bytes_equal(bytes_of(net.value, net.value_size), request.v));
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_first_node_works_alone)
{
    net_build(&net, 1, 2);
    ck_assert_int_eq(net_info(&net, 0).state, NODE_ALONE);
    const struct put_request request = single("1", "x");
    const struct event *event = net_put(&net, 0, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 1);
    ck_assert(owner_get(&net, 0, "x")->get.is_found);
    event = owner_get(&net, 0, "y");
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(!event->get.is_found);
    net_clear(&net);
}
END_TEST

START_TEST(offline_a_miss_and_a_value_are_three_answers)
{
    net_build(&net, 4, 3);
    ck_assert(!owner_get(&net, 1, "nothing")->get.is_found);
    ck_assert_int_eq(owner_get(&net, 1, "nothing")->err, ERR_OK);
    for (size_t i = 0; i < 4; i++)
        if (i != 1)
            net_kill(&net, i);
    ck_assert_int_eq(owner_get(&net, 1, "nothing")->err, ERR_OFFLINE);
    struct put_request request = single("1", "x");
    const struct event *event = net_put(&net, 1, &request);
    /* This node is among the closest that live: it holds the record, and says that it is alone. */
    ck_assert_uint_eq(event->put.stored, 1);
    net_run(&net, 10000);
    ck_assert_int_eq(net_info(&net, 1).state, NODE_OFFLINE);
    net_clear(&net);
}
END_TEST

/* The only one that has it is there, and unheard. */
START_TEST(a_lone_holder_that_is_silent_makes_a_timeout_and_no_miss)
{
    net_build(&net, 4, 5);
    struct put_request request = single("1", "x");
    request.is_kept = false;
    ck_assert_int_eq(net_put(&net, 3, &request)->err, ERR_OK);
    for (size_t i = 0; i < 3; i++)
        net_wipe(&net, i, STORE_HELD);
    net_away(&net, 3);
    const struct event *event = owner_get(&net, 1, "x");
    ck_assert_int_eq(event->err, ERR_TIMEOUT);
    ck_assert(!event->get.is_found);
    net_run(&net, 10000); /* it is known to be gone: nobody who is there has it */
    ck_assert_int_eq(owner_get(&net, 1, "x")->err, ERR_OK);
    net_back(&net, 3);
    net_run(&net, 60000);
    ck_assert(owner_get(&net, 1, "x")->get.is_found);
    net_clear(&net);
}
END_TEST

/* A family that leads nowhere costs a late question, not one that is given up. */
START_TEST(a_family_in_which_nobody_answers_is_not_waited_for)
{
    const struct addr nobody = process_addr6(NET_NODES_MAX + 1);
    net_init(&net, 6);
    net.world.config.has_v6 = true;
    for (int i = 0; i < 6; i++)
        net_add(&net, i == 0 ? -1 : 0, NODE_SERVER);
    net_run(&net, 60000);
    node_bootstrap(net.nodes[1]->node, &nobody);
    const struct put_request request = single("1", "x");
    const struct event *event = net_put(&net, 1, &request);
    ck_assert_uint_eq(event->put.stored, 6);
    ck_assert_uint_lt(event->stats.ms, INFLIGHT_DEAD_MS / 2);
    event = owner_get(&net, 1, "nothing");
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->stats.is_complete);
    ck_assert_uint_lt(event->stats.ms, INFLIGHT_DEAD_MS / 2);
    net_clear(&net);
}
END_TEST

START_TEST(seq_is_counted_up_and_cas_and_stale_are_refused)
{
    net_build(&net, 12, 4);
    struct put_request request = single("1", "x");
    ck_assert_int_eq(net_put(&net, 1, &request)->put.seq, 1);
    request.v = owner_json(&net, buffer, "2");
    ck_assert_int_eq(net_put(&net, 2, &request)->put.seq, 2);
    request.has_seq = true;
    request.seq = 1;
    const struct event *event = net_put(&net, 3, &request);
    ck_assert_int_eq(event->err, ERR_STALE_SEQ);
    ck_assert_int_eq(event->put.seq, 2);
    ck_assert_uint_eq(event->put.stored, 0);
    request.seq = 2;
    request.v = owner_json(&net, buffer, "3");
    ck_assert_int_eq(net_put(&net, 3, &request)->err, ERR_STALE_SEQ);
    request.seq = 5;
    request.has_cas = true;
    request.cas = 1;
    ck_assert_int_eq(net_put(&net, 3, &request)->err, ERR_CAS_MISMATCH);
    request.cas = 2;
    event = net_put(&net, 3, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 8);
    net_clear(&net);
}
END_TEST

START_TEST(puts_of_one_target_queue)
{
    uint64_t ops[5];
    net_build(&net, 10, 5);
    const struct put_request request = single("1", "x");
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(node_put(net.nodes[2]->node, net_now(&net), &request, &ops[i], net.out),
                         ERR_OK);
    net_flush(&net, 2);
    for (int i = 0; i < 5; i++) {
        const struct event *event = net_wait(&net, 2, ops[i]);
        ck_assert_ptr_nonnull(event);
        ck_assert_int_eq(event->err, ERR_OK);
        ck_assert_int_eq(event->put.seq, i + 1);
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_put_without_a_key_changes_nothing)
{
    net_build(&net, 6, 6);
    net.is_key_missing = true;
    const struct put_request request = single("1", "x");
    const struct event *event = net_put(&net, 2, &request);
    ck_assert_int_eq(event->err, ERR_NO_KEY);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &event->put.target), 0);
    net_clear(&net);
}
END_TEST

START_TEST(after_the_highest_seq_there_is_none)
{
    net_build(&net, 1, 31);
    struct put_request request = single("1", "x");
    request.has_seq = true;
    request.seq = INT64_MAX;
    ck_assert_int_eq(net_put(&net, 0, &request)->err, ERR_OK);
    request.has_seq = false;
    ck_assert_int_eq(net_put(&net, 0, &request)->err, ERR_STALE_SEQ);
    request.is_quick = true;
    const struct event *event = net_put(&net, 0, &request);
    ck_assert_int_eq(event->err, ERR_STALE_SEQ);
    ck_assert_int_eq(event->put.seq, INT64_MAX);
    net_clear(&net);
}
END_TEST

START_TEST(the_deepest_value_is_carried)
{
    net_build(&net, 2, 32);
    const struct put_request request = owner_single(&net, "x", bytes_of_string("lllllleeeeee"));
    ck_assert_uint_eq(net_put(&net, 0, &request)->put.stored, 2);
    ck_assert(owner_get(&net, 1, "x")->get.is_found);
    net_clear(&net);
}
END_TEST

START_TEST(requests_beyond_the_limits_are_refused_at_once)
{
    static uint8_t big[1200];
    uint64_t op;
    net_build(&net, 1, 7);
    struct wire_writer w;
    static const uint8_t content[1000];
    wire_writer_init(&w, big, sizeof big);
    wire_write_string(&w, "1000:");
    wire_write(&w, content, sizeof content);
    struct put_request request = owner_single(&net, "x", wire_written(&w));
    ck_assert_int_eq(node_put(net.nodes[0]->node, net_now(&net), &request, &op, net.out),
                     ERR_TOO_BIG);
    char salt[66];
    memset(salt, 's', 65);
    salt[65] = 0;
    request = single("1", salt);
    ck_assert_int_eq(node_put(net.nodes[0]->node, net_now(&net), &request, &op, net.out),
                     ERR_SALT_TOO_LONG);
    request = single("1", "x");
    request.sig = content;
    request.has_seq = true;
    request.seq = 1;
    ck_assert_int_eq(node_put(net.nodes[0]->node, net_now(&net), &request, &op, net.out),
                     ERR_BAD_SIGNATURE);
    request.sig = NULL;
    request.v = bytes_of_string("d1:b1:x1:a1:ye");
    ck_assert_int_eq(node_put(net.nodes[0]->node, net_now(&net), &request, &op, net.out),
                     ERR_MALFORMED);
    request.v = bytes_of_string("llllllleeeeeee");
    ck_assert_int_eq(node_put(net.nodes[0]->node, net_now(&net), &request, &op, net.out),
                     ERR_MALFORMED);
    net_clear(&net);
}
END_TEST

START_TEST(half_of_the_nodes_killed_costs_no_key_with_a_holder)
{
    char salt[16];
    net_build(&net, 40, 8);
    for (int i = 0; i < 20; i++) {
        snprintf(salt, sizeof salt, "k%d", i);
        const struct put_request request = single("1", salt);
        ck_assert_uint_eq(net_put(&net, (size_t)i, &request)->put.stored, 8);
    }
    for (size_t i = 0; i < net.count; i += 2)
        net_kill(&net, i);
    for (int i = 0; i < 20; i++) {
        snprintf(salt, sizeof salt, "k%d", i);
        const struct id target = owner_target(&net, salt);
        const struct event *event = owner_get(&net, (size_t)i * 2 + 1, salt);
        ck_assert_int_eq(event->err, ERR_OK);
        ck_assert_int_eq(event->get.is_found, net_holders(&net, RECORD_SINGLE, &target) > 0);
    }
    net_clear(&net);
}
END_TEST

START_TEST(loss_does_not_lose_puts)
{
    char salt[16];
    net_build(&net, 30, 9);
    net.wires->loss_permille = 100;
    for (int i = 0; i < 20; i++) {
        snprintf(salt, sizeof salt, "k%d", i);
        const struct put_request request = single("1", salt);
        const struct event *event = net_put(&net, (size_t)i, &request);
        ck_assert_int_eq(event->err, ERR_OK);
        ck_assert_uint_ge(event->put.stored, 7);
        ck_assert(owner_get(&net, (size_t)i + 5, salt)->get.is_found);
    }
    net_clear(&net);
}
END_TEST

START_TEST(a_broken_disk_acknowledges_nothing)
{
    net_build(&net, 3, 10);
    for (size_t i = 0; i < 3; i++)
        net.nodes[i]->disk.is_broken = true;
    const struct put_request request = single("1", "x");
    const struct event *event = net_put(&net, 1, &request);
    ck_assert_int_ne(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 0);
    ck_assert(!event->put.is_kept);
    ck_assert_uint_gt(event->put.rejected_count, 0);
    net_clear(&net);
}
END_TEST

START_TEST(an_older_copy_at_home_is_not_taken_for_what_was_seen)
{
    net_build(&net, 2, 10);
    struct put_request request = single("1", "x");
    ck_assert_int_eq(net_put(&net, 0, &request)->put.stored, 2);
    net.nodes[0]->disk.is_broken = true;
    request = single("2", "x");
    const struct event *event = net_put(&net, 0, &request);
    ck_assert_uint_eq(event->put.stored, 1);
    ck_assert_int_eq(event->put.seq, 2);
    net_kill(&net, 1);
    ck_assert(!owner_get(&net, 0, "x")->get.is_found);
    net_clear(&net);
}
END_TEST

static size_t kept(size_t index)
{
    return net_info(&net, index).kept;
}

/* It is held by all, so it is found at home, and ends while others are asked for a newer one. */
START_TEST(what_ends_during_a_get_is_a_miss)
{
    uint64_t op;
    net_build(&net, 4, 18);
    const struct put_request put = single("1", "ends");
    ck_assert_int_eq(net_put(&net, 0, &put)->err, ERR_OK);
    const struct get_request get = {
        .kind = RECORD_SINGLE,
        .target = owner_target(&net, "ends"),
        .k = net.public_key,
        .salt = bytes_of_string("ends"),
    };
    enum err err = node_get(net.nodes[1]->node, net_now(&net), &get, &op, net.out);
    ck_assert_int_eq(err, ERR_OK);
    net_flush(&net, 1);
    net_skip(&net, RECORD_TTL_S_DEFAULT);
    const struct event *event = net_wait(&net, 1, op);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(!event->get.is_found);
    net_clear(&net);
}
END_TEST

START_TEST(a_first_put_is_kept_once_a_holder_has_it)
{
    uint64_t op = 0;
    net_build(&net, 20, 12);
    const struct put_request request = single("1", "x");
    const struct id target = owner_target(&net, "x");
    ck_assert_int_eq(node_put(net.nodes[3]->node, net_now(&net), &request, &op, net.out), ERR_OK);
    net_flush(&net, 3);
    while (kept(3) == 0)
        net_run(&net, 1);
    size_t holders = net_holders(&net, RECORD_SINGLE, &target);
    ck_assert_uint_ge(holders, 1);
    const struct event *event = net_wait(&net, 3, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 8);
    ck_assert(event->put.is_kept);
    ck_assert_uint_eq(kept(3), 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_put_that_no_holder_takes_is_kept_at_its_end)
{
    net_build(&net, 6, 13);
    for (size_t i = 0; i < 6; i++)
        net.nodes[i]->disk.is_broken = i != 1;
    node_set_role(net.nodes[1]->node, NODE_CLIENT);
    const struct put_request request = single("1", "x");
    const struct event *event = net_put(&net, 1, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 0);
    ck_assert(event->put.is_kept);
    ck_assert_uint_eq(kept(1), 1);
    net_clear(&net);
}
END_TEST

START_TEST(kept_puts_come_back_to_new_holders)
{
    net_build(&net, 6, 11);
    const struct put_request request = single("1", "x");
    const struct id target = net_put(&net, 1, &request)->put.target;
    for (size_t i = 0; i < 6; i++)
        if (i != 1)
            net_wipe(&net, i, STORE_HELD);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 1);
    net_run(&net, 3700u * 1000u);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 6);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_SINGLE, &target), ERR_OK);
    ck_assert_uint_eq(net_info(&net, 1).kept, 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_kept_put_is_signed_anew_at_half_its_life)
{
    net_build(&net, 3, 12);
    const struct put_request request = single("1", "x");
    ck_assert_int_eq(net_put(&net, 1, &request)->put.seq, 1);
    net_skip(&net, RECORD_TTL_S_DEFAULT / 2 + 10);
    net_run(&net, 3700u * 1000u);
    ck_assert(owner_get(&net, 2, "x")->get.is_found);
    ck_assert_int_eq(net.events[net.event_count - 1].event.get.record.seq, 2);
    net_clear(&net);
}
END_TEST

START_TEST(a_client_is_in_no_table_and_answers_nothing)
{
    net_build(&net, 5, 13);
    size_t client = net_add(&net, 0, NODE_CLIENT);
    net_run(&net, 20000);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(net_info(&net, i).nodes_v4, 4);
    ck_assert_uint_eq(net_info(&net, client).nodes_v4, 5);
    const struct put_request request = single("1", "x");
    ck_assert_uint_eq(net_put(&net, client, &request)->put.stored, 5);
    net_clear(&net);
}
END_TEST

START_TEST(a_lookup_finds_the_true_closest)
{
    net_build(&net, 60, 14);
    for (unsigned i = 0; i < 20; i++) {
        struct id target;
        uint64_t op;
        id_random(&target, &net.rng);
        ck_assert_int_eq(node_lookup(net.nodes[i]->node, net_now(&net), &target, 0, &op, net.out),
                         ERR_OK);
        net_flush(&net, i);
        const struct event *event = net_wait(&net, i, op);
        ck_assert_uint_eq(event->lookup.closest_count, 8);
        for (size_t j = 0; j < net.count; j++) {
            const struct id *id = &net.nodes[j]->id;
            bool is_listed = j == i;
            for (size_t c = 0; c < 8; c++)
                is_listed = is_listed || id_equal(&net.closest[c].id, id);
            if (!is_listed)
                ck_assert_int_lt(id_compare_distance(&target, &net.closest[7].id, id), 0);
        }
    }
    net_clear(&net);
}
END_TEST

START_TEST(peers_that_announced_are_found)
{
    net_build(&net, 10, 15);
    struct id info_hash;
    uint64_t op;
    id_random(&info_hash, &net.rng);
    node_announce(net.nodes[1]->node, net_now(&net), &info_hash, 6000, 0, &op, net.out);
    net_flush(&net, 1);
    ck_assert_uint_eq(net_wait(&net, 1, op)->put.stored, 8);
    node_peers(net.nodes[7]->node, net_now(&net), &info_hash, 0, &op, net.out);
    net_flush(&net, 7);
    ck_assert_uint_eq(net_wait(&net, 7, op)->peers.count, 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_network_that_was_away_comes_back)
{
    net_build(&net, 5, 16);
    for (size_t i = 1; i < 5; i++)
        net_away(&net, i);
    ck_assert_int_eq(owner_get(&net, 0, "x")->err, ERR_OFFLINE);
    net_run(&net, 20u * 60u * 1000u);
    for (size_t i = 1; i < 5; i++)
        net_back(&net, i);
    net_run(&net, 3u * 60u * 1000u);
    ck_assert_int_eq(owner_get(&net, 0, "x")->err, ERR_OK);
    ck_assert_int_eq(net_info(&net, 0).state, NODE_ONLINE);
    net_clear(&net);
}
END_TEST

START_TEST(an_idle_node_is_small_and_quiet)
{
    net_build(&net, 20, 17);
    net_run(&net, 3600u * 1000u);
    uint64_t before = 0, after = 0;
    for (size_t i = 0; i < net.count; i++)
        before += net_counter(&net, i, COUNTER_PACKETS_OUT);
    net_run(&net, 3600u * 1000u);
    for (size_t i = 0; i < net.count; i++)
        after += net_counter(&net, i, COUNTER_PACKETS_OUT);
    /* An hour: a few refreshes and checks a node, far below one packet a second. */
    ck_assert_uint_lt((after - before) / net.count, 3600);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_put_on_one_is_got_on_each);
    tcase_add_test(tests, a_first_node_works_alone);
    tcase_add_test(tests, offline_a_miss_and_a_value_are_three_answers);
    tcase_add_test(tests, a_lone_holder_that_is_silent_makes_a_timeout_and_no_miss);
    tcase_add_test(tests, a_family_in_which_nobody_answers_is_not_waited_for);
    tcase_add_test(tests, seq_is_counted_up_and_cas_and_stale_are_refused);
    tcase_add_test(tests, puts_of_one_target_queue);
    tcase_add_test(tests, a_put_without_a_key_changes_nothing);
    tcase_add_test(tests, after_the_highest_seq_there_is_none);
    tcase_add_test(tests, the_deepest_value_is_carried);
    tcase_add_test(tests, requests_beyond_the_limits_are_refused_at_once);
    tcase_add_test(tests, half_of_the_nodes_killed_costs_no_key_with_a_holder);
    tcase_add_test(tests, loss_does_not_lose_puts);
    tcase_add_test(tests, an_older_copy_at_home_is_not_taken_for_what_was_seen);
    tcase_add_test(tests, a_broken_disk_acknowledges_nothing);
    tcase_add_test(tests, what_ends_during_a_get_is_a_miss);
    tcase_add_test(tests, a_first_put_is_kept_once_a_holder_has_it);
    tcase_add_test(tests, a_put_that_no_holder_takes_is_kept_at_its_end);
    tcase_add_test(tests, kept_puts_come_back_to_new_holders);
    tcase_add_test(tests, a_kept_put_is_signed_anew_at_half_its_life);
    tcase_add_test(tests, a_client_is_in_no_table_and_answers_nothing);
    tcase_add_test(tests, a_lookup_finds_the_true_closest);
    tcase_add_test(tests, peers_that_announced_are_found);
    tcase_add_test(tests, a_network_that_was_away_comes_back);
    tcase_add_test(tests, an_idle_node_is_small_and_quiet);
}
