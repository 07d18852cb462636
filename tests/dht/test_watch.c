/* Whoever watches a node must see each step of its lookups, each change of its tables and each put
 * that it turns away; while nobody watches nothing may be told. */
#include <check.h>

#include "daemon/dht/node_state.h"
#include "daemon/dht/routing/changes.h"
#include "tests/dht/asker.h"
#include "tests/dht/programs.h"
#include "tests/runner.h"

#define NODES 12

static struct net net;
static struct asker asker;
static struct programs programs;

static void watch(struct net *of, size_t index, unsigned classes)
{
    of->event_count = 0;
    node_watch(of->nodes[index]->node, classes);
}

/* The next EVENT_WATCH from *at on; NULL at the end. */
static const struct event *next_watch(const struct net *of, size_t *at)
{
    while (*at < of->event_count) {
        const struct event *event = &of->events[(*at)++].event;
        if (event->kind == EVENT_WATCH)
            return event;
    }
    return NULL;
}

static unsigned count(const struct net *of, enum watch_what what)
{
    const struct event *event;
    unsigned found = 0;
    for (size_t at = 0; (event = next_watch(of, &at)) != NULL;)
        found += event->watch.what == what;
    return found;
}

static const struct event *find(const struct net *of, enum watch_what what)
{
    const struct event *event;
    for (size_t at = 0; (event = next_watch(of, &at)) != NULL;)
        if (event->watch.what == what)
            return event;
    return NULL;
}

static const struct event *look_up(size_t index, const struct id *target)
{
    uint64_t op;
    ck_assert_int_eq(node_lookup(net.nodes[index]->node, net_now(&net), target, 0, &op, net.out),
                     ERR_OK);
    net_flush(&net, index);
    return net_wait(&net, index, op);
}

/* Of lookups for this purpose alone. */
static unsigned count_for(const char *purpose, enum watch_what what)
{
    const struct event *event;
    unsigned found = 0;
    for (size_t at = 0; (event = next_watch(&net, &at)) != NULL;)
        found += event->watch.what == what && strcmp(event->watch.lookup.purpose, purpose) == 0;
    return found;
}

START_TEST(a_lookup_is_seen_from_its_start_to_its_end)
{
    struct id target;
    size_t at = 0;
    net_build(&net, NODES, 1);
    id_random(&target, &net.rng);
    watch(&net, 3, WATCH_LOOKUPS);
    struct lookup_stats stats = look_up(3, &target)->stats;
    const struct event *event = next_watch(&net, &at);
    ck_assert_int_eq(event->watch.what, WATCH_STARTED);
    uint64_t number = event->watch.lookup.number;
    ck_assert_str_eq(event->watch.lookup.purpose, "lookup");
    while ((event = next_watch(&net, &at))->watch.what != WATCH_ENDED) {
        ck_assert_uint_eq(event->watch.lookup.number, number);
        ck_assert(id_equal(&event->watch.lookup.target, &target));
        ck_assert(event->watch.lookup.has_id);
    }
    ck_assert_uint_eq(event->stats.queried, stats.queried);
    ck_assert_uint_eq(event->stats.replied, stats.replied);
    ck_assert(event->stats.is_complete);
    ck_assert_uint_eq(count(&net, WATCH_ASKED), stats.queried);
    ck_assert_uint_eq(count(&net, WATCH_ANSWERED), stats.replied);
    ck_assert_uint_eq(count(&net, WATCH_STARTED), 1);
    ck_assert_ptr_null(next_watch(&net, &at));
    net_clear(&net);
}
END_TEST

START_TEST(who_does_not_answer_is_seen_late_and_dead)
{
    net_build(&net, NODES, 2);
    const struct id target = net.nodes[5]->id;
    net_kill(&net, 5);
    watch(&net, 3, WATCH_LOOKUPS);
    look_up(3, &target);
    const struct event *event;
    unsigned late = 0;
    for (size_t at = 0; (event = next_watch(&net, &at)) != NULL;)
        if (event->watch.what == WATCH_LATE && id_equal(&event->watch.lookup.contact.id, &target)) {
            ck_assert_uint_gt(event->watch.lookup.rtt_ms, 0);
            late++;
        }
    ck_assert_uint_ge(late, 1);
    ck_assert_uint_gt(count(&net, WATCH_ASKED), count(&net, WATCH_ANSWERED));
    net_clear(&net);
}
END_TEST

