/* Every call's parameters fit its row, and each misfit is named with its method and its parameter.
 */
#include <check.h>

#include "rpc/json/json.h"
#include "rpc/params.h"
#include "tests/runner.h"

static const struct param list[] = {{.name = "name", .type = PARAM_NAME, .need = PARAM_REQUIRED},
                                    {.name = "count", .type = PARAM_INT, .min = 1, .max = 5},
                                    {.name = "any", .type = PARAM_JSON},
                                    {.name = "flag", .type = PARAM_BOOL, .is_named_only = true},
                                    {.name = "key", .type = PARAM_KEY, .is_named_only = true},
                                    {.name = "hex", .type = PARAM_HEX, .is_named_only = true},
                                    {.name = "bytes", .type = PARAM_BASE64, .is_named_only = true},
                                    {.name = "addr", .type = PARAM_ADDR, .is_named_only = true},
                                    {.name = "kind", .type = PARAM_KIND, .is_named_only = true},
                                    {.name = "text", .type = PARAM_STRING, .is_named_only = true},
                                    {.name = NULL}};
static const struct method method = {.name = "m", .params = list};

static const struct param alone_list[] = {{.name = "target", .type = PARAM_ID, .is_alone = true},
                                          {.name = "username", .type = PARAM_STRING},
                                          {.name = "resource", .type = PARAM_STRING},
                                          {.name = NULL}};
static const struct method alone_method = {.name = "a", .params = alone_list};

static json_t *values[METHOD_PARAMS_MAX];

static void check_fault(const char *given, const char *fault)
{
    char detail[RPC_DETAIL_SIZE] = "";
    json_t *params = json_read(bytes_of_string(given), 32, NULL, 0);

    ck_assert_ptr_nonnull(params);
    ck_assert_int_eq(params_bind(&method, params, values, detail), ERR_INVALID_PARAMS);
    ck_assert_str_eq(detail, fault);
    json_decref(params);
}

static json_t *bind_text(const struct method *row, const char *given)
{
    char detail[RPC_DETAIL_SIZE] = "";
    json_t *params = json_read(bytes_of_string(given), 32, NULL, 0);

    ck_assert_ptr_nonnull(params);
    ck_assert_msg(params_bind(row, params, values, detail) == ERR_OK, "%s: %s", given, detail);
    return params;
}

START_TEST(takes_positions_and_names)
{
    json_t *params = bind_text(&method, "[\"alice\",5,null]");
    ck_assert_str_eq(json_string_value(values[0]), "alice");
    ck_assert_int_eq(json_integer_value(values[1]), 5);
    ck_assert(json_is_null(values[2])); /* where any JSON goes, null is a value */
    ck_assert_ptr_null(values[3]);
    json_decref(params);
    params = bind_text(&method, "[\"alice\",null]");
    ck_assert_ptr_null(values[1]);
    ck_assert_ptr_null(values[2]);
    json_decref(params);
    params = bind_text(&method, "{\"flag\":true,\"name\":\"alice\",\"count\":null,\"text\":\"\"}");
    ck_assert(json_is_true(values[3]));
    ck_assert_ptr_null(values[1]);
    ck_assert_ptr_nonnull(values[9]);
    json_decref(params);
}
END_TEST

START_TEST(takes_each_type)
{
    json_decref(bind_text(&method, "{\"name\":\"a-_9\",\"hex\":\"00fF\",\"bytes\":\"QUI=\","
                                   "\"addr\":\"localhost:1\",\"kind\":\"m\"}"));
    json_decref(
        bind_text(&method, "{\"name\":\"a\",\"hex\":\"\",\"bytes\":\"\",\"addr\":\"[::1]:1\"}"));
}
END_TEST

START_TEST(a_lone_target_or_the_rest)
{
    json_t *params = bind_text(&alone_method, "[\"0123456789012345678901234567890123456789\"]");
    ck_assert_ptr_nonnull(values[0]);
    json_decref(params);
    params = bind_text(&alone_method, "[\"alice\",\"profile\"]");
    ck_assert_ptr_null(values[0]);
    ck_assert_str_eq(json_string_value(values[1]), "alice");
    ck_assert_str_eq(json_string_value(values[2]), "profile");
    json_decref(params);
}
END_TEST

START_TEST(names_what_is_wrong)
{
    check_fault("[]", "m: parameter \"name\" is missing");
    check_fault("[null]", "m: parameter \"name\" is missing");
    check_fault("[\"a\",1,2,true]",
                "m takes at most 3 parameters by position, and 4 were given; give \"flag\" and "
                "what follows it by name");
    check_fault("{\"name\":\"a\",\"nme\":1}", "m has no parameter \"nme\"");
    check_fault("[\"a\",\"5\"]",
                "m: parameter \"count\" must be an integer from 1 to 5, not a string");
    check_fault("[\"a\",6]", "m: parameter \"count\" must be an integer from 1 to 5, not 6");
    check_fault(
        "[\"a\",1.0]",
        "m: parameter \"count\" must be an integer from 1 to 5, not a number with a fraction");
    check_fault(
        "[7]",
        "m: parameter \"name\" must be a name: 1 to 32 of a-z, 0-9, _ and -, not an integer");
    check_fault("{\"name\":\"a\",\"flag\":1}",
                "m: parameter \"flag\" must be true or false, not an integer");
    check_fault("{\"name\":\"a\",\"text\":\"a\\u0000b\"}",
                "m: parameter \"text\" must be a string without a NUL in it");
}
END_TEST

START_TEST(refuses_misfits_of_each_type)
{
    static const char *const bad[] = {"{\"name\":\"A\"}",
                                      "{\"name\":\"\"}",
                                      "{\"name\":\"123456789012345678901234567890123\"}",
                                      "{\"name\":\"a\",\"key\":\"00\"}",
                                      "{\"name\":\"a\",\"hex\":\"0\"}",
                                      "{\"name\":\"a\",\"hex\":\"0g\"}",
                                      "{\"name\":\"a\",\"bytes\":\"QUI\"}",
                                      "{\"name\":\"a\",\"bytes\":\"Q===\"}",
                                      "{\"name\":\"a\",\"addr\":\"localhost\"}",
                                      "{\"name\":\"a\",\"kind\":\"x\"}",
                                      "{\"name\":\"a\",\"kind\":[]}"};
    char detail[RPC_DETAIL_SIZE];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *params = json_read(bytes_of_string(bad[i]), 32, NULL, 0);
        ck_assert_msg(params_bind(&method, params, values, detail) == ERR_INVALID_PARAMS, "%s",
                      bad[i]);
        json_decref(params);
    }
}
END_TEST

START_TEST(the_table_is_sorted_and_whole)
{
    size_t count;
    const struct method *rows = method_table(&count);

    for (size_t i = 0; i < count; i++) {
        size_t params = 0;
        while (rows[i].params[params].name != NULL)
            params++;
        ck_assert_uint_le(params, METHOD_PARAMS_MAX);
        ck_assert_ptr_eq(method_find(rows[i].name), &rows[i]);
        ck_assert(i == 0 || strcmp(rows[i - 1].name, rows[i].name) < 0);
        ck_assert(rows[i].alias_of == NULL || method_find(rows[i].alias_of) != NULL);
    }
    ck_assert_ptr_null(method_find("nope"));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, takes_positions_and_names);
    tcase_add_test(tests, takes_each_type);
    tcase_add_test(tests, a_lone_target_or_the_rest);
    tcase_add_test(tests, names_what_is_wrong);
    tcase_add_test(tests, refuses_misfits_of_each_type);
    tcase_add_test(tests, the_table_is_sorted_and_whole);
}
