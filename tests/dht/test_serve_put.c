/* A put must be refused for all that BEP 44 and the design refuse, each with its number, must be
 * acknowledged only when it is on disk, and what was stored must come back by get as it was. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/records/envelope.h"
#include "tests/dht/asker.h"
#include "tests/runner.h"

static struct asker asker;
static uint8_t sig[KEYS_SIGNATURE_SIZE];

static int64_t put_code(const struct krpc *put)
{
    return asker_code(asker_ask(&asker, *put));
}

static const struct krpc *get(const struct id *target)
{
    return asker_ask(&asker,
                     (struct krpc){.method = KRPC_GET, .has_target = true, .target = *target});
}

static bool is_stored(const struct id *target)
{
    return get(target)->v.data != NULL;
}

static struct bytes timed_value(uint8_t *buffer, size_t size, int64_t time_s, int64_t expiry_s)
{
    struct wire_writer w;
    const struct envelope envelope = {
        .content = ENVELOPE_JSON,
        .body = bytes_of_string("1"),
        .has_time = true,
        .time_unix_s = net_now(&asker.net).unix_s + (uint64_t)time_s,
        .has_expiry = true,
        .expiry_unix_s = net_now(&asker.net).unix_s + (uint64_t)expiry_s,
    };
    wire_writer_init(&w, buffer, size);
    envelope_write(&w, &envelope);
    return wire_written(&w);
}

/* A byte string whose bencoding has this size. */
static struct bytes value_of_size(uint8_t *buffer, size_t size)
{
    int head = snprintf((char *)buffer, 8, "%zu:", size - 4);
    memset(buffer + head, 'x', size - (size_t)head);
    return bytes_of(buffer, size);
}

START_TEST(an_immutable_put_is_got_as_it_was)
{
    asker_init(&asker, 1, false);
    const struct krpc put = asker_immutable(&asker, bytes_of_string("5:hello"));
    ck_assert_int_eq(put_code(&put), 0);
    const struct krpc *reply = get(&put.target);
    ck_assert(bytes_is_string(reply->v, "5:hello"));
    ck_assert_ptr_null(reply->k.data);
    ck_assert_ptr_null(reply->sig.data);
    ck_assert(!reply->has_seq);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_ACCEPTED), 1);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_single_put_is_got_as_it_was_and_without_v_when_it_is_known)
{
    asker_init(&asker, 1, false);
    const struct krpc put = asker_single(&asker, "s", 4, bytes_of_string("d1:ai1ee"), sig);
    ck_assert_int_eq(put_code(&put), 0);
    const struct krpc *reply = get(&put.target);
    ck_assert(bytes_equal(reply->v, put.v));
    ck_assert(bytes_equal(reply->k, put.k));
    ck_assert(bytes_equal(reply->sig, put.sig));
    ck_assert_int_eq(reply->seq, 4);
    struct krpc query = {
        .method = KRPC_GET, .has_target = true, .target = put.target, .has_seq = true, .seq = 3};
    ck_assert_ptr_nonnull(asker_ask(&asker, query)->v.data);
    query.seq = 4;
    reply = asker_ask(&asker, query);
    ck_assert_ptr_null(reply->v.data);
    ck_assert_ptr_null(reply->sig.data);
    ck_assert(reply->has_seq);
    ck_assert_int_eq(reply->seq, 4);
    ck_assert_ptr_nonnull(reply->token.data);
    asker_clear(&asker);
}
END_TEST

/* A reply is many times its query, and the query's source may be forged. */
START_TEST(a_stranger_from_outside_gets_values_until_its_share_is_spent)
{
    uint8_t value[RECORD_V_MAX];
    unsigned got = 0;
    asker_init(&asker, 2, false);
    const struct krpc put = asker_single(&asker, "s", 4, value_of_size(value, sizeof value), sig);
    ck_assert_int_eq(put_code(&put), 0);
    asker.from = addr_v4((const uint8_t[4]){93, 184, 216, 34}, 6881);
    while (got < 1000 && get(&put.target)->v.data != NULL)
        got++;
    ck_assert_uint_gt(got, 10);
    ck_assert_uint_lt(got, 100);
    const struct krpc *reply = get(&put.target);
    ck_assert_ptr_null(reply->k.data);
    ck_assert_ptr_null(reply->sig.data);
    ck_assert_int_eq(reply->seq, 4);
    ck_assert_ptr_nonnull(reply->token.data);
    ck_assert_uint_gt(reply->nodes.size, 0);
    ck_assert_uint_ge(asker_counter(&asker, COUNTER_QUERIES_CUT_SHORT), 2);
    const struct krpc proof = asker_single(&asker, "s", 4, put.v, sig);
    ck_assert_int_eq(put_code(&proof), 0); /* its token proves that it reads what we send there */
    for (unsigned i = 0; i < 200; i++)
        ck_assert_ptr_nonnull(get(&put.target)->v.data);
    asker_clear(&asker);
}
END_TEST

