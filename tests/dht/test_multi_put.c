/* An entry of a multi is put like a single: found, numbered, signed, stored on the nodes closest to
 * the target, kept and renewed. Its seq is that of its place (k, slot), whatever else lies there;
 * and foreign nodes hear nothing of it. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/records/envelope.h"
#include "daemon/dht/records/multi.h"
#include "daemon/dht/wire/krpc.h"
#include "tests/dht/draft.h"
#include "tests/dht/owner.h"
#include "tests/runner.h"

#define HOUR_MS (3600u * 1000u)
#define HALF_S  (RECORD_TTL_S_DEFAULT / 2 + 10)

static struct net net;
static struct id target;
static uint8_t buffer[OWNER_VALUE_MAX];

static void build(size_t count)
{
    net_build(&net, count, 41);
    record_multi_target(bytes_of_string("twister"), bytes_of_string("hashtag"), &target);
}

static struct put_request entry(const char *slot, const char *json)
{
    return (struct put_request){
        .kind = RECORD_MULTI,
        .target = target,
        .k = net.public_key,
        .salt = bytes_of_string(slot),
        .v = owner_json(&net, buffer, json),
    };
}

static const struct event *put(size_t index, const char *slot, const char *json)
{
    const struct put_request request = entry(slot, json);
    return net_put(&net, index, &request);
}

static const struct event *put_kept(size_t index, const char *slot, const char *json)
{
    struct put_request request = entry(slot, json);
    request.is_kept = true;
    return net_put(&net, index, &request);
}

/* A put of what a draft says, signed by its own signer. */
static struct put_request signed_entry(struct draft *d)
{
    draft_sign(d);
    return node_put_request(&d->record);
}

static struct id key_of(const char *slot)
{
    struct id key;
    const struct record place = {
        .kind = RECORD_MULTI, .target = target, .k = net.public_key, .salt = bytes_of_string(slot)};
    record_key(&place, &key);
    return key;
}

static size_t holders(const char *slot)
{
    const struct id key = key_of(slot);
    return net_holders(&net, RECORD_MULTI, &key);
}

/* How many hold this seq in this place. */
static size_t holders_of(const char *slot, int64_t seq)
{
    const struct id key = key_of(slot);
    size_t count = 0;
    for (size_t i = 0; i < net.count; i++) {
        struct stored stored;
        count += net_stored(&net, i, STORE_HELD, RECORD_MULTI, &key, &stored) &&
                 stored.record.seq == seq;
    }
    return count;
}

START_TEST(entries_of_many_signers_lie_on_the_eight_closest)
{
    build(20);
    for (uint8_t signer = 1; signer <= 5; signer++) {
        struct draft d = draft_of(&target, net_now(&net).unix_s, "latest", 1);
        d.signer = signer;
        const struct put_request request = signed_entry(&d);
        const struct id key = draft_key(&d);
        const struct event *event = net_put(&net, signer, &request);
        ck_assert_int_eq(event->err, ERR_OK);
        ck_assert_uint_eq(event->put.stored, 8);
        ck_assert(id_equal(&event->put.target, &target));
        ck_assert_uint_eq(net_holders(&net, RECORD_MULTI, &key), 8);
    }
    unsigned full = 0;
    for (size_t i = 0; i < net.count; i++) {
        struct store_summary summary;
        full += disk_summary(&net.nodes[i]->disk, STORE_HELD, &target, &summary) == ERR_OK &&
                summary.count == 5;
    }
    ck_assert_uint_eq(full, 8);
    net_clear(&net);
}
END_TEST

START_TEST(seq_is_the_next_of_the_place)
{
    build(12);
    ck_assert_int_eq(put(1, "latest", "1")->put.seq, 1);
    ck_assert_int_eq(put(1, "latest", "2")->put.seq, 2);
    ck_assert_int_eq(put(1, "other", "1")->put.seq, 1);
    /* This one has seen none of them. */
    ck_assert_int_eq(put(2, "latest", "3")->put.seq, 3);
    ck_assert_uint_eq(holders_of("latest", 3), 8);
    ck_assert_uint_eq(holders_of("other", 1), 8);
    net_clear(&net);
}
END_TEST

