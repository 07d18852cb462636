/* What is put is got, listed and dropped as it was; each refusal has its own code and says what to
 * do; and what needs the network is answered even where there is none. */
#include <check.h>
#include <stdlib.h>

#include "common/hex.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;

static void setup(void)
{
    solo_init(&solo);
}

static void teardown(void)
{
    solo_clear(&solo);
}

static json_t *result_of(const char *method, const char *params)
{
    return solo_result(&solo, method, params);
}

static void assert_result(const char *method, const char *params, const char *expected)
{
    json_t *result = result_of(method, params);
    struct json_text text = {0};
    json_write(&text, result, 0);
    json_text_append(&text, "", 1);
    ck_assert_str_eq(text.data, expected);
    json_text_clear(&text);
    json_decref(result);
}

/* The error's data, a new reference, after its code and name have been held against these. */
static json_t *error_of(const char *method, const char *params, int code, const char *name,
                        const char *says)
{
    json_t *reply = solo_call(&solo, method, params);
    json_t *error = json_object_get(reply, "error");
    ck_assert_msg(error != NULL, "%s %s is no error", method, params);
    const char *message = json_string_value(json_object_get(error, "message"));
    ck_assert_msg(json_integer_value(json_object_get(error, "code")) == code, "%s", message);
    ck_assert_msg(strstr(message, says) != NULL, "says: %s", message);
    json_t *data = json_incref(json_object_get(error, "data"));
    ck_assert_str_eq(json_string_value(json_object_get(data, "name")), name);
    json_decref(reply);
    return data;
}

static void assert_error(const char *method, const char *params, int code, const char *name,
                         const char *says)
{
    json_decref(error_of(method, params, code, name, says));
}

static int64_t number_in(const json_t *object, const char *key)
{
    ck_assert_msg(json_is_integer(json_object_get(object, key)), "%s is no integer", key);
    return json_integer_value(json_object_get(object, key));
}

/* Puts and answers the target, to be freed. */
static char *put(const char *method, const char *params)
{
    json_t *result = result_of(method, params);
    char *target = strdup(json_string_value(json_object_get(result, "target")));
    json_decref(result);
    return target;
}

/* `p.v` of the one value that dhtget answers, compact. */
static void assert_value(const char *params, const char *expected)
{
    json_t *result = result_of("dhtget", params);
    ck_assert_uint_eq(json_array_size(result), 1);
    json_t *part = json_object_get(json_array_get(result, 0), "p");
    struct json_text text = {0};
    json_write(&text, json_object_get(part, "v"), 0);
    json_text_append(&text, "", 1);
    ck_assert_str_eq(text.data, expected);
    json_text_clear(&text);
    json_decref(result);
}

START_TEST(a_put_is_got)
{
    json_t *result = result_of("dhtput", "[\"alice\",\"r\",\"s\",{\"h\":39.010941,\"n\":null}]");
    ck_assert_int_eq(number_in(result, "seq"), 1);
    ck_assert_int_eq(number_in(result, "stored"), 1);
    ck_assert_int_eq(number_in(result, "tried"), 1);
    ck_assert(json_is_true(json_object_get(result, "kept")));
    ck_assert(json_is_object(json_object_get(result, "rejected")));
    json_decref(result);
    assert_value("[\"alice\",\"r\",\"s\"]", "{\"h\":39.010941,\"n\":null}");
}
END_TEST

START_TEST(seq_rises_by_itself_and_stale_ones_are_refused)
{
    free(put("dhtput", "[\"alice\",\"r\",\"s\",1,\"alice\",7]"));
    json_t *next = result_of("dhtput", "[\"alice\",\"r\",\"s\",2]");
    ck_assert_int_eq(number_in(next, "seq"), 8);
    json_decref(next);
    json_t *data =
        error_of("dhtput", "[\"alice\",\"r\",\"s\",3,\"alice\",8]", 302, "stale_seq", "8");
    ck_assert_int_eq(number_in(data, "seq"), 8);
    json_decref(data);
    data = error_of("dhtput",
                    "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\","
                    "\"value\":3,\"seq\":9,\"cas\":7}",
                    301, "cas_mismatch", "8");
    ck_assert_int_eq(number_in(data, "seq"), 8);
    json_decref(data);
    assert_value("[\"alice\",\"r\",\"s\"]", "2");
}
END_TEST

