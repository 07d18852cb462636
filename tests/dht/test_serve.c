/* A node must answer each query as the BEPs say, refuse what they refuse, and stay silent to what
 * is no query of its network. Puts are in test_serve_put.c. */
#include <check.h>
#include <stdio.h>

#include "tests/dht/asker.h"
#include "tests/runner.h"

static struct asker asker;

static const struct krpc *ask(enum krpc_method method, const struct id *target)
{
    return asker_ask(&asker,
                     (struct krpc){.method = method, .has_target = true, .target = *target});
}

static struct id own_id(size_t index)
{
    return asker.net.nodes[index]->id;
}

static const struct id some_target = {{1, 2, 3}};

START_TEST(ping_is_answered_with_id_version_network_and_address)
{
    asker_init(&asker, 1, false);
    const struct krpc *reply = asker_ask(&asker, (struct krpc){.method = KRPC_PING});
    ck_assert_int_eq(asker_code(reply), 0);
    const struct id id = own_id(0);
    ck_assert(id_equal(&reply->id, &id));
    ck_assert(addr_equal(&asker.to, &asker.from));
    ck_assert_uint_eq(reply->version.size, 4);
    ck_assert(reply->has_network);
    struct addr seen;
    ck_assert(addr_from_compact(reply->ip, &seen));
    ck_assert(addr_equal(&seen, &asker.from));
    ck_assert(!reply->read_only);
    ck_assert_ptr_null(reply->token.data);
    ck_assert_ptr_null(reply->nodes.data);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_SERVED), 1);
    asker_clear(&asker);
}
END_TEST

START_TEST(t_is_echoed_byte_for_byte)
{
    uint8_t t[KRPC_T_MAX];
    asker_init(&asker, 1, false);
    for (size_t i = 0; i < sizeof t; i++)
        t[i] = (uint8_t)(i * 37);
    for (size_t size = 0; size <= sizeof t; size += size < 4 ? 1 : 20) {
        const struct krpc *reply =
            asker_ask(&asker, (struct krpc){.method = KRPC_PING, .t = bytes_of(t, size)});
        ck_assert_int_eq(asker_code(reply), 0);
        ck_assert(bytes_equal(reply->t, bytes_of(t, size)));
        reply = asker_ask(&asker, (struct krpc){.method = KRPC_FIND_NODE, .t = bytes_of(t, size)});
        ck_assert_int_eq(asker_code(reply), 203);
        ck_assert(bytes_equal(reply->t, bytes_of(t, size)));
    }
    asker_clear(&asker);
}
END_TEST

