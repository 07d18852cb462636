/* A reader must believe a holder nothing that it cannot check: whatever hostile holders answer, it
 * goes on past them, ends, and finds what an honest one holds. */
#include <check.h>
#include <stdio.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/records/envelope.h"
#include "daemon/dht/wire/krpc.h"
#include "tests/dht/owner.h"
#include "tests/runner.h"

#define HOLDERS 4

struct holder;
typedef void answer_fn(struct holder *holder, const struct krpc *query, struct krpc *reply);

/* A peer driven by hand: answers pings and find_node, and a get as `answer` says. */
struct holder {
    struct addr addr;
    struct id id;
    answer_fn *answer;
    unsigned gets; /* that it was asked */
    unsigned deaf; /* of the first so many it hears nothing */
    uint8_t memory[2048];
};

static struct net net;
static struct holder holders[HOLDERS];
static uint8_t sig[KEYS_SIGNATURE_SIZE], other_sig[KEYS_SIGNATURE_SIZE];
static const char value[] = "4:good";
static struct id target;

static void send_reply(const struct holder *from, const struct addr *to, struct krpc *reply)
{
    uint8_t packet[2048];
    struct wire_writer w;
    wire_writer_init(&w, packet, sizeof packet);
    krpc_write(&w, reply);
    ck_assert(!w.failed);
    net_post(&net, &from->addr, to, wire_written(&w));
}

static void on_foreign(struct net *unused, const struct net_packet *packet)
{
    struct krpc query;
    (void)unused;
    ck_assert_int_eq(krpc_parse(packet->data, &query), ERR_OK);
    for (size_t i = 0; i < HOLDERS && query.type == KRPC_QUERY; i++) {
        struct holder *holder = &holders[i];
        if (!addr_equal(&holder->addr, &packet->to))
            continue;
        struct krpc reply = {
            .type = KRPC_RESPONSE,
            .t = query.t,
            .has_network = true,
            .network = 7,
            .has_id = true,
            .id = holder->id,
        };
        if (query.method == KRPC_GET)
            reply.token = bytes_of_string("tok");
        if (query.method == KRPC_GET && holder->answer != NULL)
            holder->answer(holder, &query, &reply);
        holder->gets += query.method == KRPC_GET;
        if (query.method != KRPC_GET || holder->gets > holder->deaf)
            send_reply(holder, &packet->from, &reply);
    }
}

/* One node that has met all holders; none of them has anything. */
static void build(bool is_public)
{
    net_init(&net, 5);
    target = owner_target(&net, "s");
    net.on_foreign = on_foreign;
    net_add(&net, -1, NODE_SERVER);
    for (uint8_t i = 0; i < HOLDERS; i++) {
        holders[i] = (struct holder){.id = target};
        holders[i].id.b[19] ^= (uint8_t)(i + 1); /* the first is the closest */
        const uint8_t public_ip[4] = {(uint8_t)(20 + i), 1, 1, 1};
        const uint8_t private_ip[4] = {10, 1, i, 1};
        holders[i].addr = addr_v4(is_public ? public_ip : private_ip, 5000);
        node_bootstrap(net.nodes[0]->node, &holders[i].addr);
    }
    net_run(&net, 5000);
    ck_assert_uint_eq(net_info(&net, 0).nodes_v4, HOLDERS);
}

static const struct event *get(void)
{
    return owner_get(&net, 0, "s");
}

static const struct event *get_immutable(const struct id *of)
{
    const struct get_request request = {.kind = RECORD_IMMUTABLE, .target = *of};
    return net_get(&net, 0, &request);
}

static uint64_t unverified(void)
{
    return net_counter(&net, 0, COUNTER_REPLIES_UNVERIFIED);
}

static void fill(struct krpc *reply, const char *salt, int64_t seq, struct bytes v,
                 uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    record_sign(
        net.secret_key,
        &(struct record){.kind = RECORD_SINGLE, .salt = bytes_of_string(salt), .seq = seq, .v = v},
        signature);
    reply->k = bytes_of(net.public_key, sizeof net.public_key);
    reply->sig = bytes_of(signature, KEYS_SIGNATURE_SIZE);
    reply->has_seq = true;
    reply->seq = seq;
    reply->v = v;
}

