/* What is put as JSON comes back exactly as it was; what a foreign writer put is shown whatever
 * bencode type it has; and the limits are told by size, not by failing. */
#include <check.h>
#include <stdlib.h>

#include "common/hex.h"
#include "rpc/json/json.h"
#include "rpc/values/base64.h"
#include "rpc/values/value.h"
#include "tests/runner.h"

#define NOW_S 1700000000u

static bool no_identity(void *context, const uint8_t *public_key, struct rpc_identity *out)
{
    (void)context, (void)public_key, (void)out;
    return false;
}

static bool alice_by_public(void *context, const uint8_t *public_key, struct rpc_identity *out)
{
    (void)context;
    *out = (struct rpc_identity){.name = "alice"};
    memcpy(out->public_key, public_key, KEYS_PUBLIC_SIZE);
    return true;
}

/* The content of v, as compact JSON text; to be freed. */
static char *shown(struct bytes v)
{
    json_t *object = json_object();
    ck_assert(value_show_content(object, v));
    struct json_text text = {0};
    json_write(&text, object, 0);
    json_text_append(&text, "", 1);
    ck_assert(!text.failed);
    json_decref(object);
    return text.data;
}

static void assert_shown(struct bytes v, const char *expected)
{
    char *text = shown(v);
    ck_assert_str_eq(text, expected);
    free(text);
}

static void assert_round_trip(const char *text)
{
    json_t *json = json_read(bytes_of_string(text), VALUE_TEXT_DEPTH_MAX, NULL, 0);
    ck_assert_ptr_nonnull(json);
    struct value_source source = {
        .json = json, .has_time = true, .time_unix_s = NOW_S, .expiry_unix_s = NOW_S + 60};
    struct value value;
    ck_assert(value_make_envelope(&source, &value));
    char expected[512];
    snprintf(expected, sizeof expected, "{\"v\":%s}", text);
    assert_shown(bytes_of(value.data, value.size), expected);
    value_clear(&value);
    json_decref(json);
}

START_TEST(json_comes_back_exactly)
{
    const char *texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-5",
        "39.010941",
        "1.0",
        "1.75",
        "9223372036854775807",
        "-9223372036854775808",
        "\"\"",
        ("\"Gr\xc3\xbc\xc3\x9f"
         "e \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\x8b\""),
        "[]",
        "{}",
        "[null,[1,2.5],{\"z\":1,\"a\":{\"deep\":[true]}}]",
        "{\"fullname\":\"Alice\",\"height\":1.75,\"ok\":true,\"none\":null}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_round_trip(texts[i]);
    }
}
END_TEST

START_TEST(an_envelope_is_canonical_and_has_its_times)
{
    json_t *json = json_string("hi");
    struct value_source source = {
        .json = json, .has_time = true, .time_unix_s = 17, .expiry_unix_s = 42};
    struct value value;
    ck_assert(value_make_envelope(&source, &value));
    const char *expected = "d1:j4:\"hi\"1:ti17e1:xi42ee";
    ck_assert(bytes_equal(bytes_of(value.data, value.size), bytes_of_string(expected)));
    value_clear(&value);
    json_decref(json);
}
END_TEST

START_TEST(bytes_come_back_as_base64)
{
    const uint8_t content[] = {0, 255, 'x'};
    struct value_source source = {.bytes = bytes_of(content, sizeof content), .has_time = true};
    struct value value;
    ck_assert(value_make_envelope(&source, &value));
    assert_shown(bytes_of(value.data, value.size), "{\"v_base64\":\"AP94\"}");
    ck_assert(!value_is_deleted(bytes_of(value.data, value.size)));
    value_clear(&value);
}
END_TEST

START_TEST(empty_bytes_are_no_deletion)
{
    struct value_source source = {.bytes = bytes_of("", 0), .has_time = true};
    struct value value;
    ck_assert(value_make_envelope(&source, &value));
    ck_assert(!value_is_deleted(bytes_of(value.data, value.size)));
    assert_shown(bytes_of(value.data, value.size), "{\"v_base64\":\"\"}");
    value_clear(&value);
}
END_TEST

