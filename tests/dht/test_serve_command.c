/* A command must come to the node's caller whole and go back as it is answered, once, within its
 * time and its size, and say truly whether it bore a token. */
#include <check.h>

#include "daemon/dht/serve/answers.h"
#include "daemon/dht/serve/requests.h"
#include "daemon/dht/serve/token.h"
#include "tests/dht/asker.h"
#include "tests/dht/programs.h"
#include "tests/runner.h"

static struct asker asker;
static struct programs programs;
static const struct id target = {{1, 2, 3}};

static void start(size_t nodes, enum program_kind kind)
{
    asker_init(&asker, nodes, false);
    programs_watch(&programs, &asker.net, kind);
}

/* Each with a t of its own: another packet. */
static struct krpc command(const char *name)
{
    static uint16_t t;
    t++;
    return (struct krpc){.method = KRPC_COMMAND,
                         .t = bytes_of(&t, sizeof t),
                         .command = bytes_of_string(name),
                         .has_target = true,
                         .target = target};
}

static enum err respond(uint64_t request, uint32_t error, struct bytes v)
{
    struct net *net = &asker.net;
    asker.replies = 0;
    enum err err = node_respond(net->nodes[0]->node, net_now(net), request, error, v, net->out);
    net_flush(net, 0);
    net_run(net, 2 * NET_DELAY_MAX_MS);
    if (asker.replies > 0)
        ck_assert_int_eq(krpc_parse(bytes_of(asker.packet, asker.size), &asker.reply), ERR_OK);
    return err;
}

START_TEST(a_command_comes_with_all_that_it_says)
{
    start(12, PROGRAM_GOOD);
    struct krpc query = command("get.value");
    query.v = bytes_of_string("d1:j4:truee");
    const struct krpc *reply = asker_ask(&asker, query);
    ck_assert_int_eq(asker_code(reply), 0);
    ck_assert_int_eq(reply->command_error, 0);
    ck_assert(bytes_is_string(reply->v, "i0e"));
    ck_assert_ptr_nonnull(reply->token.data);
    /* All eleven others that it knows, not eight. */
    ck_assert_uint_eq(reply->nodes.size, 11 * KRPC_COMPACT_V4);
    const struct event *event = &programs.last;
    ck_assert_str_eq((const char *)programs.last_name, "get.value");
    ck_assert(bytes_is_string(bytes_of(programs.last_v, programs.last_v_size), "d1:j4:truee"));
    ck_assert(event->command.has_target && id_equal(&event->command.target, &target));
    ck_assert(!event->command.has_token);
    ck_assert(id_equal(&event->command.from.id, &asker.id));
    ck_assert(addr_equal(&event->command.from.addr, &asker.from));
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_COMMANDS), 1);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_COMMANDS_ANSWERED), 1);
    asker_clear(&asker);
}
END_TEST

START_TEST(without_a_target_there_is_neither_token_nor_node)
{
    start(3, PROGRAM_GOOD);
    struct krpc query = command("x");
    query.has_target = false;
    query.token = asker_token(&asker, &target);
    const struct krpc *reply = asker_ask(&asker, query);
    ck_assert(bytes_is_string(reply->v, "i0e"));
    ck_assert_ptr_null(reply->token.data);
    ck_assert_ptr_null(reply->nodes.data);
    ck_assert(!programs.last.command.has_target && !programs.last.command.has_token);
    ck_assert_ptr_null(programs.last.command.v.data);
    asker_clear(&asker);
}
END_TEST

static bool is_valid_with(struct bytes token)
{
    struct krpc query = command("x");
    query.token = token;
    ck_assert_int_eq(asker_code(asker_ask(&asker, query)), 0);
    return programs.last.command.has_token;
}

START_TEST(a_token_counts_from_its_address_for_its_target_in_its_time)
{
    start(1, PROGRAM_GOOD);
    const struct id other = {{9}};
    /* The command's own answer gives one too. */
    ck_assert(!is_valid_with((struct bytes){0}));
    uint8_t token[KRPC_TOKEN_MAX];
    const struct bytes mine = bytes_of(token, asker.reply.token.size);
    memcpy(token, asker.reply.token.data, mine.size);
    ck_assert(is_valid_with(mine));
    ck_assert(!is_valid_with(asker_token(&asker, &other)));
    ck_assert(!is_valid_with(bytes_of_string("nonsense")));
    asker.from.port++;
    ck_assert(!is_valid_with(mine));
    asker.from.port--;
    ck_assert(is_valid_with(mine));
    net_run(&asker.net, 2 * TOKEN_EPOCH_MS);
    ck_assert(!is_valid_with(mine));
    asker_clear(&asker);
}
END_TEST

