/* Entries of multis are put, shown and deleted by their places: a repeated content is one entry, a
 * slot has one a signer; the name is literal; each refusal has its own code and says what to do. */
#include <check.h>
#include <stdlib.h>

#include "common/hash.h"
#include "common/hex.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

static struct solo solo;

static void setup(void)
{
    solo_init(&solo);
    ck_assert_int_eq(solo.fake.host.key_create(&solo.fake, "bob", NULL, 0), ERR_OK);
}

static void teardown(void)
{
    solo_clear(&solo);
}

static json_t *result_of(const char *method, const char *params)
{
    return solo_result(&solo, method, params);
}

/* Answers the limit that the error names; 0: none. */
static json_int_t assert_error(const char *method, const char *params, int code, const char *says)
{
    json_t *reply = solo_call(&solo, method, params);
    json_t *error = json_object_get(reply, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    ck_assert_msg(error != NULL, "%s %s is no error", method, params);
    ck_assert_msg(json_integer_value(json_object_get(error, "code")) == code, "%s", message);
    ck_assert_msg(strstr(message, says) != NULL, "says: %s", message);
    json_int_t limit = json_integer_value(json_object_get(json_object_get(error, "data"), "limit"));
    json_decref(reply);
    return limit;
}

#define TAG "\"username\":\"tag\",\"resource\":\"r\",\"type\":\"m\""

static json_int_t put(const char *rest)
{
    char params[512];
    snprintf(params, sizeof params, "{" TAG ",%s}", rest);
    json_t *result = result_of("dhtput", params);
    json_int_t seq = json_integer_value(json_object_get(result, "seq"));
    json_decref(result);
    return seq;
}

/* dhtget's array, a new reference; `rest` is "" or begins with a comma. */
static json_t *get(const char *rest)
{
    char params[512];
    snprintf(params, sizeof params, "{" TAG "%s}", rest);
    return result_of("dhtget", params);
}

static json_t *part_of(const json_t *values, size_t index)
{
    return json_object_get(json_array_get(values, index), "p");
}

/* The numbers that dhtget shows, in their order, as text. */
static void assert_numbers(const char *rest, const char *expected)
{
    char text[256] = "";
    json_t *values = get(rest);
    for (size_t i = 0; i < json_array_size(values); i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%lld", i > 0 ? " " : "",
                 json_integer_value(json_object_get(part_of(values, i), "v")));
    }
    json_decref(values);
    ck_assert_str_eq(text, expected);
}

static void pass(uint64_t seconds)
{
    solo.fake.now.unix_s += seconds;
}

START_TEST(entries_pile_up_newest_first)
{
    put("\"value\":1,\"sig_user\":\"alice\"");
    pass(1);
    put("\"value\":2,\"sig_user\":\"bob\"");
    pass(1);
    put("\"value\":3,\"sig_user\":\"alice\"");
    assert_numbers("", "3 2 1");
    assert_numbers(",\"by\":\"alice\"", "3 1");
    assert_numbers(",\"limit\":2", "3 2");
    assert_numbers(",\"by\":\"bob\",\"min_multi\":1", "2");
    put("\"value\":4,\"sig_user\":\"alice\",\"slot\":\"latest\"");
    assert_numbers(",\"slot\":\"latest\",\"min_multi\":1", "4");
    put("\"sig_user\":\"alice\",\"slot\":\"latest\",\"delete\":true");
    char since[64];
    snprintf(since, sizeof since, ",\"since\":%llu", (unsigned long long)solo.fake.now.unix_s - 1);
    assert_numbers(since, "3 2");
}
END_TEST

START_TEST(a_repeated_content_is_one_entry_and_as_new_as_its_last_put)
{
    put("\"value\":1,\"sig_user\":\"alice\"");
    pass(1);
    put("\"value\":2,\"sig_user\":\"alice\"");
    pass(1);
    ck_assert_int_eq(put("\"value\":1,\"sig_user\":\"alice\""), 2);
    assert_numbers("", "1 2");
    ck_assert_int_eq(put("\"value\":1,\"sig_user\":\"bob\""), 1);
    ck_assert_uint_eq(solo_count(&solo, STORE_HELD, RECORD_MULTI), 3);
}
END_TEST

