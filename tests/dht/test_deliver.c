/* Each new record goes to each lease of its target, again until it is acknowledged, in bounded
 * bursts; what subscribers say or leave unsaid never costs others more than a moment. */
#include <stdio.h>

#include "daemon/dht/ops/query.h"
#include "daemon/dht/serve/deliver.h"
#include "tests/dht/audience.h"
#include "tests/runner.h"

static struct audience *audience;
static const struct id target = {{1, 2, 3}}, other_target = {{4, 5, 6}};

static const struct audience_push *push(size_t index)
{
    return &audience->pushes[index];
}

static void listen_as(uint32_t index, uint64_t sub, const struct id *to)
{
    const struct addr addr = audience_addr(index, 7000);
    audience_be(audience, &addr);
    ck_assert_int_eq(audience_listen(audience, sub, 'm', to), 0);
}

static bool is_held(const struct id *single, struct stored *out)
{
    return disk_get(&audience->holder.store.disk, audience->holder.now.unix_s, STORE_HELD,
                    RECORD_SINGLE, single, out) == ERR_OK;
}

START_TEST(each_lease_of_the_target_gets_what_is_new_once)
{
    listen_as(1, 11, &target);
    listen_as(2, 12, &target);
    listen_as(3, 13, &other_target);
    audience_put_entry(audience, "a", 7, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience->push_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct addr to = audience_addr((uint32_t)i + 1, 7000);
        ck_assert(addr_equal(&push(i)->to, &to));
        ck_assert_uint_eq(push(i)->sub[LEASE_SUB_SIZE - 1], 11 + i);
        ck_assert(id_equal(&push(i)->target, &target));
        ck_assert_int_eq(push(i)->seq, 7);
        ck_assert(push(i)->is_entry);
    }
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_ACKNOWLEDGED), 2);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_REPEATED), 0);
    ck_assert_uint_eq(audience_leases(audience), 3);
}
END_TEST

START_TEST(a_single_is_pushed_by_its_target_and_kind)
{
    const struct id single = audience_single_target("x");
    ck_assert_int_eq(audience_listen(audience, 1, 's', &single), 0);
    ck_assert_int_eq(audience_listen(audience, 2, 'm', &single), 0);
    audience_put_single(audience, "x", 3);
    audience_run(audience, 1000);
    ck_assert_uint_eq(audience->push_count, 1);
    ck_assert_uint_eq(push(0)->sub[LEASE_SUB_SIZE - 1], 1);
    ck_assert_int_eq(push(0)->seq, 3);
    ck_assert(!push(0)->is_entry);
}
END_TEST

START_TEST(what_is_stored_already_is_nothing_new)
{
    const struct id single = audience_single_target("x");
    struct stored before, after;
    ck_assert_int_eq(audience_listen(audience, 1, 's', &single), 0);
    audience_put_single(audience, "x", 1);
    audience_run(audience, 1000);
    ck_assert(is_held(&single, &before));
    /* Acknowledged at once, and after a time written anew, for what has no expiry of its own. */
    audience_put_single(audience, "x", 1);
    for (unsigned i = 0; i < 4; i++) {
        audience_run(audience, LEASE_S * 500u);
        ck_assert_int_eq(audience_renew(audience, 1, 0), 0);
        ck_assert_ptr_null(audience->holder.reply.lost.data);
    }
    audience_put_single(audience, "x", 1);
    audience_run(audience, 1000);
    ck_assert(is_held(&single, &after));
    ck_assert_uint_gt(after.put_unix_s, before.put_unix_s);
    ck_assert_uint_eq(audience->push_count, 1);
    audience_put_single(audience, "x", 2);
    audience_run(audience, 1000);
    ck_assert_uint_eq(audience->push_count, 2);
    ck_assert_int_eq(push(1)->seq, 2);
}
END_TEST