START_TEST(names_and_values_out_of_bounds_come_to_nobody)
{
    static const char *const names[] = {"", "UPPER", "a b", "abcdefghijklmnopqrstuvwxyz0123456"};
    uint8_t v[COMMAND_V_MAX + 1] = "997:";
    start(1, PROGRAM_GOOD);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_int_eq(asker_code(asker_ask(&asker, command(names[i]))), 203);
    struct krpc query = command("x");
    query.command = (struct bytes){0};
    ck_assert_int_eq(asker_code(asker_ask(&asker, query)), 203);
    query = command("x");
    query.v = bytes_of(v, sizeof v);
    ck_assert_int_eq(asker_code(asker_ask(&asker, query)), 205);
    ck_assert_uint_eq(programs.of[0].runs, 0);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_QUERIES_REFUSED_MALFORMED), 6);
    v[2] = '6';
    query.v = bytes_of(v, COMMAND_V_MAX);
    ck_assert_int_eq(asker_code(asker_ask(&asker, query)), 0);
    ck_assert_uint_eq(programs.last_v_size, COMMAND_V_MAX);
    asker_clear(&asker);
}
END_TEST

START_TEST(the_largest_answer_still_brings_nodes)
{
    uint8_t v[COMMAND_V_MAX + 1] = "996:";
    start(12, PROGRAM_LAZY);
    ck_assert_ptr_null(asker_ask(&asker, command("x")));
    uint64_t request = programs.last.command.request;
    ck_assert_int_eq(respond(request, 0, bytes_of(v, sizeof v)), ERR_TOO_BIG);
    ck_assert_uint_eq(asker.replies, 0);
    ck_assert_int_eq(respond(request, 0, bytes_of(v, COMMAND_V_MAX)), ERR_OK);
    ck_assert_uint_eq(asker.replies, 1);
    ck_assert_uint_le(asker.size, KRPC_PACKET_MAX);
    ck_assert_uint_eq(asker.reply.v.size, COMMAND_V_MAX);
    ck_assert_ptr_nonnull(asker.reply.token.data);
    ck_assert_uint_ge(asker.reply.nodes.size, 3 * KRPC_COMPACT_V4);
    asker_clear(&asker);
}
END_TEST

START_TEST(an_answer_counts_once_and_in_time)
{
    start(1, PROGRAM_LAZY);
    asker_ask(&asker, command("x"));
    uint64_t request = programs.last.command.request;
    ck_assert_int_eq(respond(request, COMMAND_ERROR_MAX + 1, (struct bytes){0}),
                     ERR_INVALID_PARAMS);
    ck_assert_int_eq(respond(request, 20, (struct bytes){0}), ERR_OK);
    ck_assert_int_eq(asker.reply.command_error, 20);
    ck_assert_ptr_null(asker.reply.v.data);
    ck_assert_ptr_nonnull(asker.reply.token.data);
    ck_assert_int_eq(respond(request, 0, bytes_of_string("i1e")), ERR_NOT_FOUND);
    ck_assert_uint_eq(asker.replies, 0);
    asker_ask(&asker, command("x"));
    ck_assert_uint_gt(programs.last.command.request, request);
    request = programs.last.command.request;
    net_run(&asker.net, REQUESTS_DEADLINE_MS);
    ck_assert_uint_eq(asker.replies, 1);
    ck_assert_int_eq(krpc_parse(bytes_of(asker.packet, asker.size), &asker.reply), ERR_OK);
    ck_assert_int_eq(asker.reply.command_error, COMMAND_TIMEOUT);
    ck_assert_int_eq(respond(request, 0, bytes_of_string("i1e")), ERR_NOT_FOUND);
    ck_assert_uint_eq(asker.replies, 0);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_COMMANDS_TIMED_OUT), 1);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_COMMANDS_LATE), 2);
    asker_clear(&asker);
}
END_TEST

static const struct krpc *ask_as(uint16_t t)
{
    struct krpc query = command("x");
    query.t = bytes_of(&t, sizeof t);
    return asker_ask(&asker, query);
}

START_TEST(a_packet_that_comes_twice_is_one_command)
{
    start(1, PROGRAM_LAZY);
    ask_as(7);
    ck_assert_ptr_null(ask_as(7));
    ck_assert_uint_eq(programs.of[0].runs, 1);
    ask_as(8);
    ck_assert_uint_eq(programs.of[0].runs, 2);
    programs.of[0].kind = PROGRAM_GOOD;
    ck_assert(bytes_is_string(ask_as(9)->v, "i0e"));
    ck_assert(bytes_is_string(ask_as(9)->v, "i0e"));
    ck_assert_uint_eq(programs.of[0].runs, 3);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_COMMANDS_REPEATED), 2);
    /* Later nobody remembers. */
    net_run(&asker.net, ANSWERS_KEPT_MS);
    ask_as(9);
    ck_assert_uint_eq(programs.of[0].runs, 4);
    asker_clear(&asker);
}
END_TEST

