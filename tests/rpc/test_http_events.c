/* A stream of events tells each as it comes, loses none quietly when its reader is slow, and costs
 * the node nothing once it is closed. */
#include "rpc/server/http_events.h"

#include <check.h>

#include "rpc/dispatch.h"
#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

#define GREETING ": what this xord does\n\n"

static struct fake_host fake;
static struct dispatch dispatch;
static struct http_events events;
static unsigned more; /* how often on_more was called */
static char got[2 * HTTP_EVENTS_QUEUE];

static void on_more(void *context)
{
    ck_assert_ptr_eq(context, &fake);
    more++;
}

static void setup(void)
{
    fake_host_init(&fake);
    dispatch_init(&dispatch, &fake.host, NULL);
    http_events_open(&events, &dispatch, on_more, &fake);
}

static void teardown(void)
{
    http_events_close(&events);
    http_events_close(&events);
    ck_assert_uint_eq(dispatch.taps.classes, 0);
    dispatch_clear(&dispatch);
    fake_host_clear(&fake);
}

/* All that there is to send now. */
static const char *take(void)
{
    size_t size = 0, taken;

    while ((taken = http_events_take(&events, got + size, 100)) > 0)
        size += taken;
    got[size] = '\0';
    return got;
}

static void see_node(void)
{
    const struct event event = {
        .kind = EVENT_WATCH,
        .watch = {.class = WATCH_NODES,
                  .what = WATCH_SEEN,
                  .node = {.contact = {.id = {{1}}, .addr = {.family = ADDR_NONE}}}}};

    taps_event(&dispatch, &event);
}

START_TEST(each_event_is_told)
{
    ck_assert(http_events_is_open(&events));
    ck_assert(http_events_is_due(&events));
    ck_assert_str_eq(take(), GREETING);
    ck_assert(!http_events_is_due(&events));
    see_node();
    see_node();
    ck_assert_uint_eq(more, 2);
    ck_assert(http_events_is_due(&events));
    const char *text = take();
    ck_assert_int_eq(strncmp(text, "data: {\"class\":\"nodes\",\"event\":\"seen\",", 38), 0);
    ck_assert_uint_eq(2 * (size_t)(strstr(text, "\n\n") + 2 - text), strlen(text));
    ck_assert_str_eq(text + strlen(text) - 3, "}\n\n");
}
END_TEST

START_TEST(a_slow_reader_is_told_how_many_it_lost)
{
    size_t told = 0;

    for (int i = 0; i < 10000; i++)
        see_node();
    ck_assert_uint_lt(events.queue.size, HTTP_EVENTS_QUEUE + 1024);
    size_t dropped = events.dropped;
    take();
    for (const char *at = got; (at = strstr(at, "data: {\"class\"")) != NULL; at++)
        told++;
    ck_assert_uint_gt(dropped, 0);
    ck_assert_uint_eq(told + dropped, 10000);
    char gap[64];
    snprintf(gap, sizeof gap, "data: {\"event\":\"gap\",\"dropped\":%zu}\n\n", dropped);
    ck_assert_str_eq(got + strlen(got) - strlen(gap), gap);
    see_node();
    ck_assert_ptr_eq(strstr(take(), "data: {\"class\":\"nodes\""), got);
}
END_TEST

/* Its backlog neither grows nor is ever empty. */
START_TEST(a_reader_that_always_lags_costs_no_more)
{
    for (int i = 0; i < 100; i++)
        see_node();
    size_t size = events.queue.size, one = (size - strlen(GREETING)) / 100;
    ck_assert_uint_eq(http_events_take(&events, got, strlen(GREETING)), strlen(GREETING));
    for (size_t i = 0; i < 4 * HTTP_EVENTS_QUEUE / one; i++) {
        see_node();
        ck_assert_uint_eq(http_events_take(&events, got, one), one);
        ck_assert_int_eq(strncmp(got, "data: {\"class\":", 15), 0);
        ck_assert_uint_le(events.queue.size, HTTP_EVENTS_QUEUE + size + one);
    }
    ck_assert_uint_eq(events.dropped, 0);
}
END_TEST

START_TEST(silence_is_broken_from_time_to_time)
{
    take();
    http_events_beat(&events, fake.now.ms + HTTP_EVENTS_BEAT_MS - 1);
    ck_assert_str_eq(take(), "");
    fake.now.ms += HTTP_EVENTS_BEAT_MS;
    http_events_beat(&events, fake.now.ms);
    ck_assert_uint_eq(more, 1);
    ck_assert_str_eq(take(), ":\n\n");
    http_events_beat(&events, fake.now.ms + 1);
    ck_assert_str_eq(take(), "");
}
END_TEST

START_TEST(an_end_comes_after_what_was_told)
{
    see_node();
    http_events_end(&events);
    ck_assert(http_events_is_due(&events));
    ck_assert_ptr_nonnull(strstr(take(), "\"seen\""));
    ck_assert(events.is_ended && http_events_is_due(&events));
}
END_TEST

START_TEST(what_clients_call_is_not_told)
{
    struct rpc_client client;

    take();
    dispatch_client_init(&dispatch, &client, RPC_ACCESS_FULL, 0);
    dispatch_line(&client, bytes_of_string("{\"id\":1,\"method\":\"help\"}"));
    dispatch_client_clear(&client);
    ck_assert_str_eq(take(), "");
    ck_assert_uint_eq(dispatch.taps.classes, TAP_LOOKUPS | TAP_NODES | TAP_STORE);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_event_is_told);
    tcase_add_test(tests, a_slow_reader_is_told_how_many_it_lost);
    tcase_add_test(tests, a_reader_that_always_lags_costs_no_more);
    tcase_add_test(tests, silence_is_broken_from_time_to_time);
    tcase_add_test(tests, an_end_comes_after_what_was_told);
    tcase_add_test(tests, what_clients_call_is_not_told);
}