START_TEST(the_silent_are_tried_thrice_then_once_then_left_until_they_renew)
{
    listen_as(1, 1, &target);
    audience->answer = AUDIENCE_SILENT;
    audience_put_entry(audience, "a", 1, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience->push_count, DELIVER_TRIES);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES), 1);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_REPEATED), DELIVER_TRIES - 1);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_UNANSWERED), 1);
    audience_put_entry(audience, "a", 2, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience->push_count, DELIVER_TRIES + 1);
    audience_put_entry(audience, "a", 3, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience->push_count, DELIVER_TRIES + 1);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_DROPPED), 1);
    audience->answer = 0;
    ck_assert_int_eq(audience_renew(audience, 1, 0), 0);
    ck_assert_uint_eq(audience->holder.reply.news.size, LISTEN_RENEWAL);
    audience_put_entry(audience, "a", 4, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience->push_count, DELIVER_TRIES + 2);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_ACKNOWLEDGED), 1);
}
END_TEST

START_TEST(each_try_brings_the_newest)
{
    listen_as(1, 1, &target);
    audience->answer = AUDIENCE_SILENT;
    audience_put_entry(audience, "a", 1, &target);
    audience_run(audience, 1);
    audience_put_entry(audience, "a", 2, &target);
    audience_run(audience, 10000);
    ck_assert_uint_ge(audience->push_count, DELIVER_TRIES + 1);
    for (size_t i = 0; i < audience->push_count; i++)
        ck_assert_int_eq(push(i)->seq, i == 0 ? 1 : 2);
}
END_TEST

START_TEST(whoever_knows_no_such_subscription_loses_the_lease)
{
    listen_as(1, 1, &target);
    audience->answer = 203;
    audience_put_entry(audience, "a", 1, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience_leases(audience), 1);
    ck_assert_uint_eq(audience->push_count, 1);
    audience->answer = 404;
    audience_put_entry(audience, "a", 2, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience_leases(audience), 0);
    ck_assert_uint_eq(audience->push_count, 2);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_REFUSED), 2);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_LEASES_ENDED), 1);
}
END_TEST

START_TEST(a_lease_that_ends_under_way_is_not_tried_again)
{
    const uint8_t sub[LEASE_SUB_SIZE] = {[7] = 1};
    listen_as(1, 1, &target);
    audience->answer = AUDIENCE_SILENT;
    audience_put_entry(audience, "a", 1, &target);
    audience_run(audience, 1);
    ck_assert_int_eq(
        audience_ask(audience, (struct krpc){.method = KRPC_LISTEN, .gone = bytes_of(sub, 8)}), 0);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience->push_count, 1);
}
END_TEST

/* The most that was sent within one pause. */
static size_t largest_burst(void)
{
    size_t largest = 0, first = 0;
    for (size_t i = 0; i < audience->push_count; i++) {
        while (push(first)->ms + DELIVER_PAUSE_MS <= push(i)->ms)
            first++;
        largest = i - first + 1 > largest ? i - first + 1 : largest;
    }
    return largest;
}

START_TEST(ten_thousand_leases_are_served_in_turns)
{
    for (uint32_t i = 0; i < 10000; i++)
        listen_as(i, i, &target);
    audience_put_entry(audience, "a", 1, &target);
    /* A lease of another target need not wait for all of them. */
    listen_as(20000, 1, &other_target);
    audience_put_entry(audience, "a", 2, &other_target);
    audience_run(audience, 60000);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_ACKNOWLEDGED), 10001);
    ck_assert_uint_eq(audience->push_count, 10001);
    ck_assert_uint_le(largest_burst(), DELIVER_TURN_MAX);
    for (size_t i = 0; i < 200; i++)
        if (push(i)->seq == 2)
            return;
    ck_abort_msg("the other target waited");
}
END_TEST

