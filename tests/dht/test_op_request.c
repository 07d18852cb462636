/* A request must reach the one node it is for, by address or by id, and bring what its program
 * said, once; whoever is not there, or no xord, must not be mistaken for one that is. */
#include <check.h>

#include "tests/dht/crowd.h"
#include "tests/dht/programs.h"
#include "tests/runner.h"

#define NODES 60u

static struct net net;
static struct programs programs;

static void build(size_t nodes, enum program_kind kind, uint64_t seed)
{
    net_build(&net, nodes, seed);
    programs_watch(&programs, &net, kind);
}

static struct command_request to_addr(const struct addr *addr)
{
    return (struct command_request){.command = bytes_of_string("x"), .to = *addr};
}

static struct command_request to_id(const struct id *id)
{
    return (struct command_request){.command = bytes_of_string("x"), .to_id = *id};
}

/* Asked by node 1. */
static enum err start(const struct command_request *request, uint64_t *op)
{
    programs.closest[0] = (struct told){.error = -1};
    enum err err = node_request(net.nodes[1]->node, net_now(&net), request, op, net.out);
    if (err == ERR_OK)
        net_flush(&net, 1);
    return err;
}

static enum err ask(const struct command_request *request)
{
    uint64_t op = 0;
    enum err err = start(request, &op);
    if (err != ERR_OK)
        return err;
    const struct event *event = net_wait(&net, 1, op);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(event->kind, EVENT_REQUEST);
    return event->err;
}

START_TEST(by_address_the_node_there_answers)
{
    build(4, PROGRAM_GOOD, 81);
    const struct command_request request = to_addr(&net.nodes[3]->addr);
    ck_assert_int_eq(ask(&request), ERR_OK);
    ck_assert_int_eq(programs.closest[0].value, 3);
    ck_assert_int_eq(programs.closest[0].error, 0);
    ck_assert(id_equal(&programs.closest[0].from.id, &net.nodes[3]->id));
    ck_assert(addr_equal(&programs.closest[0].from.addr, &net.nodes[3]->addr));
    ck_assert_uint_eq(programs.of[3].runs, 1);
    ck_assert(!programs.last.command.has_target);
    net_clear(&net);
}
END_TEST

START_TEST(by_id_every_node_is_found)
{
    build(NODES, PROGRAM_GOOD, 82);
    for (size_t i = 2; i < NODES; i++) {
        struct command_request request = to_id(&net.nodes[i]->id);
        request.has_target = true;
        request.v = bytes_of_string("i7e");
        ck_assert_int_eq(ask(&request), ERR_OK);
        ck_assert_int_eq(programs.closest[0].value, (int64_t)i);
        ck_assert(id_equal(&programs.closest[0].from.id, &net.nodes[i]->id));
        ck_assert_uint_eq(programs.of[i].runs, 1);
        ck_assert(programs.last.command.has_target);
        ck_assert_uint_eq(programs.last_v_size, 3);
    }
    net_clear(&net);
}
END_TEST

START_TEST(what_a_program_says_is_told_as_it_is)
{
    build(3, PROGRAM_NONE, 83);
    const struct command_request request = to_addr(&net.nodes[2]->addr);
    ck_assert_int_eq(ask(&request), ERR_OK);
    ck_assert_int_eq(programs.closest[0].error, COMMAND_UNKNOWN);
    ck_assert_int_eq(programs.closest[0].value, -1);
    programs.of[2] = (struct program){.kind = PROGRAM_ERROR, .error = COMMAND_ERROR_MAX};
    ck_assert_int_eq(ask(&request), ERR_OK);
    ck_assert_int_eq(programs.closest[0].error, COMMAND_ERROR_MAX);
    programs.of[2] = (struct program){.kind = PROGRAM_LAZY};
    ck_assert_int_eq(ask(&request), ERR_OK);
    ck_assert_int_eq(programs.closest[0].error, COMMAND_TIMEOUT);
    programs.of[2] = (struct program){.kind = PROGRAM_GOOD, .delay_ms = 2300};
    ck_assert_int_eq(ask(&request), ERR_OK);
    ck_assert_int_eq(programs.closest[0].value, 2);
    ck_assert_uint_eq(programs.of[2].runs, 1);
    net_clear(&net);
}
END_TEST

START_TEST(nobody_there_is_an_error)
{
    build(NODES, PROGRAM_GOOD, 84);
    const struct addr nowhere = addr_v4((const uint8_t[4]){10, 99, 0, 1}, 4001);
    const struct id no_one = {{0xab, 0xcd}};
    struct command_request request = to_addr(&nowhere);
    ck_assert_int_eq(ask(&request), ERR_TIMEOUT);
    request = to_id(&no_one);
    ck_assert_int_eq(ask(&request), ERR_NOT_FOUND);
    net_kill(&net, 7);
    net_run(&net, 3600000);
    request = to_id(&net.nodes[7]->id);
    ck_assert_int_eq(ask(&request), ERR_NOT_FOUND);
    net_clear(&net);
}
END_TEST

START_TEST(a_node_does_not_ask_itself)
{
    build(3, PROGRAM_GOOD, 90);
    struct command_request request = to_addr(&net.nodes[1]->addr);
    ck_assert_int_eq(ask(&request), ERR_INVALID_PARAMS);
    request = to_id(&net.nodes[1]->id);
    ck_assert_int_eq(ask(&request), ERR_INVALID_PARAMS);
    ck_assert_uint_eq(programs.of[1].runs, 0);
    net_clear(&net);
}
END_TEST

