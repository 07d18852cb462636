/* What a node keeps must be republished each hour, also after a restart, be signed anew in time
 * where the key is there, and never bring back what the owner replaced or dropped. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/keep/keep.h"
#include "daemon/dht/records/envelope.h"
#include "tests/dht/owner.h"
#include "tests/runner.h"

#define HOUR_MS (3600u * 1000u)
#define HALF_S  (RECORD_TTL_S_DEFAULT / 2 + 10)

static struct net net;
static struct id target;
static uint8_t buffer[OWNER_VALUE_MAX];

static void build(size_t count)
{
    net_build(&net, count, 21);
    target = owner_target(&net, "s");
}

static struct put_request single(const char *json)
{
    return owner_single(&net, "s", owner_json(&net, buffer, json));
}

static const struct event *put(size_t index, const char *json, bool is_kept)
{
    struct put_request request = single(json);
    request.is_kept = is_kept;
    return net_put(&net, index, &request);
}

/* The body of the last value that was got. */
static struct bytes got_body(void)
{
    struct envelope envelope;
    envelope_parse(bytes_of(net.value, net.value_size), &envelope);
    return envelope.body;
}

static size_t kept(size_t index)
{
    return net_info(&net, index).kept;
}

static uint64_t republishes(size_t index)
{
    return net_counter(&net, index, COUNTER_REPUBLISHES);
}

/* Kept immutables as an earlier run would have left them on disk. */
static void fill_store(size_t index, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char v[16];
        snprintf(v, sizeof v, "4:%04u", i);
        struct record record = {.kind = RECORD_IMMUTABLE, .v = bytes_of_string(v)};
        record_immutable_target(record.v, &record.target);
        net_place(&net, index, STORE_KEPT, &record);
    }
}

START_TEST(a_put_is_republished_once_between_three_quarters_and_a_whole_hour)
{
    build(4);
    ck_assert_int_eq(put(1, "1", true)->err, ERR_OK);
    ck_assert_uint_eq(kept(1), 1);
    net_run(&net, HOUR_MS - HOUR_MS / 4 - 60000);
    ck_assert_uint_eq(republishes(1), 0);
    net_run(&net, HOUR_MS / 4 + 60000);
    ck_assert_uint_eq(republishes(1), 1);
    net_run(&net, 9 * HOUR_MS);
    ck_assert_uint_ge(republishes(1), 10);
    ck_assert_uint_le(republishes(1), 13);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(kept(i), i == 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_second_put_of_the_same_has_one_turn_not_two)
{
    build(4);
    put(1, "1", true);
    put(1, "2", true);
    put(1, "3", true);
    ck_assert_uint_eq(kept(1), 1);
    put(2, "4", false);
    ck_assert_uint_eq(kept(2), 0);
    net_clear(&net);
}
END_TEST

START_TEST(after_a_restart_all_are_republished_but_not_at_once)
{
    build(4);
    fill_store(1, 400);
    net_restart(&net, 1, 0);
    node_tick(net.nodes[1]->node, net_now(&net), net.out);
    ck_assert_uint_eq(kept(1), KEEP_LOAD_SLICE);
    net_flush(&net, 1);
    net_run(&net, 1000);
    ck_assert_uint_eq(kept(1), 400);
    ck_assert_uint_eq(republishes(1), 0);
    net_run(&net, KEEP_START_MS + 400 * KEEP_NEW_SPREAD_MS / 2);
    ck_assert_uint_gt(republishes(1), 100);
    ck_assert_uint_lt(republishes(1), 400);
    net_run(&net, 400 * KEEP_NEW_SPREAD_MS / 2);
    ck_assert_uint_eq(republishes(1), 400);
    ck_assert_uint_eq(kept(1), 400);
    net_clear(&net);
}
END_TEST

static enum err begin_drop(size_t index, const struct id *of)
{
    uint64_t op;
    return node_drop_kept(net.nodes[index]->node, net_now(&net), RECORD_IMMUTABLE, of, &op,
                          net.out);
}

START_TEST(what_is_dropped_or_put_while_loading_has_no_turn_or_one)
{
    build(2);
    fill_store(1, 300);
    const struct disk *disk = &net.nodes[1]->disk;
    ck_assert_uint_eq(disk->count, 300);
    const struct id first = disk->entries[0].blob->record.target;
    const struct id second = disk->entries[1].blob->record.target;
    const struct id last = disk->entries[299].blob->record.target;
    net_restart(&net, 1, 0);
    /* On their way to the disk when the first slice is read, and there before the last one is. */
    ck_assert_int_eq(begin_drop(1, &first), ERR_OK);
    ck_assert_int_eq(begin_drop(1, &last), ERR_OK);
    net_flush(&net, 1);
    ck_assert_uint_eq(kept(1), 300 - 2);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_IMMUTABLE, &second), ERR_OK);
    put(1, "1", true);
    net_run(&net, 100);
    ck_assert_uint_eq(kept(1), 300 - 3 + 1);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_IMMUTABLE, &first), ERR_NOT_FOUND);
    net_clear(&net);
}
END_TEST

