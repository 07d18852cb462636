/* `to` names whom a value is encrypted for: each key once, at most eight, and each name that cannot
 * stand there is named in the refusal. */
#include <check.h>
#include <stdlib.h>

#include "common/hex.h"
#include "daemon/dht/records/envelope.h"
#include "tests/rpc/solo.h"
#include "tests/runner.h"

#define PARAMS_MAX 2048

static struct solo solo;

/* Local keys alice and k0 to k4; contacts c0 to c4, strangers; robert, who is k0. */
static void setup(void)
{
    char name[16];
    solo_init(&solo);
    for (int i = 0; i < 5; i++) {
        uint8_t seed[KEYS_SEED_SIZE] = {(uint8_t)i, 1}, key[KEYS_PUBLIC_SIZE];
        uint8_t secret[KEYS_SECRET_SIZE];
        keys_from_seed(seed, key, secret);
        snprintf(name, sizeof name, "k%d", i);
        solo.fake.host.key_create(&solo.fake, name, NULL, 1);
        snprintf(name, sizeof name, "c%d", i);
        solo.fake.host.contact_add(&solo.fake, name, key, 1);
    }
    solo.fake.host.contact_add(&solo.fake, "robert", solo.fake.keys[1].public_key, 1);
}

static void teardown(void)
{
    solo_clear(&solo);
}

static json_t *sign_for(const char *to, const char *rest)
{
    char params[3 * PARAMS_MAX];
    snprintf(params, sizeof params,
             "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"to\":\"%s\",%s}", to,
             rest);
    return solo_call(&solo, "dhtsign", params);
}

/* The sealed bytes of what dhtsign answers, in `raw`. */
static struct sealed sealed_for(const char *to, uint8_t raw[RECORD_PACKED_MAX])
{
    json_t *reply = sign_for(to, "\"value\":\"secret\"");
    const char *hex = json_string_value(json_object_get(reply, "result"));
    ck_assert_msg(hex != NULL, "%s is refused", to);
    ck_assert(hex_decode(hex, strlen(hex), raw, strlen(hex) / 2));
    struct record record;
    struct envelope envelope;
    struct sealed sealed;
    ck_assert_int_eq(record_parse_raw(bytes_of(raw, strlen(hex) / 2), &record, NULL), ERR_OK);
    envelope_parse(record.v, &envelope);
    ck_assert_int_eq(envelope.content, ENVELOPE_SEALED);
    ck_assert(sealed_read(envelope.body, &sealed));
    json_decref(reply);
    return sealed;
}

static void assert_count(const char *to, unsigned expected)
{
    uint8_t raw[RECORD_PACKED_MAX];
    ck_assert_uint_eq(sealed_for(to, raw).count, expected);
}

static void assert_refused(const char *to, const char *rest, int code, const char *says)
{
    json_t *reply = sign_for(to, rest);
    json_t *error = json_object_get(reply, "error");
    ck_assert_msg(error != NULL, "%s is no error", to);
    const char *message = json_string_value(json_object_get(error, "message"));
    ck_assert_msg(json_integer_value(json_object_get(error, "code")) == code, "%s", message);
    ck_assert_msg(strstr(message, says) != NULL, "%s", message);
    json_decref(reply);
}

START_TEST(each_key_counts_once)
{
    char twice[PARAMS_MAX], hex[2 * KEYS_PUBLIC_SIZE + 1];
    hex_encode(bytes_of(solo.fake.keys[1].public_key, KEYS_PUBLIC_SIZE), hex);
    snprintf(twice, sizeof twice, "k0,robert,k0,%s", hex);
    assert_count("k0", 1);
    assert_count("k0,c0", 2);
    assert_count(twice, 1);
    assert_count("k0,k1,k2,k3,c0,c1,c2,c3", 8);
    assert_count("k0,k1,k2,k3,c0,c1,c2,c3,robert", 8);
    assert_refused("k0,k1,k2,k3,k4,c0,c1,c2,c3", "\"value\":1", -32602, "at most 8");
}
END_TEST

/* The random bytes are used for one value alone, or who opened one could open the next. */
START_TEST(each_value_has_keys_of_its_own)
{
    uint8_t first_raw[RECORD_PACKED_MAX], second_raw[RECORD_PACKED_MAX];
    struct sealed first = sealed_for("k0", first_raw), second = sealed_for("k0", second_raw);
    ck_assert_mem_ne(first.sender, second.sender, SEALED_KEY_SIZE);
    ck_assert_mem_ne(first.wrapped, second.wrapped, SEALED_WRAPPED_SIZE);
    ck_assert_mem_ne(first.box.data, second.box.data, first.box.size);
}
END_TEST

