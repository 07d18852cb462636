/* Of a put whose client is gone nothing stays kept that no kept value needs, whether it began it or
 * took it over from another that was being dropped. */
#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/rpc/solo.h"
#include "tests/runner.h"

#define SIZE       50000u /* of the JSON string; 55 chunks, more than are begun at once */
#define FEW        10u
#define NOT_ALL    1500 /* kept values: more than one turn of the loop looks through */
#define PARAMS_MAX (SIZE + 500u)

static struct solo solo;
static char content[SIZE + 1];

static void setup(void)
{
    solo_init(&solo);
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (char)('a' + ((i * 2654435761u) >> 11) % 26);
}

static void teardown(void)
{
    solo_clear(&solo);
}

static const char *put_params(const char *resource, size_t size)
{
    static char params[PARAMS_MAX];
    snprintf(params, sizeof params, "[\"alice\",\"%s\",\"s\",\"%.*s\"]", resource, (int)size,
             content);
    return params;
}

/* Answers the target, borrowed until the next. */
static const char *put(const char *resource, size_t size)
{
    static char target[2 * ID_SIZE + 1];
    json_t *result = solo_result(&solo, "dhtput", put_params(resource, size));
    snprintf(target, sizeof target, "%s", json_string_value(json_object_get(result, "target")));
    json_decref(result);
    return target;
}

static void put_many_small(void)
{
    char resource[24];
    for (int i = 0; i < NOT_ALL; i++) {
        snprintf(resource, sizeof resource, "small%d", i);
        put(resource, FEW);
    }
}

static void begin_drop(const char *target)
{
    char params[64];
    snprintf(params, sizeof params, "[\"%s\"]", target);
    json_decref(solo_result(&solo, "dropput", params));
}

static void vanish(struct solo *at)
{
    dispatch_client_clear(&at->client);
    dispatch_client_init(&at->dispatch, &at->client, RPC_ACCESS_FULL, geteuid());
}

static void vanish_before_record(struct solo *at, const struct store_write *write)
{
    if (write->space == STORE_KEPT && write->record.kind == RECORD_SINGLE) {
        at->before_write = NULL;
        vanish(at);
    }
}

static void ask_for_put(const char *resource, size_t size)
{
    static char line[PARAMS_MAX + 100];
    snprintf(line, sizeof line,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dhtput\",\"params\":%s}",
             put_params(resource, size));
    dispatch_line(&solo.client, bytes_of_string(line));
}

static size_t kept_chunks(void)
{
    return solo_count(&solo, STORE_KEPT, RECORD_IMMUTABLE);
}

static size_t kept_values(void)
{
    return solo_count(&solo, STORE_KEPT, RECORD_SINGLE);
}

START_TEST(put_again_and_given_up_nothing_is_left)
{
    put_many_small();
    char target[2 * ID_SIZE + 1];
    snprintf(target, sizeof target, "%s", put("r", SIZE));
    size_t chunks = kept_chunks();
    ck_assert_uint_gt(chunks, 40);
    begin_drop(target);
    ask_for_put("r", SIZE); /* in the same second: the same chunks */
    vanish(&solo);
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
}
END_TEST

/* In the middle. */
static void refuse_some(struct solo *at, const struct store_write *write)
{
    if (write->action == STORE_DROP && kept_chunks() == 30) {
        at->before_write = NULL;
        at->drops_refused = 20;
    }
}

START_TEST(what_the_disk_refuses_is_dropped_later)
{
    char target[2 * ID_SIZE + 1];
    snprintf(target, sizeof target, "%s", put("r", SIZE));
    put("other", FEW);
    solo.drops_refused = 1; /* what only waits for its turn */
    begin_drop(target);
    solo_run(&solo, 3);
    ck_assert_uint_eq(solo.drops_refused, 0);
    ck_assert_uint_eq(kept_chunks(), 0);
    snprintf(target, sizeof target, "%s", put("r", SIZE));
    solo.before_write = refuse_some;
    begin_drop(target);
    solo_run(&solo, 60);
    ck_assert_uint_eq(solo.drops_refused, 0);
    ck_assert_uint_eq(kept_chunks(), 0);
    ck_assert_uint_eq(kept_values(), 1);
    ck_assert_uint_eq(solo.dispatch.own.call_count, 0);
}
END_TEST

START_TEST(what_is_put_again_while_the_disk_refuses_is_kept)
{
    char target[2 * ID_SIZE + 1];
    snprintf(target, sizeof target, "%s", put("r", SIZE));
    size_t chunks = kept_chunks();
    solo.drops_refused = 1;
    begin_drop(target);
    ck_assert_uint_eq(solo.drops_refused, 0);
    put("r", SIZE); /* in the same second: the same chunks */
    solo_run(&solo, 30);
    ck_assert_uint_eq(kept_chunks(), chunks);
    ck_assert_uint_eq(solo.dispatch.own.call_count, 0);
}
END_TEST

START_TEST(a_disk_that_refuses_for_ever_is_given_up)
{
    char target[2 * ID_SIZE + 1];
    snprintf(target, sizeof target, "%s", put("r", SIZE));
    solo.drops_refused = UINT_MAX;
    begin_drop(target);
    solo_run(&solo, 60);
    ck_assert_uint_eq(solo.dispatch.own.call_count, 1);
    solo_run(&solo, 120);
    ck_assert_uint_eq(solo.dispatch.own.call_count, 0);
    ck_assert_uint_gt(kept_chunks(), 40);
}
END_TEST

START_TEST(given_up_before_its_record_is_signed_nothing_is_left)
{
    solo.before_sign = vanish;
    ask_for_put("r", SIZE);
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
    ck_assert_uint_eq(kept_values(), 0);
}
END_TEST

START_TEST(given_up_while_its_record_is_written_all_is_kept)
{
    solo.before_write = vanish_before_record;
    ask_for_put("r", SIZE);
    solo_run(&solo, 10);
    ck_assert_ptr_null(solo.before_write);
    ck_assert_uint_eq(kept_values(), 1);
    ck_assert_uint_gt(kept_chunks(), 40);
    json_t *values = solo_result(&solo, "dhtget", "[\"alice\",\"r\",\"s\"]");
    const json_t *got = json_object_get(json_object_get(json_array_get(values, 0), "p"), "v");
    ck_assert(json_is_string(got));
    ck_assert(strcmp(json_string_value(got), content) == 0);
    json_decref(values);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, put_again_and_given_up_nothing_is_left);
    tcase_add_test(tests, what_the_disk_refuses_is_dropped_later);
    tcase_add_test(tests, what_is_put_again_while_the_disk_refuses_is_kept);
    tcase_add_test(tests, a_disk_that_refuses_for_ever_is_given_up);
    tcase_add_test(tests, given_up_before_its_record_is_signed_nothing_is_left);
    tcase_add_test(tests, given_up_while_its_record_is_written_all_is_kept);
}