/* Bytes that end in `ttl_s`, as parts of large values do, put for this node alone. */
static const struct event *put_part(size_t index, uint64_t ttl_s, struct id *out)
{
    struct wire_writer w;
    const struct envelope envelope = {.content = ENVELOPE_BYTES,
                                      .body = bytes_of_string("part"),
                                      .has_expiry = true,
                                      .expiry_unix_s = net_now(&net).unix_s + ttl_s};
    wire_writer_init(&w, buffer, sizeof buffer);
    envelope_write(&w, &envelope);
    const struct put_request request = {.kind = RECORD_IMMUTABLE,
                                        .v = wire_written(&w),
                                        .is_kept = true,
                                        .is_quick = true,
                                        .is_local = true};
    record_immutable_target(request.v, out);
    return net_put(&net, index, &request);
}

START_TEST(a_local_put_is_on_disk_at_once_and_in_the_network_with_its_turn)
{
    struct id part;
    build(4);
    const struct event *event = put_part(1, 86400, &part);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->put.is_kept);
    ck_assert_uint_eq(event->put.stored, 0);
    ck_assert_uint_eq(kept(1), 1);
    net_run(&net, 60000);
    ck_assert_uint_eq(net_holders(&net, RECORD_IMMUTABLE, &part), 0);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(net_holders(&net, RECORD_IMMUTABLE, &part), 4);
    net_clear(&net);
}
END_TEST

START_TEST(a_kept_part_that_has_ended_is_kept_no_longer)
{
    struct id part;
    build(4);
    put_part(1, 2 * 3600, &part);
    put(1, "1", true);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(kept(1), 2);
    net_run(&net, 3 * HOUR_MS);
    ck_assert_uint_eq(kept(1), 1);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_IMMUTABLE, &part), ERR_NOT_FOUND);
    net_clear(&net);
}
END_TEST

START_TEST(a_single_kept_put_survives_restarts)
{
    build(4);
    put(1, "1", true);
    net_restart(&net, 1, 0);
    for (size_t i = 0; i < 4; i++)
        net_wipe(&net, i, STORE_HELD);
    net_run(&net, 60000);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 4);
    net_clear(&net);
}
END_TEST

START_TEST(a_renewal_does_not_undo_a_newer_put_of_another_daemon)
{
    build(4);
    put(1, "1", true);
    ck_assert_int_eq(put(2, "2", false)->put.seq, 2);
    net_skip(&net, HALF_S);
    net_run(&net, 3 * HOUR_MS);
    ck_assert(owner_get(&net, 3, "s")->get.is_found);
    ck_assert(bytes_is_string(got_body(), "2"));
    net_clear(&net);
}
END_TEST