START_TEST(lists_are_of_the_family_that_was_wanted)
{
    asker_init(&asker, 12, true);
    const struct krpc *reply = ask(KRPC_FIND_NODE, &some_target);
    ck_assert_uint_eq(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    ck_assert_ptr_null(reply->nodes6.data);
    ck_assert_ptr_null(reply->token.data);
    struct krpc query = {
        .method = KRPC_FIND_NODE, .has_target = true, .target = some_target, .want_v6 = true};
    reply = asker_ask(&asker, query);
    ck_assert_ptr_null(reply->nodes.data);
    ck_assert_uint_eq(reply->nodes6.size, 8 * KRPC_COMPACT_V6);
    query.want_v4 = true;
    reply = asker_ask(&asker, query);
    ck_assert_uint_eq(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    ck_assert_uint_eq(reply->nodes6.size, 8 * KRPC_COMPACT_V6);
    asker.from = addr_v6((const uint8_t[16]){0xfd, [15] = 9}, 7000);
    reply = ask(KRPC_FIND_NODE, &some_target);
    ck_assert_ptr_null(reply->nodes.data);
    ck_assert_uint_eq(reply->nodes6.size, 8 * KRPC_COMPACT_V6);
    ck_assert_uint_eq(reply->ip.size, ADDR_COMPACT_V6);
    asker_clear(&asker);
}
END_TEST

START_TEST(the_nodes_listed_are_the_closest)
{
    struct id target, id, known[8];
    struct addr addr;
    asker_init(&asker, 9, false);
    for (size_t i = 0; i < 8; i++)
        known[i] = own_id(i + 1);
    target = known[3];
    const struct krpc *reply = ask(KRPC_FIND_NODE, &target);
    ck_assert_uint_eq(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    ck_assert(krpc_read_contact(reply->nodes, ADDR_V4, 0, &id, &addr));
    ck_assert(id_equal(&id, &target));
    ck_assert(addr_equal(&addr, &asker.net.nodes[4]->addr));
    asker_clear(&asker);
}
END_TEST

START_TEST(the_asker_is_not_listed_to_itself)
{
    struct id id;
    struct addr addr;
    asker_init(&asker, 10, false);
    const struct id target = own_id(4);
    asker.id = target;
    asker.from = asker.net.nodes[4]->addr;
    net_kill(&asker.net, 4); /* its answers are the asker's to see */
    const struct krpc *reply = ask(KRPC_FIND_NODE, &target);
    ck_assert_uint_eq(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    for (size_t i = 0; krpc_read_contact(reply->nodes, ADDR_V4, i, &id, &addr); i++)
        ck_assert(!id_equal(&id, &target));
    asker_clear(&asker);
}
END_TEST

START_TEST(get_peers_and_get_give_a_token_and_nodes)
{
    asker_init(&asker, 10, false);
    const struct krpc *reply = ask(KRPC_GET_PEERS, &some_target);
    ck_assert_uint_gt(reply->token.size, 0);
    ck_assert_uint_eq(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    ck_assert_ptr_null(reply->values.data);
    reply = ask(KRPC_GET, &some_target);
    ck_assert_uint_gt(reply->token.size, 0);
    ck_assert_uint_eq(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    ck_assert(!reply->has_seq);
    ck_assert_ptr_null(reply->v.data);
    asker_clear(&asker);
}
END_TEST

static const struct krpc *announce(const struct id *info_hash, struct bytes token, int port,
                                   bool is_implied)
{
    return asker_ask(&asker, (struct krpc){
                                 .method = KRPC_ANNOUNCE_PEER,
                                 .has_target = true,
                                 .target = *info_hash,
                                 .has_port = port >= 0,
                                 .port = (uint16_t)port,
                                 .implied_port = is_implied,
                                 .token = token,
                             });
}

START_TEST(who_announced_is_listed_with_the_port_it_said)
{
    asker_init(&asker, 1, false);
    ck_assert_int_eq(
        asker_code(announce(&some_target, asker_token(&asker, &some_target), 6881, false)), 0);
    asker.from.ip[3] = 10;
    ck_assert_int_eq(asker_code(announce(&some_target, asker_token(&asker, &some_target), 1, true)),
                     0);
    asker.from.ip[3] = 11;
    ck_assert_int_eq(
        asker_code(announce(&some_target, asker_token(&asker, &some_target), -1, true)), 0);
    const struct krpc *reply = ask(KRPC_GET_PEERS, &some_target);
    ck_assert_uint_eq(reply->values.size, 2 + 3 * 8);
    ck_assert(memmem(reply->values.data, reply->values.size, "6:\x0a\x09\x09\x09\x1a\xe1", 8));
    ck_assert(memmem(reply->values.data, reply->values.size, "6:\x0a\x09\x09\x0a\x1b\x58", 8));
    ck_assert(memmem(reply->values.data, reply->values.size, "6:\x0a\x09\x09\x0b\x1b\x58", 8));
    asker_clear(&asker);
}
END_TEST

START_TEST(an_announce_without_token_port_or_hash_is_refused)
{
    asker_init(&asker, 1, false);
    struct bytes token = asker_token(&asker, &some_target);
    const struct id other = {{9}};
    ck_assert_int_eq(asker_code(announce(&some_target, (struct bytes){0}, 6881, false)), 203);
    ck_assert_int_eq(asker_code(announce(&some_target, bytes_of_string("12345678"), 1, true)), 203);
    ck_assert_int_eq(asker_code(announce(&other, token, 6881, false)), 203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_TOKEN), 3);
    ck_assert_int_eq(asker_code(announce(&some_target, token, 0, false)), 203);
    ck_assert_int_eq(asker_code(announce(&some_target, token, -1, false)), 203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_MALFORMED), 2);
    ck_assert_ptr_null(ask(KRPC_GET_PEERS, &some_target)->values.data);
    ck_assert_int_eq(
        asker_code(announce(&some_target, asker_token(&asker, &some_target), 1, false)), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(values_and_nodes_stay_within_the_soft_size_together)
{
    uint8_t t[KRPC_T_MAX] = {1};
    asker_init(&asker, 12, true);
    for (unsigned i = 0; i < 200; i++) {
        asker.from = addr_v4((const uint8_t[4]){10, 8, (uint8_t)i, 1}, (uint16_t)(1000 + i));
        ck_assert_int_eq(
            asker_code(announce(&some_target, asker_token(&asker, &some_target), 6881, false)), 0);
    }
    struct krpc query = {.method = KRPC_GET_PEERS,
                         .has_target = true,
                         .target = some_target,
                         .want_v4 = true,
                         .want_v6 = true,
                         .t = bytes_of(t, sizeof t)};
    const struct krpc *reply = asker_ask(&asker, query);
    ck_assert_uint_gt(reply->values.size, 100);
    ck_assert_uint_eq(reply->nodes.size, 8 * KRPC_COMPACT_V4);
    ck_assert_uint_eq(reply->nodes6.size, 8 * KRPC_COMPACT_V6);
    ck_assert_uint_le(asker.size, KRPC_PACKET_SOFT_MAX);
    asker_clear(&asker);
}
END_TEST

START_TEST(another_network_is_dropped_and_counted)
{
    asker_init(&asker, 1, false);
    ck_assert_ptr_null(
        asker_send_text(&asker, "d1:ad2:id20:AAAAAAAAAAAAAAAAAAAAe1:q4:ping1:t2:aa1:y1:qe"));
    ck_assert_ptr_null(asker_send_text(
        &asker, "d1:ad2:id20:AAAAAAAAAAAAAAAAAAAAe2:nw4:abcd1:q4:ping1:t2:aa1:y1:qe"));
    ck_assert_ptr_null(asker_send_text(&asker, "d1:ad2:id3:AAAe1:q4:ping1:t2:aa1:y1:qe"));
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PACKETS_FOREIGN_NETWORK), 3);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_SERVED), 0);
    asker_clear(&asker);
}
END_TEST

#define TAG           "2:nw4:\0\0\0\7"
#define SEND(literal) asker_send(&asker, bytes_of("" literal, sizeof(literal) - 1))
#define ID            "2:id20:AAAAAAAAAAAAAAAAAAAA"

START_TEST(a_query_that_is_wrong_but_has_a_t_is_answered_203)
{
    asker_init(&asker, 1, false);
    ck_assert_int_eq(asker_code(SEND("d1:ad2:id3:AAAe" TAG "1:q4:ping1:t2:ab1:y1:qe")), 203);
    ck_assert(bytes_is_string(asker.reply.t, "ab"));
    ck_assert_int_eq(asker_code(SEND("d1:ade" TAG "1:q4:ping1:t2:ab1:y1:qe")), 203);
    ck_assert_int_eq(asker_code(SEND("d" TAG "1:q4:ping1:t2:ab1:y1:qe")), 203);
    ck_assert_int_eq(asker_code(SEND("d1:ad" ID "e" TAG "1:q9:find_node1:t2:ab1:y1:qe")), 203);
    ck_assert_int_eq(asker_code(SEND("d1:ad" ID "6:target3:abce" TAG "1:q3:get1:t2:ab1:y1:qe")),
                     203);
    ck_assert_int_eq(asker_code(SEND("d1:ad" ID "4:porti99999ee" TAG "1:q4:ping1:t2:ab1:y1:qe")),
                     203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_MALFORMED), 6);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_SERVED), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(what_is_no_message_is_dropped_and_counted)
{
    static const char whole[] = "d1:ad" ID "e" TAG "1:q4:ping1:t2:ab1:y1:qe";
    asker_init(&asker, 1, false);
    for (size_t size = 0; size < sizeof whole - 2; size++)
        ck_assert_ptr_null(asker_send(&asker, bytes_of(whole, size)));
    /* All but the last byte: t and y are there. */
    ck_assert_int_eq(asker_code(asker_send(&asker, bytes_of(whole, sizeof whole - 2))), 203);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PACKETS_MALFORMED), sizeof whole - 1);
    ck_assert_int_eq(asker_code(asker_send(&asker, bytes_of(whole, sizeof whole - 1))), 0);
    ck_assert_int_eq(asker_code(asker_send(&asker, bytes_of(whole, sizeof whole))), 203);
    ck_assert_ptr_null(SEND("i5e"));
    ck_assert_ptr_null(SEND("4:ping"));
    ck_assert_ptr_null(SEND("d1:y1:qe"));
    ck_assert_int_ne(asker_code(SEND("d1:ad" ID "1:xllllllllllllllllllllleeeeeeeeeeeeeeeeeeeeee" TAG
                                     "1:q4:ping1:t2:ab1:y1:qe")),
                     0);
    ck_assert_int_eq(asker_code(asker_send(&asker, bytes_of(whole, sizeof whole - 1))), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(an_unknown_method_is_answered_204_and_unknown_keys_are_nothing)
{
    asker_init(&asker, 1, false);
    ck_assert_int_eq(asker_code(SEND("d1:ad" ID "6:target20:BBBBBBBBBBBBBBBBBBBBe" TAG
                                     "1:q4:zget1:t2:ab1:y1:qe")),
                     204);
    ck_assert_int_eq(asker_code(SEND("d1:ad" ID "e" TAG "1:q5:PING!1:t2:ab1:y1:qe")), 204);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_UNKNOWN), 2);
    ck_assert_int_eq(asker_code(SEND("d1:ad" ID "4:zzzzli1e1:ae1:bi7ee" TAG
                                     "1:q4:ping1:t2:ab1:y1:q2:zzd1:xi1eee")),
                     0);
    asker_clear(&asker);
}
END_TEST