START_TEST(no_content_is_a_deletion)
{
    struct value_source source = {.has_time = true, .time_unix_s = 1, .expiry_unix_s = 2};
    struct value value;
    ck_assert(value_make_envelope(&source, &value));
    ck_assert(value_is_deleted(bytes_of(value.data, value.size)));
    ck_assert(bytes_is_string(bytes_of(value.data, value.size), "d1:ti1e1:xi2ee"));
    value_clear(&value);
}
END_TEST

START_TEST(foreign_values_of_every_type_are_shown)
{
    assert_shown(bytes_of_string("12:Hello World!"), "{\"v\":\"Hello World!\"}");
    assert_shown(bytes_of_string("0:"), "{\"v\":\"\"}");
    assert_shown(bytes_of_string("2:\xff\xfe"), "{\"v_base64\":\"//4=\"}");
    assert_shown(bytes_of_string("i42e"), "{\"v_base64\":\"aTQyZQ==\"}");
    assert_shown(bytes_of_string("li1ee"), "{\"v_base64\":\"bGkxZWU=\"}");
    assert_shown(bytes_of_string("d1:a1:be"), "{\"v_base64\":\"ZDE6YTE6YmU=\"}");
}
END_TEST

START_TEST(an_envelope_whose_text_is_no_json_is_shown_whole)
{
    assert_shown(bytes_of_string("d1:j3:{a}e"), "{\"v_base64\":\"ZDE6ajM6e2F9ZQ==\"}");
}
END_TEST

START_TEST(an_immutable_string_is_plain)
{
    json_t *json = json_string("Hello World!");
    struct value_source source = {.json = json};
    struct value value;
    ck_assert(value_make_immutable(&source, &value));
    ck_assert(bytes_is_string(bytes_of(value.data, value.size), "12:Hello World!"));
    value_clear(&value);
    json_decref(json);
}
END_TEST

START_TEST(other_json_makes_an_immutable_envelope_without_time)
{
    json_t *json = json_pack("[i,n]", 1);
    struct value_source source = {.json = json};
    struct value value;
    ck_assert(value_make_immutable(&source, &value));
    ck_assert(bytes_is_string(bytes_of(value.data, value.size), "d1:j8:[1,null]e"));
    value_clear(&value);
    json_decref(json);
}
END_TEST

START_TEST(a_big_value_is_made_so_that_its_size_can_be_told)
{
    uint8_t content[3 * RECORD_V_MAX] = {0};
    struct value_source source = {.bytes = bytes_of(content, sizeof content)};
    struct value value;
    ck_assert(value_make_envelope(&source, &value));
    ck_assert_uint_gt(value.size, RECORD_V_MAX);
    value_clear(&value);
}
END_TEST

START_TEST(the_element_is_twisters)
{
    uint8_t key[KEYS_PUBLIC_SIZE], sig[KEYS_SIGNATURE_SIZE];
    memset(key, 0xab, sizeof key);
    memset(sig, 0xcd, sizeof sig);
    struct rpc_host host = {.key_by_public = alice_by_public, .contact_by_public = no_identity};
    struct record record = {.kind = RECORD_SINGLE,
                            .k = key,
                            .sig = sig,
                            .salt = bytes_of_string("profile"),
                            .seq = 3,
                            .v = bytes_of_string("d1:j1:71:ti17e1:xi42ee")};
    struct value_target target = {.username = "bob", .resource = "profile", .type = "s"};
    struct opener opener = {.host = &host, .elements_left = 99};
    json_t *element = value_show(&opener, &record, &target);
    ck_assert_ptr_nonnull(element);
    json_t *part = json_object_get(element, "p");
    struct json_text text = {0};
    json_write(&text, part, 0);
    json_text_append(&text, "", 1);
    ck_assert_str_eq(text.data, "{\"seq\":3,\"target\":{\"n\":\"bob\",\"r\":\"profile\","
                                "\"t\":\"s\"},\"time\":17,\"v\":7}");
    json_text_clear(&text);
    ck_assert_str_eq(json_string_value(json_object_get(element, "sig_user")), "alice");
    ck_assert_uint_eq(json_string_length(json_object_get(element, "k")), 64);
    ck_assert_uint_eq(json_string_length(json_object_get(element, "sig_p")), 128);
    json_decref(element);
}
END_TEST