static void good(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    fill(reply, "s", 3, bytes_of_string(value), sig);
}

static void older(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    fill(reply, "s", 2, bytes_of_string("3:old"), other_sig);
}

static void another_key(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    uint8_t secret[KEYS_SECRET_SIZE];
    const uint8_t seed[KEYS_SEED_SIZE] = {9};
    (void)query;
    fill(reply, "s", 9, bytes_of_string("3:bad"), other_sig);
    keys_from_seed(seed, holder->memory, secret);
    record_sign(secret,
                &(struct record){
                    .kind = RECORD_SINGLE, .salt = bytes_of_string("s"), .seq = 9, .v = reply->v},
                other_sig);
    reply->k = bytes_of(holder->memory, KEYS_PUBLIC_SIZE);
}

static void another_salt(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    fill(reply, "t", 9, bytes_of_string("3:bad"), other_sig);
}

static void another_salt_named(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    another_salt(holder, query, reply);
    reply->salt = bytes_of_string("t");
}

static void bad_signature(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    fill(reply, "s", 9, bytes_of_string("3:bad"), other_sig);
    other_sig[0] ^= 1;
}

static void raised_seq(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    fill(reply, "s", 3, bytes_of_string(value), other_sig);
    reply->seq = 9;
}

static void negative_seq(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    fill(reply, "s", -1, bytes_of_string("3:bad"), other_sig);
}

static void loose_bencode(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    fill(reply, "s", 9, bytes_of_string("d1:bi1e1:ai1ee"), other_sig);
}

static void immutable_for_single(struct holder *holder, const struct krpc *query,
                                 struct krpc *reply)
{
    (void)holder, (void)query;
    reply->v = bytes_of_string("3:bad");
}

static void short_key(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    good(holder, query, reply);
    reply->k.size--;
}

static void no_seq(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    good(holder, query, reply);
    reply->has_seq = false;
}

static struct bytes timed_value(struct holder *holder, uint64_t time_s, uint64_t expiry_s)
{
    struct wire_writer w;
    const struct envelope envelope = {.content = ENVELOPE_JSON,
                                      .body = bytes_of_string("1"),
                                      .has_time = true,
                                      .time_unix_s = time_s,
                                      .has_expiry = true,
                                      .expiry_unix_s = expiry_s};
    wire_writer_init(&w, holder->memory, sizeof holder->memory);
    envelope_write(&w, &envelope);
    return wire_written(&w);
}

static void ended(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)query;
    struct bytes v = timed_value(holder, net_now(&net).unix_s - 100, net_now(&net).unix_s - 1);
    fill(reply, "s", 9, v, other_sig);
}

static void from_the_future(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)query;
    struct bytes v = timed_value(holder, net_now(&net).unix_s + 900, net_now(&net).unix_s + 9000);
    fill(reply, "s", 9, v, other_sig);
}

static void too_big(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)query;
    memcpy(holder->memory, "1000:", 5);
    memset(holder->memory + 5, 'x', 1000);
    good(holder, query, reply);
    reply->v = bytes_of(holder->memory, 1005);
}

static answer_fn *const lies[] = {
    another_key,
    another_salt,
    another_salt_named,
    bad_signature,
    raised_seq,
    negative_seq,
    loose_bencode,
    immutable_for_single,
    short_key,
    no_seq,
    ended,
    from_the_future,
    too_big,
};

START_TEST(a_lie_is_counted_and_the_good_answer_found_behind_it)
{
    build(false);
    holders[0].answer = lies[_i];
    holders[1].answer = lies[_i];
    holders[3].answer = good;
    const struct event *event = get();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->get.is_found);
    ck_assert_int_eq(event->get.record.seq, 3);
    ck_assert(bytes_is_string(bytes_of(net.value, net.value_size), value));
    ck_assert_uint_eq(unverified(), 2);
    for (size_t i = 0; i < HOLDERS; i++)
        ck_assert_uint_eq(holders[i].gets, 1);
    net_clear(&net);
}
END_TEST

