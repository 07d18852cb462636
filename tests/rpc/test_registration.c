/* A registration binds a name to a key, or unbinds it; anything else under its salt binds nothing.
 */
#include "rpc/names/registration.h"

#include "common/hex.h"
#include "daemon/dht/records/envelope.h"
#include "rpc/values/value.h"
#include "tests/runner.h"

#define NOW 1700000000u
#define HEX "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

static uint8_t key[KEYS_PUBLIC_SIZE], buffer[RECORD_V_MAX];
static struct registration found;

static void setup(void)
{
    ck_assert(hex_decode(HEX, strlen(HEX), key, sizeof key));
}

/* What is read from a record with this envelope, written now and good for a minute. */
static enum err read_envelope(enum envelope_content content, const char *body, uint64_t now_unix_s)
{
    const struct envelope e = {.content = content,
                               .body = bytes_of_string(body),
                               .has_time = true,
                               .has_expiry = true,
                               .time_unix_s = NOW,
                               .expiry_unix_s = NOW + 60};
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    envelope_write(&w, &e);
    const struct record record = {.kind = RECORD_SINGLE, .seq = 7, .v = wire_written(&w)};
    return registration_read(&record, now_unix_s, &found);
}

START_TEST(the_salt_is_the_name_behind_a_word)
{
    char salt[REGISTRATION_SALT_SIZE];
    struct bytes bytes = registration_salt("bob", salt);
    ck_assert_uint_eq(bytes.size, 8);
    ck_assert_mem_eq(bytes.data, "name/bob", 8);
    bytes = registration_salt("12345678901234567890123456789012", salt);
    ck_assert_uint_eq(bytes.size, 5 + RPC_NAME_MAX);
}
END_TEST

START_TEST(what_is_made_is_read)
{
    json_t *content = registration_content(key);
    const struct value_source source = {
        .json = content, .has_time = true, .time_unix_s = NOW, .expiry_unix_s = NOW + 60};
    struct value value;
    ck_assert(value_make_envelope(&source, &value));
    const struct record record = {
        .kind = RECORD_SINGLE, .seq = 7, .v = bytes_of(value.data, value.size)};
    ck_assert_int_eq(registration_read(&record, NOW, &found), ERR_OK);
    ck_assert_mem_eq(found.key, key, sizeof key);
    ck_assert(!found.is_deleted);
    ck_assert_int_eq(found.seq, 7);
    ck_assert_uint_eq(found.time_unix_s, NOW);
    ck_assert_uint_eq(found.expiry_unix_s, NOW + 60);
    value_clear(&value);
    json_decref(content);
}
END_TEST

START_TEST(other_keys_are_left_alone)
{
    ck_assert_int_eq(
        read_envelope(ENVELOPE_JSON, "{\"since\":1,\"key\":\"" HEX "\",\"x\":[]}", NOW), ERR_OK);
    ck_assert_mem_eq(found.key, key, sizeof key);
}
END_TEST

START_TEST(a_deletion_unbinds)
{
    ck_assert_int_eq(read_envelope(ENVELOPE_DELETED, "", NOW), ERR_OK);
    ck_assert(found.is_deleted);
}
END_TEST

static const char *const wrong[] = {
    "{}",
    "[]",
    "\"" HEX "\"",
    "{\"key\":1}",
    "{\"key\":\"\"}",
    "{\"key\":\"ab\"}",
    "{\"Key\":\"" HEX "\"}",
    "{\"key\":\"" HEX "00\"}",
    "{\"key\":\"g" HEX "\"}",
    "no JSON",
    "",
};

START_TEST(what_holds_no_key_counts_as_a_deletion)
{
    ck_assert_int_eq(read_envelope(ENVELOPE_JSON, wrong[_i], NOW), ERR_BAD_REGISTRATION);
    ck_assert(found.is_deleted);
    ck_assert_int_eq(found.seq, 7);
}
END_TEST

START_TEST(bytes_are_no_key)
{
    ck_assert_int_eq(read_envelope(ENVELOPE_BYTES, "{\"key\":\"" HEX "\"}", NOW),
                     ERR_BAD_REGISTRATION);
}
END_TEST

START_TEST(what_has_ended_is_not_there)
{
    ck_assert_int_eq(
        read_envelope(ENVELOPE_JSON, "{\"key\":\"" HEX "\"}", NOW + 60 + RECORD_SKEW_S + 1),
        ERR_NOT_FOUND);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, the_salt_is_the_name_behind_a_word);
    tcase_add_test(tests, what_is_made_is_read);
    tcase_add_test(tests, other_keys_are_left_alone);
    tcase_add_test(tests, a_deletion_unbinds);
    tcase_add_loop_test(tests, what_holds_no_key_counts_as_a_deletion, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(tests, bytes_are_no_key);
    tcase_add_test(tests, what_has_ended_is_not_there);
}
