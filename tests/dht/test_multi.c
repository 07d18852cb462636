/* Entries of multis: what binds one to its target and place, what is refused, and that their forms
 * on the wire, on disk and in `hexdata` bring back what was written. */
#include "daemon/dht/records/multi.h"

#include <check.h>

#include "tests/runner.h"

#define V     "d1:j12:{\"msg\":\"hi\"}1:ti1700000000e1:xi1701209600ee"
#define OTHER "d1:j2:{}1:ti1700000000ee"

static uint8_t public_key[KEYS_PUBLIC_SIZE], secret_key[KEYS_SECRET_SIZE];
static uint8_t sig[KEYS_SIGNATURE_SIZE];

static void setup(void)
{
    ck_assert_int_eq(keys_init(), ERR_OK);
    keys_from_seed((const uint8_t[KEYS_SEED_SIZE]){7}, public_key, secret_key);
}

/* A good entry of twister's hashtag; its signature lies in `sig`. */
static struct record entry(const char *slot, int64_t seq, const char *v)
{
    struct record r = {.kind = RECORD_MULTI,
                       .k = public_key,
                       .sig = sig,
                       .salt = bytes_of_string(slot),
                       .seq = seq,
                       .v = bytes_of_string(v)};
    record_multi_target(bytes_of_string("twister"), bytes_of_string("hashtag"), &r.target);
    record_sign(secret_key, &r, sig);
    return r;
}

START_TEST(all_of_it_is_signed)
{
    struct record r = entry("latest", 3, V);
    ck_assert_int_eq(record_check(&r), ERR_OK);
    ck_assert(record_verify(&r));
    struct record other = r;
    other.target.b[0] ^= 1;
    ck_assert_int_eq(record_check(&other), ERR_OK);
    ck_assert(!record_verify(&other));
    other = r;
    other.salt = bytes_of_string("latesu");
    ck_assert(!record_verify(&other));
    other = r;
    other.seq++;
    ck_assert(!record_verify(&other));
    other = r;
    other.v = bytes_of_string(OTHER);
    ck_assert(!record_verify(&other));
    other = r;
    other.kind = RECORD_SINGLE;
    ck_assert(!record_verify(&other));
}
END_TEST

START_TEST(only_envelopes_with_a_time_in_a_slot)
{
    const char *refused[] = {"12:Hello World!", "d1:j2:{}e", "i5e", "de"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct record r = entry("latest", 1, refused[i]);
        ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    }
    struct record r = entry("123456789012345678901234567890123", 1, V);
    ck_assert_int_eq(record_check(&r), ERR_SALT_TOO_LONG);
    r = entry("12345678901234567890123456789012", 1, V);
    ck_assert_int_eq(record_check(&r), ERR_OK);
    r = entry("", 1, V);
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = entry("latest", -1, V);
    ck_assert_int_eq(record_check(&r), ERR_MALFORMED);
    r = entry("gone", 2, "d1:ti1700000000ee");
    ck_assert_int_eq(record_check(&r), ERR_OK);
}
END_TEST

START_TEST(a_place_is_signer_and_slot)
{
    struct id first, second;
    struct record r = entry("latest", 1, V);
    record_key(&r, &first);
    r = entry("latest", 2, OTHER);
    record_key(&r, &second);
    ck_assert(id_equal(&first, &second));
    r = entry("another", 1, V);
    record_key(&r, &second);
    ck_assert(!id_equal(&first, &second));
    uint8_t stranger[KEYS_PUBLIC_SIZE] = {1};
    r = entry("latest", 1, V);
    r.k = stranger;
    record_key(&r, &second);
    ck_assert(!id_equal(&first, &second));
}
END_TEST