START_TEST(a_renewal_keeps_the_content_and_raises_seq_by_one)
{
    static const enum envelope_content contents[] = {ENVELOPE_JSON, ENVELOPE_BYTES,
                                                     ENVELOPE_SEALED};
    struct envelope envelope;
    build(4);
    const struct put_request request =
        owner_single(&net, "s", owner_value(&net, buffer, contents[_i], "1"));
    ck_assert_int_eq(net_put(&net, 1, &request)->err, ERR_OK);
    net_skip(&net, HALF_S);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(net_counter(&net, 1, COUNTER_RENEWALS), 1);
    ck_assert_int_eq(owner_get(&net, 3, "s")->get.record.seq, 2);
    envelope_parse(bytes_of(net.value, net.value_size), &envelope);
    ck_assert_int_eq(envelope.content, contents[_i]);
    ck_assert(bytes_is_string(envelope.body, "1"));
    ck_assert_uint_eq(kept(1), 1);
    net_run(&net, 2 * HOUR_MS);
    ck_assert_uint_eq(net_counter(&net, 1, COUNTER_RENEWALS), 1);
    net_clear(&net);
}
END_TEST

/* Written elsewhere, for longer than any record may live. */
START_TEST(one_of_too_long_a_life_is_renewed_for_the_longest)
{
    struct envelope envelope;
    build(4);
    const struct bytes v = owner_json(&net, buffer, "1");
    envelope_parse(v, &envelope);
    envelope.time_unix_s -= RECORD_TTL_S_MAX;
    uint8_t other[OWNER_VALUE_MAX];
    struct wire_writer w;
    wire_writer_init(&w, other, sizeof other);
    envelope_write(&w, &envelope);
    const struct put_request request = owner_single(&net, "s", wire_written(&w));
    ck_assert_int_eq(net_put(&net, 1, &request)->err, ERR_OK);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(net_counter(&net, 1, COUNTER_RENEWALS), 1);
    ck_assert_int_eq(owner_get(&net, 3, "s")->get.record.seq, 2);
    envelope_parse(bytes_of(net.value, net.value_size), &envelope);
    ck_assert_uint_eq(envelope.expiry_unix_s - envelope.time_unix_s, RECORD_TTL_S_MAX);
    net_clear(&net);
}
END_TEST

/* What was put while the clocks were years ahead comes right by itself once they are right. */
START_TEST(what_a_wrong_clock_signed_is_signed_anew)
{
    const uint64_t years_s = UINT64_C(2) * 365 * 86400;
    struct envelope envelope;
    build(4);
    net_skip(&net, years_s);
    ck_assert_int_eq(put(1, "1", true)->err, ERR_OK);
    net_skip(&net, 0 - years_s);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(net_counter(&net, 1, COUNTER_RENEWALS), 1);
    ck_assert_int_eq(owner_get(&net, 3, "s")->get.record.seq, 2);
    envelope_parse(bytes_of(net.value, net.value_size), &envelope);
    ck_assert_uint_le(envelope.time_unix_s, net_now(&net).unix_s);
    ck_assert_uint_eq(envelope.expiry_unix_s - envelope.time_unix_s, RECORD_TTL_S_DEFAULT);
    net_run(&net, 2 * HOUR_MS);
    ck_assert_uint_eq(net_counter(&net, 1, COUNTER_RENEWALS), 1);
    net_clear(&net);
}
END_TEST

START_TEST(without_the_key_it_is_republished_as_it_is)
{
    build(4);
    put(1, "1", true);
    net.is_key_missing = true;
    net_skip(&net, HALF_S);
    for (size_t i = 0; i < 4; i++)
        if (i != 1)
            net_wipe(&net, i, STORE_HELD);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(net_holders(&net, RECORD_SINGLE, &target), 4);
    ck_assert_int_eq(owner_get(&net, 3, "s")->get.record.seq, 1);
    /* It ends when it says that it does, here as elsewhere. */
    net_skip(&net, HALF_S);
    net_run(&net, 3 * HOUR_MS);
    ck_assert(!owner_get(&net, 1, "s")->get.is_found);
    ck_assert(!owner_get(&net, 3, "s")->get.is_found);
    net_clear(&net);
}
END_TEST

START_TEST(a_renewal_under_way_does_not_bring_back_what_is_dropped)
{
    build(4);
    put(1, "1", true);
    net_skip(&net, HALF_S);
    for (int i = 0; i < 3600000 && net_counter(&net, 1, COUNTER_RENEWALS) == 0; i++)
        net_run(&net, 1);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_SINGLE, &target), ERR_OK);
    net_run(&net, 10000);
    ck_assert_uint_eq(kept(1), 0);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_SINGLE, &target), ERR_NOT_FOUND);
    net_clear(&net);
}
END_TEST