static void refuse(struct net *of, const struct net_packet *packet)
{
    struct krpc query;
    uint8_t answer[128];
    struct wire_writer w;
    ck_assert_int_eq(krpc_parse(packet->data, &query), ERR_OK);
    const struct krpc error = {.type = KRPC_ERROR,
                               .t = query.t,
                               .has_network = true,
                               .network = NET_NETWORK,
                               .error_code = 202,
                               .error_text = bytes_of_string("no")};
    wire_writer_init(&w, answer, sizeof answer);
    krpc_write(&w, &error);
    net_post(of, &packet->to, &packet->from, wire_written(&w));
}

START_TEST(who_refuses_is_seen_with_its_number)
{
    const uint8_t nobody[4] = {127, 9, 9, 9};
    const struct addr addr = addr_v4(nobody, 9);
    struct id target = {0};
    net_init(&net, 7);
    size_t index = net_add(&net, -1, NODE_SERVER);
    net.on_foreign = refuse;
    net_run(&net, 1000);
    node_bootstrap(net.nodes[index]->node, &addr);
    watch(&net, index, WATCH_LOOKUPS);
    look_up(index, &target);
    const struct event *refused = find(&net, WATCH_REFUSED);
    ck_assert_int_eq(refused->watch.lookup.code, 202);
    ck_assert(!refused->watch.lookup.has_id);
    ck_assert(addr_equal(&refused->watch.lookup.contact.addr, &addr));
    net_clear(&net);
}
END_TEST

START_TEST(a_cancelled_lookup_is_seen_to_end)
{
    uint64_t op;
    net_build(&net, NODES, 3);
    watch(&net, 3, WATCH_LOOKUPS);
    node_lookup(net.nodes[3]->node, net_now(&net), &net.nodes[7]->id, 0, &op, net.out);
    node_cancel(net.nodes[3]->node, net_now(&net), op, net.out);
    net_flush(&net, 3);
    const struct event *ended = find(&net, WATCH_ENDED);
    ck_assert_int_eq(ended->err, ERR_CANCELLED);
    ck_assert(!ended->stats.is_complete);
    ck_assert_uint_eq(count(&net, WATCH_ENDED), 1);
    net_clear(&net);
}
END_TEST

static const struct event *wait_for(size_t index, enum err err, uint64_t op)
{
    ck_assert_int_eq(err, ERR_OK);
    net_flush(&net, index);
    return net_wait(&net, index, op);
}

START_TEST(a_query_and_the_search_of_a_request_are_seen_to_their_ends)
{
    struct command_request request = {.command = bytes_of_string("x"), .has_target = true};
    uint64_t op = 0;
    net_build(&net, 40, 6);
    programs_watch(&programs, &net, PROGRAM_GOOD);
    for (size_t i = 0; i < net.count; i++)
        programs.of[i].delay_ms = 900;
    net_run(&net, 300000); /* what it looks for by itself at first is over */
    watch(&net, 3, WATCH_LOOKUPS);
    struct node *node = net.nodes[3]->node;
    enum err err = node_query(node, net_now(&net), &request, &op, net.out);
    ck_assert_ptr_nonnull(wait_for(3, err, op));
    ck_assert_uint_eq(count_for("query", WATCH_STARTED), 1);
    ck_assert_uint_eq(count_for("query", WATCH_LATE), 0); /* slow programs are waited for */
    ck_assert_uint_ge(count_for("query", WATCH_ANSWERED), LOOKUP_K);
    ck_assert_uint_eq(count_for("query", WATCH_ENDED), 1);
    request.has_target = false;
    /* Somebody is not in its table, and has to be looked up. */
    for (size_t i = 0; i < net.count && count_for("request", WATCH_ENDED) == 0; i++) {
        watch(&net, 3, WATCH_LOOKUPS);
        request.to_id = net.nodes[i]->id;
        err = node_request(node, net_now(&net), &request, &op, net.out);
        if (i != 3 && err == ERR_OK)
            wait_for(3, err, op);
    }
    ck_assert_uint_eq(count_for("request", WATCH_ENDED), 1);
    ck_assert_uint_eq(count_for("request", WATCH_STARTED), 1);
    net_clear(&net);
}
END_TEST

START_TEST(who_comes_and_goes_is_seen)
{
    net_build(&net, 3, 4);
    watch(&net, 0, WATCH_NODES);
    size_t late = net_add(&net, 0, NODE_SERVER);
    net_run(&net, 10000);
    const struct event *seen = find(&net, WATCH_SEEN);
    ck_assert(id_equal(&seen->watch.node.contact.id, &net.nodes[late]->id));
    ck_assert(id_equal(&find(&net, WATCH_JOINED)->watch.node.contact.id, &net.nodes[late]->id));
    ck_assert_uint_eq(count(&net, WATCH_SEEN), 1);
    net_kill(&net, late);
    net_run(&net, 40u * 60u * 1000u);
    const struct event *lost = find(&net, WATCH_LOST);
    ck_assert(id_equal(&lost->watch.node.contact.id, &net.nodes[late]->id));
    ck_assert_uint_eq(count(&net, WATCH_LOST), 1);
    ck_assert_uint_eq(count(&net, WATCH_PARTED), 1);
    net_clear(&net);
}
END_TEST