START_TEST(an_entry_survives_the_wire)
{
    uint8_t buffer[2 * MULTI_ENTRY_MAX];
    struct wire_writer w;
    struct bencode_reader list;
    struct multi_brief brief;
    struct record r = entry("latest", 3, V), back;
    wire_writer_init(&w, buffer, sizeof buffer);
    bencode_write_list(&w);
    multi_write_entry(&w, &r);
    multi_write_entry(&w, &r);
    bencode_write_end(&w);
    multi_brief_of(&r, &brief);
    ck_assert_uint_eq(2u * brief.size + 2, w.used);
    bencode_reader_init(&list, wire_written(&w));
    bencode_read_list(&list);
    for (int i = 0; i < 2; i++) {
        ck_assert(bencode_more(&list));
        ck_assert(multi_read_entry(&list, &r.target, &back));
        ck_assert(record_equal(&r, &back) && record_verify(&back));
    }
    ck_assert(!bencode_more(&list));
    ck_assert(bencode_is_done(&list));
    for (size_t cut = 1; cut < w.used; cut++) {
        bencode_reader_init(&list, bytes_of(buffer, cut));
        bencode_read_list(&list);
        while (bencode_more(&list))
            multi_read_entry(&list, &r.target, &back);
        ck_assert(!bencode_is_done(&list));
    }
}
END_TEST

START_TEST(briefs_keys_and_positions)
{
    uint8_t buffer[2 * MULTI_BRIEF_SIZE];
    struct wire_writer w;
    struct record r = entry("latest", INT64_MAX, V);
    struct multi_brief brief, back;
    struct store_position position, other;
    struct id key;
    multi_brief_of(&r, &brief);
    wire_writer_init(&w, buffer, sizeof buffer);
    multi_write_brief(&w, &brief);
    ck_assert_uint_eq(w.used, MULTI_BRIEF_SIZE);
    ck_assert(multi_read_brief(wire_written(&w), 0, &back));
    ck_assert(id_equal(&brief.key, &back.key));
    ck_assert_int_eq(back.seq, INT64_MAX);
    ck_assert_uint_eq(back.size, brief.size);
    ck_assert(!multi_read_brief(wire_written(&w), 1, &back));
    buffer[ID_SIZE] |= 0x80; /* a seq below zero */
    ck_assert(!multi_read_brief(wire_written(&w), 0, &back));
    multi_position_of(&r, &position);
    ck_assert_uint_eq(position.time_unix_s, 1700000000);
    wire_writer_init(&w, buffer, sizeof buffer);
    multi_write_position(&w, &position);
    ck_assert(multi_read_position(wire_written(&w), &other));
    ck_assert_int_eq(multi_position_compare(&position, &other), 0);
    other.time_unix_s--;
    ck_assert_int_gt(multi_position_compare(&other, &position), 0);
    ck_assert(!multi_read_position(bytes_of(buffer, MULTI_POSITION_SIZE - 1), &other));
    ck_assert(!multi_read_position(bytes_of(buffer, MULTI_POSITION_SIZE + 1), &other));
    ck_assert(multi_read_key(bytes_of(brief.key.b, ID_SIZE), 0, &key) &&
              id_equal(&key, &brief.key));
    ck_assert(!multi_read_key(bytes_of(brief.key.b, ID_SIZE), 1, &key));
}
END_TEST

START_TEST(raw_form)
{
    uint8_t buffer[RECORD_PACKED_MAX];
    struct wire_writer w;
    struct record r = entry("latest", 3, V), back;
    const struct record_name name = {bytes_of_string("twister"), bytes_of_string("hashtag")};
    struct record_name found;
    wire_writer_init(&w, buffer, sizeof buffer);
    record_write_raw(&w, &r, &name);
    ck_assert(bencode_is_canonical(wire_written(&w)));
    ck_assert_int_eq(record_parse_raw(wire_written(&w), &back, &found), ERR_OK);
    ck_assert(record_equal(&r, &back) && record_verify(&back));
    ck_assert(bytes_equal(found.name, name.name) && bytes_equal(found.resource, name.resource));
    for (size_t size = 0; size < w.used; size++)
        ck_assert_int_eq(record_parse_raw(bytes_of(buffer, size), &back, &found), ERR_MALFORMED);
    const struct record_name none = {bytes_of_string(""), bytes_of_string("hashtag")};
    wire_writer_init(&w, buffer, sizeof buffer);
    record_write_raw(&w, &r, &none);
    ck_assert_int_eq(record_parse_raw(wire_written(&w), &back, &found), ERR_MALFORMED);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, all_of_it_is_signed);
    tcase_add_test(tests, only_envelopes_with_a_time_in_a_slot);
    tcase_add_test(tests, a_place_is_signer_and_slot);
    tcase_add_test(tests, an_entry_survives_the_wire);
    tcase_add_test(tests, briefs_keys_and_positions);
    tcase_add_test(tests, raw_form);
}
