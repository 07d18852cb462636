/* Keys, contacts, signed texts and the daemon's own methods answer as their help says, and a secret
 * is shown to nobody but its owner. */
#include <check.h>
#include <unistd.h>

#include "common/hex.h"
#include "rpc/method.h"
#include "tests/rpc/caller.h"
#include "tests/runner.h"

#define KEY_HEX "0101010101010101010101010101010101010101010101010101010101010101"

static struct caller *caller;
static json_t *answer;

static void forget_answer(void)
{
    json_decref(answer);
}

/* The result of a call, its ticket answered at once; NULL when it failed. Borrowed. */
static json_t *call(const char *method, const char *params)
{
    char line[1024];

    snprintf(line, sizeof line, "{\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
    caller->fake.ticket = 0;
    dispatch_line(&caller->client, bytes_of_string(line));
    if (caller->fake.ticket != 0)
        dispatch_done(&caller->dispatch, caller->fake.ticket, ERR_OK, NULL);
    json_decref(answer);
    answer = json_read(bytes_of(caller->client.out.data, caller->client.out.size), 32, NULL, 0);
    caller->client.out.size = 0;
    ck_assert_ptr_nonnull(answer);
    json_t *result = json_object_get(answer, "result");
    return json_is_null(json_object_get(answer, "error")) ? result : NULL;
}

static const char *text(const char *method, const char *params)
{
    const char *string = json_string_value(call(method, params));

    ck_assert_ptr_nonnull(string);
    return string;
}

static bool is_true(const char *method, const char *params)
{
    const json_t *result = call(method, params);

    ck_assert(json_is_boolean(result));
    return json_is_true(result);
}

static void check_fails(const char *method, const char *params, int code)
{
    ck_assert_ptr_null(call(method, params));
    json_t *error = json_object_get(answer, "error");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), code);
}

START_TEST(keys_come_and_go)
{
    char first[65];

    snprintf(first, sizeof first, "%s", text("createkey", "[\"alice\"]"));
    ck_assert_uint_eq(strlen(first), 64);
    ck_assert_str_eq(text("pubkey", "[\"alice\"]"), first);
    ck_assert_str_eq(text("dumppubkey", "[\"alice\"]"), first);
    ck_assert_str_eq(json_string_value(json_object_get(call("listkeys", "[]"), "alice")), first);
    check_fails("createwalletuser", "[\"alice\"]", 409);
    check_fails("createkey", "[\"Alice\"]", -32602);
    check_fails("pubkey", "[\"bob\"]", 404);
    check_fails("pubkey", "[\"bob@wabi\"]", 404);
    ck_assert(is_true("dropkey", "[\"alice\"]"));
    check_fails("dropkey", "[\"alice\"]", 404);
    ck_assert_uint_eq(json_object_size(call("listwalletusers", "[]")), 0);
}
END_TEST

START_TEST(a_seed_is_shown_to_its_owner_alone)
{
    text("importkey", "[\"alice\",\"" KEY_HEX "\"]");
    ck_assert_str_eq(text("exportkey", "[\"alice\"]"), KEY_HEX);
    check_fails("exportkey", "[\"bob\"]", 404);
    caller->client.uid = geteuid() + 1;
    check_fails("exportkey", "[\"alice\"]", 403);
    check_fails("dumpprivkey", "[\"alice\"]", 403);
    caller->client.uid = 0;
    ck_assert_str_eq(text("exportkey", "[\"alice\"]"), KEY_HEX);
}
END_TEST

START_TEST(contacts_are_pinned)
{
    ck_assert(is_true("addcontact", "[\"bob\",\"" KEY_HEX "\"]"));
    ck_assert_str_eq(text("pubkey", "[\"bob\"]"), KEY_HEX);
    ck_assert_str_eq(json_string_value(json_object_get(call("listcontacts", "[]"), "bob")),
                     KEY_HEX);
    check_fails("addcontact", "[\"bob\",\"00\"]", -32602);
    check_fails("signmessage", "[\"bob\",\"hello\"]", 401);
    ck_assert(is_true("dropcontact", "[\"bob\"]"));
    check_fails("dropcontact", "[\"bob\"]", 404);
}
END_TEST