START_TEST(null_is_a_value_and_nothing_is_none)
{
    free(put("dhtput", "[\"alice\",\"r\",\"s\",null]"));
    assert_value("[\"alice\",\"r\",\"s\"]", "null");
    assert_error("dhtput", "[\"alice\",\"r\",\"s\"]", -32602, "invalid_params", "value");
    assert_error("dhtput",
                 "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\","
                 "\"value\":1,\"value_base64\":\"AA==\"}",
                 -32602, "invalid_params", "exactly one");
}
END_TEST

START_TEST(a_deletion_is_no_value)
{
    free(put("dhtput", "[\"alice\",\"r\",\"s\",1]"));
    free(put("dhtput",
             "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"delete\":true}"));
    assert_result("dhtget", "[\"alice\",\"r\",\"s\"]", "[]");
}
END_TEST

START_TEST(bytes_are_base64_on_both_sides)
{
    free(put("dhtput", "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\","
                       "\"value_base64\":\"AP94\"}"));
    json_t *result = result_of("dhtget", "[\"alice\",\"r\",\"s\"]");
    json_t *part = json_object_get(json_array_get(result, 0), "p");
    ck_assert_str_eq(json_string_value(json_object_get(part, "v_base64")), "AP94");
    ck_assert_ptr_null(json_object_get(part, "v"));
    json_decref(result);
}
END_TEST

START_TEST(a_miss_is_empty_and_says_so_when_verbose)
{
    assert_result("dhtget", "[\"alice\",\"r\",\"s\"]", "[]");
    json_t *result = result_of("dhtget", "{\"username\":\"alice\",\"resource\":\"r\","
                                         "\"type\":\"s\",\"verbose\":true}");
    ck_assert_uint_eq(json_array_size(json_object_get(result, "values")), 0);
    ck_assert(json_is_true(json_object_get(result, "complete")));
    ck_assert_int_eq(number_in(json_object_get(result, "lookup"), "queried"), 0);
    json_decref(result);
}
END_TEST

START_TEST(names_are_resolved_or_refused_with_the_way_out)
{
    assert_error("dhtget", "[\"bob\",\"r\",\"s\"]", 404, "unknown_name", "addcontact bob PUBKEY");
    assert_error("dhtget", "[\"Not A Name\",\"r\",\"s\"]", 404, "unknown_name", "64 hex digits");
    assert_error("dhtget", "[\"bob@wabi\",\"r\",\"s\"]", 404, "unknown_name",
                 "addcontact wabi PUBKEY");
    uint8_t key[KEYS_PUBLIC_SIZE] = {7};
    solo.fake.host.contact_add(&solo.fake, "bob", key, 0);
    assert_result("dhtget", "[\"bob\",\"r\",\"s\"]", "[]");
    assert_error("dhtput", "[\"bob\",\"r\",\"s\",1]", 401, "no_key", "bob");
    assert_error("dhtput", "[\"alice\",\"r\",\"s\",1,\"bob\"]", -32602, "invalid_params",
                 "sig_user");
}
END_TEST

START_TEST(limits_have_their_own_codes)
{
    char params[2048];
    char text[1200];
    memset(text, 'x', sizeof text);
    snprintf(params, sizeof params, "[\"alice\",\"%.65s\",\"s\",1]", text);
    assert_error("dhtput", params, 207, "salt_too_long", "64");
    assert_error("dhtput", "[\"alice\",\"\",\"s\",1]", -32602, "invalid_params", "resource");
    snprintf(params, sizeof params, "[\"alice\",\"r\",\"s\",\"%.1000s\"]", text);
    json_t *data = error_of("dhtsign", params, 205, "too_big", "1000");
    ck_assert_int_eq(number_in(data, "limit"), 1000);
    ck_assert_int_gt(number_in(data, "size"), 1000);
    json_decref(data);
    assert_error("dhtput",
                 "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"value\":1,"
                 "\"slot\":\"latest\"}",
                 -32602, "invalid_params", "type m");
    assert_error("dhtput",
                 "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"value\":1,"
                 "\"ttl\":99999999}",
                 -32602, "invalid_params", "ttl");
    assert_error("dhtget", "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"limit\":1}",
                 -32602, "invalid_params", "type m");
}
END_TEST