START_TEST(seq_is_found_where_most_holders_have_lost_the_entry)
{
    build(12);
    put(1, "latest", "1");
    put(1, "latest", "2");
    unsigned left = 0;
    const struct id key = key_of("latest");
    for (size_t i = 0; i < net.count; i++)
        if (net_holds(&net, i, RECORD_MULTI, &key) && left++ > 0)
            net_wipe(&net, i, STORE_HELD);
    ck_assert_uint_eq(holders("latest"), 1);
    const struct event *event = put(2, "latest", "3");
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_int_eq(event->put.seq, 3);
    ck_assert_uint_eq(event->put.stored, 8);
    ck_assert_uint_eq(holders_of("latest", 3), 8);
    net_clear(&net);
}
END_TEST

START_TEST(what_cannot_be_an_entry_is_refused_at_once)
{
    uint64_t op;
    build(1);
    struct node *node = net.nodes[0]->node;
    const struct put_request good = entry("latest", "1");
    struct put_request bad = good;
    bad.salt = bytes_of_string("123456789012345678901234567890123");
    ck_assert_int_eq(node_put(node, net_now(&net), &bad, &op, net.out), ERR_SALT_TOO_LONG);
    bad.salt = bytes_of_string("");
    ck_assert_int_eq(node_put(node, net_now(&net), &bad, &op, net.out), ERR_MALFORMED);
    bad = good;
    bad.k = NULL;
    ck_assert_int_eq(node_put(node, net_now(&net), &bad, &op, net.out), ERR_MALFORMED);
    bad = good;
    bad.v = bytes_of_string("5:hello");
    ck_assert_int_eq(node_put(node, net_now(&net), &bad, &op, net.out), ERR_MALFORMED);
    struct draft d = draft_of(&target, net_now(&net).unix_s, "latest", 1);
    bad = signed_entry(&d);
    bad.target.b[0] ^= 1;
    ck_assert_int_eq(node_put(node, net_now(&net), &bad, &op, net.out), ERR_BAD_SIGNATURE);
    draft_sign_size(&d, RECORD_V_MAX + 1);
    bad = good;
    bad.v = d.record.v;
    ck_assert_int_eq(node_put(node, net_now(&net), &bad, &op, net.out), ERR_TOO_BIG);
    ck_assert_uint_eq(net_info(&net, 0).operations, 0);
    net_clear(&net);
}
END_TEST

START_TEST(a_lower_seq_a_rival_and_a_wrong_cas_store_nothing)
{
    build(12);
    struct put_request request = entry("latest", "1");
    request.has_seq = true;
    request.seq = 5;
    ck_assert_int_eq(net_put(&net, 1, &request)->err, ERR_OK);
    request.seq = 4;
    const struct event *event = net_put(&net, 2, &request);
    ck_assert_int_eq(event->err, ERR_STALE_SEQ);
    ck_assert_int_eq(event->put.seq, 5);
    request = entry("latest", "2");
    request.has_seq = true;
    request.seq = 5;
    ck_assert_int_eq(net_put(&net, 2, &request)->err, ERR_STALE_SEQ);
    request.has_cas = true;
    request.seq = 6;
    request.cas = 4;
    ck_assert_int_eq(net_put(&net, 2, &request)->err, ERR_CAS_MISMATCH);
    ck_assert_uint_eq(holders_of("latest", 5), 8);
    request.cas = 5;
    ck_assert_int_eq(net_put(&net, 2, &request)->err, ERR_OK);
    ck_assert_uint_eq(holders_of("latest", 6), 8);
    net_clear(&net);
}
END_TEST

START_TEST(what_is_deleted_stays_deleted)
{
    build(12);
    struct draft old = draft_of(&target, net_now(&net).unix_s, "latest", 1);
    struct draft gone = draft_of(&target, net_now(&net).unix_s, "latest", 2);
    gone.body_size = 0;
    struct put_request request = signed_entry(&old);
    ck_assert_int_eq(net_put(&net, 1, &request)->err, ERR_OK);
    request = signed_entry(&gone);
    ck_assert_uint_eq(net_put(&net, 1, &request)->put.stored, 8);
    request = signed_entry(&old);
    const struct event *event = net_put(&net, 2, &request);
    ck_assert_int_eq(event->err, ERR_STALE_SEQ);
    ck_assert_int_eq(event->put.seq, 2);
    const struct id key = draft_key(&old);
    for (size_t i = 0; i < net.count; i++) {
        struct stored stored;
        if (net_stored(&net, i, STORE_HELD, RECORD_MULTI, &key, &stored))
            ck_assert(record_equal(&stored.record, &gone.record));
    }
    ck_assert_uint_eq(net_holders(&net, RECORD_MULTI, &key), 8);
    net_clear(&net);
}
END_TEST