START_TEST(a_put_turned_away_is_seen_with_its_reason)
{
    asker_init(&asker, 1, false);
    watch(&asker.net, 0, WATCH_STORE);
    struct krpc put = asker_immutable(&asker, bytes_of_string("5:hello"));
    put.token = bytes_of_string("no token");
    ck_assert_int_eq(asker_code(asker_ask(&asker, put)), err_code(ERR_BAD_TOKEN));
    const struct event *event = find(&asker.net, WATCH_TURNED_AWAY);
    ck_assert_int_eq(event->err, ERR_BAD_TOKEN);
    ck_assert_str_eq(event->watch.store.check, "token");
    ck_assert(id_equal(&event->watch.store.target, &put.target));
    ck_assert(addr_equal(&event->watch.store.from, &asker.from));
    ck_assert_uint_eq(event->watch.store.size, 7);
    asker_clear(&asker);
}
END_TEST

START_TEST(what_the_store_did_is_told_on)
{
    asker_init(&asker, 1, false);
    struct node *node = asker.net.nodes[0]->node;
    const struct store_write write = {.action = STORE_PUT, .space = STORE_HELD};
    const struct store_removed removed = {.is_expired = true, .more = 7};
    node_watch_written(node, &write, ERR_OK, asker.net.out);
    node_watch_removed(node, &removed, asker.net.out);
    ck_assert_uint_eq(asker.net.out->event_count, 0);
    watch(&asker.net, 0, WATCH_STORE);
    node_watch_written(node, &write, ERR_OK, asker.net.out);
    node_watch_written(node, &write, ERR_BAD_SIGNATURE, asker.net.out);
    node_watch_removed(node, &removed, asker.net.out);
    net_flush(&asker.net, 0);
    ck_assert_uint_eq(count(&asker.net, WATCH_STORED), 1);
    ck_assert_str_eq(find(&asker.net, WATCH_TURNED_AWAY)->watch.store.check, "signature");
    ck_assert_uint_eq(find(&asker.net, WATCH_EXPIRED)->watch.store.more, 7);
    asker_clear(&asker);
}
END_TEST

/* All that the other tests see, with nobody looking. */
START_TEST(nothing_is_told_while_nobody_watches)
{
    net_build(&net, NODES, 5);
    watch(&net, 3, WATCH_LOOKUPS | WATCH_NODES | WATCH_STORE);
    watch(&net, 3, 0);
    ck_assert_uint_eq(node_watched(net.nodes[3]->node), 0);
    ck_assert_ptr_null(net.nodes[3]->node->tables[FAMILY_V4].changes);
    net_kill(&net, 5);
    look_up(3, &net.nodes[5]->id);
    net_add(&net, 3, NODE_SERVER);
    net_run(&net, 60000);
    size_t at = 0;
    ck_assert_ptr_null(next_watch(&net, &at));
    net_clear(&net);
}
END_TEST

START_TEST(more_changes_than_there_is_room_for_are_left_out)
{
    static struct changes changes;
    struct contact contact = {0};
    for (unsigned i = 0; i < CHANGES_MAX + 9; i++)
        changes_add(&changes, &contact, NULL);
    ck_assert_uint_eq(changes.count, CHANGES_MAX);
    changes_add(NULL, &contact, NULL); /* nobody watches */
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_lookup_is_seen_from_its_start_to_its_end);
    tcase_add_test(tests, who_does_not_answer_is_seen_late_and_dead);
    tcase_add_test(tests, who_refuses_is_seen_with_its_number);
    tcase_add_test(tests, a_cancelled_lookup_is_seen_to_end);
    tcase_add_test(tests, a_query_and_the_search_of_a_request_are_seen_to_their_ends);
    tcase_add_test(tests, who_comes_and_goes_is_seen);
    tcase_add_test(tests, a_put_turned_away_is_seen_with_its_reason);
    tcase_add_test(tests, what_the_store_did_is_told_on);
    tcase_add_test(tests, nothing_is_told_while_nobody_watches);
    tcase_add_test(tests, more_changes_than_there_is_room_for_are_left_out);
}
