/* A sealed value is shown to whoever has a recipient's key, in the record it was sealed for; in
 * every other case it is said to be encrypted, and why it stays closed. */
#include <check.h>
#include <stdlib.h>

#include "rpc/json/json.h"
#include "rpc/values/value.h"
#include "tests/rpc/fake_host.h"
#include "tests/runner.h"

static struct fake_host fake;
static struct id target;
static const uint8_t sig[KEYS_SIGNATURE_SIZE] = {1};
static struct value value;

/* Local keys alice and bob. */
static void setup(void)
{
    fake_host_init(&fake);
    fake.host.key_create(&fake, "alice", NULL, 1);
    fake.host.key_create(&fake, "bob", NULL, 2);
    target = (struct id){{7}};
}

static void teardown(void)
{
    value_clear(&value);
    fake_host_clear(&fake);
}

/* The v of alice's value for bob: JSON text, or bytes. */
static struct bytes seal(const char *json_text, const char *content)
{
    struct recipients to = {.count = 1};
    memcpy(to.keys[0], fake.keys[1].public_key, KEYS_PUBLIC_SIZE);
    struct value_seal how = {.to = &to,
                             .signer = fake.keys[0].public_key,
                             .kind = RECORD_SINGLE,
                             .target = &target,
                             .random = {3}};
    json_t *json = json_text != NULL ? json_read(bytes_of_string(json_text), 8, NULL, 0) : NULL;
    struct value_source source = {.json = json,
                                  .bytes =
                                      json == NULL ? bytes_of_string(content) : (struct bytes){0},
                                  .has_time = true,
                                  .time_unix_s = 17,
                                  .expiry_unix_s = 42,
                                  .seal = &how};
    value_clear(&value);
    ck_assert(value_make_envelope(&source, &value));
    json_decref(json);
    return bytes_of(value.data, value.size);
}

static struct opener opener_with(uint32_t tries)
{
    return (struct opener){
        .host = &fake.host, .is_allowed = true, .tries_left = tries, .elements_left = 9};
}

/* The element without key and signature, compact, of a record of `signer`; to be freed. */
static char *shown(struct opener *opener, struct bytes v, size_t signer, enum record_kind kind,
                   struct id place)
{
    struct record record = {.kind = kind,
                            .target = place,
                            .k = fake.keys[signer].public_key,
                            .sig = sig,
                            .salt = bytes_of_string("salt"),
                            .v = v};
    struct value_target names = {.username = "a", .resource = "r", .type = "s"};
    json_t *element = value_show(opener, &record, &names);
    ck_assert_ptr_nonnull(element);
    json_object_del(element, "sig_p");
    json_object_del(element, "sig_user");
    json_object_del(element, "k");
    json_object_del(json_object_get(element, "p"), "target");
    json_object_del(json_object_get(element, "p"), "slot");
    struct json_text text = {0};
    json_write(&text, element, 0);
    json_text_append(&text, "", 1);
    json_decref(element);
    return text.data;
}

#define OPENED(content) "{\"p\":{\"seq\":0,\"time\":17," content "},\"encrypted\":true}"
#define CLOSED(reason)                                                                             \
    "{\"p\":{\"seq\":0,\"time\":17},\"encrypted\":true,\"reason\":\"" reason "\"}"

