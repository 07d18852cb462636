/* What the client prints is what the reply says, and its exit code tells a value from a miss, a
 * time-out, being offline and any other error. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/client/client_output.h"
#include "rpc/json/json.h"
#include "tests/runner.h"

/* Prints one reply and holds what came out against what should. */
static void assert_output(const char *method, const char *reply_text, bool is_quiet,
                          const char *expected_out, const char *expected_err, int expected_exit)
{
    char *out_text, *err_text;
    size_t out_size, err_size;
    FILE *out = open_memstream(&out_text, &out_size);
    FILE *err = open_memstream(&err_text, &err_size);
    json_t *reply = json_read(bytes_of_string(reply_text), 64, NULL, 0);
    ck_assert_ptr_nonnull(reply);
    int code = (int)client_output(out, err, method, reply, is_quiet);
    fclose(out);
    fclose(err);
    ck_assert_str_eq(out_text, expected_out);
    ck_assert_str_eq(err_text, expected_err);
    ck_assert_int_eq(code, expected_exit);
    json_decref(reply);
    free(out_text);
    free(err_text);
}

#define VALUE(content) "{\"id\":1,\"result\":[{\"p\":{" content "},\"k\":\"00\"}]}"

START_TEST(results_are_indented_and_bare_strings_bare)
{
    assert_output("getinfo", "{\"id\":1,\"result\":{\"a\":1}}", false, "{\n  \"a\": 1\n}\n", "", 0);
    assert_output("pubkey", "{\"id\":1,\"result\":\"00ff\"}", false, "00ff\n", "", 0);
    assert_output("stop", "{\"id\":1,\"result\":true,\"error\":null}", false, "true\n", "", 0);
}
END_TEST

START_TEST(quiet_is_the_value_alone)
{
    assert_output("dhtget", VALUE("\"v\":\"hi\""), true, "hi\n", "", 0);
    assert_output("dhtget", VALUE("\"v\":39.010941"), true, "39.010941\n", "", 0);
    assert_output("dhtget", VALUE("\"v\":{\"a\":[1]}"), true, "{\"a\":[1]}\n", "", 0);
    assert_output("dhtget", VALUE("\"v\":null"), true, "null\n", "", 0);
    assert_output("dhtget", VALUE("\"v_base64\":\"aGk=\""), true, "hi", "", 0);
    assert_output("getimmutable", "{\"id\":1,\"result\":{\"v\":[]}}", true, "[]\n", "", 0);
    assert_output("pubkey", "{\"id\":1,\"result\":\"00ff\"}", true, "00ff\n", "", 0);
}
END_TEST

#define QUERY(rest)                                                                                \
    "{\"id\":1,\"result\":{\"closest\":[{\"value\":\"a\"},{\"value_base64\":\"aGk=\"},"            \
    "{\"value\":null}]" rest "}}"

START_TEST(what_nodes_answer_to_commands_is_shown)
{
    assert_output("request", "{\"id\":1,\"result\":{\"value\":\"hi\",\"rtt_ms\":1}}", true, "hi\n",
                  "", 0);
    assert_output("request", "{\"id\":1,\"result\":{\"value_base64\":\"aGk=\"}}", true, "hi", "",
                  0);
    assert_output("query", QUERY(",\"complete\":true"), true, "a\naGk=\nnull\n", "", 0);
    assert_output("query", QUERY(",\"complete\":false"), true, "a\naGk=\nnull\n", "", 5);
    assert_output("query", QUERY(",\"complete\":true,\"commit\":{\"accepted\":0}"), true,
                  "a\naGk=\nnull\n", "", 1);
    assert_output("query", "{\"id\":1,\"result\":{\"closest\":[],\"complete\":true}}", false,
                  "{\"closest\":[],\"complete\":true}\n", "", 4);
}
END_TEST

#define ENTRY(content) "{\"p\":{\"target\":{\"n\":\"a\",\"r\":\"b\",\"t\":\"m\"}," content "}}"

START_TEST(entries_are_a_line_each)
{
    assert_output("dhtget",
                  "{\"id\":1,\"result\":[" ENTRY("\"v\":\"hi\"") "," ENTRY(
                      "\"v\":\"a\\nb\"") "," ENTRY("\"v\":{\"a\":[1,2]}") "," //
                  ENTRY("\"v_base64\":\"aGk=\"") "]}",
                  true, "hi\n\"a\\nb\"\n{\"a\":[1,2]}\naGk=\n", "", 0);
}
END_TEST

#define SEALED(content)                                                                            \
    "{\"p\":{" content "},\"encrypted\":true,\"reason\":\"no key of this daemon opens it\"}"