START_TEST(a_client_answers_nothing)
{
    asker_init(&asker, 1, false);
    node_set_role(asker.net.nodes[0]->node, NODE_CLIENT);
    ck_assert_ptr_null(asker_ask(&asker, (struct krpc){.method = KRPC_PING}));
    ck_assert_ptr_null(ask(KRPC_GET, &some_target));
    ck_assert_ptr_null(SEND("d1:ade" TAG "1:q4:ping1:t2:ab1:y1:qe"));
    ck_assert_ptr_null(SEND("d1:ad2:id1:Ae" TAG "1:q4:ping1:t2:ab1:y1:qe"));
    ck_assert_uint_eq(asker.queries, 0);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_IGNORED_AS_CLIENT), 3);
    asker_clear(&asker);
}
END_TEST

START_TEST(strangers_are_met_but_not_the_read_only_nor_ourselves)
{
    asker_init(&asker, 2, false);
    asker_ask(&asker, (struct krpc){.method = KRPC_PING, .read_only = true});
    ck_assert_uint_eq(asker.queries, 0);
    asker.id = own_id(0);
    ck_assert_int_eq(asker_code(asker_ask(&asker, (struct krpc){.method = KRPC_PING})), 0);
    ck_assert_uint_eq(asker.queries, 0);
    memset(asker.id.b, 'B', ID_SIZE);
    asker_ask(&asker, (struct krpc){.method = KRPC_PING});
    ck_assert_uint_eq(asker.queries, 1);
    /* It never answered us: it is not listed. */
    const struct krpc *reply = ask(KRPC_FIND_NODE, &asker.id);
    ck_assert_uint_eq(reply->nodes.size, KRPC_COMPACT_V4);
    asker_clear(&asker);
}
END_TEST