START_TEST(who_cannot_be_one_is_named)
{
    assert_refused("k0,nobody", "\"value\":1", 404, "nobody");
    assert_refused("nobody", "\"value\":1", 404, "addcontact");
    assert_refused("", "\"value\":1", -32602, "empty");
    assert_refused("k0,", "\"value\":1", -32602, "empty");
    assert_refused(",k0", "\"value\":1", -32602, "empty");
    assert_refused("0200000000000000000000000000000000000000000000000000000000000000",
                   "\"value\":1", -32602, "0200");
    char longest[600];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_refused(longest, "\"value\":1", -32602, "512");
}
END_TEST

START_TEST(a_list_has_an_end)
{
    char list[4104 + 4] = "k0";
    while (strlen(list) + 3 <= 4104) {
        strcat(list, ",k0");
    }
    assert_count(list, 1);
    strcat(list, ",k0");
    assert_refused(list, "\"value\":1", -32602, "4104");
}
END_TEST

START_TEST(a_deletion_is_not_encrypted)
{
    assert_refused("k0", "\"delete\":true", -32602, "deletion");
}
END_TEST

START_TEST(what_sealing_adds_counts_and_is_told)
{
    char value[PARAMS_MAX], text[1000];
    memset(text, 'x', sizeof text);
    snprintf(value, sizeof value, "\"value\":\"%.500s\"", text);
    json_t *reply = sign_for("k0", value);
    ck_assert_ptr_nonnull(json_object_get(reply, "result"));
    json_decref(reply);
    assert_refused("k0,k1,k2,k3,c0,c1,c2,c3", value, 205, "488");
}
END_TEST

/* The value as dhtget shows it, once it is put for `to`; compact, to be freed. */
static char *put_and_get(const char *to)
{
    char params[3 * PARAMS_MAX];
    snprintf(params, sizeof params,
             "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\",\"to\":\"%s\","
             "\"value\":{\"a\":1}}",
             to);
    json_decref(solo_call(&solo, "dhtput", params));
    json_t *reply = solo_call(&solo, "dhtget", "[\"alice\",\"r\",\"s\"]");
    json_t *element = json_array_get(json_object_get(reply, "result"), 0);
    json_t *part = json_object_get(element, "p");
    struct json_text text = {0};
    json_write(&text, json_object_get(part, "v"), 0);
    json_text_append(&text, " ", 1);
    json_write(&text, json_object_get(element, "encrypted"), 0);
    json_text_append(&text, "", 1);
    json_decref(reply);
    return text.data;
}

START_TEST(put_for_a_local_key_it_is_got)
{
    char *text = put_and_get("c0,k1");
    ck_assert_str_eq(text, "{\"a\":1} true");
    free(text);
    text = put_and_get("alice");
    ck_assert_str_eq(text, "{\"a\":1} true");
    free(text);
}
END_TEST

START_TEST(put_for_others_it_is_not)
{
    json_t *reply;
    json_decref(solo_call(&solo, "dhtput",
                          "{\"username\":\"alice\",\"resource\":\"r\",\"type\":\"s\","
                          "\"to\":\"c0\",\"value\":1}"));
    reply = solo_call(&solo, "dhtget", "[\"alice\",\"r\",\"s\"]");
    json_t *element = json_array_get(json_object_get(reply, "result"), 0);
    ck_assert(json_is_true(json_object_get(element, "encrypted")));
    ck_assert_str_eq(json_string_value(json_object_get(element, "reason")),
                     "no key of this daemon opens it");
    ck_assert_ptr_null(json_object_get(json_object_get(element, "p"), "v"));
    json_decref(reply);
    solo.client.access = RPC_ACCESS_READ;
    reply = solo_call(&solo, "dhtget", "[\"alice\",\"r\",\"s\"]");
    element = json_array_get(json_object_get(reply, "result"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(element, "reason")),
                     "not opened on the read-only socket");
    json_decref(reply);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_key_counts_once);
    tcase_add_test(tests, each_value_has_keys_of_its_own);
    tcase_add_test(tests, who_cannot_be_one_is_named);
    tcase_add_test(tests, a_list_has_an_end);
    tcase_add_test(tests, a_deletion_is_not_encrypted);
    tcase_add_test(tests, what_sealing_adds_counts_and_is_told);
    tcase_add_test(tests, put_for_a_local_key_it_is_got);
    tcase_add_test(tests, put_for_others_it_is_not);
}