START_TEST(the_default_slot_is_a_hash_of_the_content)
{
    struct bytes parts[] = {bytes_of_string("j"), bytes_of_string("{\"a\":1}")};
    uint8_t hash[HASH_CONTENT_SIZE];
    char expected[2 * HASH_CONTENT_SIZE + 1];
    hash_content(parts, 2, hash);
    put("\"value\":{\"a\":1},\"sig_user\":\"alice\"");
    json_t *values = get("");
    const json_t *part = part_of(values, 0);
    ck_assert_str_eq(json_string_value(json_object_get(part, "slot_hex")),
                     hex_encode(bytes_of(hash, sizeof hash), expected));
    ck_assert_ptr_null(json_object_get(part, "slot"));
    json_decref(values);
}
END_TEST

/* In the answer of `method` with these parameters the member `name` is `expected`, and `other` is
 * not there. */
static void assert_slot(const char *method, const char *params, const char *name,
                        const char *expected, const char *other)
{
    json_t *result = result_of(method, params);
    const char *slot = json_string_value(json_object_get(result, name));
    ck_assert_msg(slot != NULL && strcmp(slot, expected) == 0, "%s: %s", params, slot);
    ck_assert_ptr_null(json_object_get(result, other));
    json_decref(result);
}

START_TEST(a_put_tells_the_slot_that_it_used)
{
    char params[2500];
    json_t *signed_one = result_of("dhtsign", "{" TAG ",\"value\":4,\"sig_user\":\"bob\","
                                              "\"slot\":\"raw\",\"seq\":1}");
    assert_slot("dhtput", "{" TAG ",\"value\":1,\"sig_user\":\"alice\",\"slot\":\"latest\"}",
                "slot", "latest", "slot_hex");
    assert_slot("dhtput",
                "{" TAG ",\"value\":2,\"sig_user\":\"alice\",\"slot_hex\":\"0a\",\"wait\":false}",
                "slot_hex", "0a", "slot");
    snprintf(params, sizeof params, "[\"%s\"]", json_string_value(signed_one));
    assert_slot("dhtputraw", params, "slot", "raw", "slot_hex");
    json_decref(signed_one);
    json_t *result = result_of("dhtput", "{" TAG ",\"value\":3,\"sig_user\":\"alice\"}");
    const char *slot = json_string_value(json_object_get(result, "slot_hex"));
    ck_assert_ptr_nonnull(slot);
    snprintf(params, sizeof params, ",\"slot_hex\":\"%s\"", slot);
    assert_numbers(params, "3");
    json_decref(result);
    result = result_of("dhtput", "[\"alice\",\"r\",\"s\",1]");
    ck_assert_ptr_null(json_object_get(result, "slot"));
    ck_assert_ptr_null(json_object_get(result, "slot_hex"));
    json_decref(result);
}
END_TEST

START_TEST(a_slot_has_one_entry_a_signer)
{
    put("\"value\":1,\"sig_user\":\"alice\",\"slot\":\"latest\"");
    pass(1);
    put("\"value\":2,\"sig_user\":\"bob\",\"slot\":\"latest\"");
    pass(1);
    put("\"value\":3,\"sig_user\":\"alice\",\"slot_hex\":\"6c6174657374\"");
    assert_numbers("", "3 2");
    json_t *values = get("");
    ck_assert_str_eq(json_string_value(json_object_get(part_of(values, 0), "slot")), "latest");
    json_decref(values);
    put("\"value\":4,\"sig_user\":\"alice\",\"slot_hex\":\"0a\"");
    values = get(",\"by\":\"alice\",\"limit\":1");
    const char *slot = json_string_value(json_object_get(part_of(values, 0), "slot_hex"));
    ck_assert_msg(slot == NULL || strcmp(slot, "0a") == 0, "%s", slot);
    json_decref(values);
}
END_TEST

START_TEST(an_entry_is_deleted_by_its_slot_or_its_content)
{
    put("\"value\":1,\"sig_user\":\"alice\"");
    put("\"value\":2,\"sig_user\":\"alice\",\"slot\":\"latest\"");
    put("\"value\":3,\"sig_user\":\"bob\"");
    ck_assert_int_eq(put("\"value\":1,\"sig_user\":\"alice\",\"delete\":true"), 2);
    ck_assert_int_eq(put("\"slot\":\"latest\",\"sig_user\":\"alice\",\"delete\":true"), 2);
    assert_numbers("", "3");
    put("\"value_base64\":\"AAEC\",\"sig_user\":\"bob\"");
    put("\"value_base64\":\"AAEC\",\"sig_user\":\"bob\",\"delete\":true");
    assert_numbers("", "3");
    ck_assert_uint_eq(solo_count(&solo, STORE_HELD, RECORD_MULTI), 4);
}
END_TEST