START_TEST(sources_that_cannot_be_answered_are_counted)
{
    asker_init(&asker, 1, false);
    asker.from.port = 0;
    ck_assert_ptr_null(asker_ask(&asker, (struct krpc){.method = KRPC_PING}));
    asker.from = addr_v4((const uint8_t[4]){0, 0, 0, 0}, 7000);
    ck_assert_ptr_null(asker_ask(&asker, (struct krpc){.method = KRPC_PING}));
    asker.from = addr_v4((const uint8_t[4]){224, 0, 0, 1}, 7000);
    ck_assert_ptr_null(asker_ask(&asker, (struct krpc){.method = KRPC_PING}));
    asker.from = addr_v6((const uint8_t[16]){0x20, 1, [15] = 9}, 7000);
    ck_assert_ptr_null(asker_ask(&asker, (struct krpc){.method = KRPC_PING}));
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_PACKETS_UNUSABLE_SOURCE), 4);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_SERVED), 0);
    asker_clear(&asker);
}
END_TEST

START_TEST(replies_that_nobody_asked_for_are_counted)
{
    asker_init(&asker, 1, false);
    ck_assert_ptr_null(SEND("d" TAG "1:rd" ID "e1:t4:abcd1:y1:re"));
    ck_assert_ptr_null(SEND("d" TAG "1:rd" ID "e1:t2:ab1:y1:re"));
    ck_assert_ptr_null(SEND("d1:eli203e1:xe" TAG "1:t4:abcd1:y1:ee"));
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_REPLIES_UNEXPECTED), 3);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_REPLIES_IN), 0);
    asker_clear(&asker);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, ping_is_answered_with_id_version_network_and_address);
    tcase_add_test(tests, t_is_echoed_byte_for_byte);
    tcase_add_test(tests, lists_are_of_the_family_that_was_wanted);
    tcase_add_test(tests, the_nodes_listed_are_the_closest);
    tcase_add_test(tests, the_asker_is_not_listed_to_itself);
    tcase_add_test(tests, get_peers_and_get_give_a_token_and_nodes);
    tcase_add_test(tests, who_announced_is_listed_with_the_port_it_said);
    tcase_add_test(tests, an_announce_without_token_port_or_hash_is_refused);
    tcase_add_test(tests, values_and_nodes_stay_within_the_soft_size_together);
    tcase_add_test(tests, another_network_is_dropped_and_counted);
    tcase_add_test(tests, a_query_that_is_wrong_but_has_a_t_is_answered_203);
    tcase_add_test(tests, what_is_no_message_is_dropped_and_counted);
    tcase_add_test(tests, an_unknown_method_is_answered_204_and_unknown_keys_are_nothing);
    tcase_add_test(tests, a_client_answers_nothing);
    tcase_add_test(tests, strangers_are_met_but_not_the_read_only_nor_ourselves);
    tcase_add_test(tests, sources_that_cannot_be_answered_are_counted);
    tcase_add_test(tests, replies_that_nobody_asked_for_are_counted);
}