START_TEST(what_is_not_waited_for_is_kept_first)
{
    assert_error("dhtput",
                 "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"value\":1,"
                 "\"wait\":false,\"keep\":false}",
                 -32602, "invalid_params", "wait");
    json_t *result = result_of("dhtput", "{\"username\":\"alice\",\"resource\":\"r\",\"type\":"
                                         "\"s\",\"value\":1,\"wait\":false}");
    ck_assert_uint_eq(json_object_size(result), 3);
    ck_assert(json_is_true(json_object_get(result, "kept")));
    ck_assert_int_eq(number_in(result, "seq"), 1);
    json_decref(result);
}
END_TEST

START_TEST(a_put_that_nothing_took_is_an_error)
{
    solo.fake.store.disk.is_broken = true;
    json_t *reply = solo_call(&solo, "dhtput", "[\"alice\",\"r\",\"s\",1]");
    ck_assert_ptr_nonnull(json_object_get(reply, "error"));
    json_decref(reply);
}
END_TEST

START_TEST(signed_here_put_later)
{
    json_t *signed_text = result_of("dhtsign", "[\"alice\",\"r\",\"s\",\"later\"]");
    char params[4096];
    snprintf(params, sizeof params, "[\"%s\"]", json_string_value(signed_text));
    assert_result("dhtverify", params, "{\"valid\":true,\"reason\":null}");
    assert_result("dhtget", "[\"alice\",\"r\",\"s\"]", "[]");
    free(put("dhtputraw", params));
    assert_value("[\"alice\",\"r\",\"s\"]", "\"later\"");
    json_t *again = result_of("dhtsign", "[\"alice\",\"r\",\"s\",\"next\"]");
    ck_assert_str_ne(json_string_value(again), json_string_value(signed_text));
    json_decref(again);
    json_decref(signed_text);
}
END_TEST

START_TEST(what_is_not_signed_is_refused)
{
    json_t *signed_text = result_of("dhtsign", "[\"alice\",\"r\",\"s\",\"later\"]");
    char params[4096];
    snprintf(params, sizeof params, "[\"%s\"]", json_string_value(signed_text));
    char *content = strstr(params, "6c61746572"); /* "later" */
    ck_assert_ptr_nonnull(content);
    content[1] = 'd';
    assert_error("dhtputraw", params, 206, "bad_signature", "");
    json_t *verdict = result_of("dhtverify", params);
    ck_assert(json_is_false(json_object_get(verdict, "valid")));
    ck_assert(json_is_string(json_object_get(verdict, "reason")));
    json_decref(verdict);
    json_decref(signed_text);
    assert_error("dhtputraw", "[\"abcd\"]", -32602, "invalid_params", "hexdata");
    verdict = result_of("dhtverify", "[\"abcd\"]");
    ck_assert(json_is_false(json_object_get(verdict, "valid")));
    json_decref(verdict);
}
END_TEST

START_TEST(an_expired_record_is_not_valid)
{
    json_t *signed_text = result_of("dhtsign", "{\"username\":\"alice\",\"resource\":\"r\","
                                               "\"type\":\"s\",\"value\":1,\"ttl\":60}");
    char params[4096];
    snprintf(params, sizeof params, "[\"%s\"]", json_string_value(signed_text));
    solo.fake.now.unix_s += 61;
    assert_result("dhtverify", params, "{\"valid\":false,\"reason\":\"it has expired\"}");
    assert_error("dhtputraw", params, -32602, "invalid_params", "expired");
    json_decref(signed_text);
}
END_TEST

START_TEST(immutables_come_back_by_their_hash)
{
    char *target = put("putimmutable", "[\"Hello World!\"]");
    ck_assert_str_eq(target, "e5f96f6f38320f0f33959cb4d3d656452117aadb"); /* BEP 44's vector */
    char params[64];
    snprintf(params, sizeof params, "[\"%s\"]", target);
    assert_result("getimmutable", params, "{\"v\":\"Hello World!\"}");
    free(target);
    target = put("putimmutable", "[{\"a\":[1,null]}]");
    snprintf(params, sizeof params, "[\"%s\"]", target);
    assert_result("getimmutable", params, "{\"v\":{\"a\":[1,null]}}");
    free(target);
    assert_result("getimmutable", "[\"00112233445566778899aabbccddeeff00112233\"]", "null");
}
END_TEST