START_TEST(a_deletion_lives_thirty_days)
{
    put("\"value\":1,\"sig_user\":\"alice\",\"keep\":false");
    put("\"value\":1,\"sig_user\":\"alice\",\"keep\":false,\"delete\":true");
    json_t *page = result_of("liststored", "[]");
    const json_t *item = json_array_get(json_object_get(page, "items"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(item, "expires")),
                     (json_int_t)solo.fake.now.unix_s + 30 * 86400);
    json_decref(page);
}
END_TEST

START_TEST(the_name_is_literal)
{
    json_t *result = result_of("dhtput", "[\"Bj\xc3\xb6rk @!\",\"r\",\"m\",1,\"alice\"]");
    json_t *lookup = result_of("lookup", "[\"Bj\xc3\xb6rk @!\",\"r\",\"m\"]");
    struct id target;
    char text[2 * ID_SIZE + 1];
    record_multi_target(bytes_of_string("Bj\xc3\xb6rk @!"), bytes_of_string("r"), &target);
    hex_encode(id_bytes(&target), text);
    ck_assert_str_eq(json_string_value(json_object_get(result, "target")), text);
    ck_assert_str_eq(json_string_value(json_object_get(lookup, "target")), text);
    json_decref(result);
    json_decref(lookup);
    json_t *values = result_of("dhtget", "[\"Bj\xc3\xb6rk @!\",\"r\",\"m\"]");
    ck_assert_uint_eq(json_array_size(values), 1);
    json_decref(values);
    assert_numbers("", "");
}
END_TEST

START_TEST(raw_entries_go_round)
{
    json_t *hexdata = result_of("dhtsign", "[\"tag\",\"r\",\"m\",7,\"bob\"]");
    json_t *params = json_pack("[O]", hexdata);
    char *text = json_dumps(params, 0);
    json_t *verdict = result_of("dhtverify", text);
    ck_assert(json_is_true(json_object_get(verdict, "valid")));
    json_decref(result_of("dhtputraw", text));
    json_t *values = get(",\"raw\":true");
    ck_assert(json_equal(json_object_get(json_array_get(values, 0), "hexdata"), hexdata));
    json_decref(values);
    json_decref(verdict);
    json_decref(params);
    json_decref(hexdata);
    free(text);
    put("\"value\":7,\"sig_user\":\"bob\"");
    hexdata = result_of("dhtsign", "[\"tag\",\"r\",\"m\",7,\"bob\"]");
    ck_assert_ptr_nonnull(strstr(json_string_value(hexdata), "333a736571693365")); /* seqi3e */
    json_decref(hexdata);
}
END_TEST

/* What is signed with these parameters ends so many seconds from now. */
static void assert_life(const char *params, uint64_t ttl_s)
{
    char ends[64], hex[2 * sizeof ends + 1];
    json_t *hexdata = result_of("dhtsign", params);
    snprintf(ends, sizeof ends, "1:xi%llue", (unsigned long long)(solo.fake.now.unix_s + ttl_s));
    hex_encode(bytes_of_string(ends), hex);
    ck_assert_msg(strstr(json_string_value(hexdata), hex) != NULL, "%s", params);
    json_decref(hexdata);
}

/* An old holder must not bring back what was deleted. */
START_TEST(the_deletion_of_an_entry_lives_as_long_as_anything_may)
{
    assert_life("{" TAG ",\"sig_user\":\"alice\",\"slot\":\"a\",\"seq\":2,\"delete\":true}",
                RECORD_TTL_S_MAX);
    assert_life("{" TAG ",\"sig_user\":\"alice\",\"slot\":\"a\",\"seq\":2,\"value\":1}",
                RECORD_TTL_S_DEFAULT);
    assert_life("{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"seq\":2,"
                "\"delete\":true}",
                RECORD_TTL_S_DEFAULT);
}
END_TEST

/* The longest that there is of all. */
START_TEST(the_longest_entry_is_shown_raw)
{
    char params[2048], name[65], value[945];
    memset(name, 'n', sizeof name - 1);
    memset(value, 'v', sizeof value - 1);
    name[64] = value[944] = '\0';
    snprintf(params, sizeof params,
             "{\"username\":\"%s\",\"resource\":\"%s\",\"type\":\"m\",\"value\":\"%s\","
             "\"sig_user\":\"alice\",\"slot\":\"%.32s\",\"seq\":9223372036854775807}",
             name, name, value, name);
    json_decref(result_of("dhtput", params));
    snprintf(params, sizeof params,
             "{\"username\":\"%s\",\"resource\":\"%s\",\"type\":\"m\",\"raw\":true}", name, name);
    json_t *values = result_of("dhtget", params);
    const char *hexdata = json_string_value(json_object_get(json_array_get(values, 0), "hexdata"));
    ck_assert_ptr_nonnull(hexdata);
    ck_assert_uint_gt(strlen(hexdata), 2 * 1300);
    json_decref(values);
}
END_TEST