START_TEST(only_lies_are_a_miss)
{
    build(false);
    for (size_t i = 0; i < HOLDERS; i++)
        holders[i].answer = lies[_i];
    const struct event *event = get();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(!event->get.is_found);
    ck_assert_uint_eq(unverified(), HOLDERS);
    net_clear(&net);
}
END_TEST

START_TEST(the_highest_seq_wins_whoever_answers_first)
{
    for (size_t i = 0; i < HOLDERS; i++) {
        build(false);
        for (size_t j = 0; j < HOLDERS; j++)
            holders[j].answer = j == i ? good : older;
        ck_assert_int_eq(get()->get.record.seq, 3);
        ck_assert(bytes_is_string(bytes_of(net.value, net.value_size), value));
        net_clear(&net);
    }
}
END_TEST

START_TEST(what_was_seen_never_goes_backwards)
{
    build(false);
    holders[0].answer = good;
    ck_assert_int_eq(get()->get.record.seq, 3);
    for (size_t i = 0; i < HOLDERS; i++)
        holders[i].answer = older;
    const struct event *event = get();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(!event->get.is_found);
    ck_assert_uint_eq(unverified(), HOLDERS);
    holders[2].answer = good;
    ck_assert_int_eq(get()->get.record.seq, 3);
    net_clear(&net);
}
END_TEST

static void rival(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)query;
    fill(reply, "s", 3, bytes_of_string("5:rival"), holder->memory);
}

/* Two records of one seq are the owner's mistake, but every reader must see the same one. */
START_TEST(a_tie_is_broken_the_same_way_whoever_answers_first)
{
    uint8_t rival_sig[KEYS_SIGNATURE_SIZE];
    for (size_t i = 0; i < HOLDERS; i++) {
        build(false);
        record_sign(net.secret_key,
                    &(struct record){.kind = RECORD_SINGLE,
                                     .salt = bytes_of_string("s"),
                                     .seq = 3,
                                     .v = bytes_of_string("5:rival")},
                    rival_sig);
        for (size_t j = 0; j < HOLDERS; j++)
            holders[j].answer = j == i ? rival : good;
        ck_assert(get()->get.is_found);
        bool is_rival = memcmp(rival_sig, sig, sizeof sig) > 0;
        ck_assert(
            bytes_is_string(bytes_of(net.value, net.value_size), is_rival ? "5:rival" : value));
        net_clear(&net);
    }
}
END_TEST

START_TEST(a_single_never_stands_for_an_immutable)
{
    build(false);
    struct id immutable;
    record_immutable_target(bytes_of_string(value), &immutable);
    for (size_t i = 0; i < HOLDERS; i++)
        holders[i].answer = good;
    const struct event *event = get_immutable(&immutable);
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(!event->get.is_found);
    ck_assert_uint_eq(unverified(), HOLDERS);
    net_clear(&net);
}
END_TEST

static void right_immutable(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    (void)holder, (void)query;
    reply->v = bytes_of_string(value);
}

START_TEST(an_immutable_is_what_hashes_to_its_target)
{
    build(false);
    struct id immutable;
    record_immutable_target(bytes_of_string(value), &immutable);
    for (size_t i = 0; i < HOLDERS; i++)
        holders[i].answer = i == 2 ? right_immutable : immutable_for_single;
    const struct event *event = get_immutable(&immutable);
    ck_assert(event->get.is_found);
    ck_assert(bytes_is_string(bytes_of(net.value, net.value_size), value));
    net_clear(&net);
}
END_TEST

/* Nodes that are nearer with each answer, at addresses where nobody is. */
static void made_up_nodes(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    struct wire_writer w;
    (void)query;
    wire_writer_init(&w, holder->memory, sizeof holder->memory);
    for (unsigned i = 0; i < 16; i++) {
        struct id id;
        id_random(&id, &net.rng);
        memcpy(id.b, target.b, 18);
        const uint8_t ip[4] = {10, 7, (uint8_t)rng_below(&net.rng, 250), (uint8_t)(i + 1)};
        const struct addr addr = addr_v4(ip, 6000);
        krpc_write_contact(&w, &id, &addr);
    }
    reply->nodes = wire_written(&w);
}

