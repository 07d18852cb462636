/* Numbers are started from at once, names once they resolve; a name that does not resolve is asked
 * again after growing pauses; without names there is nothing to wait for. */
#include <check.h>

#include "daemon/bootstrap.h"
#include "tests/runner.h"

/* A label over 63 bytes (RFC 1035) is refused without asking anybody. */
#define UNRESOLVABLE "a23456789b23456789c23456789d23456789e23456789f23456789g23456789h23:7003"

static uv_loop_t loop;
static struct settings settings;
static struct bootstrap bootstrap;
static struct node *node;
static struct outbox out;
static char error[SETTINGS_ERROR_SIZE];

static enum err nothing(void *context, enum store_space space, enum record_kind kind,
                        const struct id *target, struct stored *found)
{
    (void)context;
    (void)space;
    (void)kind;
    (void)target;
    (void)found;
    return ERR_NOT_FOUND;
}

static void setup(void)
{
    struct node_config config = {.role = NODE_SERVER,
                                 .has_v4 = true,
                                 .has_v6 = true,
                                 .store = {.get = nothing, .next = nothing}};
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    memset(&settings, 0, sizeof(settings));
    node = node_new(&config, (struct now){.ms = 0, .unix_s = 1});
    ck_assert_ptr_nonnull(node);
    outbox_init(&out);
    bootstrap_init(&bootstrap, &loop, node);
}

static void teardown(void)
{
    outbox_clear(&out);
    node_free(node);
    settings_clear(&settings);
    uv_loop_close(&loop);
}

static void add(const char *text)
{
    ck_assert(
        settings_add(&settings, SETTING_BOOTSTRAP, SETTINGS_FLAG, "--bootstrap", text, error));
}

/* True when the node, left to itself, sends something to this port. */
static bool is_asked(uint16_t port)
{
    for (unsigned i = 0; i < 10; i++)
        node_tick(node, (struct now){.ms = node_next_ms(node), .unix_s = 1}, &out);
    for (size_t i = 0; i < out.packet_count; i++) {
        if (out.packets[i].to.port == port)
            return true;
    }
    return false;
}

START_TEST(a_number_is_started_from_at_once)
{
    add("127.0.0.1:7001");
    bootstrap_start(&bootstrap, &settings, 0);
    ck_assert_uint_eq(bootstrap_next_ms(&bootstrap), UINT64_MAX);
    ck_assert(resolve_is_idle(&bootstrap.resolve));
    ck_assert(is_asked(7001));
}
END_TEST

START_TEST(a_name_is_started_from_once_it_resolves)
{
    add("localhost:7002");
    bootstrap_start(&bootstrap, &settings, 0);
    ck_assert(!resolve_is_idle(&bootstrap.resolve));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(is_asked(7002));
}
END_TEST

START_TEST(a_name_that_fails_is_asked_again_less_and_less_often)
{
    add(UNRESOLVABLE);
    bootstrap_start(&bootstrap, &settings, 0);
    uint64_t due = bootstrap_next_ms(&bootstrap), pause = BOOTSTRAP_RETRY_MS;
    ck_assert_uint_eq(due, pause);
    for (unsigned i = 0; i < 3; i++) {
        uv_run(&loop, UV_RUN_DEFAULT);
        ck_assert(resolve_is_idle(&bootstrap.resolve));
        bootstrap_tick(&bootstrap, due - 1);
        ck_assert(resolve_is_idle(&bootstrap.resolve));
        bootstrap_tick(&bootstrap, due);
        ck_assert(!resolve_is_idle(&bootstrap.resolve));
        pause *= 2;
        ck_assert_uint_eq(bootstrap_next_ms(&bootstrap), due + pause);
        due = bootstrap_next_ms(&bootstrap);
    }
    resolve_cancel(&bootstrap.resolve);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(resolve_is_idle(&bootstrap.resolve));
}
END_TEST

/* At the time that it is due; true when names are asked again. */
static bool asks_again(void)
{
    bootstrap_tick(&bootstrap, bootstrap_next_ms(&bootstrap));
    bool is_asking = !resolve_is_idle(&bootstrap.resolve);
    uv_run(&loop, UV_RUN_DEFAULT);
    return is_asking;
}

START_TEST(once_it_resolves_it_is_left_alone)
{
    add(UNRESOLVABLE);
    bootstrap_start(&bootstrap, &settings, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    settings_clear(&settings);
    memset(&settings, 0, sizeof(settings));
    add("localhost:7002");
    ck_assert(asks_again());
    uint64_t due = bootstrap_next_ms(&bootstrap);
    ck_assert(!asks_again());
    ck_assert_uint_eq(bootstrap_next_ms(&bootstrap), due + BOOTSTRAP_RETRY_MS_MAX);
}
END_TEST

START_TEST(while_nobody_answers_names_are_asked_again)
{
    struct node_info info = {0};
    add("localhost:7002");
    bootstrap_start(&bootstrap, &settings, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < 1000 && info.state != NODE_OFFLINE; i++) {
        node_tick(node, (struct now){.ms = node_next_ms(node), .unix_s = 1}, &out);
        outbox_reset(&out);
        node_get_info(node, &info);
    }
    ck_assert_int_eq(info.state, NODE_OFFLINE);
    ck_assert(asks_again());
    ck_assert(asks_again());
}
END_TEST

START_TEST(nothing_to_start_from_is_nothing_to_do)
{
    bootstrap_start(&bootstrap, &settings, 0);
    ck_assert_uint_eq(bootstrap_next_ms(&bootstrap), UINT64_MAX);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_number_is_started_from_at_once);
    tcase_add_test(tests, a_name_is_started_from_once_it_resolves);
    tcase_add_test(tests, a_name_that_fails_is_asked_again_less_and_less_often);
    tcase_add_test(tests, once_it_resolves_it_is_left_alone);
    tcase_add_test(tests, while_nobody_answers_names_are_asked_again);
    tcase_add_test(tests, nothing_to_start_from_is_nothing_to_do);
}