START_TEST(puts_of_one_place_queue_and_others_do_not_wait)
{
    static const char *const slots[] = {"a", "b", "a"};
    uint64_t ops[3];
    size_t packets = 0;
    build(12);
    for (size_t i = 0; i < 3; i++) {
        const struct put_request request = entry(slots[i], i == 0 ? "1" : "2");
        ck_assert_int_eq(node_put(net.nodes[1]->node, net_now(&net), &request, &ops[i], net.out),
                         ERR_OK);
        ck_assert_int_eq(net.out->packet_count > packets, i < 2);
        packets = net.out->packet_count;
    }
    net_flush(&net, 1);
    ck_assert_int_eq(net_wait(&net, 1, ops[2])->put.seq, 2);
    ck_assert_uint_eq(holders_of("a", 2), 8);
    ck_assert_uint_eq(holders_of("b", 1), 8);
    net_clear(&net);
}
END_TEST

START_TEST(a_quick_put_is_answered_from_disk_and_stored_behind)
{
    build(12);
    struct put_request request = entry("latest", "1");
    request.is_kept = request.is_quick = true;
    const struct event *event = net_put(&net, 1, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_int_eq(event->put.seq, 1);
    ck_assert(event->put.is_kept);
    ck_assert_uint_eq(event->put.stored, 0);
    net_run(&net, 5000);
    ck_assert_uint_eq(holders_of("latest", 1), 8);
    /* The network is ahead: it is signed anew. */
    put(2, "latest", "2");
    put(2, "latest", "3");
    request = entry("latest", "4");
    request.is_kept = request.is_quick = true;
    ck_assert_int_eq(net_put(&net, 1, &request)->err, ERR_OK);
    net_run(&net, 5000);
    ck_assert_uint_eq(holders_of("latest", 4), 8);
    net_clear(&net);
}
END_TEST

START_TEST(what_is_kept_is_republished_each_by_itself_also_after_a_restart)
{
    build(4);
    ck_assert(put_kept(1, "a", "1")->put.is_kept);
    put_kept(1, "b", "2");
    put_kept(1, "a", "3");
    ck_assert_uint_eq(net_info(&net, 1).kept, 2);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(net_counter(&net, 1, COUNTER_REPUBLISHES), 2);
    net_restart(&net, 1, 0);
    for (size_t i = 0; i < net.count; i++)
        net_wipe(&net, i, STORE_HELD);
    net_run(&net, HOUR_MS / 2);
    ck_assert_uint_eq(net_info(&net, 1).kept, 2);
    ck_assert_uint_eq(holders_of("a", 2), 4);
    ck_assert_uint_eq(holders_of("b", 1), 4);
    net_clear(&net);
}
END_TEST

START_TEST(one_place_is_dropped_and_the_other_stays_kept)
{
    build(4);
    put_kept(1, "a", "1");
    put_kept(1, "b", "2");
    const struct id key = key_of("a");
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_MULTI, &target), ERR_NOT_FOUND);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_MULTI, &key), ERR_OK);
    ck_assert_int_eq(net_drop_kept(&net, 1, RECORD_MULTI, &key), ERR_NOT_FOUND);
    ck_assert_uint_eq(net_info(&net, 1).kept, 1);
    for (size_t i = 0; i < net.count; i++)
        net_wipe(&net, i, STORE_HELD);
    net_run(&net, HOUR_MS);
    ck_assert_uint_eq(holders("a"), 0);
    ck_assert_uint_eq(holders("b"), 4);
    net_clear(&net);
}
END_TEST

static struct envelope held_envelope(size_t index, const char *slot, int64_t seq)
{
    struct stored stored;
    struct envelope envelope;
    const struct id key = key_of(slot);
    ck_assert(net_stored(&net, index, STORE_HELD, RECORD_MULTI, &key, &stored));
    ck_assert_int_eq(stored.record.seq, seq);
    ck_assert(record_verify(&stored.record));
    envelope_parse(stored.record.v, &envelope);
    return envelope;
}