static void assert_shown(struct opener opener, struct bytes v, const char *expected)
{
    char *text = shown(&opener, v, 0, RECORD_SINGLE, target);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(a_recipient_reads_json_and_bytes)
{
    assert_shown(opener_with(9), seal("{\"a\":[1,null]}", NULL), OPENED("\"v\":{\"a\":[1,null]}"));
    assert_shown(opener_with(9), seal("null", NULL), OPENED("\"v\":null"));
    assert_shown(opener_with(9), seal(NULL, "hi"), OPENED("\"v_base64\":\"aGk=\""));
    assert_shown(opener_with(9), seal(NULL, ""), OPENED("\"v_base64\":\"\""));
}
END_TEST

START_TEST(without_a_recipients_key_it_stays_closed)
{
    struct bytes v = seal("1", NULL);
    fake.key_count = 1; /* alice, who signed it */
    assert_shown(opener_with(9), v, CLOSED("no key of this daemon opens it"));
}
END_TEST

START_TEST(another_signer_or_target_stays_closed)
{
    struct opener opener = opener_with(9);
    struct bytes v = seal("1", NULL);
    char *text = shown(&opener, v, 1, RECORD_SINGLE, target);
    ck_assert_str_eq(text, CLOSED("sealed by another signer"));
    free(text);
    text = shown(&opener, v, 0, RECORD_SINGLE, (struct id){{8}});
    ck_assert_str_eq(text, CLOSED("sealed for another target"));
    free(text);
    text = shown(&opener, v, 0, RECORD_MULTI, target);
    ck_assert_str_eq(text, CLOSED("sealed for another target"));
    free(text);
}
END_TEST

START_TEST(what_is_damaged_stays_closed)
{
    struct bytes v = seal("1", NULL);
    size_t last = v.size - 1 - strlen("1:ti17e1:xi42ee");
    value.data[last] ^= 1;
    assert_shown(opener_with(9), v, CLOSED("damaged"));
    assert_shown(opener_with(9), bytes_of_string("d1:c3:abc1:ti17e1:xi42ee"), CLOSED("damaged"));
}
END_TEST

/* By a signer who seals as JSON what is none. */
START_TEST(a_text_that_is_no_json_is_damaged)
{
    struct recipients to = {.count = 1};
    memcpy(to.keys[0], fake.keys[1].public_key, KEYS_PUBLIC_SIZE);
    struct sealed_content content = {.signer = fake.keys[0].public_key,
                                     .kind = RECORD_SINGLE,
                                     .target = target.b,
                                     .type = SEALED_JSON,
                                     .content = bytes_of_string("{no")};
    const uint8_t random[SEALED_RANDOM_SIZE] = {5};
    uint8_t sealed[400], v[500];
    struct wire_writer w, envelope_writer;
    wire_writer_init(&w, sealed, sizeof sealed);
    ck_assert_int_eq(sealed_write(&w, to.keys, 1, &content, random), ERR_OK);
    struct envelope envelope = {
        .content = ENVELOPE_SEALED, .body = wire_written(&w), .has_time = true, .time_unix_s = 17};
    wire_writer_init(&envelope_writer, v, sizeof v);
    envelope_write(&envelope_writer, &envelope);
    assert_shown(opener_with(9), wire_written(&envelope_writer), CLOSED("damaged"));
}
END_TEST

START_TEST(the_read_only_socket_opens_nothing)
{
    struct opener opener = opener_with(9);
    opener.is_allowed = false;
    assert_shown(opener, seal("1", NULL), CLOSED("not opened on the read-only socket"));
}
END_TEST

START_TEST(one_call_tries_so_many_keys_and_no_more)
{
    struct opener opener = opener_with(3);
    struct bytes v = seal("1", NULL); /* bob's is the second key tried */
    char *text = shown(&opener, v, 0, RECORD_SINGLE, target);
    ck_assert_str_eq(text, OPENED("\"v\":1"));
    ck_assert_uint_eq(opener.tries_left, 1);
    free(text);
    assert_shown(
        opener, v,
        CLOSED("not all keys were tried, this call has tried enough; ask for fewer values"));
}
END_TEST

START_TEST(elsewhere_it_is_only_said_to_be_encrypted)
{
    json_t *object = json_object();
    ck_assert(value_show_content(object, seal("1", NULL)));
    ck_assert(json_is_true(json_object_get(object, "encrypted")));
    ck_assert(json_is_string(json_object_get(object, "reason")));
    ck_assert_uint_eq(json_object_size(object), 2);
    json_decref(object);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_recipient_reads_json_and_bytes);
    tcase_add_test(tests, without_a_recipients_key_it_stays_closed);
    tcase_add_test(tests, another_signer_or_target_stays_closed);
    tcase_add_test(tests, what_is_damaged_stays_closed);
    tcase_add_test(tests, a_text_that_is_no_json_is_damaged);
    tcase_add_test(tests, the_read_only_socket_opens_nothing);
    tcase_add_test(tests, one_call_tries_so_many_keys_and_no_more);
    tcase_add_test(tests, elsewhere_it_is_only_said_to_be_encrypted);
}
