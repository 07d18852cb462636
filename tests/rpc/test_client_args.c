/* A command line becomes exactly the call that it says: options out of the way, words converted by
 * the method's row, files and standard input read for values alone; and what cannot be converted is
 * refused by the name of its parameter. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/client/client.h"
#include "rpc/client/client_params.h"
#include "rpc/json/json.h"
#include "tests/daemon/scratch.h"
#include "tests/runner.h"

#define ARGS_MAX 16

static const struct param put_params[] = {
    {.name = "username", .type = PARAM_STRING, .need = PARAM_REQUIRED},
    {.name = "resource", .type = PARAM_STRING, .need = PARAM_REQUIRED},
    {.name = "type", .type = PARAM_KIND, .need = PARAM_REQUIRED},
    {.name = "value", .type = PARAM_JSON},
    {.name = "sig_user", .type = PARAM_STRING},
    {.name = "seq", .type = PARAM_INT},
    {.name = "value_base64", .type = PARAM_BASE64, .is_named_only = true},
    {.name = "delete", .type = PARAM_BOOL, .is_named_only = true, .fallback = "false"},
    {.name = "keep", .type = PARAM_BOOL, .is_named_only = true, .fallback = "true"},
    {.name = NULL},
};
static const struct param raw_params[] = {
    {.name = "hexdata", .type = PARAM_HEX, .need = PARAM_REQUIRED},
    {.name = NULL},
};
static const struct param lookup_params[] = {
    {.name = "target", .type = PARAM_ID, .is_alone = true},
    {.name = "username", .type = PARAM_STRING},
    {.name = "resource", .type = PARAM_STRING},
    {.name = NULL},
};
static const struct method lookup_row = {.name = "lookup", .params = lookup_params};
static const struct method put_row = {.name = "dhtput", .params = put_params};
static const struct method raw_row = {.name = "dhtputraw", .params = raw_params};

static char error[CLIENT_ERROR_SIZE];

/* Splits at spaces; `line` includes the program's name. */
static int split(char *line, char *argv[ARGS_MAX])
{
    int argc = 0;
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return argc;
}

/* The parameters as compact JSON, NULL when refused; to be freed. */
static char *params_of(const struct method *row, const char *text)
{
    char line[256];
    char *argv[ARGS_MAX];
    struct client_args args;
    snprintf(line, sizeof line, "%s", text);
    error[0] = '\0';
    struct json_text out = {0};
    if (client_args_parse(&args, split(line, argv), argv, error)) {
        json_t *params = client_params(&args, row, error);
        if (params != NULL) {
            json_write(&out, params, 0);
            json_text_append(&out, "", 1);
        }
        json_decref(params);
    }
    client_args_clear(&args);
    return out.data;
}

static void assert_params(const char *line, const char *expected)
{
    char *params = params_of(&put_row, line);
    ck_assert_msg(params != NULL, "refused: %s", error);
    ck_assert_str_eq(params, expected);
    free(params);
}

static void assert_refused(const struct method *row, const char *line, const char *reason)
{
    ck_assert_ptr_null(params_of(row, line));
    ck_assert_msg(strstr(error, reason) != NULL, "said: %s", error);
}

#define ID "00112233445566778899aabbccddeeff00112233"
#define T  "\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\""

START_TEST(words_fill_parameters_in_order)
{
    assert_params("xord dhtput alice r s {\"a\":1.50} alice 7",
                  "{" T ",\"value\":{\"a\":1.5},\"sig_user\":\"alice\",\"seq\":7}");
}
END_TEST

START_TEST(a_link_is_its_method)
{
    assert_params("/usr/bin/dhtput alice r s null", "{" T ",\"value\":null}");
    ck_assert_str_eq(client_args_link("dhtlisten"), "listen");
    ck_assert_ptr_null(client_args_link("xord"));
}
END_TEST

START_TEST(a_value_is_json_where_it_is_valid_else_a_string)
{
    assert_params("xord dhtput alice r s hello", "{" T ",\"value\":\"hello\"}");
    assert_params("xord dhtput alice r s -5", "{" T ",\"value\":-5}");
    assert_params("xord dhtput alice r s {a}", "{" T ",\"value\":\"{a}\"}");
    assert_params("xord dhtput -S alice r s 5", "{" T ",\"value\":\"5\"}");
    assert_params("xord dhtput alice r s -S @no", "{" T ",\"value\":\"@no\"}");
    assert_params("xord dhtput -S alice r s seq=5", "{" T ",\"value\":\"seq=5\"}");
}
END_TEST