START_TEST(what_is_dropped_during_its_put_is_kept_as_the_put_says)
{
    uint64_t op;
    build(4);
    put(1, "1", true);
    const struct put_request request = single("2");
    ck_assert_int_eq(node_put(net.nodes[1]->node, net_now(&net), &request, &op, net.out), ERR_OK);
    net_flush(&net, 1);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_SINGLE, &target), ERR_OK);
    ck_assert_uint_eq(kept(1), 0);
    ck_assert(net_wait(&net, 1, op)->put.is_kept);
    ck_assert_uint_eq(kept(1), 1);
    net_clear(&net);
}
END_TEST

/* Puts an immutable on a lone node, up to where its keeping is on its way to the disk; the number
 * of that write. */
static uint64_t begin_keeping(uint64_t *op)
{
    const struct put_request request = {
        .kind = RECORD_IMMUTABLE, .v = bytes_of_string("1:x"), .is_kept = true};
    struct node *node = net.nodes[0]->node;
    ck_assert_int_eq(node_put(node, net_now(&net), &request, op, net.out), ERR_OK);
    const struct store_write held = net.out->writes[net.out->write_count - 1];
    ck_assert_int_eq(held.space, STORE_HELD);
    node_stored(node, net_now(&net), held.write, ERR_OK, 0, net.out);
    const struct store_write kept_write = net.out->writes[net.out->write_count - 1];
    ck_assert_int_eq(kept_write.space, STORE_KEPT);
    ck_assert_int_eq(kept_write.action, STORE_PUT);
    outbox_reset(net.out);
    return kept_write.write;
}