/* How many items all pages of one size have together. */
static size_t count_pages(const char *method, int limit)
{
    size_t count = 0;
    char params[128];
    snprintf(params, sizeof params, "{\"limit\":%d}", limit);
    for (int page = 0; page < 10; page++) {
        json_t *result = result_of(method, params);
        size_t items = json_array_size(json_object_get(result, "items"));
        ck_assert_uint_le(items, (size_t)limit);
        count += items;
        const char *next = json_string_value(json_object_get(result, "next"));
        bool is_last = next == NULL;
        snprintf(params, sizeof params, "{\"limit\":%d,\"after\":\"%s\"}", limit,
                 is_last ? "" : next);
        json_decref(result);
        if (is_last) {
            return count;
        }
    }
    return SIZE_MAX;
}

START_TEST(lists_page_through_all_kinds)
{
    free(put("dhtput", "[\"alice\",\"a\",\"s\",1]"));
    free(put("dhtput", "[\"alice\",\"b\",\"s\",1]"));
    free(put("putimmutable", "[\"x\"]"));
    for (int limit = 1; limit <= 4; limit++) {
        ck_assert_uint_eq(count_pages("listputs", limit), 3);
        ck_assert_uint_eq(count_pages("liststored", limit), 3);
    }
    assert_error("liststored", "[\"rubbish\"]", -32602, "invalid_params", "after");
}
END_TEST

START_TEST(an_item_says_what_it_is_and_when_it_ends)
{
    free(put("dhtput", "{\"username\":\"alice\",\"resource\":\"a\",\"type\":\"s\",\"value\":1,"
                       "\"ttl\":60}"));
    json_t *result = result_of("listputs", "[]");
    json_t *item = json_array_get(json_object_get(result, "items"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(item, "kind")), "s");
    ck_assert_str_eq(json_string_value(json_object_get(item, "salt")), "a");
    ck_assert_int_eq(number_in(item, "seq"), 1);
    ck_assert_int_eq(number_in(item, "expires"), (int64_t)solo.fake.now.unix_s + 60);
    json_decref(result);
}
END_TEST

START_TEST(a_put_is_dropped_once)
{
    char params[64];
    char *target = put("dhtput", "[\"alice\",\"a\",\"s\",1]");
    snprintf(params, sizeof params, "[\"%s\"]", target);
    assert_result("dropput", params, "true");
    assert_result("listputs", "[]", "{\"items\":[],\"next\":null}");
    assert_error("dropput", params, 404, "not_found", "listputs");
    free(target);
}
END_TEST

START_TEST(the_network_is_answered_for_where_there_is_none)
{
    json_t *result = result_of("lookup", "[\"alice\",\"r\",\"s\"]");
    ck_assert_uint_eq(json_string_length(json_object_get(result, "target")), 40);
    ck_assert(json_is_array(json_object_get(result, "closest")));
    ck_assert(json_is_array(json_object_get(result, "trace")));
    json_decref(result);
    assert_error("lookup", "{}", -32602, "invalid_params", "username");
    assert_result("listnodes", "[]", "[]");
    assert_result("peers", "[\"00112233445566778899aabbccddeeff00112233\"]", "[]");
    assert_error("ping", "[\"127.0.0.1:9\"]", 408, "timeout", "127.0.0.1:9");
    assert_result("addnode", "[\"localhost:9\"]", "true");
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_put_is_got);
    tcase_add_test(tests, seq_rises_by_itself_and_stale_ones_are_refused);
    tcase_add_test(tests, null_is_a_value_and_nothing_is_none);
    tcase_add_test(tests, a_deletion_is_no_value);
    tcase_add_test(tests, bytes_are_base64_on_both_sides);
    tcase_add_test(tests, a_miss_is_empty_and_says_so_when_verbose);
    tcase_add_test(tests, names_are_resolved_or_refused_with_the_way_out);
    tcase_add_test(tests, limits_have_their_own_codes);
    tcase_add_test(tests, what_is_not_waited_for_is_kept_first);
    tcase_add_test(tests, a_put_that_nothing_took_is_an_error);
    tcase_add_test(tests, signed_here_put_later);
    tcase_add_test(tests, what_is_not_signed_is_refused);
    tcase_add_test(tests, an_expired_record_is_not_valid);
    tcase_add_test(tests, immutables_come_back_by_their_hash);
    tcase_add_test(tests, lists_page_through_all_kinds);
    tcase_add_test(tests, an_item_says_what_it_is_and_when_it_ends);
    tcase_add_test(tests, a_put_is_dropped_once);
    tcase_add_test(tests, the_network_is_answered_for_where_there_is_none);
}