START_TEST(past_half_of_its_life_it_is_signed_anew_with_its_own_time)
{
    build(4);
    struct draft gone = draft_of(&target, net_now(&net).unix_s, "gone", 1);
    const uint64_t written_s = gone.time_unix_s;
    gone.body_size = 0;
    draft_sign(&gone);
    struct put_request deletion = entry("gone", "1");
    deletion.v = gone.record.v;
    deletion.is_kept = true;
    put_kept(1, "said", "1");
    net_put(&net, 1, &deletion);
    for (int64_t seq = 2; seq <= 4; seq++) {
        net_skip(&net, HALF_S);
        net_run(&net, HOUR_MS + 60000);
        const uint64_t now_s = net_now(&net).unix_s;
        const struct envelope said = held_envelope(3, "said", seq);
        const struct envelope deleted = held_envelope(3, "gone", seq);
        ck_assert_uint_eq(said.time_unix_s, written_s);
        ck_assert_uint_eq(deleted.time_unix_s, written_s);
        ck_assert_uint_gt(said.expiry_unix_s, now_s + RECORD_TTL_S_DEFAULT - 4000);
        ck_assert_uint_le(said.expiry_unix_s, now_s + RECORD_TTL_S_DEFAULT);
        ck_assert_uint_gt(deleted.expiry_unix_s, now_s + RECORD_TTL_S_DEFAULT - 4000);
        ck_assert_int_eq(said.content, ENVELOPE_JSON);
        ck_assert_int_eq(deleted.content, ENVELOPE_DELETED);
        ck_assert_uint_eq(net_counter(&net, 1, COUNTER_RENEWALS), 2 * (uint64_t)(seq - 1));
    }
    ck_assert_uint_eq(net_info(&net, 1).kept, 2);
    net_clear(&net);
}
END_TEST

START_TEST(a_newer_entry_of_another_daemon_is_kept_instead)
{
    build(4);
    put_kept(1, "latest", "1");
    put(2, "latest", "2");
    net_run(&net, HOUR_MS);
    struct stored stored;
    const struct id key = key_of("latest");
    ck_assert(net_stored(&net, 1, STORE_KEPT, RECORD_MULTI, &key, &stored));
    ck_assert_int_eq(stored.record.seq, 2);
    net_clear(&net);
}
END_TEST

/* A node that is driven by hand: what it says in `v`, and what has come to it. */
static struct {
    struct addr addr;
    const char *version;
    unsigned plain, extended; /* queries */
    struct bytes token, entries;
    int64_t seq;
    size_t put_size; /* of the last xput */
    bool has_cas;
} stranger;

static void on_stranger(struct net *n, const struct net_packet *packet)
{
    static const uint8_t token[KRPC_TOKEN_MAX];
    uint8_t bytes[KRPC_PACKET_MAX];
    struct wire_writer w;
    struct krpc query;
    ck_assert_int_eq(krpc_parse(packet->data, &query), ERR_OK);
    if (query.type != KRPC_QUERY)
        return;
    bool is_extended = query.method == KRPC_XGET || query.method == KRPC_XPUT;
    stranger.extended += is_extended;
    stranger.plain += !is_extended;
    struct krpc reply = {
        .type = KRPC_RESPONSE,
        .t = query.t,
        .version = bytes_of(stranger.version, 4),
        .has_network = query.has_network,
        .network = query.network,
        .has_id = true,
        .id = target,
        .token = bytes_of(token, sizeof token),
    };
    if (query.method == KRPC_XGET && stranger.entries.data != NULL) {
        reply.entries = stranger.entries;
        reply.has_seq = true;
        reply.seq = stranger.seq;
    }
    if (query.method == KRPC_XPUT) {
        stranger.put_size = packet->data.size;
        stranger.has_cas = query.has_cas;
    }
    wire_writer_init(&w, bytes, sizeof bytes);
    krpc_write(&w, &reply);
    net_post(n, &packet->to, &packet->from, wire_written(&w));
}

/* The stranger's id is the target: nobody is closer. Node `index` knows it. */
static void meet_stranger(size_t index, const char *version)
{
    stranger.addr = addr_v4((const uint8_t[4]){80, 1, 1, 1}, 5000);
    stranger.version = version;
    stranger.entries = (struct bytes){0};
    stranger.plain = stranger.extended = 0;
    net.on_foreign = on_stranger;
    node_bootstrap(net.nodes[index]->node, &stranger.addr);
    uint64_t op;
    node_ping(net.nodes[index]->node, net_now(&net), &stranger.addr, 0, &op, net.out);
    net_flush(&net, index);
    net_run(&net, 5000);
    ck_assert_uint_gt(stranger.plain, 0);
}

START_TEST(on_the_public_network_foreign_nodes_hear_nothing_of_it)
{
    record_multi_target(bytes_of_string("twister"), bytes_of_string("hashtag"), &target);
    net_init(&net, 42);
    net.world.config.is_mainline = true;
    for (int i = 0; i < 6; i++) {
        net_add(&net, i ? 0 : -1, NODE_SERVER);
        net_run(&net, 5000);
    }
    net_run(&net, HOUR_MS); /* until all have met */
    meet_stranger(1, "LT\1\2");
    const struct event *event = put(1, "latest", "1");
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 6);
    ck_assert_uint_eq(stranger.extended, 0);
    meet_stranger(1, "XO\0\1");
    const unsigned asked = stranger.extended; /* as a xord node whose neighbours are looked for */
    put(1, "latest", "2");
    ck_assert_uint_eq(stranger.extended, asked + 2);
    net_clear(&net);
}
END_TEST

