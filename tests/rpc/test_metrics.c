/* The metrics text of a daemon is well formed, names each thing once and in base units, counts what
 * was done, and says nothing of whose it was. */
#include <check.h>

#include "rpc/dispatch.h"
#include "rpc/metrics/metrics.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;
static char *page; /* what getmetrics answered */

static void setup(void)
{
    solo_init(&solo);
    page = NULL;
}

static void teardown(void)
{
    free(page);
    solo_clear(&solo);
}

static const char *fetch(void)
{
    json_t *result = solo_result(&solo, "getmetrics", "[]");

    free(page);
    page = strdup(json_string_value(result));
    json_decref(result);
    return page;
}

static void call(const char *method, const char *params)
{
    json_decref(solo_call(&solo, method, params));
}

static bool has_line(const char *line)
{
    const char *at = strstr(page, line);

    return at != NULL && (at == page || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void check_line(const char *line)
{
    ck_assert_msg(has_line(line), "no line \"%s\" in:\n%s", line, page);
}

/* ---- the format ---- */

struct family {
    char name[64], type[16];
};

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void read_family(const char *help, const char *type, struct family *out)
{
    char named[64];

    ck_assert_int_eq(sscanf(help, "# HELP %63s", named), 1);
    ck_assert_int_eq(sscanf(type, "# TYPE %63s %15s", out->name, out->type), 2);
    ck_assert_str_eq(named, out->name);
    ck_assert_uint_gt(strlen(help), strlen("# HELP  ") + strlen(named));
    ck_assert_uint_eq(strspn(named, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(named));
    ck_assert_int_eq(strncmp(named, "xord_", 5), 0);
    ck_assert_int_eq(ends_with(named, "_total"), strcmp(out->type, "counter") == 0);
    ck_assert_ptr_null(strstr(named, "_ms"));
    if (strcmp(out->type, "histogram") == 0)
        ck_assert(ends_with(named, "_seconds"));
}

/* A sample belongs to the family that was begun last, and bears known labels alone. */
static void check_sample(const char *line, const struct family *family)
{
    static const char *const labels[] = {"version", "state", "family", "kind",
                                         "method",  "name",  "le",     "limit"};
    size_t size = strcspn(line, "{ "), known = 0, given = 0;
    char *end;

    ck_assert_msg(strncmp(line, family->name, strlen(family->name)) == 0, "%s under %s", line,
                  family->name);
    if (strcmp(family->type, "histogram") != 0)
        ck_assert_uint_eq(size, strlen(family->name));
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        char form[32];
        snprintf(form, sizeof form, "%s=\"", labels[i]);
        const char *at = strstr(line, form);
        known += at != NULL && (at[-1] == '{' || at[-1] == ',');
    }
    for (const char *at = line; (at = strstr(at, "=\"")) != NULL; at += 2)
        given++;
    ck_assert_msg(known == given, "an unknown label in %s", line);
    const char *value = strrchr(line, ' ') + 1;
    ck_assert(strtod(value, &end) >= 0 && *end == '\0');
}

START_TEST(the_text_is_well_formed)
{
    struct family family = {.name = ""};
    char *rest = NULL, *help = NULL;
    size_t families = 0;

    call("dhtput", "[\"alice\",\"a\",\"s\",1]");
    call("nonsense", "[]");
    char *text = strdup(fetch());
    ck_assert(ends_with(text, "\n"));
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            help = line;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char first[80];
            ck_assert_ptr_nonnull(help);
            read_family(help, line, &family);
            snprintf(first, sizeof first, "# TYPE %s ", family.name);
            ck_assert_ptr_eq(strstr(page, first) - page + text, line); /* named once */
            families++;
        } else {
            check_sample(line, &family);
        }
    }
    free(text);
    ck_assert_uint_ge(families, COUNTER_COUNT + 20);
}
END_TEST

START_TEST(what_the_process_takes_is_there)
{
    ck_assert_ptr_nonnull(strstr(fetch(), "\nxord_resident_bytes 6291456\n"));
    ck_assert_ptr_nonnull(strstr(fetch(), "\nxord_processor_seconds_total 1.5\n"));
}
END_TEST

