/* What a put that is given up took over from another that was being dropped is dropped with it. */
#include <check.h>
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

/* A client that asks, and is gone before anything has come of it. */
static void put_and_vanish(const char *resource, size_t size)
{
    static char line[PARAMS_MAX + 100];
    snprintf(line, sizeof line,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dhtput\",\"params\":%s}",
             put_params(resource, size));
    dispatch_line(&solo.client, bytes_of_string(line));
    dispatch_client_clear(&solo.client);
    dispatch_client_init(&solo.dispatch, &solo.client, RPC_ACCESS_FULL, geteuid());
}

static size_t kept_chunks(void)
{
    return solo_count(&solo, STORE_KEPT, RECORD_IMMUTABLE);
}

START_TEST(put_again_and_given_up_nothing_is_left)
{
    put_many_small();
    char target[2 * ID_SIZE + 1];
    snprintf(target, sizeof target, "%s", put("r", SIZE));
    size_t chunks = kept_chunks();
    ck_assert_uint_gt(chunks, 40);
    begin_drop(target);
    put_and_vanish("r", SIZE); /* in the same second: the same chunks */
    solo_run(&solo, 10);
    ck_assert_uint_eq(kept_chunks(), 0);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, put_again_and_given_up_nothing_is_left);
}