START_TEST(what_ran_nothing_takes_no_answers_place)
{
    start(1, PROGRAM_GOOD);
    ck_assert(bytes_is_string(ask_as(9)->v, "i0e"));
    asker.net.wires->delay_max_ms = asker.net.wires->delay_median_ms =
        asker.net.wires->delay_min_ms = 1;
    programs.of[0].kind = PROGRAM_NONE;
    for (uint16_t i = 0; i < ANSWERS_MAX; i++)
        ck_assert_int_eq(ask_as(100 + i)->command_error, COMMAND_UNKNOWN);
    unsigned runs = programs.of[0].runs;
    ck_assert(bytes_is_string(ask_as(9)->v, "i0e"));
    ck_assert_uint_eq(programs.of[0].runs, runs);
    asker_clear(&asker);
}
END_TEST

START_TEST(beyond_its_share_a_peer_is_told_busy_at_once)
{
    start(1, PROGRAM_LAZY);
    asker.net.wires->delay_max_ms = asker.net.wires->delay_median_ms =
        asker.net.wires->delay_min_ms = 1;
    for (uint16_t i = 0; i < REQUESTS_PEER_MAX; i++)
        ck_assert_ptr_null(ask_as(i));
    const struct krpc *reply = ask_as(REQUESTS_PEER_MAX);
    ck_assert_int_eq(asker_code(reply), 0);
    ck_assert_int_eq(reply->command_error, COMMAND_BUSY);
    ck_assert_ptr_nonnull(reply->token.data);
    ck_assert_uint_eq(programs.of[0].runs, REQUESTS_PEER_MAX);
    ck_assert_uint_eq(asker_counter(&asker, COUNTER_COMMANDS_REFUSED_BUSY), 1);
    asker_clear(&asker);
}
END_TEST

/* A forged address could make a node flood whoever has it; an answer that can't be sent is no
 * answer without a value. */
START_TEST(who_has_not_proved_its_address_is_soon_told_busy)
{
    start(12, PROGRAM_GOOD);
    asker.from = addr_v4((const uint8_t[4]){80, 0, 0, 1}, 7000);
    const struct krpc *reply = asker_ask(&asker, command("x"));
    ck_assert(bytes_is_string(reply->v, "i0e"));
    ck_assert_uint_eq(reply->nodes.size, 11 * KRPC_COMPACT_V4);
    for (unsigned i = 0; i < 1000 && reply->v.data != NULL; i++)
        reply = asker_ask(&asker, command("x"));
    ck_assert_ptr_null(reply->v.data);
    ck_assert_int_eq(reply->command_error, COMMAND_BUSY);
    ck_assert_ptr_nonnull(reply->token.data);
    ck_assert_uint_eq(reply->nodes.size, KRPC_NODES_MAX * KRPC_COMPACT_V4);
    ck_assert(is_valid_with(asker_token(&asker, &target)));
    ck_assert(bytes_is_string(asker.reply.v, "i0e"));
    asker_clear(&asker);
}
END_TEST

START_TEST(a_client_answers_none)
{
    start(1, PROGRAM_GOOD);
    node_set_role(asker.net.nodes[0]->node, NODE_CLIENT);
    ck_assert_ptr_null(asker_ask(&asker, command("x")));
    ck_assert_uint_eq(programs.of[0].runs, 0);
    asker_clear(&asker);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_command_comes_with_all_that_it_says);
    tcase_add_test(tests, without_a_target_there_is_neither_token_nor_node);
    tcase_add_test(tests, a_token_counts_from_its_address_for_its_target_in_its_time);
    tcase_add_test(tests, names_and_values_out_of_bounds_come_to_nobody);
    tcase_add_test(tests, the_largest_answer_still_brings_nodes);
    tcase_add_test(tests, an_answer_counts_once_and_in_time);
    tcase_add_test(tests, a_packet_that_comes_twice_is_one_command);
    tcase_add_test(tests, what_ran_nothing_takes_no_answers_place);
    tcase_add_test(tests, beyond_its_share_a_peer_is_told_busy_at_once);
    tcase_add_test(tests, who_has_not_proved_its_address_is_soon_told_busy);
    tcase_add_test(tests, a_client_answers_none);
}