/* Hands a put to the node and leaves the write to the test; its number. */
static struct store_write begin_put(struct krpc put)
{
    uint8_t buffer[ASKER_PACKET_MAX];
    struct wire_writer w;
    struct net *net = &asker.net;
    put.type = KRPC_QUERY;
    put.has_network = put.has_id = true;
    put.network = 7;
    put.t = bytes_of_string("late");
    put.read_only = true;
    wire_writer_init(&w, buffer, sizeof buffer);
    krpc_write(&w, &put);
    node_recv(net->nodes[0]->node, net_now(net), &asker.from, buffer, w.used, net->out);
    ck_assert_uint_eq(net->out->packet_count, 0);
    ck_assert_uint_eq(net->out->write_count, 1);
    return net->out->writes[0];
}

START_TEST(the_acknowledgement_waits_for_the_disk)
{
    asker_init(&asker, 1, false);
    struct net *net = &asker.net;
    const struct store_write begun =
        begin_put(asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig));
    ck_assert(!begun.is_verified);
    ck_assert(addr_equal(&begun.putter, &asker.from));
    const uint64_t write = begun.write;
    outbox_reset(net->out);
    node_stored(net->nodes[0]->node, net_now(net), write + 1, ERR_OK, 0, net->out);
    ck_assert(outbox_is_empty(net->out));
    node_stored(net->nodes[0]->node, net_now(net), write, ERR_OK, 0, net->out);
    ck_assert_uint_eq(net->out->packet_count, 1);
    struct krpc reply;
    ck_assert_int_eq(krpc_parse(net->out->packets[0].data, &reply), ERR_OK);
    ck_assert(bytes_is_string(reply.t, "late"));
    outbox_reset(net->out);
    node_stored(net->nodes[0]->node, net_now(net), write, ERR_OK, 0, net->out);
    ck_assert(outbox_is_empty(net->out));
    asker_clear(&asker);
}
END_TEST

START_TEST(trouble_of_our_own_is_202)
{
    static const enum err errs[] = {ERR_IO, ERR_STORAGE_FULL, ERR_BUSY, ERR_NO_MEMORY,
                                    ERR_STOPPING};
    asker_init(&asker, 1, false);
    struct net *net = &asker.net;
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        struct krpc reply;
        const struct store_write begun =
            begin_put(asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig));
        outbox_reset(net->out);
        node_stored(net->nodes[0]->node, net_now(net), begun.write, errs[i], 0, net->out);
        ck_assert_uint_eq(net->out->packet_count, 1);
        ck_assert_int_eq(krpc_parse(net->out->packets[0].data, &reply), ERR_OK);
        ck_assert_int_eq(reply.error_code, 202);
        outbox_reset(net->out);
    }
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_BUSY), 1);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_disk_that_fails_is_202_and_nothing_is_stored)
{
    asker_init(&asker, 1, false);
    asker.net.nodes[0]->disk.is_broken = true;
    const struct krpc put = asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig);
    ck_assert_int_eq(put_code(&put), 202);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_STORAGE), 1);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_ACCEPTED), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_token_belongs_to_address_port_target_and_time)
{
    asker_init(&asker, 1, false);
    struct krpc put = asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig);
    const struct krpc good = put;
    put.token = (struct bytes){0};
    ck_assert_int_eq(put_code(&put), 203);
    put.token = bytes_of_string("");
    ck_assert_int_eq(put_code(&put), 203);
    put.token = bytes_of_string("12345678");
    ck_assert_int_eq(put_code(&put), 203);
    asker.from.port++;
    ck_assert_int_eq(put_code(&good), 203);
    asker.from.port--;
    asker.from.ip[3]++;
    ck_assert_int_eq(put_code(&good), 203);
    asker.from.ip[3]--;
    const struct krpc other = asker_single(&asker, "other", 1, bytes_of_string("1:x"), sig);
    ck_assert_int_eq(put_code(&good), 203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_TOKEN), 6);
    net_run(&asker.net, 5 * 60 * 1000);
    ck_assert_int_eq(put_code(&other), 0);
    put = asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig);
    net_run(&asker.net, 10 * 60 * 1000);
    ck_assert_int_eq(put_code(&put), 203);
    ck_assert(!is_stored(&put.target));
    asker_clear(&asker);
}
END_TEST