START_TEST(made_up_nodes_do_not_keep_a_lookup_from_ending)
{
    build(false);
    for (size_t i = 0; i < HOLDERS; i++)
        holders[i].answer = made_up_nodes;
    holders[1].answer = good;
    const uint64_t before_ms = net_now(&net).ms;
    const struct event *event = get();
    ck_assert_ptr_nonnull(event);
    ck_assert(event->get.is_found);
    ck_assert_uint_le(net_now(&net).ms - before_ms, NODE_TIMEOUT_MS + 100);
    /* What was asked is bounded by what a lookup remembers. */
    ck_assert_uint_le(event->stats.queried, 2 * 64);
    net_clear(&net);
}
END_TEST

static void odd_list(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    made_up_nodes(holder, query, reply);
    reply->nodes.size -= 7;
    reply->nodes6 = bytes_of(holder->memory, 37);
    fill(reply, "s", 3, bytes_of_string(value), sig);
}

START_TEST(a_list_of_odd_size_does_not_cost_the_answer)
{
    build(false);
    holders[0].answer = odd_list;
    ck_assert(get()->get.is_found);
    net_clear(&net);
}
END_TEST

static unsigned private_queries;

static void count_private(struct net *unused, const struct net_packet *packet)
{
    bool is_holder = false;
    for (size_t i = 0; i < HOLDERS; i++)
        is_holder = is_holder || addr_equal(&packet->to, &holders[i].addr);
    private_queries += !is_holder;
    on_foreign(unused, packet);
}

static void private_nodes(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    static const uint8_t ips[][4] = {
        {127, 0, 0, 1},   {10, 0, 0, 9},        {192, 168, 1, 1}, {172, 16, 0, 1},
        {169, 254, 1, 1}, {255, 255, 255, 255}, {0, 0, 0, 0},     {224, 0, 0, 5},
    };
    struct wire_writer w;
    (void)query;
    wire_writer_init(&w, holder->memory, sizeof holder->memory);
    for (uint8_t i = 0; i < sizeof ips / sizeof ips[0]; i++) {
        struct id id = target;
        id.b[18] ^= (uint8_t)(i + 1);
        const struct addr addr = addr_v4(ips[i], 6000);
        krpc_write_contact(&w, &id, &addr);
    }
    reply->nodes = wire_written(&w);
}

START_TEST(private_addresses_from_public_ones_are_not_asked)
{
    build(true);
    private_queries = 0;
    net.on_foreign = count_private;
    for (size_t i = 0; i < HOLDERS; i++)
        holders[i].answer = private_nodes;
    ck_assert(!get()->get.is_found);
    ck_assert_uint_eq(private_queries, 0);
    net_clear(&net);
}
END_TEST

static void changed_id(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    good(holder, query, reply);
    memset(reply->id.b, 0x55, ID_SIZE);
}

static void our_id(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    struct node_info info;
    node_get_info(net.nodes[0]->node, &info);
    good(holder, query, reply);
    reply->id = info.id;
}

START_TEST(an_answer_under_another_id_counts_for_nothing)
{
    static answer_fn *const answers[] = {changed_id, our_id};
    build(false);
    holders[0].answer = answers[_i];
    const struct event *event = get();
    ck_assert(!event->get.is_found);
    ck_assert_uint_eq(net_counter(&net, 0, COUNTER_REPLIES_WRONG_ID), 1);
    ck_assert_uint_eq(net_info(&net, 0).nodes_v4, HOLDERS - 1);
    net_clear(&net);
}
END_TEST