/* The table does not know yet. */
START_TEST(who_has_come_in_its_place_is_not_taken_for_it)
{
    build(3, PROGRAM_GOOD, 91);
    const struct id id = net.nodes[2]->id;
    net_kill(&net, 2);
    net_restart(&net, 2, -1);
    const struct command_request request = to_id(&id);
    ck_assert_int_eq(ask(&request), ERR_TIMEOUT);
    net_clear(&net);
}
END_TEST

START_TEST(lost_packets_are_sent_again)
{
    build(2, PROGRAM_GOOD, 85);
    const struct command_request request = to_addr(&net.nodes[0]->addr);
    unsigned answered = 0;
    net.wires->loss_permille = 200;
    for (unsigned i = 0; i < 50; i++)
        answered += ask(&request) == ERR_OK;
    ck_assert_uint_ge(answered, 45);
    net_clear(&net);
}
END_TEST

/* Also its answer, the ping after it, and what is sent again. */
START_TEST(whatever_is_lost_a_program_runs_once)
{
    build(2, PROGRAM_GOOD, 89);
    const struct command_request request = to_addr(&net.nodes[0]->addr);
    unsigned answered = 0;
    net.wires->loss_permille = 400;
    net.wires->duplicate_permille = net.wires->reorder_permille = 100;
    for (unsigned i = 0; i < 300; i++) {
        programs.of[0].runs = 0;
        programs.of[0].delay_ms = 8 * i;
        answered += ask(&request) == ERR_OK;
        ck_assert_uint_le(programs.of[0].runs, 1);
    }
    ck_assert_uint_ge(answered, 150);
    net_clear(&net);
}
END_TEST

/* The asker goes on asking whoever lives, and is told again what it was told before. */
START_TEST(an_answer_that_is_lost_is_given_again)
{
    uint64_t op = 0;
    build(2, PROGRAM_GOOD, 88);
    programs.of[0].delay_ms = 150;
    const struct command_request request = to_addr(&net.nodes[0]->addr);
    ck_assert_int_eq(start(&request, &op), ERR_OK);
    while (programs.of[0].runs == 0)
        net_run(&net, 1);
    net_run(&net, 140);
    net.wires->loss_permille = 1000;
    net_run(&net, 20);
    net.wires->loss_permille = 0;
    const struct event *event = net_wait(&net, 1, op);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert_int_eq(programs.closest[0].value, 0);
    ck_assert_uint_eq(programs.of[0].runs, 1);
    ck_assert_uint_ge(net_counter(&net, 0, COUNTER_COMMANDS_REPEATED), 1);
    net_clear(&net);
}
END_TEST

START_TEST(what_is_out_of_bounds_is_refused)
{
    static const uint8_t v[COMMAND_V_MAX + 1] = "997:";
    build(2, PROGRAM_GOOD, 86);
    struct command_request request = to_id(&net.nodes[1]->id);
    ck_assert_int_eq(ask(&request), ERR_INVALID_PARAMS);
    request = to_addr(&(struct addr){.family = ADDR_V4});
    ck_assert_int_eq(ask(&request), ERR_INVALID_PARAMS);
    request = to_addr(&net.nodes[0]->addr);
    request.command = bytes_of_string("x y");
    ck_assert_int_eq(ask(&request), ERR_INVALID_PARAMS);
    request = to_addr(&net.nodes[0]->addr);
    request.v = bytes_of(v, sizeof v);
    ck_assert_int_eq(ask(&request), ERR_TOO_BIG);
    ck_assert_uint_eq(net_info(&net, 1).operations, 0);
    net_clear(&net);
}
END_TEST

static struct crowd crowd;

START_TEST(on_the_public_network_only_xord_nodes_are_sent_it)
{
    net_init(&net, 87);
    crowd_init(&crowd, &net, 40);
    for (unsigned i = 0; i < 4; i++)
        crowd_add(&crowd, NODE_SERVER);
    net_run(&net, 120000);
    programs_watch(&programs, &net, PROGRAM_GOOD);
    const struct contact foreign = crowd_contact(&crowd, 5);
    struct command_request request = to_addr(&foreign.addr);
    ck_assert_int_eq(ask(&request), ERR_METHOD_UNKNOWN);
    request = to_id(&foreign.id);
    ck_assert_int_eq(ask(&request), ERR_NOT_FOUND);
    request = to_addr(&net.nodes[3]->addr);
    ck_assert_int_eq(ask(&request), ERR_OK);
    ck_assert_int_eq(programs.closest[0].value, 3);
    const struct id id = net_info(&net, 2).id;
    request = to_id(&id);
    ck_assert_int_eq(ask(&request), ERR_OK);
    ck_assert_int_eq(programs.closest[0].value, 2);
    ck_assert_uint_eq(crowd.extensions, 0);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, by_address_the_node_there_answers);
    tcase_add_test(tests, by_id_every_node_is_found);
    tcase_add_test(tests, what_a_program_says_is_told_as_it_is);
    tcase_add_test(tests, nobody_there_is_an_error);
    tcase_add_test(tests, a_node_does_not_ask_itself);
    tcase_add_test(tests, who_has_come_in_its_place_is_not_taken_for_it);
    tcase_add_test(tests, lost_packets_are_sent_again);
    tcase_add_test(tests, whatever_is_lost_a_program_runs_once);
    tcase_add_test(tests, an_answer_that_is_lost_is_given_again);
    tcase_add_test(tests, what_is_out_of_bounds_is_refused);
    tcase_add_test(tests, on_the_public_network_only_xord_nodes_are_sent_it);
}