START_TEST(a_put_given_up_while_it_is_kept_has_its_turns_and_one_event)
{
    uint64_t op;
    build(1);
    const uint64_t write = begin_keeping(&op);
    node_cancel(net.nodes[0]->node, net_now(&net), op, net.out);
    ck_assert_uint_eq(net.out->event_count, 1);
    ck_assert_int_eq(net.out->events[0].err, ERR_CANCELLED);
    outbox_reset(net.out);
    node_cancel(net.nodes[0]->node, net_now(&net), op, net.out);
    node_stored(net.nodes[0]->node, net_now(&net), write, ERR_OK, 0, net.out);
    ck_assert_uint_eq(net.out->event_count, 0);
    ck_assert_uint_eq(kept(0), 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_drop_given_up_while_it_is_written_drops_nevertheless)
{
    uint64_t op;
    build(1);
    struct node *node = net.nodes[0]->node;
    const uint64_t write = begin_keeping(&op);
    node_stored(node, net_now(&net), write, ERR_OK, 0, net.out);
    ck_assert_uint_eq(kept(0), 1);
    outbox_reset(net.out);
    struct id of;
    record_immutable_target(bytes_of_string("1:x"), &of);
    ck_assert_int_eq(node_drop_kept(node, net_now(&net), RECORD_IMMUTABLE, &of, &op, net.out),
                     ERR_OK);
    const uint64_t drop_write = net.out->writes[0].write;
    node_cancel(node, net_now(&net), op, net.out);
    ck_assert_uint_eq(net.out->event_count, 1);
    node_stored(node, net_now(&net), drop_write, ERR_OK, 0, net.out);
    ck_assert_uint_eq(net.out->event_count, 1);
    ck_assert_uint_eq(kept(0), 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_put_behind_a_drop_on_its_way_to_the_disk_has_its_turns)
{
    uint64_t put_op, drop_op;
    const struct put_request request = {
        .kind = RECORD_IMMUTABLE, .v = bytes_of_string("1:x"), .is_kept = true};
    struct id of;
    build(1);
    record_immutable_target(request.v, &of);
    ck_assert_int_eq(node_put(net.nodes[0]->node, net_now(&net), &request, &put_op, net.out),
                     ERR_OK);
    net_flush(&net, 0);
    ck_assert_uint_eq(kept(0), 1);
    struct node *node = net.nodes[0]->node;
    ck_assert_int_eq(node_drop_kept(node, net_now(&net), RECORD_IMMUTABLE, &of, &drop_op, net.out),
                     ERR_OK);
    const uint64_t drop_write = net.out->writes[0].write;
    const uint64_t keep_write = begin_keeping(&put_op);
    node_stored(node, net_now(&net), drop_write, ERR_OK, 0, net.out);
    ck_assert_uint_eq(kept(0), 0);
    node_stored(node, net_now(&net), keep_write, ERR_OK, 0, net.out);
    ck_assert_uint_eq(kept(0), 1);
    net_clear(&net);
}
END_TEST

/* The single that node `index` keeps. */
static struct record kept_record(size_t index)
{
    struct stored stored;
    ck_assert(net_stored(&net, index, STORE_KEPT, RECORD_SINGLE, &target, &stored));
    return stored.record;
}

START_TEST(a_renewal_that_was_stored_but_not_kept_is_kept_later)
{
    build(4);
    put(1, "1", true);
    const struct record kept_first = kept_record(1);
    struct blob *first = blobs_take(&net.world.blobs, &kept_first);
    net_skip(&net, HALF_S);
    net_run(&net, HOUR_MS);
    ck_assert_int_eq(kept_record(1).seq, 2);
    /* As if the node had been killed between the two writes. */
    net_wipe(&net, 1, STORE_KEPT);
    net_place(&net, 1, STORE_KEPT, &first->record);
    blobs_drop(&net.world.blobs, first);
    net_restart(&net, 1, 0);
    net_run(&net, HOUR_MS);
    ck_assert_int_eq(kept_record(1).seq, 2);
    ck_assert_uint_eq(kept(1), 1);
    net_skip(&net, HALF_S);
    net_run(&net, HOUR_MS);
    ck_assert_int_eq(kept_record(1).seq, 3);
    net_clear(&net);
}
END_TEST

START_TEST(what_the_owner_put_elsewhere_is_what_is_kept)
{
    build(4);
    put(1, "1", true);
    ck_assert_int_eq(put(2, "2", false)->put.seq, 2);
    net_run(&net, HOUR_MS);
    ck_assert_int_eq(kept_record(1).seq, 2);
    ck_assert_uint_eq(kept(1), 1);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_put_is_republished_once_between_three_quarters_and_a_whole_hour);
    tcase_add_test(tests, a_second_put_of_the_same_has_one_turn_not_two);
    tcase_add_test(tests, after_a_restart_all_are_republished_but_not_at_once);
    tcase_add_test(tests, what_is_dropped_or_put_while_loading_has_no_turn_or_one);
    tcase_add_test(tests, a_local_put_is_on_disk_at_once_and_in_the_network_with_its_turn);
    tcase_add_test(tests, a_kept_part_that_has_ended_is_kept_no_longer);
    tcase_add_test(tests, a_single_kept_put_survives_restarts);
    tcase_add_test(tests, a_renewal_does_not_undo_a_newer_put_of_another_daemon);
    tcase_add_loop_test(tests, a_renewal_keeps_the_content_and_raises_seq_by_one, 0, 3);
    tcase_add_test(tests, one_of_too_long_a_life_is_renewed_for_the_longest);
    tcase_add_test(tests, what_a_wrong_clock_signed_is_signed_anew);
    tcase_add_test(tests, without_the_key_it_is_republished_as_it_is);
    tcase_add_test(tests, a_renewal_under_way_does_not_bring_back_what_is_dropped);
    tcase_add_test(tests, what_is_dropped_during_its_put_is_kept_as_the_put_says);
    tcase_add_test(tests, a_put_given_up_while_it_is_kept_has_its_turns_and_one_event);
    tcase_add_test(tests, a_drop_given_up_while_it_is_written_drops_nevertheless);
    tcase_add_test(tests, a_put_behind_a_drop_on_its_way_to_the_disk_has_its_turns);
    tcase_add_test(tests, a_renewal_that_was_stored_but_not_kept_is_kept_later);
    tcase_add_test(tests, what_the_owner_put_elsewhere_is_what_is_kept);
}