static void from_elsewhere(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    struct holder other = *holder;
    struct krpc copy = *reply;
    (void)query;
    fill(&copy, "s", 3, bytes_of_string(value), sig);
    other.addr.port++;
    send_reply(&other, &net.nodes[0]->addr, &copy);
    other.addr = holder->addr;
    copy.t = bytes_of_string("zzzz");
    send_reply(&other, &net.nodes[0]->addr, &copy);
}

START_TEST(answers_from_elsewhere_or_with_another_t_count_for_nothing)
{
    build(false);
    holders[0].answer = from_elsewhere;
    net.wires->delay_max_ms = net.wires->delay_min_ms; /* the good answer does not overtake them */
    const uint64_t before = net_counter(&net, 0, COUNTER_REPLIES_UNEXPECTED);
    ck_assert(!get()->get.is_found);
    net_run(&net, 1000);
    ck_assert_uint_eq(net_counter(&net, 0, COUNTER_REPLIES_UNEXPECTED), before + 2);
    net_clear(&net);
}
END_TEST

/* The first holder is known from others' answers alone, and the first `deaf` questions to it are
 * lost. */
static void name_the_first(struct holder *holder, const struct krpc *query, struct krpc *reply)
{
    struct wire_writer w;
    (void)query;
    wire_writer_init(&w, holder->memory, sizeof holder->memory);
    krpc_write_contact(&w, &holders[0].id, &holders[0].addr);
    reply->nodes = wire_written(&w);
}

static void build_with_hidden(unsigned deaf)
{
    build(false);
    struct contact hidden = {.id = holders[0].id, .addr = holders[0].addr};
    routing_remove(&net.nodes[0]->node->tables[FAMILY_V4], &hidden.id);
    neighbours_remove(&net.nodes[0]->node->neighbours[FAMILY_V4], &hidden);
    for (size_t i = 1; i < HOLDERS; i++)
        holders[i].answer = name_the_first;
    holders[0].answer = good;
    holders[0].deaf = deaf;
}

START_TEST(who_was_silent_is_asked_twice_before_it_is_a_miss)
{
    bool is_back = _i == 0; /* by the second question */
    build_with_hidden(is_back ? 1 : 100);
    const struct event *event = get();
    ck_assert_int_eq(event->err, ERR_OK);
    ck_assert(event->get.is_found == is_back);
    ck_assert_uint_eq(holders[0].gets, 2);
    for (size_t i = 1; i < HOLDERS; i++)
        ck_assert_uint_eq(holders[i].gets, 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_miss_that_all_confirm_asks_each_once)
{
    build(false);
    const struct event *event = get();
    ck_assert(!event->get.is_found);
    ck_assert_uint_eq(event->stats.queried, HOLDERS);
    net_clear(&net);
}
END_TEST

void add_tests(TCase *tests)
{
    const int lie_count = sizeof lies / sizeof lies[0];
    tcase_add_loop_test(tests, a_lie_is_counted_and_the_good_answer_found_behind_it, 0, lie_count);
    tcase_add_loop_test(tests, only_lies_are_a_miss, 0, lie_count);
    tcase_add_test(tests, the_highest_seq_wins_whoever_answers_first);
    tcase_add_test(tests, what_was_seen_never_goes_backwards);
    tcase_add_test(tests, a_tie_is_broken_the_same_way_whoever_answers_first);
    tcase_add_test(tests, a_single_never_stands_for_an_immutable);
    tcase_add_test(tests, an_immutable_is_what_hashes_to_its_target);
    tcase_add_test(tests, made_up_nodes_do_not_keep_a_lookup_from_ending);
    tcase_add_test(tests, a_list_of_odd_size_does_not_cost_the_answer);
    tcase_add_test(tests, private_addresses_from_public_ones_are_not_asked);
    tcase_add_loop_test(tests, an_answer_under_another_id_counts_for_nothing, 0, 2);
    tcase_add_loop_test(tests, who_was_silent_is_asked_twice_before_it_is_a_miss, 0, 2);
    tcase_add_test(tests, a_miss_that_all_confirm_asks_each_once);
    tcase_add_test(tests, answers_from_elsewhere_or_with_another_t_count_for_nothing);
}