START_TEST(a_key_names_a_parameter_only_where_there_is_one)
{
    assert_params("xord dhtput alice r s 1 seq=9", "{" T ",\"value\":1,\"seq\":9}");
    assert_params("xord dhtput alice r s x=9", "{" T ",\"value\":\"x=9\"}");
    assert_params("xord dhtput alice r s delete=true", "{" T ",\"delete\":true}");
}
END_TEST

START_TEST(options_stand_anywhere_before_the_dashes)
{
    assert_params("xord --rpc-socket /x dhtput -q alice --delete r s",
                  "{\"username\":\"alice\",\"delete\":true,\"resource\":\"r\",\"type\":\"s\"}");
    assert_params("xord dhtput alice r s 1 --keep=false", "{" T ",\"value\":1,\"keep\":false}");
    assert_params("xord dhtput -- alice r s -q", "{" T ",\"value\":\"-q\"}");
    assert_params("xord dhtput alice r s -- seq=1", "{" T ",\"value\":\"seq=1\"}");
    assert_params("xord dhtput alice r s -- @x", "{" T ",\"value\":\"@x\"}");
}
END_TEST

/* Each option of the table is taken, with what follows it, and none stands for another. */
START_TEST(the_table_has_the_options_that_are_taken)
{
    size_t count;
    const struct client_option *options = client_args_options(&count);
    for (size_t i = 0; i < count; i++) {
        char line[64];
        snprintf(line, sizeof line, "xord dhtput %s %s alice r s 1", options[i].name,
                 options[i].value != NULL ? "7" : "");
        assert_params(line, strcmp(options[i].name, "-b") == 0 ? "{" T ",\"value_base64\":\"MQ==\"}"
                            : strcmp(options[i].name, "-S") == 0 ? "{" T ",\"value\":\"1\"}"
                                                                 : "{" T ",\"value\":1}");
    }
    for (char letter = '!'; letter <= 'z'; letter++) {
        char option[] = {'-', letter, '\0'}, line[] = "xord dhtput -? 7";
        bool is_listed = false;
        for (size_t i = 0; i < count; i++) {
            is_listed = is_listed || strcmp(options[i].name, option) == 0;
        }
        line[13] = letter;
        char *argv[ARGS_MAX];
        struct client_args args;
        bool is_taken = client_args_parse(&args, split(line, argv), argv, error);
        client_args_clear(&args);
        ck_assert_msg(is_taken == is_listed || !client_args_is_option(option) || letter == '-',
                      "%s", option);
    }
}
END_TEST

START_TEST(bytes_go_by_the_parameter_for_bytes)
{
    assert_params("xord dhtput -b alice r s hi", "{" T ",\"value_base64\":\"aGk=\"}");
    assert_refused(&put_row, "xord dhtput -b -S alice r s hi", "-S and -b");
}
END_TEST

static void assert_file(const char *content, size_t size, const char *options, const char *expected)
{
    struct scratch scratch;
    char path[PATH_MAX], line[PATH_MAX + 100];
    scratch_make(&scratch);
    scratch_write(&scratch, "value", content, size);
    snprintf(line, sizeof line, "xord dhtput %s alice r s @%s", options,
             scratch_path(&scratch, "value", path));
    assert_params(line, expected);
    scratch_remove(&scratch);
}

START_TEST(a_file_is_json_if_valid_else_bytes)
{
    assert_file("{\"a\":true}\n", 11, "", "{" T ",\"value\":{\"a\":true}}");
    assert_file("\0\xff", 2, "", "{" T ",\"value_base64\":\"AP8=\"}");
    assert_file("5\n", 2, "-b", "{" T ",\"value_base64\":\"NQo=\"}");
    assert_refused(&put_row, "xord dhtput alice r s @/nonexistent/file", "cannot open");
}
END_TEST

START_TEST(standard_input_is_read_once)
{
    struct scratch scratch;
    char path[PATH_MAX];
    scratch_make(&scratch);
    scratch_write(&scratch, "value", "[1]", 3);
    ck_assert_ptr_nonnull(freopen(scratch_path(&scratch, "value", path), "r", stdin));
    assert_params("xord dhtput alice r s -", "{" T ",\"value\":[1]}");
    scratch_remove(&scratch);
}
END_TEST