START_TEST(a_signed_text_verifies)
{
    static const char signed_bytes[] = "xord Signed Message:\n5\nhello";
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    char params[512];

    text("createkey", "[\"alice\"]");
    const char *hex = text("signmessage", "[\"alice\",\"hello\"]");
    ck_assert(hex_decode(hex, strlen(hex), signature, sizeof signature));
    ck_assert(keys_verify(caller->fake.keys[0].public_key,
                          bytes_of(signed_bytes, sizeof signed_bytes - 1), signature));
    snprintf(params, sizeof params, "[\"alice\",\"%s\",\"hello\"]", hex);
    ck_assert(is_true("verifymessage", params));
    params[strlen(params) - 3] = '0';
    ck_assert(!is_true("verifymessage", params));
    check_fails("verifymessage", "[\"alice\",\"00\",\"hello\"]", -32602);
}
END_TEST

START_TEST(getinfo_tells_all)
{
    static const char *const keys[] = {"version",
                                       "network",
                                       "id",
                                       "port",
                                       "role",
                                       "role_why",
                                       "state",
                                       "uptime",
                                       "stored",
                                       "addresses",
                                       "dht_nodes",
                                       "dht_xord_nodes",
                                       "dht_global_nodes",
                                       "kept_puts",
                                       "clients",
                                       "traffic",
                                       "stored_bytes",
                                       "subscriptions",
                                       "data_dir",
                                       "under_way",
                                       "warnings"};
    json_t *info = call("getinfo", "[]");

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        ck_assert_msg(json_object_get(info, keys[i]) != NULL, "%s", keys[i]);
    ck_assert_str_eq(json_string_value(json_object_get(info, "state")), "starting");
    ck_assert_int_eq(json_integer_value(json_object_get(info, "clients")), 1);
    const json_t *traffic = json_object_get(info, "traffic");
    ck_assert_int_eq(json_integer_value(json_object_get(traffic, "packets_in")), 0);
    ck_assert_ptr_nonnull(json_object_get(traffic, "packets_malformed"));
}
END_TEST

START_TEST(help_explains_each_method)
{
    size_t count;
    const struct method *rows = method_table(&count);
    char params[64];

    for (size_t i = 0; i < count; i++) {
        snprintf(params, sizeof params, "[\"%s\"]", rows[i].name);
        ck_assert_ptr_nonnull(strstr(text("help", params), rows[i].name));
    }
    ck_assert_ptr_nonnull(strstr(text("help", "[]"), "\ndhtget <username> <resource> <type>"));
    check_fails("help", "[\"nope\"]", -32601);
}
END_TEST

START_TEST(settings_and_logs)
{
    ck_assert_str_eq(json_string_value(json_object_get(call("getconfig", "[]"), "port")), "4001");
    ck_assert_str_eq(text("getconfig", "[\"port\"]"), "4001");
    check_fails("getconfig", "[\"prot\"]", -32602);
    ck_assert(is_true("setlog", "[\"debug\"]"));
    check_fails("setlog", "[\"loud\"]", -32602);
    ck_assert(is_true("reload", "[]"));
}
END_TEST

START_TEST(ready_is_answered_at_once_when_it_is)
{
    fake_host_tick(&caller->fake);
    ck_assert_str_eq(text("waitready", "[]"), "alone");
}
END_TEST

void add_tests(TCase *tests)
{
    caller = caller_fixture(tests);
    tcase_add_checked_fixture(tests, NULL, forget_answer);
    tcase_add_test(tests, keys_come_and_go);
    tcase_add_test(tests, a_seed_is_shown_to_its_owner_alone);
    tcase_add_test(tests, contacts_are_pinned);
    tcase_add_test(tests, a_signed_text_verifies);
    tcase_add_test(tests, getinfo_tells_all);
    tcase_add_test(tests, help_explains_each_method);
    tcase_add_test(tests, settings_and_logs);
    tcase_add_test(tests, ready_is_answered_at_once_when_it_is);
}
