/* Values read back as they were written, the canonical form is told from others, and whatever is
 * malformed fails the reader without a byte read outside the input. */
#include "common/bencode.h"
#include "tests/runner.h"

#include <check.h>
#include <stdlib.h>

static struct bencode_reader reader_of(const char *text)
{
    struct bencode_reader r;
    bencode_reader_init(&r, bytes_of_string(text));
    return r;
}

/* Whether `text` is exactly one value to the reader. */
static bool is_value(const char *text)
{
    struct bencode_reader r = reader_of(text);
    struct bytes raw = bencode_read_raw(&r);
    if (raw.data != NULL && bencode_is_done(&r))
        ck_assert(bytes_is_string(raw, text));
    return bencode_is_done(&r);
}

static bool is_canonical(const char *text)
{
    return bencode_is_canonical(bytes_of_string(text));
}

static const struct {
    const char *text;
    int64_t value;
} integers[] = {
    {"i0e", 0},
    {"i7e", 7},
    {"i-1e", -1},
    {"i10e", 10},
    {"i9223372036854775807e", INT64_MAX},
    {"i-9223372036854775808e", INT64_MIN},
    {"i-9223372036854775807e", -INT64_MAX},
    {"i1234567890123456789e", 1234567890123456789},
};

START_TEST(integers_go_both_ways)
{
    struct bencode_reader r = reader_of(integers[_i].text);
    ck_assert_int_eq(bencode_peek(&r), BENCODE_INT);
    ck_assert(bencode_read_int(&r) == integers[_i].value);
    ck_assert(bencode_is_done(&r));
    uint8_t buffer[32];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    bencode_write_int(&w, integers[_i].value);
    ck_assert(bytes_is_string(wire_written(&w), integers[_i].text));
}
END_TEST

static const char *const malformed[] = {
    "",
    "e",
    "i",
    "ie",
    "i-e",
    "i-0e",
    "i00e",
    "i01e",
    "i-01e",
    "i+1e",
    "i 1e",
    "i1",
    "i1.5e",
    "i--1e",
    "1",
    "1:",
    "2:a",
    "01:a",
    "00:",
    "-1:a",
    "1a",
    ":",
    "l",
    "li1e",
    "d",
    "d1:a",
    "d1:ae",
    "di1e1:ae",
    "dle1:ae",
    "x",
    "d1:a1:b",
    "d1:ai1e1:be",
    "lx",
    "i1x",
    "1;a",
    "d1:",
    "l1:",
    "ld",
    "lle",
    "d1:ad",
    "4294967295:a",
    "4294967297:a",
    "18446744073709551615:a",
    "18446744073709551616:a",
    "18446744073709551617:a",
    "99999999999999999999999999999999999999:a",
    "9223372036854775807:a",
    "i9223372036854775808e",
    "i-9223372036854775809e",
    "i18446744073709551616e",
    "i99999999999999999999999999999e",
    "i-99999999999999999999999e",
    "lllllllll",
    "llllllllleeeeeeeee",
    "d1:ad1:ad1:ad1:ad1:ad1:ad1:ad1:adeeeeeeeee",
};

/* Each is read from a copy of its exact size, so that a sanitizer sees the first byte too far. */
START_TEST(malformed_values_are_refused)
{
    size_t size = strlen(malformed[_i]);
    uint8_t *copy = malloc(size + (size == 0));
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, malformed[_i], size);
    struct bencode_reader r;
    bencode_reader_init(&r, bytes_of(copy, size));
    ck_assert_ptr_null(bencode_read_raw(&r).data);
    ck_assert(r.failed);
    ck_assert(!bencode_is_done(&r));
    ck_assert(!bencode_is_canonical(bytes_of(copy, size)));
    free(copy);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    static const char whole[] = "d1:ad2:id3:abc1:ni-12ee1:ql0:i0ee1:y10:0123456789e";
    ck_assert(is_canonical(whole));
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        uint8_t *copy = malloc(size + (size == 0));
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, whole, size);
        struct bencode_reader r;
        bencode_reader_init(&r, bytes_of(copy, size));
        bencode_read_raw(&r);
        ck_assert(!bencode_is_done(&r));
        free(copy);
    }
}
END_TEST