START_TEST(leases_may_come_and_go_while_they_are_served)
{
    uint8_t gone[LEASE_SUB_SIZE];
    for (uint32_t i = 0; i < 1000; i++)
        listen_as(i, i, &target);
    audience_put_entry(audience, "a", 1, &target);
    for (uint32_t i = 999; i >= 500; i--) {
        struct wire_writer w;
        const struct addr addr = audience_addr(i, 7000);
        audience_be(audience, &addr);
        wire_writer_init(&w, gone, sizeof gone);
        wire_write_u64(&w, i);
        ck_assert_int_eq(
            audience_ask(audience, (struct krpc){.method = KRPC_LISTEN, .gone = wire_written(&w)}),
            0);
    }
    listen_as(5000, 5000, &target);
    audience_run(audience, 10000);
    ck_assert_uint_eq(audience->push_count, 501);
    ck_assert_uint_eq(audience_leases(audience), 501);
}
END_TEST

START_TEST(all_may_go_while_they_are_served)
{
    for (uint32_t i = 0; i < 1000; i++)
        listen_as(i, i, &target);
    audience->answer = 404;
    audience_put_entry(audience, "a", 1, &target);
    audience_put_entry(audience, "b", 1, &target);
    audience_run(audience, 60000);
    ck_assert_uint_eq(audience_leases(audience), 0);
    ck_assert_uint_eq(node_next_ms(audience->holder.node) > audience->holder.now.ms, 1);
}
END_TEST

START_TEST(more_than_can_wait_is_dropped_and_counted)
{
    char slot[16];
    listen_as(1, 1, &target);
    audience->answer = AUDIENCE_SILENT;
    /* One peer has so much under way at most; the rest waits, up to a bound. */
    for (unsigned i = 0; i < DELIVER_PEER_MAX + DELIVER_WAITING_MAX; i++) {
        snprintf(slot, sizeof slot, "%u", i);
        audience_put_entry(audience, slot, 1, &target);
        if (i % DELIVER_TURN_MAX == 0)
            audience_run(audience, i < DELIVER_PEER_MAX ? DELIVER_PAUSE_MS : 0);
    }
    ck_assert_uint_le(audience->push_count, DELIVER_PEER_MAX);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_DROPPED), 0);
    for (unsigned i = 0; i < DELIVER_TURN_MAX; i++) {
        snprintf(slot, sizeof slot, "more%u", i);
        audience_put_entry(audience, slot, 1, &target);
    }
    ck_assert_uint_gt(audience_counter(audience, COUNTER_DELIVERIES_DROPPED), 0);
    audience_run(audience, 60000);
    /* It is found out as silent long before all have been tried. */
    ck_assert_uint_lt(audience->push_count, 2 * DELIVER_TRIES * DELIVER_PEER_MAX);
    ck_assert_uint_eq(node_next_ms(audience->holder.node) > audience->holder.now.ms, 1);
}
END_TEST

START_TEST(a_peer_that_answers_nothing_has_one_push_under_way)
{
    for (uint64_t sub = 0; sub < 1000; sub++)
        listen_as(1, sub, &target);
    listen_as(2, 1, &target);
    audience->answer = AUDIENCE_SILENT;
    audience_put_entry(audience, "a", 1, &target);
    audience_run(audience, 20000);
    size_t before = audience->push_count;
    ck_assert_uint_le(before, DELIVER_TRIES * (DELIVER_PEER_MAX + 1) + 1000);
    audience_put_entry(audience, "a", 2, &target);
    audience_run(audience, 20000);
    ck_assert_uint_le(audience->push_count, before + 10);
    /* The other is not it. */
    ck_assert_int_eq(push(audience->push_count - 1)->to.ip[3], 2);
}
END_TEST