START_TEST(what_is_large_and_one_of_many_is_told)
{
    const char *why = "xord: dhtget: large: ask alone\n";
    const char *text =
        "{\"id\":1,\"result\":[" ENTRY("\"v\":1") ",{\"p\":{},\"large\":{\"size\":9},"
                                                  "\"reason\":\"large: ask alone\"}]}";
    assert_output("dhtget", text, true, "1\n", why, 0);
}
END_TEST

START_TEST(what_is_not_opened_is_no_value)
{
    const char *why = "xord: dhtget: encrypted: no key of this daemon opens it\n";
    const char *all = "{\"id\":1,\"result\":[" SEALED("\"seq\":1") "]}";
    assert_output("dhtget", all, true, "", why, 1);
    assert_output("dhtget", "{\"id\":1,\"result\":{\"values\":[" SEALED("") "]}}", true, "", why,
                  1);
    assert_output("dhtget", "{\"id\":1,\"result\":[{\"p\":{\"v\":1}}," SEALED("") "]}", true, "1\n",
                  why, 0);
    assert_output("dhtget", VALUE("\"v\":{\"reason\":\"mine\"}"), true, "{\"reason\":\"mine\"}\n",
                  "", 0);
    assert_output("getimmutable", "{\"id\":1,\"result\":{\"encrypted\":true,\"reason\":\"it is\"}}",
                  true, "", "xord: getimmutable: encrypted: it is\n", 1);
    assert_output("getimmutable", "{\"id\":1,\"result\":{\"encrypted\":true,\"reason\":\"it is\"}}",
                  false, "{\n  \"encrypted\": true,\n  \"reason\": \"it is\"\n}\n", "", 0);
}
END_TEST

START_TEST(no_value_has_its_own_exit)
{
    assert_output("dhtget", "{\"id\":1,\"result\":[]}", false, "[]\n", "", 4);
    assert_output("dhtget", "{\"id\":1,\"result\":[]}", true, "", "", 4);
    assert_output("dhtget", "{\"id\":1,\"result\":{\"values\":[],\"complete\":true}}", true, "", "",
                  4);
    assert_output("getimmutable", "{\"id\":1,\"result\":null}", true, "", "", 4);
    assert_output("listkeys", "{\"id\":1,\"result\":[]}", false, "[]\n", "", 0);
}
END_TEST

START_TEST(a_put_kept_but_not_stored_exits_as_a_time_out)
{
    assert_output("dhtput", "{\"id\":1,\"result\":{\"stored\":0,\"kept\":true}}", false,
                  "{\n  \"stored\": 0,\n  \"kept\": true\n}\n", "", 5);
    assert_output("dhtput", "{\"id\":1,\"result\":{\"stored\":1,\"kept\":true}}", false,
                  "{\n  \"stored\": 1,\n  \"kept\": true\n}\n", "", 0);
    assert_output("dhtput", "{\"id\":1,\"result\":{\"seq\":1,\"kept\":true}}", false,
                  "{\n  \"seq\": 1,\n  \"kept\": true\n}\n", "", 0);
}
END_TEST

START_TEST(errors_go_to_the_other_side)
{
    assert_output("dhtput",
                  "{\"id\":1,\"error\":{\"code\":302,\"message\":\"seq 3 is stored\","
                  "\"data\":{\"name\":\"stale_seq\",\"seq\":3}}}",
                  false, "", "xord: dhtput: stale_seq (302): seq 3 is stored\n", 1);
    assert_output("dhtget",
                  "{\"id\":1,\"error\":{\"code\":408,\"message\":\"late\","
                  "\"data\":{\"name\":\"timeout\"}}}",
                  true, "", "xord: dhtget: timeout (408): late\n", 5);
    assert_output("dhtget",
                  "{\"id\":1,\"result\":null,\"error\":{\"code\":503,\"message\":\"none\","
                  "\"data\":{\"name\":\"offline\"}}}",
                  false, "", "xord: dhtget: offline (503): none\n", 6);
}
END_TEST

START_TEST(an_answer_that_is_none_is_no_success)
{
    assert_output("getinfo", "{\"id\":1}", false, "",
                  "xord: getinfo: the daemon's answer has neither result nor error\n", 2);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, results_are_indented_and_bare_strings_bare);
    tcase_add_test(tests, quiet_is_the_value_alone);
    tcase_add_test(tests, what_nodes_answer_to_commands_is_shown);
    tcase_add_test(tests, entries_are_a_line_each);
    tcase_add_test(tests, what_is_large_and_one_of_many_is_told);
    tcase_add_test(tests, what_is_not_opened_is_no_value);
    tcase_add_test(tests, no_value_has_its_own_exit);
    tcase_add_test(tests, a_put_kept_but_not_stored_exits_as_a_time_out);
    tcase_add_test(tests, errors_go_to_the_other_side);
    tcase_add_test(tests, an_answer_that_is_none_is_no_success);
}