START_TEST(a_failure_sticks)
{
    struct bencode_reader r = reader_of("i1ei2e");
    ck_assert_ptr_null(bencode_read_bytes(&r).data);
    ck_assert(r.failed);
    ck_assert_int_eq(bencode_peek(&r), BENCODE_NONE);
    ck_assert(bencode_read_int(&r) == 0);
    bencode_read_list(&r);
    bencode_read_dict(&r);
    ck_assert(!bencode_more(&r));
    ck_assert_ptr_null(bencode_read_raw(&r).data);
    ck_assert(!bencode_is_done(&r));
}
END_TEST

START_TEST(another_type_fails)
{
    struct bencode_reader r = reader_of("1:a");
    bencode_read_int(&r);
    ck_assert(r.failed);
    r = reader_of("le");
    bencode_read_dict(&r);
    ck_assert(r.failed);
    r = reader_of("de");
    bencode_read_list(&r);
    ck_assert(r.failed);
    r = reader_of("de");
    ck_assert_ptr_null(bencode_read_bytes(&r).data);
}
END_TEST

START_TEST(a_message_reads_straight_through)
{
    struct bencode_reader r = reader_of("d1:ad2:id3:abce1:q4:ping1:xli1ei-2eee");
    bencode_read_dict(&r);
    ck_assert(bencode_more(&r));
    ck_assert(bytes_is_string(bencode_read_bytes(&r), "a"));
    ck_assert_int_eq(bencode_peek(&r), BENCODE_DICT);
    ck_assert(bytes_is_string(bencode_read_raw(&r), "d2:id3:abce"));
    ck_assert(bencode_more(&r));
    ck_assert(bytes_is_string(bencode_read_bytes(&r), "q"));
    ck_assert(bytes_is_string(bencode_read_bytes(&r), "ping"));
    ck_assert(bencode_more(&r));
    ck_assert(bytes_is_string(bencode_read_bytes(&r), "x"));
    bencode_read_list(&r);
    ck_assert(bencode_more(&r));
    ck_assert_int_eq(bencode_read_int(&r), 1);
    ck_assert(bencode_more(&r));
    ck_assert_int_eq(bencode_read_int(&r), -2);
    ck_assert(!bencode_more(&r));
    ck_assert(!bencode_is_done(&r));
    ck_assert(!bencode_more(&r));
    ck_assert(bencode_is_done(&r));
}
END_TEST

START_TEST(a_container_without_its_end_is_not_done)
{
    struct bencode_reader r = reader_of("l");
    bencode_read_list(&r);
    ck_assert(!bencode_is_done(&r));
    ck_assert(!bencode_more(&r));
    ck_assert(r.failed);
}
END_TEST

START_TEST(empty_bytes_are_present)
{
    struct bencode_reader r = reader_of("0:");
    struct bytes empty = bencode_read_bytes(&r);
    ck_assert_ptr_nonnull(empty.data);
    ck_assert_uint_eq(empty.size, 0);
    ck_assert(bencode_is_done(&r));
}
END_TEST

START_TEST(absent_input_is_refused)
{
    struct bencode_reader r;
    bencode_reader_init(&r, bytes_of(NULL, 0));
    ck_assert(bencode_is_done(&r));
    ck_assert_ptr_null(bencode_read_raw(&r).data);
    ck_assert(!bencode_is_canonical(bytes_of(NULL, 0)));
}
END_TEST

START_TEST(nesting_ends_at_the_limit)
{
    ck_assert(is_value("lllllllleeeeeeee"));
    ck_assert(is_canonical("lllllllli1eeeeeeeee"));
    ck_assert(!is_value("llllllllleeeeeeeee"));
    struct bencode_reader r = reader_of("llllllllleeeeeeeee");
    for (int depth = 0; depth < BENCODE_DEPTH_MAX; depth++)
        bencode_read_list(&r);
    ck_assert(!r.failed);
    bencode_read_list(&r);
    ck_assert(r.failed);
}
END_TEST

START_TEST(nesting_counts_what_was_entered_before)
{
    struct bencode_reader r = reader_of("llllllllleeeeeeeee");
    bencode_read_list(&r);
    ck_assert(bencode_more(&r));
    ck_assert_ptr_null(bencode_read_raw(&r).data);
    ck_assert(r.failed);
}
END_TEST