START_TEST(each_counter_of_the_node_is_there)
{
    char line[80];

    call("lookup", "[\"0000000000000000000000000000000000000001\"]");
    fetch();
    for (int i = 0; i < COUNTER_COUNT; i++) {
        enum counter counter = (enum counter)i;
        snprintf(line, sizeof line, "xord_%s_total %llu", counter_name(counter),
                 (unsigned long long)node_counter(solo.fake.host.node, counter));
        check_line(line);
    }
}
END_TEST

/* ---- what is counted ---- */

START_TEST(calls_are_timed_by_method)
{
    struct rpc_client *client = &solo.client;

    fetch();
    ck_assert_ptr_null(strstr(page, "method=\"check\""));
    call("check", "[\"help\"]");
    call("check", "[\"help\"]");
    /* This one waits until its ticket is answered, 40 ms later. */
    dispatch_line(client, bytes_of_string("{\"id\":1,\"method\":\"reload\"}"));
    solo.fake.now.ms += 40;
    dispatch_done(&solo.dispatch, solo.fake.ticket, ERR_OK, NULL);
    client->out.size = 0;
    fetch();
    check_line("xord_rpc_call_seconds_count{method=\"check\"} 2");
    check_line("xord_rpc_call_seconds_bucket{method=\"reload\",le=\"0.025\"} 0");
    check_line("xord_rpc_call_seconds_bucket{method=\"reload\",le=\"0.1\"} 1");
    check_line("xord_rpc_call_seconds_sum{method=\"reload\"} 0.04");
}
END_TEST

START_TEST(errors_are_counted_by_name)
{
    call("nonsense", "[]");
    call("pubkey", "[\"mallory\"]");
    call("pubkey", "[\"mallory\"]");
    fetch();
    check_line("xord_rpc_errors_total{name=\"unknown_method\"} 1");
    check_line("xord_rpc_errors_total{name=\"unknown_name\"} 2");
    ck_assert_ptr_null(strstr(page, "nonsense"));
    ck_assert_ptr_null(strstr(page, "mallory"));
}
END_TEST

START_TEST(lookups_are_timed_by_kind)
{
    struct metrics m = {0};
    struct event event = {.kind = EVENT_GET, .stats = {.ms = 7}};

    metrics_event(&m, &event);
    event.err = ERR_TIMEOUT; /* it took its time all the same */
    metrics_event(&m, &event);
    event.err = ERR_CANCELLED;
    metrics_event(&m, &event);
    event = (struct event){.kind = EVENT_PING};
    metrics_event(&m, &event);
    ck_assert_uint_eq(histogram_count(&m.lookups[METRICS_GET]), 2);
    ck_assert_uint_eq(m.lookups[METRICS_GET].sum_ns, 14000000);
    for (size_t i = METRICS_GATHER; i < METRICS_LOOKUP_COUNT; i++)
        ck_assert_uint_eq(histogram_count(&m.lookups[i]), 0);
    call("dhtget", "[\"alice\",\"a\",\"s\"]");
    fetch();
    check_line("xord_lookup_seconds_count{kind=\"get\"} 1");
}
END_TEST

START_TEST(nothing_says_whose_it_is)
{
    json_t *key = solo_result(&solo, "pubkey", "[\"alice\"]");

    call("dhtput", "[\"alice\",\"profile\",\"s\",1]");
    fetch();
    ck_assert_ptr_null(strstr(page, json_string_value(key)));
    ck_assert_ptr_null(strstr(page, "alice"));
    ck_assert_ptr_null(strstr(page, "profile"));
    ck_assert_ptr_null(strstr(page, "127.0.0.1"));
    json_decref(key);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_text_is_well_formed);
    tcase_add_test(tests, what_the_process_takes_is_there);
    tcase_add_test(tests, each_counter_of_the_node_is_there);
    tcase_add_test(tests, calls_are_timed_by_method);
    tcase_add_test(tests, errors_are_counted_by_name);
    tcase_add_test(tests, lookups_are_timed_by_kind);
    tcase_add_test(tests, nothing_says_whose_it_is);
}
