/* Content has one slot, whenever it was written, and other content another; a slot is shown as the
 * text that it is, or in hex. */
#include "rpc/values/slot.h"

#include "common/hex.h"
#include "daemon/dht/records/envelope.h"
#include "tests/runner.h"

static const char *slot_of(enum envelope_content content, const char *body, uint64_t time_unix_s)
{
    static char hex[2 * RECORD_SLOT_MAX + 1];
    uint8_t v[200];
    struct slot slot;
    struct wire_writer w;
    const struct envelope envelope = {.content = content,
                                      .body = bytes_of_string(body),
                                      .has_time = true,
                                      .time_unix_s = time_unix_s,
                                      .has_expiry = true,
                                      .expiry_unix_s = time_unix_s + 100};
    wire_writer_init(&w, v, sizeof v);
    envelope_write(&w, &envelope);
    slot_of_content(wire_written(&w), &slot);
    return hex_encode(bytes_of(slot.data, slot.size), hex);
}

/* As another program's BLAKE2b has them: of j"hello", bhello, chello. */
START_TEST(the_slot_is_a_hash_of_key_and_body)
{
    ck_assert_str_eq(slot_of(ENVELOPE_JSON, "\"hello\"", 1700000000),
                     "5a1960c5915121c29e0af886f58766bb74b59bc8");
    ck_assert_str_eq(slot_of(ENVELOPE_BYTES, "hello", 1700000000),
                     "6b63370bdc35347e64bacd83f52116e0ca824eed");
    ck_assert_str_eq(slot_of(ENVELOPE_SEALED, "hello", 1700000000),
                     "aae8ec73e1bfee6aa8096bb4c1d74313cd003464");
}
END_TEST

START_TEST(when_it_was_written_is_no_part_of_it)
{
    ck_assert_str_eq(slot_of(ENVELOPE_BYTES, "hello", 1800000000),
                     "6b63370bdc35347e64bacd83f52116e0ca824eed");
}
END_TEST

static void assert_shown(struct bytes slot, const char *key, const char *text)
{
    json_t *object = json_object();
    ck_assert(slot_show(object, slot));
    ck_assert_uint_eq(json_object_size(object), 1);
    ck_assert_str_eq(json_string_value(json_object_get(object, key)), text);
    json_decref(object);
}

START_TEST(what_can_be_printed_is_shown_as_it_is)
{
    assert_shown(bytes_of_string("latest"), "slot", "latest");
    assert_shown(bytes_of_string(" ~\xc3\xa9"), "slot", " ~\xc3\xa9");
}
END_TEST

START_TEST(all_else_is_shown_in_hex)
{
    assert_shown(bytes_of("a\0b", 3), "slot_hex", "610062");
    assert_shown(bytes_of_string("a\nb"), "slot_hex", "610a62");
    assert_shown(bytes_of_string("a\x1f"), "slot_hex", "611f");
    assert_shown(bytes_of_string("a\x7f"), "slot_hex", "617f");
    assert_shown(bytes_of_string("a\xff"), "slot_hex", "61ff");
    assert_shown(bytes_of_string("a\xc3"), "slot_hex", "61c3"); /* UTF-8 that is cut */
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_test(tests, the_slot_is_a_hash_of_key_and_body);
    tcase_add_test(tests, when_it_was_written_is_no_part_of_it);
    tcase_add_test(tests, what_can_be_printed_is_shown_as_it_is);
    tcase_add_test(tests, all_else_is_shown_in_hex);
}