START_TEST(a_sealed_entry_is_opened_by_its_recipient)
{
    put("\"value\":5,\"sig_user\":\"alice\",\"to\":\"bob\"");
    put("\"value\":5,\"sig_user\":\"alice\",\"to\":\"bob\"");
    json_t *values = get("");
    ck_assert_uint_eq(json_array_size(values), 2); /* of other bytes each time */
    ck_assert_int_eq(json_integer_value(json_object_get(part_of(values, 0), "v")), 5);
    ck_assert(json_is_true(json_object_get(json_array_get(values, 0), "encrypted")));
    json_decref(values);
    assert_error("dhtput",
                 "{" TAG ",\"sig_user\":\"alice\",\"to\":\"bob\",\"slot\":\"a\","
                 "\"delete\":true}",
                 -32602, "nothing to encrypt");
}
END_TEST

/* Text of 2000 bytes. */
static json_t *put_large(const char *rest)
{
    char params[4096];
    snprintf(params, sizeof params, "{" TAG ",\"value\":\"%02000d\",\"sig_user\":\"alice\"%s}", 7,
             rest);
    return result_of("dhtput", params);
}

static void assert_large(const json_t *values, size_t count)
{
    ck_assert_uint_eq(json_array_size(values), count);
    ck_assert_uint_eq(json_string_length(json_object_get(part_of(values, 0), "v")), 2000);
}

/* Its content is given where it is the only one, and not in a list. */
START_TEST(a_large_entry_is_whole_when_alone)
{
    char rest[128];
    put("\"value\":1,\"sig_user\":\"alice\",\"slot\":\"a\"");
    pass(1);
    json_t *result = put_large("");
    ck_assert_ptr_nonnull(json_object_get(result, "chunks"));
    json_t *values = get(",\"raw\":true");
    const json_t *element = json_array_get(values, 0);
    ck_assert(json_equal(json_object_get(result, "slot_hex"),
                         json_object_get(part_of(values, 0), "slot_hex")));
    json_decref(result);
    ck_assert_uint_eq(json_array_size(values), 2);
    ck_assert_ptr_null(json_object_get(part_of(values, 0), "v"));
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(element, "large"), "size")),
                     2002);
    ck_assert_ptr_nonnull(json_object_get(element, "reason"));
    snprintf(rest, sizeof rest, ",\"slot_hex\":\"%s\",\"raw\":true",
             json_string_value(json_object_get(part_of(values, 0), "slot_hex")));
    json_t *alone = get(rest);
    assert_large(alone, 1);
    ck_assert(json_equal(json_object_get(json_array_get(alone, 0), "hexdata"),
                         json_object_get(element, "hexdata")));
    json_decref(alone);
    json_decref(values);
    values = get(",\"limit\":1");
    assert_large(values, 1);
    json_decref(values);
    json_decref(put_large(",\"delete\":true"));
    assert_numbers("", "1");
}
END_TEST

/* Beyond the life of its record and of its first chunks. */
START_TEST(a_kept_large_entry_outlives_its_chunks)
{
    json_decref(put_large(""));
    const uint64_t time_unix_s = solo.fake.now.unix_s;
    solo_run(&solo, 45 * 86400);
    json_t *values = get("");
    assert_large(values, 1);
    ck_assert_int_eq(json_integer_value(json_object_get(part_of(values, 0), "time")),
                     (json_int_t)time_unix_s);
    json_decref(values);
}
END_TEST