START_TEST(an_acknowledgement_counts_from_its_address_and_id_alone)
{
    listen_as(1, 1, &target);
    audience->answer = AUDIENCE_SILENT;
    audience_put_entry(audience, "a", 1, &target);
    const struct audience_push first = *push(0);
    const struct addr others[] = {audience_addr(2, 7000), audience_addr(1, 7001)};
    uint8_t packet[256];
    for (size_t i = 0; i < 2; i++) {
        struct wire_writer w;
        const struct krpc answer = {.type = KRPC_RESPONSE,
                                    .t = bytes_of(first.t, sizeof first.t),
                                    .has_network = true,
                                    .network = 7,
                                    .has_id = true};
        wire_writer_init(&w, packet, sizeof packet);
        krpc_write(&w, &answer);
        node_recv(audience->holder.node, audience->holder.now, &others[i], packet, w.used,
                  &audience->holder.out);
        outbox_reset(&audience->holder.out);
    }
    ck_assert_uint_eq(audience_counter(audience, COUNTER_REPLIES_UNEXPECTED), 2);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_ACKNOWLEDGED), 0);
}
END_TEST

START_TEST(a_subscriber_is_met_as_no_node)
{
    struct node_info info;
    listen_as(1, 1, &target);
    audience_put_entry(audience, "a", 1, &target);
    audience_run(audience, 1000);
    ck_assert_uint_eq(audience_counter(audience, COUNTER_DELIVERIES_ACKNOWLEDGED), 1);
    node_get_info(audience->holder.node, &info);
    ck_assert_uint_eq(info.nodes_v4, 0);
}
END_TEST

START_TEST(the_longest_records_fit)
{
    static const char longest[] =
        "1234567890123456789012345678901234567890123456789012345678901234";
    struct draft d = draft_of(&target, audience->holder.now.unix_s, DRAFT_SLOT_LONGEST, INT64_MAX);
    struct krpc message;
    uint8_t packet[KRPC_PACKET_MAX];
    struct wire_writer w;
    draft_sign_size(&d, RECORD_V_MAX);
    for (unsigned kind = RECORD_SINGLE; kind <= RECORD_MULTI; kind++) {
        struct record record = d.record;
        record.kind = (enum record_kind)kind;
        record.salt = bytes_of_string(kind == RECORD_MULTI ? DRAFT_SLOT_LONGEST : longest);
        query_put(&record, &message);
        message.type = KRPC_QUERY;
        message.method = KRPC_PUSH;
        message.sub = bytes_of("12345678", LEASE_SUB_SIZE);
        message.t = bytes_of("1234", KRPC_T_SIZE);
        message.version = bytes_of("XO01", 4);
        message.has_network = message.has_id = message.read_only = true;
        wire_writer_init(&w, packet, sizeof packet);
        krpc_write(&w, &message);
        ck_assert(!w.failed);
    }
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_set_timeout(tests, 60);
    audience = audience_fixture(tests);
    tcase_add_test(tests, each_lease_of_the_target_gets_what_is_new_once);
    tcase_add_test(tests, a_single_is_pushed_by_its_target_and_kind);
    tcase_add_test(tests, what_is_stored_already_is_nothing_new);
    tcase_add_test(tests, the_silent_are_tried_thrice_then_once_then_left_until_they_renew);
    tcase_add_test(tests, each_try_brings_the_newest);
    tcase_add_test(tests, whoever_knows_no_such_subscription_loses_the_lease);
    tcase_add_test(tests, a_lease_that_ends_under_way_is_not_tried_again);
    tcase_add_test(tests, ten_thousand_leases_are_served_in_turns);
    tcase_add_test(tests, leases_may_come_and_go_while_they_are_served);
    tcase_add_test(tests, all_may_go_while_they_are_served);
    tcase_add_test(tests, more_than_can_wait_is_dropped_and_counted);
    tcase_add_test(tests, a_peer_that_answers_nothing_has_one_push_under_way);
    tcase_add_test(tests, an_acknowledgement_counts_from_its_address_and_id_alone);
    tcase_add_test(tests, a_subscriber_is_met_as_no_node);
    tcase_add_test(tests, the_longest_records_fit);
}