START_TEST(a_record_without_time_has_none)
{
    uint8_t key[KEYS_PUBLIC_SIZE] = {1}, sig[KEYS_SIGNATURE_SIZE] = {2};
    struct rpc_host host = {.key_by_public = no_identity, .contact_by_public = no_identity};
    struct record record = {
        .kind = RECORD_SINGLE, .k = key, .sig = sig, .v = bytes_of_string("3:abc")};
    struct value_target target = {.username = "bob", .resource = "r", .type = "s"};
    struct opener opener = {.host = &host, .elements_left = 99};
    json_t *element = value_show(&opener, &record, &target);
    ck_assert_ptr_null(json_object_get(json_object_get(element, "p"), "time"));
    ck_assert_uint_eq(json_string_length(json_object_get(element, "sig_user")), 64);
    json_decref(element);
}
END_TEST

static char *show(struct opener *opener, const char *v)
{
    uint8_t key[KEYS_PUBLIC_SIZE] = {1}, sig[KEYS_SIGNATURE_SIZE] = {2};
    struct record record = {.kind = RECORD_SINGLE, .k = key, .sig = sig, .v = bytes_of_string(v)};
    struct value_target target = {.username = "bob", .resource = "r", .type = "s"};
    json_t *element = value_show(opener, &record, &target);
    struct json_text text = {0};
    json_object_del(element, "k");
    json_object_del(element, "sig_p");
    json_object_del(element, "sig_user");
    json_object_del(json_object_get(element, "p"), "target");
    json_write(&text, element, 0);
    json_text_append(&text, "", 1);
    json_decref(element);
    return text.data;
}

/* Whoever wrote them. */
START_TEST(json_beyond_what_one_answer_may_read_is_shown_as_its_text)
{
    struct rpc_host host = {.key_by_public = no_identity, .contact_by_public = no_identity};
    struct opener opener = {.host = &host, .elements_left = 5};
    char *text = show(&opener, "d1:j5:[1,2]e");
    ck_assert_str_eq(text, "{\"p\":{\"seq\":0,\"v\":[1,2]}}");
    ck_assert_uint_eq(opener.elements_left, 2);
    free(text);
    text = show(&opener, "d1:j5:[1,2]e");
    ck_assert_str_eq(text, "{\"p\":{\"seq\":0,\"v_base64\":\"WzEsMl0=\"},\"reason\":"
                           "\"" OPENER_TEXT_REASON "\"}");
    free(text);
    text = show(&opener, "d1:j1:7e");
    ck_assert_str_eq(text, "{\"p\":{\"seq\":0,\"v\":7}}");
    free(text);
}
END_TEST

START_TEST(base64_refuses_what_it_is_not)
{
    size_t size;
    uint8_t *data = base64_decode("AP94", &size);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(size, 3);
    free(data);
    data = base64_decode("", &size);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(size, 0);
    free(data);
    ck_assert_ptr_null(base64_decode("AP9", &size));
    ck_assert_ptr_null(base64_decode("not base64!", &size));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, json_comes_back_exactly);
    tcase_add_test(tests, an_envelope_is_canonical_and_has_its_times);
    tcase_add_test(tests, bytes_come_back_as_base64);
    tcase_add_test(tests, empty_bytes_are_no_deletion);
    tcase_add_test(tests, no_content_is_a_deletion);
    tcase_add_test(tests, foreign_values_of_every_type_are_shown);
    tcase_add_test(tests, an_envelope_whose_text_is_no_json_is_shown_whole);
    tcase_add_test(tests, an_immutable_string_is_plain);
    tcase_add_test(tests, other_json_makes_an_immutable_envelope_without_time);
    tcase_add_test(tests, a_big_value_is_made_so_that_its_size_can_be_told);
    tcase_add_test(tests, the_element_is_twisters);
    tcase_add_test(tests, a_record_without_time_has_none);
    tcase_add_test(tests, json_beyond_what_one_answer_may_read_is_shown_as_its_text);
    tcase_add_test(tests, base64_refuses_what_it_is_not);
}