START_TEST(bad_puts_say_what_to_do)
{
    char params[2048], text[1200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_error("dhtput", "[\"tag\",\"r\",\"m\",1]", -32602, "name one of your keys");
    assert_error("dhtput", "[\"tag\",\"r\",\"m\",1,\"carol\"]", 404, "carol");
    snprintf(params, sizeof params, "[\"tag\",\"r\",\"m\",1,\"%064d\"]", 7);
    assert_error("dhtput", params, 401, "createkey");
    snprintf(params, sizeof params, "{" TAG ",\"value\":1,\"sig_user\":\"bob\",\"slot\":\"%.33s\"}",
             text);
    ck_assert_int_eq(assert_error("dhtput", params, 207, "slot: 33 bytes, at most 32"), 32);
    snprintf(params, sizeof params,
             "{" TAG ",\"value\":1,\"sig_user\":\"bob\",\"slot_hex\":"
             "\"%066d\"}",
             0);
    ck_assert_int_eq(assert_error("dhtput", params, 207, "slot_hex: 33 bytes"), 32);
    assert_error("dhtput", "{" TAG ",\"value\":1,\"sig_user\":\"bob\",\"slot\":\"\"}", -32602,
                 "slot: must not be empty");
    assert_error("dhtput",
                 "{" TAG ",\"value\":1,\"sig_user\":\"bob\",\"slot\":\"a\",\"slot_hex\":\"61\"}",
                 -32602, "not both");
    snprintf(params, sizeof params, "[\"tag\",\"r\",\"m\",\"%.1000s\",\"bob\"]", text);
    ck_assert_int_eq(assert_error("dhtsign", params, 205, "at most 1000"), 1000);
    snprintf(params, sizeof params, "[\"%.65s\",\"r\",\"m\",1,\"bob\"]", text);
    ck_assert_int_eq(assert_error("dhtput", params, 207, "username: 65 bytes"), 64);
    snprintf(params, sizeof params, "[\"tag\",\"%.65s\",\"m\"]", text);
    ck_assert_int_eq(assert_error("dhtget", params, 207, "resource: 65 bytes"), 64);
    assert_error("dhtget", "[\"\",\"r\",\"m\"]", -32602, "username: must not be empty");
}
END_TEST

START_TEST(bad_deletions_and_gets_say_what_to_do)
{
    assert_error("dhtput", "{" TAG ",\"sig_user\":\"bob\",\"delete\":true}", -32602,
                 "slot or slot_hex");
    assert_error("dhtput",
                 "{" TAG ",\"sig_user\":\"bob\",\"value\":1,\"slot\":\"a\",\"delete\":true}",
                 -32602, "not both");
    assert_error("dhtput", "{" TAG ",\"sig_user\":\"bob\"}", -32602, "exactly one");
    assert_error("dhtget", "{" TAG ",\"min_seq\":1}", -32602, "min_seq");
    assert_error("dhtget", "{" TAG ",\"by\":\"carol\"}", 404, "carol");
    assert_error("lookup", "{\"username\":\"tag\",\"type\":\"m\"}", -32602, "go together");
    assert_error("dhtput",
                 "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"value\":1,"
                 "\"delete\":true}",
                 -32602, "exactly one");
}
END_TEST

START_TEST(seq_and_cas_are_as_of_singles)
{
    put("\"value\":1,\"sig_user\":\"bob\",\"slot\":\"a\",\"seq\":7");
    assert_error("dhtput", "{" TAG ",\"value\":2,\"sig_user\":\"bob\",\"slot\":\"a\",\"seq\":7}",
                 302, "7");
    assert_error("dhtput", "{" TAG ",\"value\":2,\"sig_user\":\"bob\",\"slot\":\"a\",\"cas\":6}",
                 301, "7");
    ck_assert_int_eq(put("\"value\":2,\"sig_user\":\"bob\",\"slot\":\"a\",\"cas\":7"), 8);
    ck_assert_int_eq(put("\"value\":2,\"sig_user\":\"bob\",\"slot\":\"b\""), 1);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, entries_pile_up_newest_first);
    tcase_add_test(tests, a_repeated_content_is_one_entry_and_as_new_as_its_last_put);
    tcase_add_test(tests, the_default_slot_is_a_hash_of_the_content);
    tcase_add_test(tests, a_put_tells_the_slot_that_it_used);
    tcase_add_test(tests, a_slot_has_one_entry_a_signer);
    tcase_add_test(tests, an_entry_is_deleted_by_its_slot_or_its_content);
    tcase_add_test(tests, a_deletion_lives_thirty_days);
    tcase_add_test(tests, the_name_is_literal);
    tcase_add_test(tests, raw_entries_go_round);
    tcase_add_test(tests, the_deletion_of_an_entry_lives_as_long_as_anything_may);
    tcase_add_test(tests, the_longest_entry_is_shown_raw);
    tcase_add_test(tests, a_sealed_entry_is_opened_by_its_recipient);
    tcase_add_test(tests, a_large_entry_is_whole_when_alone);
    tcase_add_test(tests, a_kept_large_entry_outlives_its_chunks);
    tcase_add_test(tests, bad_puts_say_what_to_do);
    tcase_add_test(tests, bad_deletions_and_gets_say_what_to_do);
    tcase_add_test(tests, seq_and_cas_are_as_of_singles);
}