START_TEST(a_bad_signature_is_206)
{
    uint8_t other[KEYS_SIGNATURE_SIZE];
    asker_init(&asker, 1, false);
    struct krpc put = asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig);
    sig[5] ^= 1;
    ck_assert_int_eq(put_code(&put), 206);
    sig[5] ^= 1;
    put.seq = 2;
    ck_assert_int_eq(put_code(&put), 206);
    put.seq = 1;
    put.v = bytes_of_string("1:y");
    ck_assert_int_eq(put_code(&put), 206);
    /* Signed for another salt: the same v and seq. */
    asker_single(&asker, "t", 1, bytes_of_string("1:x"), other);
    put.v = bytes_of_string("1:x");
    put.token = asker_token(&asker, &put.target);
    put.sig = bytes_of(other, sizeof other);
    ck_assert_int_eq(put_code(&put), 206);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_SIGNATURE), 4);
    ck_assert(!is_stored(&put.target));
    asker_clear(&asker);
}
END_TEST

START_TEST(sizes_over_the_limit_are_205_and_207)
{
    uint8_t buffer[1200];
    char salt[66];
    asker_init(&asker, 1, false);
    struct krpc put = asker_immutable(&asker, value_of_size(buffer, RECORD_V_MAX + 1));
    ck_assert_int_eq(put_code(&put), 205);
    put = asker_single(&asker, "s", 1, value_of_size(buffer, RECORD_V_MAX + 1), sig);
    ck_assert_int_eq(put_code(&put), 205);
    memset(salt, 's', 65);
    salt[65] = 0;
    put = asker_single(&asker, salt, 1, bytes_of_string("1:x"), sig);
    ck_assert_int_eq(put_code(&put), 207);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_SIZE), 3);
    salt[64] = 0;
    put = asker_single(&asker, salt, INT64_MAX, value_of_size(buffer, RECORD_V_MAX), sig);
    ck_assert_int_eq(put_code(&put), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(packets_stay_within_the_limits_whatever_is_stored)
{
    uint8_t buffer[1200], t[KRPC_T_MAX] = {0};
    asker_init(&asker, 12, true);
    asker.from = addr_v6((const uint8_t[16]){0xfd, [15] = 9}, 7000);
    for (size_t size = 104; size <= RECORD_V_MAX; size += size > 950 ? 1 : 31) {
        char salt[8];
        snprintf(salt, sizeof salt, "%zu", size);
        const struct krpc put =
            asker_single(&asker, salt, INT64_MAX, value_of_size(buffer, size), sig);

        ck_assert_int_eq(put_code(&put), 0);
        struct krpc query = {.method = KRPC_GET,
                             .has_target = true,
                             .target = put.target,
                             .want_v4 = true,
                             .want_v6 = true,
                             .t = bytes_of(t, sizeof t)};
        const struct krpc *reply = asker_ask(&asker, query);
        ck_assert(bytes_equal(reply->v, put.v));
        ck_assert_uint_le(asker.size, KRPC_PACKET_MAX);
        if (reply->nodes.size > 0 || reply->nodes6.size > 0)
            ck_assert_uint_le(asker.size, KRPC_PACKET_SOFT_MAX);
        if (size < 300)
            ck_assert_uint_eq(reply->nodes6.size, 8 * KRPC_COMPACT_V6);
        ck_assert_uint_ge(reply->token.size, 1);
    }
    asker_clear(&asker);
}
END_TEST

START_TEST(lower_seq_and_equal_seq_with_other_content_are_302)
{
    asker_init(&asker, 1, false);
    struct krpc put = asker_single(&asker, "s", 5, bytes_of_string("1:x"), sig);
    ck_assert_int_eq(put_code(&put), 0);
    put = asker_single(&asker, "s", 4, bytes_of_string("1:x"), sig);
    ck_assert_int_eq(put_code(&put), 302);
    put = asker_single(&asker, "s", 5, bytes_of_string("1:y"), sig);
    ck_assert_int_eq(put_code(&put), 302);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_SEQ), 2);
    ck_assert(bytes_is_string(get(&put.target)->v, "1:x"));
    put = asker_single(&asker, "s", INT64_MAX, bytes_of_string("1:y"), sig);
    ck_assert_int_eq(put_code(&put), 0);
    ck_assert_int_eq(get(&put.target)->seq, INT64_MAX);
    asker_clear(&asker);
}
END_TEST