START_TEST(on_a_private_network_all_are_asked)
{
    build(3);
    meet_stranger(1, "??\0\0");
    put(1, "latest", "1");
    ck_assert_uint_eq(stranger.extended, 2);
    net_clear(&net);
}
END_TEST

/* The stranger says that it has this. */
static void let_claim(const struct record *claimed)
{
    static uint8_t entries[MULTI_ENTRY_MAX + 2];
    struct wire_writer w;
    wire_writer_init(&w, entries, sizeof entries);
    bencode_write_list(&w);
    multi_write_entry(&w, claimed);
    bencode_write_end(&w);
    stranger.entries = wire_written(&w);
    stranger.seq = claimed->seq;
}

START_TEST(what_does_not_verify_or_lies_elsewhere_is_not_seen)
{
    build(4);
    meet_stranger(1, "XO\0\1");
    struct draft d = draft_of(&target, net_now(&net).unix_s, "latest", 77);
    draft_sign(&d);
    struct put_request request = signed_entry(&d);
    request.sig = NULL;
    request.has_seq = false;
    request.k = net.public_key;
    struct draft forged = d;
    draft_sign(&forged);
    memcpy(forged.k, net.public_key, KEYS_PUBLIC_SIZE);
    let_claim(&forged.record);
    ck_assert_int_eq(net_put(&net, 1, &request)->put.seq, 1);
    let_claim(&d.record); /* good, but another signer's */
    ck_assert_int_eq(net_put(&net, 1, &request)->put.seq, 2);
    stranger.entries = bytes_of_string("li1ee");
    ck_assert_int_eq(net_put(&net, 1, &request)->put.seq, 3);
    ck_assert_uint_eq(net_counter(&net, 1, COUNTER_REPLIES_UNVERIFIED), 3);
    net_clear(&net);
}
END_TEST

START_TEST(the_longest_entry_with_the_longest_token_is_sent)
{
    build(1);
    size_t client = net_add(&net, -1, NODE_CLIENT);
    meet_stranger(client, "XO\0\1");
    struct draft d = draft_of(&target, net_now(&net).unix_s, DRAFT_SLOT_LONGEST, INT64_MAX);
    draft_sign_size(&d, RECORD_V_MAX);
    struct put_request request = signed_entry(&d);
    ck_assert_uint_eq(request.v.size, RECORD_V_MAX);
    request.has_cas = true;
    request.cas = INT64_MAX - 1;
    const struct event *event = net_put(&net, client, &request);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_uint_eq(event->put.stored, 1);
    ck_assert(stranger.has_cas);
    ck_assert_uint_gt(stranger.put_size, RECORD_V_MAX);
    ck_assert_uint_le(stranger.put_size, KRPC_PACKET_MAX);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, entries_of_many_signers_lie_on_the_eight_closest);
    tcase_add_test(tests, seq_is_the_next_of_the_place);
    tcase_add_test(tests, seq_is_found_where_most_holders_have_lost_the_entry);
    tcase_add_test(tests, what_cannot_be_an_entry_is_refused_at_once);
    tcase_add_test(tests, a_lower_seq_a_rival_and_a_wrong_cas_store_nothing);
    tcase_add_test(tests, what_is_deleted_stays_deleted);
    tcase_add_test(tests, puts_of_one_place_queue_and_others_do_not_wait);
    tcase_add_test(tests, a_quick_put_is_answered_from_disk_and_stored_behind);
    tcase_add_test(tests, what_is_kept_is_republished_each_by_itself_also_after_a_restart);
    tcase_add_test(tests, one_place_is_dropped_and_the_other_stays_kept);
    tcase_add_test(tests, past_half_of_its_life_it_is_signed_anew_with_its_own_time);
    tcase_add_test(tests, a_newer_entry_of_another_daemon_is_kept_instead);
    tcase_add_test(tests, on_the_public_network_foreign_nodes_hear_nothing_of_it);
    tcase_add_test(tests, on_a_private_network_all_are_asked);
    tcase_add_test(tests, what_does_not_verify_or_lies_elsewhere_is_not_seen);
    tcase_add_test(tests, the_longest_entry_with_the_longest_token_is_sent);
}