START_TEST(keys_in_any_order_are_read_but_not_canonical)
{
    ck_assert(is_value("d1:bi1e1:ai2ee"));
    ck_assert(!is_canonical("d1:bi1e1:ai2ee"));
    ck_assert(is_value("d1:ai1e1:ai2ee"));
    ck_assert(!is_canonical("d1:ai1e1:ai2ee"));
    ck_assert(!is_canonical("d2:abi1e1:ai2ee"));
    ck_assert(!is_canonical("ld1:bi1e1:ai2eee"));
    ck_assert(!is_canonical("d1:ad1:bi1e1:ai2eee"));
    ck_assert(!is_canonical("d1:ai1e0:i2ee"));
}
END_TEST

START_TEST(canonical_values_are_canonical)
{
    ck_assert(is_canonical("de"));
    ck_assert(is_canonical("le"));
    ck_assert(is_canonical("0:"));
    ck_assert(is_canonical("d0:i2e1:ai1ee"));
    ck_assert(is_canonical("d1:ai1e2:abi2e1:bi3ee"));
    ck_assert(is_canonical("d1:A0:1:a0:1:\xff"
                           "0:e"));
    /* Each dictionary has an order of its own. */
    ck_assert(is_canonical("d1:bd1:ai1ee1:cd1:ai1eee"));
    ck_assert(!is_canonical("dei1e"));
    ck_assert(!is_canonical("i1ei1e"));
}
END_TEST

START_TEST(raw_takes_one_value_and_leaves_the_rest)
{
    struct bencode_reader r = reader_of("d1:ali1eee3:abc");
    ck_assert(bytes_is_string(bencode_read_raw(&r), "d1:ali1eee"));
    ck_assert(!bencode_is_done(&r));
    ck_assert(bytes_is_string(bencode_read_raw(&r), "3:abc"));
    ck_assert(bencode_is_done(&r));
}
END_TEST

START_TEST(a_message_is_written)
{
    uint8_t buffer[64];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    bencode_write_dict(&w);
    bencode_write_string(&w, "a");
    bencode_write_list(&w);
    bencode_write_int(&w, 0);
    bencode_write_bytes(&w, bytes_of(NULL, 0));
    bencode_write_end(&w);
    bencode_write_string(&w, "b");
    bencode_write_string(&w, "0123456789");
    bencode_write_end(&w);
    ck_assert(bytes_is_string(wire_written(&w), "d1:ali0e0:e1:b10:0123456789e"));
    ck_assert(bencode_is_canonical(wire_written(&w)));
}
END_TEST

START_TEST(a_full_buffer_fails_the_writer)
{
    static const char whole[] = "d1:ai-42ee";
    for (size_t capacity = 1; capacity < sizeof whole; capacity++) {
        uint8_t *buffer = malloc(capacity);
        ck_assert_ptr_nonnull(buffer);
        struct wire_writer w;
        wire_writer_init(&w, buffer, capacity);
        bencode_write_dict(&w);
        bencode_write_string(&w, "a");
        bencode_write_int(&w, -42);
        bencode_write_end(&w);
        ck_assert_int_eq(w.failed, capacity < sizeof whole - 1);
        free(buffer);
    }
}
END_TEST

START_TEST(a_length_that_wraps_fails_the_writer)
{
    uint8_t buffer[8];
    struct wire_writer w;
    wire_writer_init(&w, buffer, sizeof buffer);
    bencode_write_bytes(&w, bytes_of(buffer, SIZE_MAX));
    ck_assert(w.failed);
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, integers_go_both_ways, 0,
                        (int)(sizeof integers / sizeof integers[0]));
    tcase_add_loop_test(tests, malformed_values_are_refused, 0,
                        (int)(sizeof malformed / sizeof malformed[0]));
    tcase_add_test(tests, every_truncation_is_refused);
    tcase_add_test(tests, a_failure_sticks);
    tcase_add_test(tests, another_type_fails);
    tcase_add_test(tests, a_message_reads_straight_through);
    tcase_add_test(tests, a_container_without_its_end_is_not_done);
    tcase_add_test(tests, empty_bytes_are_present);
    tcase_add_test(tests, absent_input_is_refused);
    tcase_add_test(tests, nesting_ends_at_the_limit);
    tcase_add_test(tests, nesting_counts_what_was_entered_before);
    tcase_add_test(tests, keys_in_any_order_are_read_but_not_canonical);
    tcase_add_test(tests, canonical_values_are_canonical);
    tcase_add_test(tests, raw_takes_one_value_and_leaves_the_rest);
    tcase_add_test(tests, a_message_is_written);
    tcase_add_test(tests, a_full_buffer_fails_the_writer);
    tcase_add_test(tests, a_length_that_wraps_fails_the_writer);
}