START_TEST(cas_must_name_the_seq_that_is_stored)
{
    asker_init(&asker, 1, false);
    struct krpc put = asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig);
    put.has_cas = true;
    put.cas = 7;
    /* Nothing is stored: there is nothing to compare with. */
    ck_assert_int_eq(put_code(&put), 0);
    put = asker_single(&asker, "s", 9, bytes_of_string("1:y"), sig);
    put.has_cas = true;
    put.cas = 2;
    ck_assert_int_eq(put_code(&put), 301);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_CAS), 1);
    put.cas = 1;
    ck_assert_int_eq(put_code(&put), 0);
    ck_assert_int_eq(get(&put.target)->seq, 9);
    ck_assert_int_eq(put_code(&put), 0); /* sent twice: it is there */
    asker_clear(&asker);
}
END_TEST

START_TEST(puts_that_lack_a_part_are_203)
{
    asker_init(&asker, 1, false);
    struct krpc single = asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig);
    uint8_t token[KRPC_TOKEN_MAX];
    memcpy(token, single.token.data, single.token.size);
    single.token = bytes_of(token, single.token.size);
    const struct krpc immutable = asker_immutable(&asker, bytes_of_string("1:x"));
    struct krpc put;
    for (unsigned parts = 1; parts < 32; parts++) {
        /* All that belong together, with or without a salt (which is part of the target) and cas.
         */
        if ((parts & 7) == 7)
            continue;
        put = immutable;
        put.k = parts & 1 ? single.k : (struct bytes){0};
        put.sig = parts & 2 ? single.sig : (struct bytes){0};
        put.has_seq = parts & 4;
        put.seq = 1;
        put.salt = parts & 8 ? single.salt : (struct bytes){0};
        put.has_cas = parts & 16;
        ck_assert_int_eq(put_code(&put), 203);
        put.target = single.target;
        put.token = single.token;
        ck_assert_int_eq(put_code(&put), 203);
    }
    put = single;
    put.k.size--;
    ck_assert_int_eq(put_code(&put), 203);
    put = single;
    put.sig.size--;
    ck_assert_int_eq(put_code(&put), 203);
    put = single;
    put.v = (struct bytes){0};
    ck_assert_int_eq(put_code(&put), 203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_ACCEPTED), 0);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_TOKEN), 0);
    ck_assert_int_eq(put_code(&single), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(negative_seq_other_targets_and_loose_bencode_are_203)
{
    asker_init(&asker, 1, false);
    struct krpc put = asker_single(&asker, "s", -1, bytes_of_string("1:x"), sig);
    ck_assert_int_eq(put_code(&put), 203);
    put = asker_single(&asker, "s", 1, bytes_of_string("d1:bi1e1:ai1ee"), sig);
    ck_assert_int_eq(put_code(&put), 203);
    put = asker_immutable(&asker, bytes_of_string("d1:bi1e1:ai1ee"));
    ck_assert_int_eq(put_code(&put), 203);
    put = asker_immutable(&asker, bytes_of_string("1:x"));
    put.target.b[0] ^= 1;
    put.token = asker_token(&asker, &put.target);
    ck_assert_int_eq(put_code(&put), 203);
    put = asker_single(&asker, "s", 1, bytes_of_string("1:x"), sig);
    put.salt = bytes_of_string("t");
    ck_assert_int_eq(put_code(&put), 203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_MALFORMED), 5);
    /* BEP 44's own puts carry no target. */
    put = asker_immutable(&asker, bytes_of_string("1:x"));
    put.has_target = false;
    ck_assert_int_eq(put_code(&put), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(times_that_cannot_be_are_203)
{
    uint8_t buffer[128];
    asker_init(&asker, 1, false);
    struct krpc put =
        asker_single(&asker, "s", 1, timed_value(buffer, sizeof buffer, 700, 86400), sig);
    ck_assert_int_eq(put_code(&put), 203);
    put = asker_single(&asker, "s", 1, timed_value(buffer, sizeof buffer, 0, 31 * 86400), sig);
    ck_assert_int_eq(put_code(&put), 203);
    put = asker_single(&asker, "s", 1, timed_value(buffer, sizeof buffer, -7200, -5), sig);
    ck_assert_int_eq(put_code(&put), 203);
    put = asker_immutable(&asker, timed_value(buffer, sizeof buffer, -7200, -5));
    ck_assert_int_eq(put_code(&put), 203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_TIME), 4);
    put = asker_single(&asker, "s", 1, timed_value(buffer, sizeof buffer, 500, 30 * 86400), sig);
    ck_assert_int_eq(put_code(&put), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(an_equal_put_is_acknowledged_without_a_write)
{
    uint8_t buffer[128];
    asker_init(&asker, 1, false);
    struct net *net = &asker.net;
    struct krpc put =
        asker_single(&asker, "s", 1, timed_value(buffer, sizeof buffer, 0, 86400), sig);
    ck_assert_int_eq(put_code(&put), 0);
    net->nodes[0]->disk.is_broken = true;
    ck_assert_int_eq(put_code(&put), 0);
    net_run(net, 1000u * 1000u);
    put.token = asker_token(&asker, &put.target);
    ck_assert_int_eq(put_code(&put), 0);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_ACCEPTED), 3);
    net->nodes[0]->disk.is_broken = false;
    put = asker_immutable(&asker, bytes_of_string("1:x"));
    ck_assert_int_eq(put_code(&put), 0);
    /* What has no expiry of its own lives on by being put again. */
    for (int i = 0; i < 3; i++) {
        net_run(net, 3600u * 1000u);
        put.token = asker_token(&asker, &put.target);
        ck_assert_int_eq(put_code(&put), 0);
    }
    ck_assert(is_stored(&put.target));
    net_run(net, 7300u * 1000u);
    ck_assert(!is_stored(&put.target));
    asker_clear(&asker);
}
END_TEST

START_TEST(writes_beyond_the_limit_are_202)
{
    uint8_t packet[ASKER_PACKET_MAX];
    asker_init(&asker, 1, false);
    struct net *net = &asker.net;
    for (unsigned i = 0; i < NODE_WRITES_MAX + 1; i++) {
        char v[16];
        struct wire_writer w;
        snprintf(v, sizeof v, "4:%04u", i);
        struct krpc put = asker_immutable(&asker, bytes_of_string(v));
        put.type = KRPC_QUERY;
        put.has_network = put.has_id = put.read_only = true;
        put.network = 7;
        put.t = bytes_of_string("aa");
        wire_writer_init(&w, packet, sizeof packet);
        krpc_write(&w, &put);
        node_recv(net->nodes[0]->node, net_now(net), &asker.from, packet, w.used, net->out);
        ck_assert_uint_eq(net->out->packet_count, i == NODE_WRITES_MAX);
        ck_assert_uint_eq(net->out->write_count, i < NODE_WRITES_MAX);
        if (i < NODE_WRITES_MAX)
            outbox_reset(net->out);
    }
    struct krpc reply;
    ck_assert_int_eq(krpc_parse(net->out->packets[0].data, &reply), ERR_OK);
    ck_assert_int_eq(reply.error_code, 202);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PUTS_REFUSED_BUSY), 1);
    asker_clear(&asker);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, an_immutable_put_is_got_as_it_was);
    tcase_add_test(tests, a_single_put_is_got_as_it_was_and_without_v_when_it_is_known);
    tcase_add_test(tests, a_stranger_from_outside_gets_values_until_its_share_is_spent);
    tcase_add_test(tests, the_acknowledgement_waits_for_the_disk);
    tcase_add_test(tests, trouble_of_our_own_is_202);
    tcase_add_test(tests, a_disk_that_fails_is_202_and_nothing_is_stored);
    tcase_add_test(tests, a_token_belongs_to_address_port_target_and_time);
    tcase_add_test(tests, a_bad_signature_is_206);
    tcase_add_test(tests, sizes_over_the_limit_are_205_and_207);
    tcase_add_test(tests, packets_stay_within_the_limits_whatever_is_stored);
    tcase_add_test(tests, lower_seq_and_equal_seq_with_other_content_are_302);
    tcase_add_test(tests, cas_must_name_the_seq_that_is_stored);
    tcase_add_test(tests, puts_that_lack_a_part_are_203);
    tcase_add_test(tests, negative_seq_other_targets_and_loose_bencode_are_203);
    tcase_add_test(tests, times_that_cannot_be_are_203);
    tcase_add_test(tests, an_equal_put_is_acknowledged_without_a_write);
    tcase_add_test(tests, writes_beyond_the_limit_are_202);
}