START_TEST(hex_comes_from_a_file_without_its_line_feed)
{
    struct scratch scratch;
    char path[PATH_MAX], line[PATH_MAX + 100];
    scratch_make(&scratch);
    scratch_write(&scratch, "record", "00ff\n", 5);
    snprintf(line, sizeof line, "xord dhtputraw @%s", scratch_path(&scratch, "record", path));
    char *params = params_of(&raw_row, line);
    ck_assert_ptr_nonnull(params);
    ck_assert_str_eq(params, "{\"hexdata\":\"00ff\"}");
    free(params);
    scratch_remove(&scratch);
}
END_TEST

START_TEST(what_cannot_be_converted_is_refused_by_name)
{
    assert_refused(&put_row, "xord dhtput alice r s 1 alice x", "seq: must be a whole number");
    assert_refused(&put_row, "xord dhtput alice r s 1 seq=", "seq: must be a whole number");
    assert_refused(&put_row, "xord dhtput alice r s 1 seq=99999999999999999999", "seq:");
    assert_refused(&put_row, "xord dhtput alice r s 1 keep=yes", "keep: must be true or false");
    assert_refused(&put_row, "xord dhtput alice r s 1 alice 1 2", "one argument too many");
    assert_refused(&put_row, "xord dhtput alice r s 1 value=2", "value: given twice");
    assert_refused(&put_row, "xord dhtput alice r", "\"type\" is missing");
    assert_refused(&put_row, "xord dhtput alice r q 1", "\"type\" must be");
    assert_refused(&put_row, "xord dhtput alice r s --seq", "--seq: needs a value");
    assert_refused(&put_row, "xord dhtput alice r s --nonsense=1", "no such option");
    assert_refused(&put_row, "xord dhtput -z alice r s", "unknown option");
    assert_refused(&put_row, "xord dhtput alice r s 1 --rpc-socket", "needs a value");
}
END_TEST

START_TEST(a_parameter_that_stands_alone_is_filled_alone)
{
    char *alone = params_of(&lookup_row, "xord lookup " ID);
    ck_assert_str_eq(alone, "{\"target\":\"" ID "\"}");
    free(alone);
    char *together = params_of(&lookup_row, "xord lookup alice profile");
    ck_assert_str_eq(together, "{\"username\":\"alice\",\"resource\":\"profile\"}");
    free(together);
}
END_TEST

START_TEST(stream_options_are_taken_with_their_value)
{
    char line[] = "xord listen -C 3 -W5 -w";
    char *argv[ARGS_MAX];
    struct client_args args;
    ck_assert(client_args_parse(&args, split(line, argv), argv, error));
    ck_assert_str_eq(args.count, "3");
    ck_assert_str_eq(args.seconds, "5");
    ck_assert(args.is_waiting);
    ck_assert_str_eq(args.method, "listen");
    client_args_clear(&args);
}
END_TEST

static bool is_meant(const char *text)
{
    char line[256];
    char *argv[ARGS_MAX];
    snprintf(line, sizeof line, "%s", text);
    return client_is_meant(split(line, argv), argv);
}

START_TEST(a_word_makes_it_a_call)
{
    ck_assert(!is_meant("xord"));
    ck_assert(!is_meant("xord --datadir a --port 4001 --bind 127.0.0.1"));
    ck_assert(!is_meant("xord --check-config"));
    ck_assert(!is_meant("xord --network=help --port=1"));
    ck_assert(!is_meant("xord --network help"));
    ck_assert(is_meant("xord --rpc-socket a/rpc.sock getinfo"));
    ck_assert(is_meant("xord -q getinfo"));
    ck_assert(is_meant("xord -C 1 listen"));
    ck_assert(is_meant("./dhtget"));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, words_fill_parameters_in_order);
    tcase_add_test(tests, a_link_is_its_method);
    tcase_add_test(tests, a_value_is_json_where_it_is_valid_else_a_string);
    tcase_add_test(tests, a_key_names_a_parameter_only_where_there_is_one);
    tcase_add_test(tests, options_stand_anywhere_before_the_dashes);
    tcase_add_test(tests, the_table_has_the_options_that_are_taken);
    tcase_add_test(tests, bytes_go_by_the_parameter_for_bytes);
    tcase_add_test(tests, a_file_is_json_if_valid_else_bytes);
    tcase_add_test(tests, standard_input_is_read_once);
    tcase_add_test(tests, hex_comes_from_a_file_without_its_line_feed);
    tcase_add_test(tests, what_cannot_be_converted_is_refused_by_name);
    tcase_add_test(tests, a_parameter_that_stands_alone_is_filled_alone);
    tcase_add_test(tests, stream_options_are_taken_with_their_value);
    tcase_add_test(tests, a_word_makes_it_a_call);
}
